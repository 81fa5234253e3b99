"""Settings: where they come from, and what is said about a wrong one."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from aikynetix import Aikynetix, ApiKey, BearerToken, ConfigurationError
from aikynetix._config import Settings, SpecDefaults, is_loopback, resolve

SPEC = SpecDefaults("https://api.example.com/v2", ("header", "API-KEY"), ("Authorization", "Bearer "))
KEY = "canary-key-1234567890"


def settings(environ: dict[str, str] | None = None, spec: SpecDefaults = SPEC, **given: Any) -> Settings:
    arguments: dict[str, Any] = {
        "api_key": None,
        "token": None,
        "auth": None,
        "base_url": None,
        "timeout": None,
        "max_retries": 3,
        "proxy": None,
        "verify": None,
        "asynchronous": False,
    }
    return resolve(**{**arguments, **given}, environ=environ or {}, spec=spec)


def sent(configured: Settings) -> httpx.Request:
    request = httpx.Request("GET", f"{configured.base_url}/x")
    return next(configured.credential.sync_auth_flow(request))


def test_the_key_goes_where_the_spec_wants_it() -> None:
    """A renamed header, a query parameter or a cookie in the spec is followed without a change of code."""
    assert sent(settings(api_key=KEY)).headers["API-KEY"] == KEY
    renamed = SpecDefaults(SPEC.base_url, ("header", "X-Key"), SPEC.bearer)
    assert sent(settings(api_key=KEY, spec=renamed)).headers["X-Key"] == KEY
    moved = SpecDefaults(SPEC.base_url, ("query", "key"), SPEC.bearer)
    assert sent(settings(api_key=KEY, spec=moved)).url.params["key"] == KEY
    cookie = SpecDefaults(SPEC.base_url, ("cookie", "key"), SPEC.bearer)
    assert sent(settings(api_key=KEY, spec=cookie)).headers["cookie"] == f"key={KEY}"


def test_a_named_header_wins_over_the_spec() -> None:
    """The form in the vendor's prose, and any other header, are one argument away; a token is RFC 6750's."""
    assert sent(settings(auth=BearerToken(lambda: KEY))).headers["Authorization"] == f"Bearer {KEY}"
    assert sent(settings(auth=ApiKey(KEY, header="Authorization"))).headers["Authorization"] == f"API-KEY {KEY}"
    assert sent(settings(auth=ApiKey(KEY, header="X-Other"))).headers["X-Other"] == KEY


def test_the_environment_serves_when_no_argument_does() -> None:
    """An argument wins over the environment, the environment over the spec; white space around a value is dropped."""
    environ = {"AIKYNETIX_API_KEY": f" {KEY}\n", "AIKYNETIX_BASE_URL": "https://other.example.com/"}
    assert sent(settings(environ)).headers["API-KEY"] == KEY
    assert settings(environ).base_url.host == "other.example.com"
    assert settings(environ, base_url="https://third.example.com").base_url.host == "third.example.com"
    assert sent(settings(environ, token="a-token-of-mine")).headers["Authorization"] == "Bearer a-token-of-mine"
    assert sent(settings({"AIKYNETIX_TOKEN": KEY, "AIKYNETIX_API_KEY": ""})).headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("given", "environ", "words"),
    [
        ({}, {}, ["AIKYNETIX_API_KEY", "AIKYNETIX_TOKEN", "api_key="]),
        ({"api_key": KEY, "token": KEY}, {}, ["api_key and token", "give one"]),
        ({"api_key": KEY, "auth": ApiKey(KEY)}, {}, ["api_key and auth"]),
        ({}, {"AIKYNETIX_API_KEY": KEY, "AIKYNETIX_TOKEN": KEY}, ["are both set"]),
        ({"api_key": ""}, {}, ["is empty", "AIKYNETIX_API_KEY"]),
        ({"api_key": f"{KEY}\r\nX-Evil: 1"}, {}, ["control"]),
        ({"api_key": "schlüssel"}, {}, ["non-ASCII"]),
        ({"api_key": 17}, {}, ["must be a string, not int"]),
        ({"token": "  "}, {}, ["is empty", "AIKYNETIX_TOKEN"]),
        ({"auth": KEY}, {}, ["httpx.Auth", "api_key="]),
        ({"api_key": KEY, "timeout": 0}, {}, ["timeout="]),
        ({"api_key": KEY, "timeout": float("nan")}, {}, ["timeout="]),
        ({"api_key": KEY, "timeout": 10**400}, {}, ["timeout=", "at most 1,000,000"]),
        ({"api_key": KEY, "timeout": httpx.Timeout(5, read=0)}, {}, ["timeout="]),
        ({"api_key": KEY, "timeout": httpx.Timeout(5, pool=float("nan"))}, {}, ["timeout="]),
        ({"api_key": KEY, "max_retries": -1}, {}, ["max_retries=", "0 to 100"]),
        ({"api_key": KEY, "max_retries": 1.5}, {}, ["max_retries="]),
    ],
)
def test_a_wrong_setting_is_named_and_never_shown(
    given: dict[str, Any], environ: dict[str, str], words: list[str]
) -> None:
    """The text names the setting and what to do about it, and holds no credential."""
    with pytest.raises(ConfigurationError) as caught:
        settings(environ, **given)
    for word in words:
        assert word in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "api.example.com",
        "ftp://api.example.com",
        "http://api.example.com",
        "http://127.0.0.1.example.com",
        "https://api.aikynetix.app@evil.example",
        "https://@api.example.com",
        "https://api.example.com?x=1",
        "https://api.example.com\\@evil.example",
        "https://api.example.com:0",
        "https://api.example.com:99999",
        "https://exa mple.com",
        "",
        "https://[::1",
        "https://evil.example\\.api.aikynetix.app",
        "http://[::ffff:8.8.8.8]/",
        "http://2130706433/",
        "https:api.aikynetix.app",
        "https://api.aikynetix.app\r\nHost: evil.example",
        "https://\u2028evil.example",
    ],
)
def test_a_base_url_that_could_lead_a_credential_astray_is_refused(url: str) -> None:
    """User info, queries, fragments, backslashes, plain http to strangers: all refused, and said so."""
    with pytest.raises(ConfigurationError, match="base_url="):
        settings(api_key=KEY, base_url=url)


def test_a_credential_that_the_spec_no_longer_knows_is_refused() -> None:
    """After a scheme has vanished from the spec, its credential says which other one to use."""
    with pytest.raises(ConfigurationError, match="token="):
        settings(api_key=KEY, spec=SpecDefaults(SPEC.base_url, None, SPEC.bearer))
    with pytest.raises(ConfigurationError, match="api_key="):
        settings(token=KEY, spec=SpecDefaults(SPEC.base_url, SPEC.api_key, None))
    for name in ("api_key", "token"):
        given: dict[str, Any] = {name: KEY}
        with pytest.raises(ConfigurationError, match="any more; give auth=") as problem:
            settings(spec=SpecDefaults(SPEC.base_url, None, None), **given)
        assert not any(other in str(problem.value) for other in ("use token=", "use api_key="))
    with pytest.raises(ConfigurationError, match="AIKYNETIX_BASE_URL"):
        settings(api_key=KEY, spec=SpecDefaults(None, SPEC.api_key, SPEC.bearer))


@pytest.mark.parametrize("auth", [ApiKey(KEY), BearerToken(KEY), httpx.BasicAuth("user", KEY)])
def test_the_repr_of_a_client_says_what_kind_of_credential_it_has(auth: httpx.Auth) -> None:
    """A foreign credential, whose own repr may show anything, is named by its class as well."""
    with Aikynetix(auth=auth, base_url="https://api.example.com") as client:
        assert repr(client) == f"Aikynetix(base_url='https://api.example.com/', auth={type(auth).__name__}(***))"


@pytest.mark.parametrize(
    ("timeout", "deadline"),
    [
        (httpx.Timeout(5.0), 5.0),
        (httpx.Timeout(5.0, connect=9.0), 9.0),
        (httpx.Timeout(5.0, pool=None), 5.0),
        (httpx.Timeout(5.0, read=None), None),
        (httpx.Timeout(None), None),
        (2, 2.0),
        (None, 30.0),
    ],
)
def test_an_attempt_may_take_as_long_as_its_longest_phase(timeout: Any, deadline: float | None) -> None:
    """Connecting, reading or writing; without a limit when one of them has none. The default is finite."""
    assert settings(api_key=KEY, timeout=timeout).attempt_timeout == deadline
    assert settings(api_key=KEY).timeout == httpx.Timeout(30.0, connect=10.0)


@pytest.mark.parametrize(
    ("host", "is_home"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("128.0.0.1", False), ("h", False)],
)
def test_what_is_loopback(host: str, is_home: bool) -> None:
    """The name localhost, 127.0.0.0/8 and ::1; plain http is for these alone."""
    assert is_loopback(host) is is_home
    url = f"http://[{host}]:1" if ":" in host else f"http://{host}:1"
    if is_home:
        assert settings(api_key=KEY, base_url=url).base_url.scheme == "http"
    else:
        with pytest.raises(ConfigurationError, match="https"):
            settings(api_key=KEY, base_url=url)


@pytest.mark.parametrize(
    "proxy", ["http://h:1", "https://h", "socks5://u:p@h:1", httpx.URL("http://h"), httpx.Proxy("http://h")]
)
def test_a_proxy_may_be_given_in_every_form_that_httpx_takes(proxy: Any) -> None:
    """Text, URL or `httpx.Proxy`; http, https and SOCKS."""
    made = settings(api_key=KEY, proxy=proxy).proxy
    assert made is not None
    assert made.url.host == "h"
