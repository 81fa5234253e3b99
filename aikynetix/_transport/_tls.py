"""Trust: one TLS context for all connections of the process."""

from __future__ import annotations

import os
import ssl
from functools import cache

from .._errors import ConfigurationError

CA_VARIABLE = "SSL_CERT_FILE"


def context() -> ssl.SSLContext:
    """Return the context for connections to https servers: certificates and host names are always checked.

    The authorities are certifi's, as in httpx, or those in the PEM file that the environment variable ``SSL_CERT_FILE``
    names.

    Raises:
        ConfigurationError: That file cannot be read, or has no certificates in it.
    """
    return _context(os.environ.get(CA_VARIABLE) or None)


@cache
def _context(ca_file: str | None) -> ssl.SSLContext:
    if ca_file is None:
        import certifi  # httpx's own requirement; here, because plain http does without

        ca_file = certifi.where()
    try:
        made = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigurationError(
            f"{CA_VARIABLE} names a file without certificates to trust ({type(error).__name__}: {error.strerror}); "
            "give the path of a PEM file, or unset it."
        ) from error
    made.set_alpn_protocols(["http/1.1"])
    return made
