"""Settings: where they come from, and what is said about a wrong one."""

from __future__ import annotations

import copy
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from aikynetix import Aikynetix, ApiKey, AsyncAikynetix, BearerToken, ConfigurationError
from aikynetix._config import Settings, SpecDefaults, resolve
from aikynetix._redact import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """The form in the vendor's prose, and any other header, are one argument away."""
    assert sent(settings(auth=ApiKey(KEY, header="Authorization"))).headers["Authorization"] == f"API-KEY {KEY}"
    assert sent(settings(auth=ApiKey(KEY, header="X-Other"))).headers["X-Other"] == KEY


def test_a_token_is_a_bearer_token() -> None:
    """RFC 6750: ``Authorization: Bearer <token>``."""
    assert sent(settings(token=KEY)).headers["Authorization"] == f"Bearer {KEY}"
    assert sent(settings(auth=BearerToken(lambda: KEY))).headers["Authorization"] == f"Bearer {KEY}"


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
        ({"api_key": KEY, "timeout": True}, {}, ["timeout="]),
        ({"api_key": KEY, "timeout": 10**400}, {}, ["timeout=", "at most 1,000,000"]),
        ({"api_key": KEY, "timeout": 1e300}, {}, ["timeout="]),
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
        "http://localhost.example.com",
        "https://api.aikynetix.app@evil.example",
        "https://user:pass@api.example.com",
        "https://@api.example.com",
        "https://api.example.com?x=1",
        "https://api.example.com#x",
        "https://api.example.com\\@evil.example",
        "https://api.example.com:0",
        "https://api.example.com:99999",
        "https://",
        "https:///path",
        "https://exa mple.com",
        "",
        "//api.example.com",
        "https://[::1",
        "https://xn--a",
    ],
)
def test_a_base_url_that_could_lead_a_credential_astray_is_refused(url: str) -> None:
    """User info, queries, fragments, backslashes, plain http to strangers: all refused, and said so."""
    with pytest.raises(ConfigurationError, match="base_url="):
        settings(api_key=KEY, base_url=url)


@pytest.mark.parametrize(
    "url", ["http://localhost:8000", "http://127.0.0.1:1", "http://[::1]:8000", "http://127.9.9.9"]
)
def test_plain_http_is_for_loopback(url: str) -> None:
    """A local server needs no certificate."""
    assert settings(api_key=KEY, base_url=url).base_url.scheme == "http"


def test_a_path_in_the_base_url_is_kept() -> None:
    """A gateway may serve the API below a path."""
    with Aikynetix(
        api_key=KEY, base_url="https://gate.example.com/aiky/", transport=httpx.MockTransport(echo_path)
    ) as client:
        video = client.analyzed_videos.get("s")
    assert video.url.endswith("/aiky/session-management/sessions/s/analyzed-video/")


def echo_path(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"analyzed_video_url": f"https://storage.example.com{request.url.path}"})


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


def test_a_coroutine_function_is_for_the_asynchronous_client() -> None:
    """The synchronous client cannot run it, and says so when it is made."""

    async def token() -> str:
        return KEY

    with pytest.raises(ConfigurationError, match="AsyncAikynetix"):
        Aikynetix(token=token)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # bad on purpose
    hidden: Any = lambda: token()  # noqa: E731, PLW0108 -- neither Python nor a type checker sees what it returns
    with (
        Aikynetix(token=hidden, transport=httpx.MockTransport(echo_path)) as client,
        pytest.raises(ConfigurationError, match="must be a string, not coroutine"),
    ):
        client.analyzed_videos.get("s")
    assert "***" in repr(AsyncAikynetix(token=token, transport=httpx.MockTransport(echo_path)))


@pytest.mark.parametrize("auth", [ApiKey(KEY), BearerToken(KEY), httpx.BasicAuth("user", KEY)])
def test_the_repr_of_a_client_says_what_kind_of_credential_it_has(auth: httpx.Auth) -> None:
    """A foreign credential, whose own repr may show anything, is named by its class as well."""
    with Aikynetix(auth=auth, base_url="https://api.example.com") as client:
        assert repr(client) == f"Aikynetix(base_url='https://api.example.com/', auth={type(auth).__name__}(***))"


def test_nothing_that_holds_a_credential_shows_it() -> None:
    """The repr and str of settings, credentials and clients are free of the key."""
    client = Aikynetix(api_key=KEY, transport=httpx.MockTransport(echo_path))
    for thing in (
        client,
        client.raw,
        client._settings,
        settings(token=KEY),
        ApiKey(KEY),
        BearerToken(KEY),
        Secret(KEY),
    ):
        assert KEY not in repr(thing)
        assert KEY not in str(thing)


def test_a_client_that_could_not_be_made_can_be_shown() -> None:
    """Tools that print the local variables of a traceback meet the half-made client, and see no key."""
    with pytest.raises(ConfigurationError) as caught:
        Aikynetix(api_key=KEY, timeout=-1)
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "<Aikynetix, not set up>" in told
    assert KEY not in told


@pytest.mark.parametrize("kind", [Aikynetix, AsyncAikynetix])
@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_client_is_neither_copied_nor_pickled(kind: type[Any], way: Callable[[object], object]) -> None:
    """It holds connections and a credential; the error says what to do instead."""
    client = kind(api_key=KEY, transport=httpx.MockTransport(echo_path))
    with pytest.raises(TypeError, match="with_options"):
        way(client)


def test_with_options_changes_limits_and_shares_the_pool() -> None:
    """A copy has its own timeout and retries; closing it leaves the original open, closing the original ends both."""
    client = Aikynetix(api_key=KEY, transport=httpx.MockTransport(echo_path))
    other = client.with_options(timeout=1.5, max_retries=0)
    assert other._settings.timeout.read == 1.5
    assert other._settings.max_retries == 0
    assert client._settings.max_retries == 3
    assert other.with_options()._settings == other._settings
    other.close()
    assert client.analyzed_videos.get("s").url
    with pytest.raises(ConfigurationError, match="max_retries="):
        client.with_options(max_retries=1_000)
