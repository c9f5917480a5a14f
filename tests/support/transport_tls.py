"""Fixtures of the transport tests: a CA of our own, and no proxy."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine that runs the tests may have proxies of its own."""
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
    """Make the test CA a trusted one."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))
