"""What both transports need to know about the place where a lane's requests go.

An `Endpoint` is built once per lane and operation: method and URL of a request, its headers,
the proxy, TLS. `error_from` turns aiohttp's errors into ours.

What holds here, always:

1. The key is in `Endpoint.headers` and nowhere else; no message holds it. So an error
   is described in our own words: aiohttp's text quotes the answer, which may quote our
   request, and its exceptions carry the request's headers. They are not chained.
2. TLS certificates are verified, against OpenSSL's default store (``SSL_CERT_FILE`` and
   ``SSL_CERT_DIR`` included).
3. Loopback is never reached through a proxy: the proxy would reach its own.

aiohttp's ``trust_env`` is not used. Besides the proxies it reads ``~/.netrc``, and with
an entry for the provider's host it refuses our ``Authorization`` header (aiohttp 3.14).
"""

from __future__ import annotations

import asyncio
import os
import ssl
import urllib.request
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Final, Protocol

import aiohttp
from yarl import URL

from bulkdel.errors import ConfigError, EndpointError, NoAnswerError, NotSentError, TransportError
from bulkdel.providers import Operation
from bulkdel.settings import Lane, is_loopback

BODY_BYTES_MAX: Final = 64 * 1024
"""Most bytes read of one body. The usual answer has about 100."""

IDLE_MAX_S: Final = 10.0
"""Longest a connection may be idle and still be used. Servers close theirs after 60 s or
more, some proxies after 15 s; one that is closed just as we write costs an answer."""

NOT_HTTP: Final = "the answer is not valid HTTP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a lane's requests go, and with what.

    Attributes:
        operation: What is asked there; `Operation.url` makes the URL of one object.
        base_url: The lane's base URL as it is sent: host in ASCII, path percent-encoded.
        headers: The request headers, the key among them.
        proxy: The proxy to use, or None.
        timeout_s: Seconds for one request, connection and answer included.
        connections_max: Most connections that can be open at once.
        tls: The TLS settings, or None for ``http://``.
        idle_max_s: Longest a connection may be idle and still be used.
    """

    operation: Operation
    base_url: str
    headers: dict[str, str] = field(repr=False)
    proxy: URL | None = field(repr=False)
    timeout_s: float
    connections_max: int
    tls: ssl.SSLContext | None
    idle_max_s: float = IDLE_MAX_S

    def url(self, object_id: str) -> str:
        """Return the URL of one object, to be sent as it is.

        Raises:
            ValueError: ``object_id`` cannot be an ID.
        """
        return self.operation.url(self.base_url, object_id)

    def connector(self, *, keep_alive: bool = True) -> aiohttp.TCPConnector:
        """Return a new connector: no limit of its own, short idle times, our TLS.

        Args:
            keep_alive: Whether a connection may carry more than one request.
        """
        tls = True if self.tls is None else self.tls
        if not keep_alive:
            return aiohttp.TCPConnector(limit=0, force_close=True, ssl=tls)
        return aiohttp.TCPConnector(limit=0, keepalive_timeout=self.idle_max_s, ssl=tls)


class Gate(Protocol):
    """Says when a request may be written that has its connection."""

    def may_write(self, *, late: bool) -> bool:
        """Return whether a request may be written at this instant; if so it counts as written.

        ``late`` says that it is not just now that its ID was taken.
        """
        ...

    async def wait(self) -> None:
        """Wait until a request may be written, if no other is before.

        Raises:
            HeldBackError: It never may be.
        """
        ...


def require_asyncio() -> None:
    """Refuse another event loop than asyncio's, which aiohttp's connections need.

    Raises:
        ConfigError: With how to start it.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigError(
            "bulkdel runs on asyncio (or uvloop), not on trio: start it by asyncio.run, or by"
            ' anyio.run(main, backend="asyncio")'
        ) from None


async def endpoint_of(lane: Lane, operation: Operation) -> Endpoint:
    """Work out the `Endpoint` of a lane's operation; certificates are loaded in a thread.

    Raises:
        ConfigError: The environment names a proxy that cannot be used, or the base URL's
            host cannot be a host name.
    """
    try:
        base = URL(lane.base_url)
        (base.raw_host or "").encode("idna")  # as the look-up of the name will do
    except ValueError as exc:
        raise ConfigError(f"base URL {lane.base_url!r}: {exc}") from exc
    return Endpoint(
        operation=operation,
        base_url=str(base).rstrip("/"),
        headers={
            "User-Agent": _user_agent(),
            "Accept": "application/json",
            # A body of 64 KiB could else unpack to 64 MiB.
            "Accept-Encoding": "identity",
            **lane.headers,
            **lane.resource.headers,
            **lane.provider.headers(lane.secret.reveal()),
        },
        proxy=_proxy_for(base),
        timeout_s=lane.timeout_s,
        connections_max=lane.concurrency,
        tls=await asyncio.to_thread(_tls) if base.scheme == "https" else None,
    )


def _user_agent() -> str:
    try:
        return f"bulkdel/{version('bulkdel')}"
    except PackageNotFoundError:  # run from a checkout
        return "bulkdel"


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _proxy_for(base: URL) -> URL | None:
    """Return the proxy that ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY`` name, or None."""
    host = base.host or ""
    host_port = host if ":" in host else f"{host}:{base.port}"
    if is_loopback(host) or urllib.request.proxy_bypass(host_port):
        return None
    text = urllib.request.getproxies().get(base.scheme)
    if not text:
        return None
    name = f"{base.scheme.upper()}_PROXY"
    try:
        proxy = URL(text if "://" in text else f"http://{text}")
    except ValueError:
        # Neither shown nor chained: it may hold a password.
        raise ConfigError(f"the proxy in {name} is not a URL") from None
    if proxy.scheme not in ("http", "https") or not proxy.host:
        raise ConfigError(f"the proxy in {name} must look like http://host:port")
    return proxy


async def read_body(content: aiohttp.StreamReader) -> bytes:
    """Read a body up to its end, or until it is longer than `BODY_BYTES_MAX`."""
    body = b""
    while not content.at_eof() and len(body) <= BODY_BYTES_MAX:
        body += await content.read(BODY_BYTES_MAX)
    return body


def error_from(exc: BaseException, *, sent: bool, timeout_s: float) -> TransportError:
    """Return the `TransportError` that tells what happened; raise it ``from None``.

    Args:
        exc: What aiohttp or the operating system raised.
        sent: Writing of the request had begun.
        timeout_s: The lane's limit, for the message.
    """
    if isinstance(exc, aiohttp.ClientConnectorCertificateError):
        return EndpointError(
            f"{exc.host}: its TLS certificate cannot be verified:"
            f" {_words(exc.certificate_error)}; is the base URL right? For a private CA set"
            " SSL_CERT_FILE"
        )
    if isinstance(exc, aiohttp.ClientHttpProxyError):
        # 408 and 429 pass; the other 4xx, above all 407, would be the same for every ID.
        passing = exc.status in (408, 429) or not 400 <= exc.status < 500
        kind = NotSentError if passing else EndpointError
        return kind(f"the proxy refused to connect (HTTP {exc.status})")
    if isinstance(exc, TimeoutError):
        missing = "no whole answer" if sent else "no connection"
        words = f"{missing} within {timeout_s:g} s"
    else:
        words = _words(exc)
    return NoAnswerError(words) if sent else NotSentError(words)


def _words(exc: BaseException) -> str:
    """Describe an error without quoting anything that the other end has sent."""
    if isinstance(exc, aiohttp.ClientConnectorDNSError):
        return f"{exc.host}: the host name cannot be resolved"
    if isinstance(exc, aiohttp.ClientConnectorError):
        proxy = "proxy " if isinstance(exc, aiohttp.ClientProxyConnectionError) else ""
        return f"{proxy}{exc.host}:{exc.port}: {_words(exc.os_error)}"
    if isinstance(exc, ssl.SSLError):
        reason: str = getattr(exc, "verify_message", "") or exc.reason or "unknown"
        return f"TLS error: {reason}"
    if isinstance(exc, aiohttp.ClientPayloadError):
        return "the answer was cut off"
    if isinstance(exc, aiohttp.ClientResponseError):
        return NOT_HTTP
    if isinstance(exc, (aiohttp.ServerDisconnectedError, aiohttp.EofStream)):
        return "the connection was closed before the answer"
    if isinstance(exc, OSError) and exc.errno:
        return f"connection failed: {os.strerror(exc.errno)}"
    return f"connection failed: {type(exc).__name__}"
