"""A signed report: the key signs the certificate's digest, is nowhere written, and `key=` tells whose it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from jobs import report
from jobs.core import certificate
from jobs.core.artifact import Artifact
from jobs.engines.pages import signature
from tests.stages.forging import Data, config, edit, publish, said


def write_pair(folder: Path) -> tuple[Path, Path]:
    """A private key and its public half, as ssh-keygen leaves them."""
    key = Ed25519PrivateKey.generate()
    private, public = folder / "signer", folder / "signer.pub"
    private.write_bytes(key.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.OpenSSH, forms.NoEncryption()))
    public.write_text(signature.written(key.public_key()) + " somebody@somewhere\n")
    return private, public


@pytest.fixture
def signed(tmp_path: Path) -> tuple[Path, Path, Path]:
    """(folder, private key, public key)."""
    private, public = write_pair(tmp_path)
    return publish(tmp_path / "run", config(sign_with=str(private))), private, public


def test_signed_folder(signed: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    folder, private, public = signed
    assert "whether that is the maker's key, give key=FILE to tell" in said(folder, capsys, 0)
    assert "signed: by ssh-ed25519 " in said(folder, capsys, 0, [f"key={public}"])
    lines = private.read_text().splitlines()[1:-1]
    for path in folder.iterdir():
        data = path.read_bytes()
        assert not any(line.encode() in data for line in lines), path
        assert str(private).encode() not in data, path
    assert Artifact.open(folder).record.key.config.keys() == {
        "run", "title", "num_samples", "languages", "license", "judged_by",
    }  # fmt: skip


def other_key(folder: Path) -> list[str]:
    place = folder.parent / "other"
    place.mkdir()
    return [f"key={write_pair(place)[1]}"]


def resign(folder: Path, change: Callable[[Data], Any]) -> None:
    """Change what a certificate says and make everything fit, but for the signature."""
    edit(folder, change, pages=True)


@pytest.mark.parametrize(
    ("forge", "with_key", "expected"),
    [
        (
            lambda f: (f / "certificate.sig").unlink(),
            False,
            "certificate.sig: is missing; expected the signature of ssh",
        ),
        (
            lambda f: (f / "certificate.sig").write_bytes(bytes(64)),
            False,
            "certificate.sig: is not the signature of ssh",
        ),
        (lambda f: (f / "certificate.sig").write_bytes(bytes(9)), False, "certificate.sig: is no signature"),
        (
            lambda f: resign(f, lambda d: d["settings"].update(title="mine")),
            False,
            "is not the signature of ssh-ed25519",
        ),
        (
            lambda f: (
                resign(f, lambda d: d["settings"].update(title="x", signed_by="")),
                (f / "certificate.sig").unlink(),
            ),
            True,
            "certificate.sig: is missing; expected the signature of ssh-ed25519",
        ),
    ],
)
def test_forged(
    forge: Callable[[Path], Any],
    with_key: bool,
    expected: str,
    signed: tuple[Path, Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, _, public = signed
    forge(folder)
    assert expected in said(folder, capsys, 3, [f"key={public}"] if with_key else [])


def test_another_key_is_a_no(signed: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    words = other_key(signed[0].parent)
    assert "certificate.sig: is not the signature of ssh-ed25519" in said(signed[0], capsys, 3, words)


def test_a_folder_that_nobody_signed_is_a_no_where_a_key_is_given(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private, public = write_pair(tmp_path)
    assert "certificate.sig: is missing" in said(folder, capsys, 3, [f"key={public}"])
    digest = certificate.read(folder).digest
    (folder / certificate.SIGNATURE).write_bytes(signature.sign(str(private), digest))  # signed elsewhere, later
    assert "signed: by ssh-ed25519 " in said(folder, capsys, 0, [f"key={public}"])
    assert "certificate.sig was not looked at" in said(folder, capsys, 0)


def test_another_key_makes_the_report_again(tmp_path: Path) -> None:
    keys = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        keys.append(report.main.key(config(sign_with=str(write_pair(tmp_path / name)[0])), {}))
    unsigned = report.main.key(config(), {})
    assert len({str(key.outside) for key in [*keys, unsigned]}) == 3
    assert keys[0].config == keys[1].config == unsigned.config
