"""The key reaches the lane's own host only: TLS, proxies, netrc, cookies."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import traceback
from contextlib import suppress
from pathlib import Path

import pytest
from transport_server import (
    KEY,
    OK,
    PROVIDER,
    Peer,
    Script,
    Way,
    answering,
    answering_once,
    every_way,
    raw_server,
)

from bulkdel.errors import ConfigError, EndpointError, NotSentError
from bulkdel.settings import Lane
from bulkdel.transport import open_transport
from bulkdel.transport.endpoint import endpoint_of
from bulkdel.transport.session import SessionTransport

LOCALHOST = "https://localhost:{port}/v1"
FAR = "https://provider.test:{port}/v1"
FAR_PLAIN = "http://provider.test:{port}/v1"


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "request_method"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``ca.pem`` and, signed by it for two names, ``server.pem`` and its key."""
    folder = tmp_path_factory.mktemp("certificates")
    (folder / "names").write_text(
        "subjectAltName=DNS:localhost,DNS:provider.test\nauthorityKeyIdentifier=keyid\n"
    )
    commands = """
        req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 36500 \
            -subj /CN=ca -addext keyUsage=critical,keyCertSign,cRLSign
        req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=server
        x509 -req -in server.csr -CA ca.pem -CAkey ca.key -set_serial 1 -days 36500 \
            -extfile names -out server.pem
    """
    for command in commands.strip().splitlines():
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def tls(certificates: Path) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    return context


@pytest.fixture
def _trusted(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))


def connecting() -> Script:
    """Return the script of a proxy that tunnels whatever host is named to 127.0.0.1."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def script(peer: Peer) -> None:
        head = await peer.request()
        port = int(head.split(b" ")[1].rpartition(b":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await peer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(pump(peer.reader, writer), pump(reader, peer.writer))
        finally:
            writer.transport.abort()

    return script


@every_way
@pytest.mark.usefixtures("_trusted")
def test_certificate_of_a_trusted_ca_is_accepted(way: Way, tls: ssl.SSLContext) -> None:
    """``SSL_CERT_FILE`` is how companies add their own CA."""

    async def test() -> None:
        async with (
            raw_server(answering(OK), tls=tls) as server,
            way.open(server, base=LOCALHOST) as transport,
        ):
            answers = [await transport.send("resp_1"), await transport.send("resp_2")]

        assert [answer.status for answer in answers] == [200, 200]
        assert len(server.peers) == 1

    way.run(test)


@every_way
def test_unknown_ca_stops_before_the_key_is_sent(way: Way, tls: ssl.SSLContext) -> None:
    """Who cannot prove to be the provider gets no key; and no other ID would fare better."""

    async def test() -> None:
        async with (
            raw_server(answering(OK), tls=tls) as server,
            way.open(server, base=LOCALHOST) as transport,
        ):
            with pytest.raises(EndpointError, match=r"certificate cannot be verified: .*SSL_CERT"):
                await transport.send("resp_1")

        assert server.heads == []

    way.run(test)


@every_way
@pytest.mark.usefixtures("_trusted")
def test_certificate_of_another_host_stops_likewise(way: Way, tls: ssl.SSLContext) -> None:
    """A valid certificate for another name is what a man in the middle has."""

    async def test() -> None:
        async with (
            raw_server(answering(OK), tls=tls) as server,
            way.open(server, base="https://127.0.0.1:{port}/v1") as transport,
        ):
            with pytest.raises(EndpointError, match=r"IP address mismatch.*127\.0\.0\.1"):
                await transport.send("resp_1")

        assert server.heads == []

    way.run(test)


@every_way
@pytest.mark.parametrize("script", [answering_once(OK), answering_once(b"")])
def test_server_without_tls_gets_no_request(way: Way, script: Script) -> None:
    """A port mixed up is a connection that was not made."""

    async def test() -> None:
        async with (
            raw_server(script) as server,
            way.open(server, base=LOCALHOST, timeout_s=0.3) as transport,
        ):
            with pytest.raises(NotSentError):
                await transport.send("resp_1")

        assert KEY.encode() not in b"".join(server.heads)

    way.run(test)


@every_way
def test_connection_that_takes_too_long_is_not_sent(way: Way) -> None:
    """The limit covers the handshake, and it tells that the ID was not sent."""

    async def silent(peer: Peer) -> None:
        while await peer.reader.read(65536):
            pass

    async def test() -> None:
        async with (
            raw_server(silent) as server,
            way.open(server, base=LOCALHOST, timeout_s=0.2) as transport,
        ):
            with pytest.raises(NotSentError, match=r"^no connection within 0\.2 s$"):
                await transport.send("resp_1")
            await server.peers[0].closed.wait()

    way.run(test)


@every_way
def test_unknown_host_is_not_sent(way: Way) -> None:
    """Name servers fail for a while; the message names the host."""

    async def test() -> None:
        async with (
            raw_server(answering(OK)) as server,
            way.open(server, base="https://nowhere.invalid/v1") as transport,
        ):
            with pytest.raises(NotSentError, match=r"^nowhere\.invalid: .*resolved$"):
                await transport.send("resp_1")

    way.run(test)


@every_way
@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_https_proxy_tunnels_and_sees_no_key(
    way: Way, name: str, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In many companies a proxy is the only way out; it learns the host and nothing else."""

    async def test() -> None:
        async with (
            raw_server(answering(OK), tls=tls) as server,
            raw_server(connecting()) as proxy,
        ):
            monkeypatch.setenv(name, f"http://user:pa%20ss@127.0.0.1:{proxy.port}")
            async with way.open(server, base=FAR) as transport:
                await transport.send("resp_1")
                await transport.send("resp_2")

            assert server.targets == ["/v1/responses/resp_1", "/v1/responses/resp_2"]
            assert proxy.targets == [f"provider.test:{server.port}"]
            assert proxy.heads[0].startswith(b"CONNECT ")
            assert b"\r\nProxy-Authorization: Basic dXNlcjpwYSBzcw==" in proxy.heads[0]
            assert b"Proxy-Authorization" not in b"".join(server.heads)
            assert KEY.encode() not in proxy.heads[0]

    way.run(test)


@every_way
@pytest.mark.usefixtures("_trusted")
def test_certificate_is_verified_through_a_proxy(
    way: Way, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that answers in the provider's place is a man in the middle."""

    async def test() -> None:
        async with (
            raw_server(answering(OK), tls=tls) as server,
            raw_server(connecting()) as proxy,
        ):
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            async with way.open(server, base="https://other.test:{port}/v1") as transport:
                with pytest.raises(EndpointError, match=r"other\.test: its TLS certificate"):
                    await transport.send("resp_1")

            assert server.heads == []

    way.run(test)


@every_way
@pytest.mark.parametrize(
    ("status", "error"),
    [(407, EndpointError), (403, EndpointError), (429, NotSentError), (502, NotSentError)],
)
def test_proxy_that_refuses(
    way: Way, status: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that wants a password will want it for every ID; one that is down may come back."""
    refusal = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()

    async def test() -> None:
        async with raw_server(answering_once(refusal)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://u:hush@127.0.0.1:{proxy.port}")
            async with way.open(proxy, base=FAR) as transport:
                with pytest.raises(NotSentError, match=f"HTTP {status}") as caught:
                    await transport.send("resp_1")

        assert type(caught.value) is error
        assert "hush" not in "".join(traceback.format_exception(caught.value))

    way.run(test)


@every_way
def test_proxy_that_is_down_is_not_sent(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says that it is the proxy, and does not show its password."""

    async def test() -> None:
        async with raw_server(answering(OK)) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://u:hush@127.0.0.1:{proxy.port}")
        async with way.open(proxy, base=FAR) as transport:
            with pytest.raises(NotSentError, match=r"^proxy 127\.0\.0\.1:\d+: ") as caught:
                await transport.send("resp_1")

        assert "hush" not in "".join(traceback.format_exception(caught.value))

    way.run(test)


def test_plain_http_goes_through_its_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """``HTTP_PROXY`` counts too; such requests take the plain way, in the form proxies want."""

    async def test() -> None:
        async with raw_server(answering(OK)) as proxy:
            monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
            lane = Lane(
                provider=PROVIDER, api_key=KEY, base_url="http://provider.test/v1", allow_http=True
            )
            async with open_transport(lane) as transport:
                assert isinstance(transport, SessionTransport)
                await transport.send("a/b")

        assert proxy.targets == ["http://provider.test/v1/responses/a%2Fb"]

    asyncio.run(test())


@every_way
@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("exempt", ["localhost", "*"])
def test_loopback_and_no_proxy_hosts_are_reached_directly(
    way: Way, exempt: str, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would reach its own loopback, and read what is sent there in the clear."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    if exempt == "*":
        monkeypatch.setenv("NO_PROXY", "provider.test, 10.0.0.1")

    async def test() -> None:
        async with raw_server(answering(OK), tls=tls) as server:
            async with way.open(server, base=LOCALHOST) as transport:
                assert (await transport.send("resp_1")).status == 200
            far = Lane(provider=PROVIDER, api_key=KEY, base_url=FAR.format(port=server.port))
            assert ((await endpoint_of(far)).proxy is None) == (exempt == "*")
        async with (
            raw_server(answering(OK)) as server,
            way.open(server) as transport,
        ):
            assert (await transport.send("resp_1")).status == 200

    way.run(test)


@pytest.mark.parametrize("proxy", ["socks5://u:hush@127.0.0.1:1080", "http://", "http://[hush"])
def test_proxy_that_cannot_be_used_is_a_wrong_setting(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going around it in silence would break the rule of whoever set it."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    lane = Lane(provider=PROVIDER, api_key=KEY)

    with pytest.raises(ConfigError, match="HTTPS_PROXY") as caught:
        asyncio.run(endpoint_of(lane))

    assert "hush" not in "".join(traceback.format_exception(caught.value))


@every_way
def test_netrc_and_cookies_are_left_alone(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key comes from the lane and nowhere else; one answer leaves no trace in the next."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login wrong password wrong\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    answer = OK.replace(b"\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n", 1)

    async def test() -> None:
        async with raw_server(answering(answer)) as server, way.open(server) as transport:
            await transport.send("resp_1")
            await transport.send("resp_2")

        assert all(f"\r\nAuthorization: Bearer {KEY}".encode() in head for head in server.heads)
        assert b"cookie" not in b"".join(server.heads).lower()
        assert b"Basic" not in b"".join(server.heads)

    way.run(test)


def test_endpoint_does_not_show_the_key() -> None:
    """It stands in tracebacks that show local variables."""
    endpoint = asyncio.run(endpoint_of(Lane(provider=PROVIDER, api_key=KEY)))

    assert KEY in str(endpoint.headers)
    assert KEY not in repr(endpoint)
