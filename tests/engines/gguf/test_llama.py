"""What llama.cpp computes, against Hugging Face in float32, on a tiny random model."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from jobs.core.errors import EnvironmentProblem
from jobs.core.provenance import ROOT
from jobs.engines.gguf import file as gguf_file, llama, llama_tools
from jobs.engines.gguf.llama import LlamaFailed, Row
from jobs.logic.parity.divergence import label_nll, token_kl

IM_END = 151_645
SHORT, LONG = 40, 530  # LONG does not fit into one batch
CPU = {"kv": "f32", "num_threads": 1}


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    generator = np.random.default_rng(0)
    return [
        Row(generator.integers(0, 151_643, SHORT).tolist(), list(range(5, SHORT - 1))),
        Row(generator.integers(0, 151_643, LONG).tolist(), [0, 3, 510, 511, 512, 513, LONG - 2]),
    ]


@pytest.fixture(scope="module")
def hf_model(tiny_model: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)


@pytest.fixture(scope="module")
def reference(hf_model: Any, rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's own logits at the rows' positions."""
    path = tmp_path_factory.mktemp("reference") / "logits.npy"
    with torch.no_grad():
        parts = [hf_model(torch.tensor([row.input_ids])).logits[0, row.positions].numpy() for row in rows]
    np.save(path, np.concatenate(parts))
    return path


@pytest.mark.parametrize(
    ("fixture", "kv", "most", "least"),
    [
        ("f32_gguf", "f32", 1e-9, 0.0),
        ("f32_gguf", "f16", 1e-5, 1e-8),
        ("f16_gguf", "f32", 1e-5, 1e-8),
        ("q4_gguf", "f16", 0.3, 1e-2),  # random weights lose much more than trained ones
    ],
)
def test_score(
    fixture: str,
    kv: llama.Kv,
    most: float,
    least: float,
    rows: list[Row],
    reference: Path,
    request: pytest.FixtureRequest,
) -> None:
    scores = llama.score(request.getfixturevalue(fixture), rows, reference, kv=kv, num_threads=1)
    assert len(scores.kl) == sum(len(row.positions) for row in rows)
    assert least <= scores.kl.mean() < most


def test_score_is_the_plain_computation(q4_gguf: Path, rows: list[Row], reference: Path, tmp_path: Path) -> None:
    """Streaming against everything at once; which positions are asked for changes their logits by rounding only."""
    told: list[tuple[int, int]] = []
    scores = llama.score(q4_gguf, rows, reference, progress=lambda *done: told.append(done), **CPU)
    everywhere = [Row(row.input_ids, range(len(row.input_ids))) for row in rows]
    llama.write_logits(q4_gguf, everywhere, tmp_path / "all.npy", **CPU)
    every = np.load(tmp_path / "all.npy", mmap_mode="r")
    assert every.shape == (SHORT + LONG, 151_936)
    logits = np.concatenate([every[rows[0].positions], every[[SHORT + p for p in rows[1].positions]]])
    kl, same_top = token_kl(np.load(reference), logits)
    labels = np.array([row.input_ids[p + 1] for row in rows for p in row.positions])
    np.testing.assert_allclose(scores.kl, kl, rtol=1e-4)
    np.testing.assert_array_equal(scores.same_top, same_top)
    np.testing.assert_allclose(scores.nll, label_nll(logits, labels), rtol=1e-5)
    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize("positions", [[SHORT - 1], [-1], [3, 3], [4, 3]])
def test_impossible_positions_are_refused(positions: list[int], f32_gguf: Path, rows: list[Row]) -> None:
    with pytest.raises(ValueError, match=r"row 0: positions must ascend within 0\.\.38"):
        llama.score(f32_gguf, [Row(rows[0].input_ids, positions)], Path("unread.npy"), **CPU)


@pytest.mark.parametrize("shape", [(41, 151_669), (42, 151_936)])
def test_another_reference_is_refused(shape: tuple[int, int], f32_gguf: Path, rows: list[Row], tmp_path: Path) -> None:
    np.lib.format.open_memmap(tmp_path / "other.npy", "w+", np.float32, shape)
    with pytest.raises(
        LlamaFailed, match=rf"the reference is \[{shape[0]}, {shape[1]}\], the model gives \[41, 151936\]"
    ):
        llama.score(f32_gguf, rows, tmp_path / "other.npy", **CPU)


@pytest.fixture(scope="module")
def prompts() -> list[list[int]]:
    generator = np.random.default_rng(1)
    return [generator.integers(0, 151_643, length).tolist() for length in (5, 600, 33, 12)]


@pytest.fixture(scope="module")
def hf_answers(hf_model: Any, prompts: list[list[int]]) -> list[list[int]]:
    answers = []
    for ids in prompts:
        prompt = torch.tensor([ids])
        mask = torch.ones_like(prompt)
        whole = hf_model.generate(prompt, attention_mask=mask, max_new_tokens=12, do_sample=False, eos_token_id=IM_END)
        answers.append(whole[0, len(ids) :].tolist())
    return answers


@pytest.mark.parametrize("num_parallel", [1, 3])
def test_generates_what_hugging_face_generates(
    num_parallel: int, f32_gguf: Path, prompts: list[list[int]], hf_answers: list[list[int]]
) -> None:
    found = llama.generate(f32_gguf, prompts, 12, [IM_END], num_parallel=num_parallel, **CPU)
    assert [answer.ids for answer in found] == hf_answers
    assert all(answer.finite and not answer.stopped for answer in found)


def test_stops_where_it_is_told(f32_gguf: Path, prompts: list[list[int]], hf_answers: list[list[int]]) -> None:
    first_stop, second_stop = hf_answers[0][4], hf_answers[2][0]
    told: list[tuple[int, int]] = []
    found = llama.generate(
        f32_gguf, prompts, 12, {first_stop, second_stop}, progress=lambda *done: told.append(done), **CPU
    )
    assert (found[0].ids, found[0].stop_id) == (hf_answers[0][:4], first_stop)
    assert (found[2].ids, found[2].stop_id) == ([], second_stop)
    assert found[1].ids == hf_answers[1]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_other_end_of_generation_tokens_are_reported(
    f32_gguf: Path, prompts: list[list[int]], hf_answers: list[list[int]], tmp_path: Path
) -> None:
    """llama.cpp's own programs would stop at the file's eos, whatever this caller thinks of it."""
    token = hf_answers[0][2]
    other = tmp_path / "other-eos.gguf"
    other.write_bytes(_patched(f32_gguf, "tokenizer.ggml.eos_token_id", "<I", token))
    (answer,) = llama.generate(other, prompts[:1], 4, [IM_END], **CPU)
    assert answer.ids == hf_answers[0][:4]
    assert answer.other_eog == [token] * answer.ids.count(token)


def test_an_empty_prompt_is_refused(f32_gguf: Path) -> None:
    with pytest.raises(ValueError, match="prompt 1 is empty"):
        llama.generate(f32_gguf, [[1], []], 4, [IM_END], **CPU)


def test_logits_that_are_not_finite_end_the_answer(f32_gguf: Path, prompts: list[list[int]], tmp_path: Path) -> None:
    damaged = _with_nan(f32_gguf, "output_norm.weight", tmp_path / "nan.gguf")
    (answer,) = llama.generate(damaged, prompts[:1], 12, [IM_END], **CPU)
    assert answer == llama.Generation(ids=[], stop_id=None, other_eog=[], finite=False)


def test_scores_that_are_not_finite_are_nan(f32_gguf: Path, rows: list[Row], reference: Path, tmp_path: Path) -> None:
    scores = llama.score(_with_nan(f32_gguf, "output_norm.weight", tmp_path / "nan.gguf"), rows, reference, **CPU)
    assert np.isnan(scores.kl).all()
    assert np.isnan(scores.nll).all()
    assert not scores.same_top.any()


TEXTS = [
    "hello world",
    "",
    "が行のテスト、、、",
    "<|im_start|>user\nこんにちは<|im_end|>\n",
    "👨\u200d👩\u200d👧\r\n\u3000Ａ",
]


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_model)


def test_tokenizes_as_hugging_face(q4_gguf: Path, tokenizer: Any) -> None:
    expected = [tokenizer(text)["input_ids"] for text in TEXTS]
    assert llama.tokenize(q4_gguf, TEXTS, parse_special=True) == expected


def test_control_strings_are_text_on_demand(q4_gguf: Path) -> None:
    as_text, as_token = (llama.tokenize(q4_gguf, ["<|im_end|>"], parse_special=special)[0] for special in (False, True))
    assert as_token == [IM_END]
    assert len(as_text) > 1


def test_decomposed_text_differs_from_hugging_face(q4_gguf: Path, tokenizer: Any) -> None:
    """Qwen's tokenizer normalises to NFC and llama.cpp does not: why every text is normalised before."""
    assert llama.tokenize(q4_gguf, ["e\u0301"], parse_special=True) != [tokenizer("e\u0301")["input_ids"]]


def test_vocabulary(q4_gguf: Path) -> None:
    found = llama.vocabulary(q4_gguf)
    assert (found.num_tokens, found.eos, found.add_bos) == (151_936, IM_END, False)
    assert found.eog == {128_247, 151_643, IM_END, 151_662, 151_663, 151_664}
    assert llama.eog_tokens(q4_gguf) == found.eog


@pytest.mark.parametrize(
    ("number", "error", "said"),
    [
        (signal.SIGABRT, LlamaFailed, r"q4\.gguf: llama\.cpp died of SIGABRT"),
        (signal.SIGKILL, EnvironmentProblem, r"q4\.gguf: was ended from outside, as it is where memory runs out"),
    ],
)
def test_a_child_that_dies_is_an_error_that_names_the_file(
    q4_gguf: Path, tmp_path: Path, number: signal.Signals, error: type[Exception], said: str
) -> None:
    file = tmp_path / "q4.gguf"
    file.symlink_to(q4_gguf)

    def end_child(done: int, total: int) -> None:
        for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            if b"llama_worker" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), number)

    with pytest.raises(error, match=said):
        llama.generate(file, [[1, 2, 3]] * 4, 4, [IM_END], **CPU, progress=end_child)


def test_a_file_larger_than_allowed_is_the_machines_problem(f32_gguf: Path, tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from jobs.engines.gguf import llama_tools\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "try: llama_tools.quantize(Path(sys.argv[1]), Path(sys.argv[2]), 'Q8_0')\n"
        "except llama_tools.EnvironmentProblem as problem: print(problem)"
    )
    words = [sys.executable, "-c", code, str(f32_gguf), str(tmp_path / "out.gguf")]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=True)
    assert "llama-quantize: a file would be larger than `ulimit -f` allows" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-5000], "cannot load it:.*\n.*not within the file bounds"),
        (lambda data: b"GGML" + data[4:], "cannot load it:\n.*invalid magic"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(damage: Any, message: str, q4_gguf: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(damage(q4_gguf.read_bytes()))
    with pytest.raises(LlamaFailed, match=rf"damaged\.gguf: llama\.cpp {message}"):
        llama.generate(damaged, [[1]], 1, [IM_END], **CPU)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LlamaFailed, match=r"none\.gguf: no such file"):
        llama.vocabulary(tmp_path / "none.gguf")


def test_a_tool_that_fails_leaves_no_file_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.gguf").touch()
    with pytest.raises(llama_tools.ToolFailed, match=r"llama-quantize ended with exit code 1:\n"):
        llama_tools.quantize(tmp_path / "empty.gguf", tmp_path / "out.gguf", "Q4_K_M")
    with pytest.raises(llama_tools.ToolFailed, match=r"convert_hf_to_gguf\.py ended with exit code 1:\n"):
        llama_tools.convert(tmp_path, tmp_path / "out.gguf")
    assert [path.name for path in tmp_path.iterdir()] == ["empty.gguf"]


def test_the_converter_starts_where_a_scripts_own_folder_is_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONSAFEPATH", "1")  # as in the image
    with pytest.raises(llama_tools.ToolFailed, match=r"config\.json"):
        llama_tools.convert(tmp_path, tmp_path / "out.gguf")


def _patched(gguf: Path, key: str, layout: str, value: float) -> bytearray:
    """The file with another number under `key` of its header."""
    data = bytearray(gguf.read_bytes())
    struct.pack_into(layout, data, data.index(key.encode()) + len(key) + 4, value)
    return data


def _with_nan(gguf: Path, tensor: str, out: Path) -> Path:
    data = bytearray(gguf.read_bytes())
    struct.pack_into("<f", data, gguf_file.read(gguf).tensors[tensor].offset, float("nan"))
    out.write_bytes(data)
    return out
