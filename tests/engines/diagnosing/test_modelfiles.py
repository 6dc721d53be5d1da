"""A Modelfile: what it says, and what its template makes of prompts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.engines.diagnosing import modelfiles
from jobs.logic.diagnosing import causes_modelfile as causes
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.tokens_seen import TokenizerSeen
from jobs.logic.pages import modelfile
from tests.logic.diagnosing.model_evidence import quant

PROMPT = (
    "<|im_start|>system\nmark-of-system<|im_end|>\n<|im_start|>user\nmark-of-user<|im_end|>\n<|im_start|>assistant\n"
)
OLD_STYLE = (
    "{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}{{ if .Prompt }}<|im_start|>user\n"
    "{{ .Prompt }}<|im_end|>\n{{ end }}<|im_start|>assistant\n{{ .Response }}<|im_end|>\n"
)
ALPACA = "{{ .System }}\n\n### Instruction:\n{{ .Prompt }}\n\n### Response:\n"


def tokenizer(prompt: str) -> TokenizerSeen:
    """One whose template lays the prompt out so."""
    nothing: dict[str, Any] = dict.fromkeys(TokenizerSeen.__dataclass_fields__)
    known = {
        "folder": "merged",
        "rendered": {"prompt": prompt},
        "template_error": "",
        "template_from": "merged/x.jinja",
    }
    return TokenizerSeen(**(nothing | known))


def seen(folder: Path, text: str) -> Evidence:
    (folder / "model-Q4_K_M.gguf").write_bytes(b"GGUF")
    (folder / "Modelfile").write_text(text, encoding="utf-8")
    return Evidence(modelfile=modelfiles.read(folder / "Modelfile"), tokenizer=tokenizer(PROMPT))


def test_ours_is_right(tmp_path: Path) -> None:
    evidence = seen(tmp_path, modelfile.modelfile("model-Q4_K_M.gguf", "", 2048, ["a note"]))
    found = evidence.modelfile
    assert found is not None
    assert found.stops == ("<|im_end|>", "<|endoftext|>")
    assert found.parameters["num_ctx"] == "2048"
    assert found.rendered["prompt"] == PROMPT
    assert [one(evidence).certainty.value for one in ASKED] == ["ruled out"] * 3


ASKED = (causes.modelfile_without_stop, causes.modelfile_of_another_template, causes.modelfile_of_another_model)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            f'FROM ./model-Q4_K_M.gguf\nTEMPLATE """{OLD_STYLE}"""\nPARAMETER stop "<|im_end|>"\n',
            "ruled out, ruled out",
        ),
        (f'FROM ./model-Q4_K_M.gguf\nTEMPLATE """{OLD_STYLE}"""\n', "consistent with, ruled out"),
        (f'FROM qwen3\nTEMPLATE """{ALPACA}"""\nPARAMETER stop "<|im_end|>"\n', "ruled out, consistent with"),
        (f'FROM ./model-Q4_K_M.gguf\nTEMPLATE """{ALPACA}"""\nPARAMETER stop "<|im_end|>"\n', "ruled out, proven"),
        ("FROM ./model-Q4_K_M.gguf\n", "consistent with, not checked"),
        (
            'FROM ./model-Q4_K_M.gguf\nTEMPLATE """{{ template "x" . }}"""\nPARAMETER stop "<|im_end|>"\n',
            "ruled out, not checked",
        ),
    ],
)
def test_stops_and_template(tmp_path: Path, text: str, says: str) -> None:
    evidence = seen(tmp_path, text)
    assert ", ".join(one(evidence).certainty.value for one in ASKED[:2]) == says


@pytest.mark.parametrize(
    ("base", "alone", "beside"),
    [
        ("./gone.gguf", "not checked", "proven"),
        ("/elsewhere/gone.gguf", "not checked", "consistent with"),
        ("~/gone.gguf", "not checked", "consistent with"),
        ("/elsewhere/model-Q4_K_M.gguf", "not checked", "consistent with"),
        ("qwen3:0.6b", "not checked", "consistent with"),
        ("./model-Q4_K_M.gguf", "ruled out", "ruled out"),
    ],
)
def test_from_another_model(tmp_path: Path, base: str, alone: str, beside: str) -> None:
    evidence = seen(tmp_path, f"FROM {base}\n")
    assert causes.modelfile_of_another_model(evidence).certainty.value == alone
    given = replace(evidence, ggufs=(quant(file=str(tmp_path / "model-Q4_K_M.gguf")),))
    assert causes.modelfile_of_another_model(given).certainty.value == beside


def test_the_home_folder_is_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    evidence = seen(tmp_path, "FROM ~/model-Q4_K_M.gguf\n")
    assert causes.modelfile_of_another_model(evidence).certainty.value == "ruled out"


@pytest.mark.parametrize(
    ("eos", "says"), [("<|im_end|>", "consistent with"), ("<|endoftext|>", "proven"), ("", "consistent with")]
)
def test_a_stop_string_is_missed_where_the_file_does_not_stop_by_itself(tmp_path: Path, eos: str, says: str) -> None:
    evidence = seen(tmp_path, f'FROM ./model-Q4_K_M.gguf\nTEMPLATE """{OLD_STYLE}"""\n')
    given = replace(evidence, ggufs=(quant(file=str(tmp_path / "model-Q4_K_M.gguf"), eos_text=eos),))
    assert causes.modelfile_without_stop(given).certainty.value == says


def test_the_bases_template_proves_nothing(tmp_path: Path) -> None:
    evidence = seen(tmp_path, f'FROM ./model-Q4_K_M.gguf\nTEMPLATE """{ALPACA}"""\n')
    evidence = replace(evidence, base_tokenizer=evidence.tokenizer, tokenizer=None)
    assert causes.modelfile_of_another_template(evidence).certainty.value == "consistent with"


@pytest.mark.parametrize("data", [b"", b"TEMPLATE x\n", b"\xff\xfe FROM x"])
def test_what_is_none_is_refused_in_one_line(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "Modelfile").write_bytes(data)
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        modelfiles.read(tmp_path / "Modelfile")
