"""Ed25519 keys as openssl and ssh-keygen write them, and signatures over a digest; no refusal says what a key is."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jobs.core.errors import Refusal
from jobs.engines.pages import signature

DIGEST = "ab" * 32
PEM, SSH = (forms.Encoding.PEM, forms.PrivateFormat.PKCS8), (forms.Encoding.PEM, forms.PrivateFormat.OpenSSH)
PLAIN = forms.NoEncryption()


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.mark.parametrize("form", [PEM, SSH])
def test_key_from_a_file_or_the_environment(
    form: tuple[forms.Encoding, forms.PrivateFormat],
    key: Ed25519PrivateKey,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = key.private_bytes(*form, PLAIN)
    (tmp_path / "key").write_bytes(data)
    monkeypatch.setenv("SIGNING_KEY", data.decode())
    expected = signature.written(key.public_key())
    for place in (str(tmp_path / "key"), "SIGNING_KEY"):
        assert signature.public_of(place) == expected
        signed = signature.sign(place, DIGEST)
        assert len(signed) == 64
        assert signature.holds(signed, expected, DIGEST)
        assert not signature.holds(signed, expected, "ac" * 32)
        assert not signature.holds(signed, signature.written(Ed25519PrivateKey.generate().public_key()), DIGEST)


@pytest.mark.parametrize("form", [forms.PublicFormat.SubjectPublicKeyInfo, forms.PublicFormat.OpenSSH])
def test_public_key_from_a_file(form: forms.PublicFormat, key: Ed25519PrivateKey, tmp_path: Path) -> None:
    encoding = forms.Encoding.OpenSSH if form is forms.PublicFormat.OpenSSH else forms.Encoding.PEM
    (tmp_path / "key.pub").write_bytes(key.public_key().public_bytes(encoding, form))
    assert signature.written(signature.public_key(tmp_path / "key.pub")) == signature.written(key.public_key())


@pytest.mark.parametrize("line", ["", "ssh-ed25519 AAAA", "ssh-rsa x", "\x00"])
def test_what_is_no_key_has_signed_nothing(line: str) -> None:
    assert not signature.holds(bytes(64), line, DIGEST)


def refused(place: str) -> str:
    with pytest.raises(Refusal) as caught:
        signature.private_key(place)
    return str(caught.value)


def test_what_is_no_private_key_is_refused_without_being_said(
    key: Ed25519PrivateKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNING_KEY", "hunter2")
    assert "no ed25519 private key" in refused("SIGNING_KEY")
    assert "hunter2" not in refused("SIGNING_KEY")
    assert "no variable NO_SUCH" in refused("NO_SUCH")
    assert "is not a file" in refused(str(tmp_path / "gone"))
    os.mkfifo(tmp_path / "fifo")
    assert "is not a file" in refused(str(tmp_path / "fifo"))
    other = generate_private_key(SECP256R1()).private_bytes(*PEM, PLAIN)
    (tmp_path / "other").write_bytes(other)
    assert "no ed25519 private key" in refused(str(tmp_path / "other"))
    (tmp_path / "locked").write_bytes(key.private_bytes(*PEM, forms.BestAvailableEncryption(b"word")))
    assert "has a passphrase" in refused(str(tmp_path / "locked"))


def test_a_private_key_is_no_public_one(key: Ed25519PrivateKey, tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(key.private_bytes(*PEM, PLAIN))
    with pytest.raises(Refusal, match="it is a private key"):
        signature.public_key(tmp_path / "key")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")
def test_openssl_checks_the_same_signature(key: Ed25519PrivateKey, tmp_path: Path) -> None:
    form = (forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "public.pem").write_bytes(key.public_key().public_bytes(*form))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(*PEM, PLAIN))
    (tmp_path / "certificate.sig").write_bytes(signature.sign(str(tmp_path / "key.pem"), DIGEST))
    (tmp_path / "said.txt").write_text(f"kiwame certificate sha256:{DIGEST}\n")
    words = "openssl pkeyutl -verify -rawin -pubin -inkey public.pem -in said.txt -sigfile certificate.sig"
    done = subprocess.run(words.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
