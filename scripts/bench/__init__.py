"""Speed, measured beside curl and other clients on this machine: ``python -m scripts.bench [table ...]``."""
