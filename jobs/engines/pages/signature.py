"""Ed25519 signatures over a certificate's digest: keys in the files that openssl and ssh-keygen write."""

from __future__ import annotations

import os
import re
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from jobs.core.errors import Refusal

VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
MAX_KEY_BYTES = 64 * 1024
MAKE = "make one with `openssl genpkey -algorithm ed25519` or `ssh-keygen -t ed25519 -N ''`"


def message(digest: str) -> bytes:
    """What is signed: the digest, with a word before it so that it means nothing elsewhere."""
    return f"kiwame certificate sha256:{digest}\n".encode()


def private_key(place: str) -> Ed25519PrivateKey:
    """The key in a file, or in the environment variable of that name; raises Refusal, which never says what it read."""
    if VARIABLE.fullmatch(place):
        text = os.environ.get(place)
        if text is None:
            raise Refusal(
                f"report.sign_with: there is no variable {place} in the environment; a file is given as ./{place}"
            )
        data, where = os.fsencode(text), f"the variable {place}"
    else:
        data, where = _read(Path(place).expanduser(), "report.sign_with"), place
    for load in (forms.load_pem_private_key, forms.load_ssh_private_key):
        try:
            key = load(data, password=None)
        except TypeError:
            raise Refusal(f"report.sign_with: the key in {where} has a passphrase; give one without") from None
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(key, Ed25519PrivateKey):
            return key
    raise Refusal(f"report.sign_with: {where} holds no ed25519 private key in PEM or OpenSSH's form; {MAKE}")


def public_key(path: Path) -> Ed25519PublicKey:
    """The key in a file; raises Refusal where there is none."""
    data = _read(path, "key")
    for load in (forms.load_pem_public_key, forms.load_ssh_public_key):
        try:
            key = load(data)
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(key, Ed25519PublicKey):
            return key
    private = "; it is a private key: keep it to yourself" if b"PRIVATE KEY" in data else ""
    raise Refusal(f"key: {path} holds no ed25519 public key in PEM or OpenSSH's form{private}")


def _read(path: Path, what: str) -> bytes:
    if not path.is_file():
        raise Refusal(f"{what}: {path} is not a file")
    if path.stat().st_size > MAX_KEY_BYTES:
        raise Refusal(f"{what}: {path} is too large for a key")
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refusal(f"{what}: {path} cannot be read ({error.strerror})") from None


def written(key: Ed25519PublicKey) -> str:
    """A public key as one line of OpenSSH."""
    return key.public_bytes(forms.Encoding.OpenSSH, forms.PublicFormat.OpenSSH).decode()


def public_of(place: str) -> str:
    """The public half of the key that `report.sign_with` names, as one line of OpenSSH."""
    return written(private_key(place).public_key())


def sign(place: str, digest: str) -> bytes:
    """The signature; the same key and digest always give the same one."""
    return private_key(place).sign(message(digest))


def holds(signature: bytes, line: str, digest: str) -> bool:
    """Whether it is the signature of a key, a line of OpenSSH, over this digest; False where that is no such key."""
    try:
        key = forms.load_ssh_public_key(line.encode())
        if not isinstance(key, Ed25519PublicKey):
            return False
        key.verify(signature, message(digest))
    except (ValueError, UnsupportedAlgorithm, InvalidSignature):
        return False
    return True
