# `make demo` does the main job against a local sandbox; `make test` runs every test. Both set up .venv by themselves.
PYTHON ?= python3
PYTHONS ?= python3.11 python3.12 python3.13 python3.14
VENV := .venv
PY := $(VENV)/bin/python
NODE_TOOLS := .cache/node
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests start hundreds of processes; with this set, each would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test check regen spec docs release coverage absorbed judges fuzz soak kills bench oldest pythons clean

help:
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

$(VENV)/.run: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("aikynetix needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3")'
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo 'Installing the package into $(VENV): 60 MB, ten seconds to a minute ...'
	@$(PY) -m pip install --quiet --editable '.[cli,sandbox]'
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo 'Installing the tools for tests and checks into $(VENV): 1 GB, one to five minutes ...'
	@$(PY) -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: $(VENV)/.run  ## the main job, end to end, against a sandbox of its own
	@$(PY) -m aikynetix demo

test: $(VENV)/.dev  ## every test; two minutes on two idle cores
	$(PY) -m pytest -n 3 --dist worksteal -q $(ARGS)

coverage: $(VENV)/.dev  ## every test but those that time something, with the branches of aikynetix/ that none of them takes
	rm -rf .cache/coverage && mkdir -p .cache/coverage
	COVERAGE_FILE=$(CURDIR)/.cache/coverage/data $(PY) -m coverage run -m pytest -n 3 --dist worksteal -q --ignore tests/speed --ignore tests/faults/test_time.py $(ARGS)
	COVERAGE_FILE=$(CURDIR)/.cache/coverage/data $(PY) -m coverage combine --quiet
	COVERAGE_FILE=$(CURDIR)/.cache/coverage/data $(PY) -m coverage report

check: $(VENV)/.dev  ## lint, format, types, import direction, regeneration drift, public API, wheel
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/pyright
	PATH='$(CURDIR)/$(VENV)/bin':"$$PATH" $(VENV)/bin/pyright --verifytypes aikynetix --ignoreexternal
	$(VENV)/bin/lint-imports
	$(PY) -m scripts.regen --check
	$(PY) -m scripts.check_api
	$(PY) -m scripts.check_wheel

regen: $(VENV)/.dev  ## openapi.json -> generated/, with a report (ACCEPT=1 takes breaking changes and new places for credentials, REPORT=file.md keeps it)
	@$(PY) -m scripts.regen $(if $(ACCEPT),--accept) $(if $(REPORT),--report $(REPORT)) $(ARGS)

spec: $(VENV)/.dev  ## PAGES="page.md https://..." -> openapi.json (CHECK=1 only compares; without PAGES those of last time)
	@$(PY) -m scripts.vendor_spec $(if $(CHECK),--check) $(ARGS) $(PAGES)

docs: $(VENV)/.dev  ## the guides and the API reference as HTML -> build/docs/
	@$(PY) -m scripts.docs

release: $(VENV)/.dev  ## VERSION=1.2.3: checks, tests, wheel, sdist and SHA256SUMS -> dist/, annotated tag; publishes nothing
	@test -n '$(VERSION)' || { echo 'name the version: make release VERSION=1.2.3' >&2; exit 2; }
	@$(PY) -m scripts.release ready $(VERSION)
	@$(MAKE) --no-print-directory check test docs
	@$(PY) -m scripts.release build $(VERSION)

absorbed: $(VENV)/.dev  ## spec, regen, demo and every test after each change of the vendor's that regenerating absorbs; takes long
	$(PY) -m tests.spec_changes.absorbed $(ARGS)

judges: $(NODE_TOOLS)/.installed  ## install the judges that come from npm

$(NODE_TOOLS)/.installed:
	npm install --silent --no-fund --no-audit --prefix $(NODE_TOOLS) @stoplight/prism-cli@5
	@touch $@

fuzz: $(VENV)/.dev  ## coverage-guided fuzzing of everything that reads foreign text; takes long
	$(PY) -m pip install --quiet atheris
	$(PY) -m scripts.fuzz $(ARGS)

soak: $(VENV)/.dev  ## 100,000 lookups with injected faults, from threads and from tasks; takes long
	$(PY) -m scripts.soak $(ARGS)

kills: $(VENV)/.dev  ## 100 downloads killed at random moments: what the next run fetches again; takes a minute
	$(PY) -m scripts.kills $(ARGS)

bench: $(VENV)/.dev  ## speed beside curl and other clients, as Markdown tables; takes long
	$(PY) -m scripts.bench $(ARGS)

oldest:  ## what needs a dependency, on the oldest versions that are allowed (PYTHON=python3.13 on another interpreter)
	$(PYTHON) -m venv --clear .cache/oldest
	.cache/oldest/bin/python -m scripts.oldest cli sandbox socks fsspec dask > .cache/oldest/pins.txt
	.cache/oldest/bin/python -m pip install --quiet -r .cache/oldest/pins.txt pytest pytest-timeout pytest-xdist hypothesis trio trustme
	.cache/oldest/bin/python -m pip install --quiet --no-deps --editable .
	.cache/oldest/bin/python -m pytest -n 3 --dist worksteal -q $(addprefix tests/,core contract networks sandbox cli export) $(ARGS)

pythons:  ## every test on every Python of PYTHONS that this machine has, each with an environment of its own
	@for python in $(PYTHONS); do \
	  version=$$($$python -c 'import sys; print("python%d.%d" % sys.version_info[:2])' 2>/dev/null) \
	    || { echo "$$python: skipped, this machine has none"; continue; }; \
	  echo "$$python:"; \
	  $(MAKE) --no-print-directory test PYTHON=$$python VENV=.cache/$$version || exit 1; \
	done

clean:  ## remove the environment, caches and what was built
	rm -rf $(VENV) .cache build dist demo-output .mypy_cache .pytest_cache .ruff_cache
