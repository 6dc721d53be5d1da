"""GGUFs against the folder, the base and the adapter that they come from, and by their header alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from jobs.engines.gguf import file as gguf_file, llama_tools
from jobs.logic.diagnosing import causes_gguf, causes_quantizing, causes_tensors
from tests import gguf_tamper
from tests.engines.diagnosing import held as made
from tests.engines.models import small_model

TURN, TEXT = small_model.TURN, small_model.TEXT


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model.write(tmp_path_factory.mktemp("base") / "base")


@pytest.fixture(scope="module")
def tuned(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter whose update is as large against the weights as a usual one."""
    folder = small_model.adapter(base, tmp_path_factory.mktemp("tuned") / "adapter")
    factors = load_file(folder / "adapter_model.safetensors")
    save_file({name: 0.5 * one for name, one in factors.items()}, folder / "adapter_model.safetensors")
    return folder


@pytest.fixture(scope="module")
def merged(base: Path, tuned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.merge(base, tuned, tmp_path_factory.mktemp("merged") / "merged")


@pytest.fixture(scope="module")
def f16_gguf(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quantized(merged, tmp_path_factory.mktemp("f16"), "F16")


@pytest.fixture(scope="module")
def q4_gguf(merged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quantized(merged, tmp_path_factory.mktemp("q4"), "Q4_K_M")


@pytest.fixture(scope="module")
def base_q4(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quantized(base, tmp_path_factory.mktemp("base_q4"), "Q4_K_M")


def quantized(folder: Path, into: Path, quant: str) -> Path:
    """A folder as one GGUF of a type."""
    whole = made.small_gguf(folder, into / "f32.gguf")
    llama_tools.quantize(whole, into / f"model-{quant}.gguf", quant, num_threads=1)
    whole.unlink()
    return into / f"model-{quant}.gguf"


@pytest.fixture
def q4(q4_gguf: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copyfile(q4_gguf, tmp_path / "model-Q4_K_M.gguf"))


def test_files_of_one_merge_are_found_to_be_so(
    base: Path, tuned: Path, merged: Path, f16_gguf: Path, q4_gguf: Path
) -> None:
    seen = made.evidence(f"base:{base}", tuned, f"merged:{merged}", f16_gguf, q4_gguf)
    assert made.found(seen) == {}
    same = causes_quantizing.gguf_not_of_these_weights(seen)
    assert same.certainty.value == "ruled out"
    assert "bit for bit" in same.signs[0]
    assert causes_quantizing.quantizing_lost_the_tune(seen).certainty.value == "ruled out"
    kept = [file.weights.kept for file in seen.ggufs if file.weights is not None]
    assert all(one is not None and abs(one[0] - 1) < 0.02 for one in kept)


@pytest.mark.parametrize("given", ["base and adapter", "base and merged", "adapter and merged", "adapter and F16"])
def test_a_quant_of_the_base_is_told_from_any_two(
    base: Path, tuned: Path, merged: Path, f16_gguf: Path, base_q4: Path, given: str
) -> None:
    beside = Path(shutil.copyfile(f16_gguf, base_q4.with_name("model-F16.gguf")))
    paths = {
        "base and adapter": (f"base:{base}", tuned),
        "base and merged": (f"base:{base}", f"merged:{merged}"),
        "adapter and merged": (tuned, f"merged:{merged}"),
        "adapter and F16": (tuned, beside),
    }[given]
    found = made.found(made.evidence(*paths, base_q4))
    assert found.pop("gguf-made-from-base") == "proven"
    assert found in ({}, {"adapter-not-merged": "proven"})


def test_a_strength_is_told_from_base_adapter_and_quant_alone(base: Path, tuned: Path, q4_gguf: Path) -> None:
    assert made.found(made.evidence(f"base:{base}", tuned, q4_gguf)) == {}
    weaker = Path(shutil.copytree(tuned, tuned.with_name("weaker"), dirs_exist_ok=True))
    small_model.change_json(weaker / "adapter_config.json", lora_alpha=4)
    assert made.found(made.evidence(f"base:{base}", weaker, q4_gguf)) == {"adapter-merged-twice": "proven"}
    small_model.change_json(weaker / "adapter_config.json", lora_alpha=8, use_rslora=True, r=4)
    found = made.found(made.evidence(f"base:{base}", weaker, q4_gguf))
    assert found == {"merged-with-wrong-scale": "proven"}


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """GGUFs that somebody has beside a tune and that have nothing to do with it, each with a header of its own."""
    folder, found = tmp_path_factory.mktemp("others"), {}
    for name, changes in {
        "larger": {"hidden_size": 512}, "deeper": {"num_hidden_layers": 4}, "another": {}, "llama": {}
    }.items():  # fmt: skip
        model = small_model.write(folder / name, seed=11, **changes)
        (model / "chat_template.jinja").write_text("{{ messages[0].content }}<|endoftext|>")
        small_model.change_json(model / "config.json", rope_parameters={"rope_theta": 5e6, "rope_type": "default"})
        small_model.change_json(model / "config.json", eos_token_id=TEXT)
        architecture = "llama" if name == "llama" else "qwen3"
        found[name] = made.small_gguf(model, folder / f"{name}-f32.gguf", architecture)
    return found


@pytest.mark.parametrize("name", ["larger", "deeper", "another", "llama"])
@pytest.mark.parametrize("given", ["all", "merged", "adapter and base", "nothing"])
def test_another_models_file_proves_nothing(
    base: Path, tuned: Path, merged: Path, q4_gguf: Path, others: dict[str, Path], given: str, name: str
) -> None:
    paths = {
        "all": (f"base:{base}", tuned, f"merged:{merged}"),
        "merged": (f"merged:{merged}",),
        "adapter and base": (f"base:{base}", tuned),
        "nothing": (),
    }[given]
    seen = made.evidence(*paths, q4_gguf, others[name])
    assert made.found(seen) == {}
    if name == "llama":
        assert causes_tensors.weights_not_finite(seen).certainty.value == "not checked"


@pytest.fixture(scope="module")
def bases_own(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base's own F16 GGUF, with a template and a stop token that the tune has changed."""
    folder = Path(shutil.copytree(base, tmp_path_factory.mktemp("own") / "copy"))
    (folder / "chat_template.jinja").write_text("{{ messages[0].content }}<|im_end|>, as the base has it")
    small_model.change_json(folder / "config.json", eos_token_id=TEXT)
    return quantized(folder, folder, "F16")


@pytest.mark.parametrize("name", ["model-F16.gguf", "base-F16.gguf", "model-Q8_0.gguf"])
@pytest.mark.parametrize("given", ["all", "merged", "merged alone", "adapter and base", "base and merged"])
def test_the_bases_own_file_beside_the_tunes_proves_nothing(
    base: Path, tuned: Path, merged: Path, q4_gguf: Path, bases_own: Path, tmp_path: Path, given: str, name: str
) -> None:
    paths = {
        "all": (f"base:{base}", tuned, f"merged:{merged}", q4_gguf),
        "merged": (f"merged:{merged}", q4_gguf),
        "merged alone": (f"merged:{merged}",),
        "adapter and base": (f"base:{base}", tuned, q4_gguf),
        "base and merged": (f"base:{base}", f"merged:{merged}", q4_gguf),
    }[given]
    assert made.found(made.evidence(*paths, shutil.copyfile(bases_own, tmp_path / name))) == {}


def test_the_bases_file_under_an_adapters_is_as_it_should_be(
    base: Path, tuned: Path, bases_own: Path, tmp_path: Path
) -> None:
    adapter = made.adapter_gguf(tuned, tmp_path / "adapter.gguf")
    assert made.found(made.evidence(f"base:{base}", tuned, bases_own, adapter)) == {}


def other_template(path: Path) -> None:
    template = str(gguf_file.read(path).metadata["tokenizer.chat_template"])
    gguf_tamper.replace_template(path, template, "{{ messages[0].content }}")


def ordinary_end(path: Path) -> None:
    """`<|im_end|>` is marked as an ordinary token."""
    file = gguf_file.read(path)
    end = file.spans["tokenizer.ggml.token_type"][1]
    place = end - 4 * (len(file.metadata["tokenizer.ggml.tokens"]) - TURN)
    with path.open("r+b") as data:
        data.seek(place)
        data.write((1).to_bytes(4, "little"))


def swapped(path: Path) -> None:
    for part in ("attn_q", "attn_k", "ffn_up", "ffn_gate"):
        gguf_tamper.swap_tensors(path, f"blk.0.{part}.weight", f"blk.1.{part}.weight")


SPOILT: list[tuple[Callable[[Path], None], str]] = [
    (other_template, "gguf-template-altered"),
    (lambda path: gguf_tamper.set_number(path, "tokenizer.ggml.eos_token_id", TEXT), "gguf-stop-token-altered"),
    (ordinary_end, "gguf-token-types-altered"),
    (lambda path: gguf_tamper.set_number(path, "qwen3.rope.freq_base", 40_000), "gguf-rope-altered"),
    (lambda path: gguf_tamper.truncate(path, 1000), "gguf-damaged"),
    (lambda path: gguf_tamper.set_number(path, "general.file_type", 7), "quant-type-fallen-back"),
    (swapped, "layers-swapped"),
    (
        lambda path: gguf_tamper.set_first_value(path, "blk.1.ffn_down.weight", bytes(60_000)),
        "gguf-not-of-these-weights",
    ),
]


@pytest.mark.parametrize(("spoil", "cause"), SPOILT, ids=[cause for _, cause in SPOILT])
def test_a_spoilt_file_is_told_by_its_name(merged: Path, q4: Path, spoil: Callable[[Path], None], cause: str) -> None:
    spoil(q4)
    assert made.found(made.evidence(f"merged:{merged}", q4)) == {cause: "proven"}


@pytest.mark.parametrize(("spoil", "cause"), SPOILT[1:4], ids=[cause for _, cause in SPOILT[1:4]])
def test_a_header_alone_says_what_it_can(q4: Path, spoil: Callable[[Path], None], cause: str) -> None:
    assert made.found(made.evidence(q4)) == {}
    spoil(q4)
    found = made.found(made.evidence(q4))
    assert found == ({cause: "proven"} if cause == "gguf-token-types-altered" else {})


@pytest.mark.parametrize(("spoil", "cause"), SPOILT[:2], ids=[cause for _, cause in SPOILT[:2]])
def test_two_files_side_by_side_contradict_each_other(
    f16_gguf: Path, q4: Path, spoil: Callable[[Path], None], cause: str
) -> None:
    spoil(q4)
    assert made.found(made.evidence(f16_gguf, q4)) == {cause: "proven"}


@pytest.mark.parametrize("content", [b"GGUF", b"GGUF" + bytes(200), b"GGUF\x03\x00\x00\x00" + b"\xff" * 64])
def test_a_file_that_is_no_gguf_costs_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.gguf").write_bytes(content)
    seen = made.evidence(f"gguf:{tmp_path / 'x.gguf'}")
    assert made.found(seen) == {"gguf-damaged": "proven"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"r": 16, "lora_alpha": 32, "use_rslora": True}, "use_rslora was not read"),
        ({"r": 4, "lora_alpha": 8, "alpha_pattern": {"q_proj": 32}}, "alpha_pattern gives some another"),
        ({"r": 4, "lora_alpha": 8}, ""),
    ],
)
def test_an_adapter_runs_at_the_strength_that_llama_cpp_gives_it(
    merged: Path, tmp_path: Path, settings: dict[str, object], words: str
) -> None:
    folder = small_model.adapter(merged, tmp_path / "adapter", **settings)
    gguf = made.adapter_gguf(folder, tmp_path / "adapter.gguf")
    seen = made.evidence(folder, gguf)
    assert made.found(seen) == ({"adapter-gguf-at-wrong-strength": "proven"} if words else {})
    assert words in causes_gguf.adapter_gguf_at_wrong_strength(seen).signs[0]
