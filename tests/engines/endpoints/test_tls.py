"""A server that cannot be trusted is told as one, and is asked no second time."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from jobs.core.errors import Refusal
from jobs.engines.endpoints import client as of_client
from jobs.engines.endpoints.client import Client, Fault
from tests.engines.endpoints.asked import answers, call
from tests.scripted_server import ScriptedServer, options


def _certificate(path: Path, host: str) -> ssl.SSLContext:
    """A server's context with a certificate for `host`, and the certificate and its key in `path`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(pem + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[str]:
    """An address with a certificate that nobody vouches for."""
    context = _certificate(tmp_path / "both.pem", "127.0.0.1")
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda request, address: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_certificate_of_nobodys(self_signed: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"url: https://127\S+: tls: self-signed certificate"):
        answers(options(url=(self_signed,)), tmp_path / "answers", [call(1)])


def test_https_to_a_server_that_speaks_none(tmp_path: Path) -> None:
    with ScriptedServer() as server, pytest.raises(Refusal, match=r"url: https://127\S+: tls: "):
        answers(options(url=(server.url.replace("http:", "https:"),)), tmp_path, [call(1)])


def test_a_server_that_has_answered_and_is_slow_to_shake_hands_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first connection is answered, later ones are not: of who was never answered, it speaks no TLS."""
    other = "127.0.0.2"  # certificates of SSL_CERT_FILE are for other machines
    context = _certificate(tmp_path / "both.pem", other)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "both.pem"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(of_client, "CONNECT_SECONDS", 0.5)
    connections: list[asyncio.StreamWriter] = []

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        if len(connections) > 1:
            return
        await writer.start_tls(context)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    async def faults() -> list[Fault]:
        server = await asyncio.start_server(once, other, 0)
        url = f"https://{other}:{server.sockets[0].getsockname()[1]}/v1"
        answered, never = Client(url, None, 20.0), Client(url, None, 20.0)
        found = []
        async with server:
            assert await answered.get("/models") == {}
            for client in (answered, never):
                with pytest.raises(Fault) as told:
                    await client.get("/models")
                found.append(told.value)
                await client.close()
            for writer in connections:
                writer.close()
        return found

    after, before = asyncio.run(faults())
    assert (after.name, after.again) == ("no-connection", True)
    assert (before.name, before.again) == ("tls", False)
