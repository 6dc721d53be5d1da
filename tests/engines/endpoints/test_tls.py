"""A server that cannot be trusted is told as one, and is asked no second time."""

from __future__ import annotations

import datetime
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from jobs.core.errors import Refusal
from tests.engines.endpoints.asked import answers, call
from tests.scripted_server import ScriptedServer, options


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[str]:
    """An address with a certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = tmp_path / "both.pem"
    path.write_bytes(pem + signed.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
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
