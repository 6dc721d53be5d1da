"""The reference: the same numbers however rows are batched, and an adapter that can be taken away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import GenerationConfig, Qwen3Config, Qwen3ForCausalLM

from jobs.core.errors import EnvironmentProblem
from jobs.engines.models import hf

VOCABULARY = 512
ROWS = [[5, 9, 2, 7, 1], [3, 3, 8], [11, 4, 6, 10, 2, 9, 8, 1, 0], [7, 2, 1, 400]]
POSITIONS = [[1, 3], [0, 1], [2, 3, 7], [2]]


def silent(done: int) -> None:
    pass


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A small random Qwen3 (512 entries) and a random adapter on all seven linear layers."""
    root = tmp_path_factory.mktemp("hf")
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=0.2,
        bos_token_id=None,
        eos_token_id=0,
    )
    base = Qwen3ForCausalLM(config)
    base.generation_config = GenerationConfig(do_sample=True, temperature=9.0, repetition_penalty=5.0)
    base.save_pretrained(root / "base")
    tuned = get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False))
    tuned.save_pretrained(root / "adapter")
    return root / "base", root / "adapter"


@pytest.fixture(scope="module")
def tuned(folders: tuple[Path, Path]) -> Any:
    return hf.load(*folders, device="cpu")


def plain_logits(model: Any, row: list[int]) -> np.ndarray[Any, Any]:
    with torch.inference_mode():
        logits: np.ndarray[Any, Any] = model(input_ids=torch.tensor([row])).logits[0].numpy()
    return logits


@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_score_gives_the_plain_forward_pass(tuned: Any, batch_size: int) -> None:
    found = dict(hf.score(tuned, ROWS, POSITIONS, batch_size))
    assert sorted(found) == [0, 1, 2, 3]
    for number, row in enumerate(ROWS):
        np.testing.assert_allclose(found[number], plain_logits(tuned, row)[POSITIONS[number]], rtol=1e-4, atol=1e-4)
        assert found[number].dtype == np.float32


def test_a_tampered_early_token_changes_only_its_own_row(tuned: Any) -> None:
    altered = [list(row) for row in ROWS]
    altered[3][0] = 99
    before, after = dict(hf.score(tuned, ROWS, POSITIONS, 4)), dict(hf.score(tuned, altered, POSITIONS, 4))
    assert not np.array_equal(before[3], after[3])
    assert all(np.array_equal(before[number], after[number]) for number in range(3))


def test_write_logits_lays_rows_end_to_end(tuned: Any, tmp_path: Path) -> None:
    seen: list[int] = []
    hf.write_logits(tuned, ROWS, POSITIONS, tmp_path / "l.npy", 2, seen.append)
    found = np.load(tmp_path / "l.npy")
    assert found.shape == (8, VOCABULARY)
    assert seen == [1, 2, 3, 4]
    by_row = dict(hf.score(tuned, ROWS, POSITIONS, 2))
    starts = hf.offsets(POSITIONS)
    for number in range(4):
        np.testing.assert_array_equal(found[starts[number] : starts[number + 1]], by_row[number])


def test_compare_reads_what_was_written(tuned: Any, tmp_path: Path) -> None:
    positions = [[1, 3], [0, 1], [2, 3, 7], [2]]
    hf.write_logits(tuned, ROWS, positions, tmp_path / "l.npy", 2, silent)
    same = hf.compare(tuned, ROWS, positions, tmp_path / "l.npy", 4, silent)
    assert same.kl.max() < 1e-9
    assert same.same_top.all()
    np.testing.assert_allclose(same.nll, hf.label_losses(ROWS, positions, tmp_path / "l.npy"), rtol=1e-5)
    with hf.without_adapter(tuned):
        base = hf.compare(tuned, ROWS[:2], positions[:2], tmp_path / "l.npy", 4, silent)
    assert len(base.kl) == 4
    assert base.kl.mean() > 1e-3


def test_without_adapter_is_the_base(folders: tuple[Path, Path], tuned: Any) -> None:
    base = hf.load(folders[0], None, device="cpu")
    with hf.without_adapter(tuned):
        bare = dict(hf.score(tuned, ROWS, POSITIONS, 1))
    expected = dict(hf.score(base, ROWS, POSITIONS, 1))
    adapted = dict(hf.score(tuned, ROWS, POSITIONS, 1))
    for number in range(4):
        np.testing.assert_array_equal(bare[number], expected[number])
        assert np.abs(adapted[number] - expected[number]).max() > 1e-2


def test_attention_differs_by_rounding_only_and_is_put_back(tuned: Any) -> None:
    usual = dict(hf.score(tuned, ROWS, POSITIONS, 4))
    with hf.attention(tuned, "eager"):
        other = dict(hf.score(tuned, ROWS, POSITIONS, 1))
    assert tuned.get_base_model().config._attn_implementation == "sdpa"
    for number in range(4):
        np.testing.assert_allclose(other[number], usual[number], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("batch_size", [1, 3, 4])
def test_generate_is_greedy_whatever_the_batch(tuned: Any, batch_size: int) -> None:
    stop = {17, 300}
    found = hf.generate(tuned, ROWS, 12, stop, 17, batch_size, silent)
    for row, answer in zip(ROWS, found, strict=True):
        ids = list(row)
        stopped = False
        for _ in range(12):
            best = int(plain_logits(tuned, ids)[-1].argmax())
            if best in stop:
                stopped = True
                break
            ids.append(best)
        assert answer == hf.Generation(ids[len(row) :], stopped)


def test_an_answer_that_stops_leaves_the_others_alone(tuned: Any) -> None:
    free = hf.generate(tuned, ROWS, 12, {VOCABULARY - 1}, 0, 4, silent)
    stops = {free[0].ids[3], free[2].ids[6]}
    alone = [hf.generate(tuned, [row], 12, stops, 0, 1, silent)[0] for row in ROWS]
    assert hf.generate(tuned, ROWS, 12, stops, 0, 4, silent) == alone
    assert len({len(answer.ids) for answer in alone}) > 1


def test_generate_cuts_at_the_stop_token(tuned: Any) -> None:
    free = hf.generate(tuned, ROWS, 12, {VOCABULARY - 1}, 0, 4, silent)
    stop = free[0].ids[4]
    first = free[0].ids.index(stop)
    cut = hf.generate(tuned, ROWS, 12, {stop}, 0, 4, silent)
    assert cut[0] == hf.Generation(free[0].ids[:first], True)


def test_generate_refuses_an_empty_prompt(tuned: Any) -> None:
    with pytest.raises(ValueError, match="prompt 1 is empty"):
        hf.generate(tuned, [[1], []], 4, {0}, 0, 2, silent)


def test_a_missing_gpu_is_said(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EnvironmentProblem, match="no CUDA device"):
        hf.load(folders[0], None, device="cuda")


def test_texts_show_control_tokens(tmp_path: Path) -> None:
    from tokenizers import AddedToken, Tokenizer
    from tokenizers.models import WordLevel

    tokenizer = Tokenizer(WordLevel({"a": 0, "b": 1}, unk_token="a"))
    tokenizer.add_special_tokens([AddedToken("<|im_start|>", special=True)])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert "<|im_start|>" in hf.texts(tmp_path, [[0, 2, 1]])[0]
