"""How llama.cpp is built for an image: with every CPU variant of the pinned source but the one that is left out."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

from jobs.core.provenance import ROOT

X86 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="the variants of another processor have other names")


@pytest.fixture(scope="module")
def build() -> ModuleType:
    sys.path.insert(0, str(ROOT / "vendor/llama.cpp"))
    try:
        import build as found
    finally:
        sys.path.pop(0)
    return found


def options(**changes: object) -> argparse.Namespace:
    return argparse.Namespace(**{"cuda": None, "portable": True, "variants": "all", **changes})


@X86
@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, 13),
        ({"cuda": "80-real", "portable": False}, 13),
        ({"portable": False}, 0),
        ({"variants": "x64,haswell"}, ["haswell", "x64"]),
    ],
)
def test_the_variants_of_a_build(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, object], expected: int | list[str]
) -> None:
    monkeypatch.setenv("CUDACXX", "c++")  # any compiler: it is asked for its version only
    found = build.variants.of(build.make_plan(options(**chosen)).flags)
    assert found == expected if isinstance(expected, list) else len(found) == expected


def test_an_unknown_variant_is_named(build: ModuleType) -> None:
    with pytest.raises(build.variants.UnknownVariant, match="no haswel; there are all, or some of x64, "):
        build.make_plan(options(variants="x64,haswel"))


def test_other_variants_are_another_build(build: ModuleType) -> None:
    keys = {build.make_plan(options(variants=text)).key for text in ("all", "x64", "haswell,x64", "x64,haswell")}
    assert len(keys) == 3


def test_an_image_has_all_unless_it_is_told_otherwise() -> None:
    assert re.search(r'^ARG CPU_VARIANTS="all"$', (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def cmake_list(build: ModuleType) -> str:
    """The pinned source's list of CPU variants; where it was not downloaded here, there is nothing to compare with."""
    pin = build.Pin(**build.tomllib.loads((ROOT / "vendor/llama.cpp/PIN").read_text()))
    stored = build.cache_dir() / "downloads" / f"{pin.sdist.replace('-', '_')}-{pin.version}.tar.gz"
    if not stored.is_file():
        pytest.skip("the pinned source is not in the cache")
    with tarfile.open(stored) as archive:
        for member in archive:
            if member.name.endswith("/ggml/src/CMakeLists.txt"):
                file = archive.extractfile(member)
                assert file is not None
                return file.read().decode()
    raise AssertionError("the pinned source has no ggml/src/CMakeLists.txt")


def test_the_list_is_the_pinned_sources(build: ModuleType, tmp_path: Path) -> None:
    text = cmake_list(build)
    x86 = text[: text.index("ggml_add_cpu_backend_variant(arm")]
    variants = build.variants
    assert [name for name in variants.LISTED.findall(x86) if name != variants.LEFT_OUT] == list(variants.ALL)
    file = tmp_path / "ggml/src/CMakeLists.txt"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    variants.keep(build.make_plan(options(variants="haswell,x64")).flags, tmp_path)
    assert variants.LISTED.findall(file.read_text()) == ["x64", "haswell"]


@pytest.mark.parametrize(
    ("flag", "said"),
    [("-fmap=/a/b=c", "-fmap=/a/b=c"), ("-fmap=/a b=c", '"-fmap=/a b=c"'), ('-fmap=/a"b=c', '"-fmap=/a\\"b=c"')],
)
def test_a_flag_with_a_blank_reaches_the_compiler(build: ModuleType, flag: str, said: str) -> None:
    assert build.quoted(flag) == said
