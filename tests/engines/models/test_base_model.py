"""Base models from a folder: what is taken, what is refused by name, and what is found in them."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from jobs.core.errors import Refusal
from jobs.engines.models import base_model
from tests.engines.models import small_model
from tests.engines.models.small_model import (
    FILES,
    NUM_ENTRIES,
    NUM_ROWS,
    START,
    TEXT,
    TURN,
    change_json,
    change_tensors,
)

Damage = Callable[[Path], Any]
HEAD = "model.embed_tokens.weight"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model.write(tmp_path_factory.mktemp("plain"))


@pytest.fixture
def folder(plain: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(plain, tmp_path / "given"))


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder on another file system than pytest's."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(dir=memory) as found:
        yield Path(found)


def test_files_are_linked_on_one_file_system(folder: Path, tmp_path: Path) -> None:
    for name in ("optimizer.pt", "pytorch_model.bin", ".hidden.json"):
        (folder / name).write_bytes(b"x")
    (folder / "onnx").mkdir()
    assert base_model.from_folder(folder, tmp_path / "got") == {
        "commit": None, "licence": "unknown", "code_named_in": [], "form": {
            "template": "chat_template.jinja", "templates_differ": [], "templates_left": [],
            "weights_left": ["pytorch_model.bin"], "keys_left": [],
        },
    }  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "got").iterdir()) == FILES
    assert all((tmp_path / "got" / name).samefile(folder / name) for name in FILES)


def test_files_are_copied_across_file_systems(folder: Path, elsewhere: Path) -> None:
    with pytest.raises(OSError, match="cross-device") as caught:
        os.link(folder / "config.json", elsewhere / "config.json")
    assert caught.value.errno == errno.EXDEV
    base_model.from_folder(folder, elsewhere / "got")
    for name in FILES:
        assert (elsewhere / "got" / name).read_bytes() == (folder / name).read_bytes()
        assert (elsewhere / "got" / name).stat().st_nlink == 1


def test_a_template_inside_the_tokenizers_config_becomes_a_file(folder: Path, tmp_path: Path) -> None:
    template = (folder / "chat_template.jinja").read_text() + "é\n"
    (folder / "chat_template.jinja").unlink()
    change_json(folder / "tokenizer_config.json", chat_template=template)
    base_model.from_folder(folder, tmp_path / "got")
    assert (tmp_path / "got/chat_template.jinja").read_bytes() == template.encode()
    assert not (folder / "chat_template.jinja").exists()


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        ("---\nlicense: apache-2.0\n---\n# A model\n", "apache-2.0"),
        ("# No front matter\n", "unknown"),
        ("---\nlicense: [a\n---\n", "unknown"),
        ("---\nlanguage: ja\n---\n", "unknown"),
    ],
)
def test_licence(folder: Path, tmp_path: Path, card: str, licence: str) -> None:
    (folder / "README.md").write_text(card)
    assert base_model.from_folder(folder, tmp_path / "got")["licence"] == licence


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (shutil.rmtree, "is not a folder"),
        (lambda f: (f / "config.json").unlink(), "there is no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "config.json is no JSON"),
        (lambda f: (f / "config.json").write_text("[]"), "config.json holds a list"),
        (lambda f: (f / "config.json").write_bytes(b"\xff\xfe{}"), "config.json is no JSON"),
        (lambda f: change_json(f / "config.json", model_type="llama"), "model_type is 'llama'; only 'qwen3'"),
        (lambda f: change_json(f / "config.json", model_type="qwen3_moe"), "model_type is 'qwen3_moe'"),
        (lambda f: (f / "adapter_config.json").write_text("{}"), "has an adapter_config.json"),
    ],
)
def test_a_folder_that_is_no_qwen3_is_refused(folder: Path, tmp_path: Path, damage: Damage, words: str) -> None:
    damage(folder)
    with pytest.raises(Refusal, match="given") as caught:
        base_model.from_folder(folder, tmp_path / "got")
    assert words in str(caught.value)
    assert not (tmp_path / "got").exists()


def without_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def without_a_shard(folder: Path) -> None:
    small_model.shard(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()


def truncated(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def with_index_of(name: str) -> Damage:
    def damage(folder: Path) -> None:
        small_model.shard(folder)
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {HEAD: name}}))

    return damage


def both(folder: Path) -> None:
    weights = (folder / "model.safetensors").read_bytes()
    small_model.shard(folder)
    (folder / "model.safetensors").write_bytes(weights)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (without_tokenizer, "has no tokenizer"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "its tokenizer cannot be read"),
        (without_a_shard, "model-00002-of-00002.safetensors: is missing, and model.safetensors.index.json names it"),
        (truncated, "model.safetensors: cannot be read as safetensors"),
        (with_index_of("../other.safetensors"), "names '../other.safetensors', expected files beside it"),
        (lambda f: [small_model.shard(f), (f / "model.safetensors.index.json").write_text("[]")], "holds a list"),
        (lambda f: [small_model.shard(f), (f / "model.safetensors.index.json").write_text("{}")], "is no index"),
        (both, "has both model.safetensors and model.safetensors.index.json"),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "only safetensors weights are read"),
        (lambda f: change_json(f / "config.json", vocab_size=None), "vocab_size must be the number of rows"),
        (lambda f: change_json(f / "config.json", vocab_size="96"), "config.json has no number vocab_size above 0"),
        (lambda f: change_json(f / "config.json", hidden_act="nonsense"), "hidden_act='nonsense'"),
        (lambda f: change_json(f / "config.json", hidden_size="wide"), "config.json describes no model (Validation"),
        (lambda f: change_json(f / "generation_config.json") or (f / "generation_config.json").write_text("x"),
         "generation_config.json is no JSON"),
        (lambda f: change_tensors(f, {"model.norm.weight": None}), "model.norm.weight is missing"),
        (lambda f: change_tensors(f, {"model.norm.weight": torch.ones(4)}), "model.norm.weight is [4]"),
        (lambda f: change_json(f / "config.json", num_hidden_layers=1, layer_types=None), "model.layers.1."),
        (lambda f: change_json(f / "config.json", tie_word_embeddings=False), "lm_head.weight is missing"),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_whole_is_refused(folder: Path, damage: Damage, words: str) -> None:
    damage(folder)
    with pytest.raises(Refusal) as caught:
        base_model.inspect(folder)
    assert words in str(caught.value)


def test_facts_of_a_post_trained_model(plain: Path) -> None:
    found = base_model.inspect(plain)
    assert found.pop("turn_row_cosine") < 0.3
    assert found.pop("turn_row_norm_ratio") > 1.3
    assert found == {
        "model_type": "qwen3", "length": 128, "config_rows": NUM_ROWS, "vocab_rows": NUM_ROWS,
        "tokenizer_length": NUM_ENTRIES,
        "token_ids": {"<|endoftext|>": TEXT, "<|im_start|>": START, "<|im_end|>": TURN, "<think>": 73, "</think>": 74},
        "bos_id": None, "pad_id": TEXT, "eos_config": [TURN], "eos_generation": [TURN, TEXT], "eos_tokenizer": TURN,
        "has_template": True, "kind": "post-trained", "num_tensors": 24, "num_weights": 1_205_760, "nonfinite": [],
        "narrow_rows": [], "tied": True, "dtype": "float32",
        "sizes": {
            "hidden_size": 256, "intermediate_size": 512, "num_attention_heads": 4, "num_key_value_heads": 2,
            "num_hidden_layers": 2, "rope_theta": 10_000.0, "vocab_size": NUM_ROWS,
        },
        "form": {
            "tokens_added": [], "head_bytes": 0, "rope": "theta 10,000", "says_theta": True, "says_dtype": "float32",
            "unknown_keys": [],
        },
    }  # fmt: skip


def test_a_sharded_folder_has_the_same_facts(plain: Path, folder: Path) -> None:
    small_model.shard(folder, 3)
    assert base_model.inspect(folder) == base_model.inspect(plain)


def test_a_base_model_ends_documents(folder: Path) -> None:
    change_json(folder / "config.json", eos_token_id=TEXT)
    change_json(folder / "generation_config.json", eos_token_id=TEXT)
    found = base_model.inspect(folder)
    assert (found["kind"], found["eos_config"], found["eos_generation"]) == ("base", [TEXT], [TEXT])


def test_a_control_token_that_is_unknown_is_not_the_unknown_token(folder: Path) -> None:
    text = (folder / "tokenizer.json").read_text().replace("<think>", "<thank>")
    (folder / "tokenizer.json").write_text(text)
    assert base_model.inspect(folder)["token_ids"]["<think>"] is None


def rows(change: Callable[[torch.Tensor], None]) -> torch.Tensor:
    """A head whose never-used rows lie around one row; `change` makes the end of turn one of them, or not."""
    torch.manual_seed(3)
    head = torch.randn(NUM_ROWS, small_model.WIDTH)
    head[NUM_ENTRIES:] = head[-1] + 0.01 * torch.randn(NUM_ROWS - NUM_ENTRIES, small_model.WIDTH)
    change(head)
    return head


def as_unused(head: torch.Tensor) -> None:
    head[TURN] = head[-1] + 0.01 * torch.randn(small_model.WIDTH)


def trained(head: torch.Tensor) -> None:
    head[TURN] = 2 * head[TURN]


def with_nan(head: torch.Tensor) -> None:
    head[TURN, 0] = torch.nan


@pytest.mark.parametrize(
    ("change", "cosine", "ratio"),
    [(as_unused, 1.0, 1.0), (trained, 0.0, 2.0), (with_nan, torch.nan, torch.nan)],
)
def test_the_row_of_end_of_turn(
    folder: Path, change: Callable[[torch.Tensor], None], cosine: float, ratio: float
) -> None:
    change_tensors(folder, {HEAD: rows(change)})
    found = base_model.inspect(folder)
    assert found["turn_row_cosine"] == pytest.approx(cosine, abs=0.15, nan_ok=True)
    assert found["turn_row_norm_ratio"] == pytest.approx(ratio, abs=0.3, nan_ok=True)
    assert found["nonfinite"] == ([HEAD] if change is with_nan else [])


def test_without_unused_rows_the_end_of_turn_is_not_judged(folder: Path) -> None:
    head = rows(trained)
    head[NUM_ENTRIES:] = 0
    change_tensors(folder, {HEAD: head})
    assert base_model.inspect(folder)["turn_row_cosine"] is None


def test_the_head_of_an_untied_model_is_looked_at(tmp_path: Path) -> None:
    folder = small_model.write(tmp_path / "untied", tie_word_embeddings=False)
    change_tensors(folder, {"lm_head.weight": rows(as_unused)})
    found = base_model.inspect(folder)
    assert not found["tied"]
    assert found["turn_row_cosine"] > 0.99


def test_rows_that_k_quants_cannot_hold_are_named(tmp_path: Path) -> None:
    folder = small_model.write(tmp_path / "narrow", hidden_size=192, num_hidden_layers=1)
    found = base_model.inspect(folder)["narrow_rows"]
    assert f"{HEAD} [{NUM_ROWS}, 192]" in found
    assert not any("down_proj" in name or "o_proj" in name for name in found)
