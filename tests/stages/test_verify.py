"""verify: what it writes, that it finds what was swapped on the way, and that its gate looks at the folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs import smoke, verify
from jobs.checks.verify import GATE
from jobs.core import config
from jobs.core.artifact import Artifact, listing
from jobs.core.provenance import ROOT
from jobs.engines.gguf import llama_tools
from jobs.smoke import SmokeConfig
from jobs.verify import VerifyConfig
from tests import gguf_tamper
from tests.stages import small_run

Lines = list[dict[str, Any]]
WORDS = [
    "smoke.device=cpu", "smoke.num_rows=3", "smoke.min_new_tokens=6", "smoke.answer_factor=0.1",
    "verify.device=cpu", "verify.max_tokens=80", "verify.noise_rows=2", "verify.num_resamples=200",
    "verify.num_threads=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def inputs(root: Path) -> dict[str, Artifact]:
    found = small_run.build(root)
    cfg = config.checked(SmokeConfig, config.compose(WORDS)["smoke"], "smoke")
    (root / "smoke").mkdir()
    facts = smoke.run(cfg, found, root / "smoke")
    return found | small_run.ship(root) | {"smoke": small_run.publish(root, "smoke", facts.model_dump(mode="json"))}


@pytest.fixture(scope="module")
def cfg() -> VerifyConfig:
    return config.checked(VerifyConfig, config.compose(WORDS)["verify"], "verify")


@pytest.fixture(scope="module")
def made(cfg: VerifyConfig, inputs: dict[str, Artifact], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("verify")
    verify.make(cfg, inputs, out)
    return out


def statuses(cfg: VerifyConfig, inputs: dict[str, Artifact], out: Path) -> dict[str, str]:
    return dict(GATE.judge(verify.measure(cfg, inputs, out), cfg.limits, {}).statuses)


def test_it_writes_five_files_and_leaves_no_scratch(made: Path) -> None:
    assert listing(made) == ["failures.json", "generations.jsonl", "lengths.jsonl", "rows.jsonl", "templates.json"]


def test_facts_of_a_random_model(cfg: VerifyConfig, inputs: dict[str, Artifact], made: Path) -> None:
    facts = verify.measure(cfg, inputs, made)
    assert facts.asked == ["merged", "F16", "Q4_K_M"]
    assert (facts.num_missing, facts.failures) == (0, {})
    assert 40 <= facts.num_tokens <= 80
    merged, f16, q4 = facts.parities
    assert [one.artifact for one in facts.parities] == facts.asked
    assert facts.effect > 0.1
    assert facts.noise < 1e-8
    assert merged.kl_mean < 1e-8
    assert merged.kl_mean < f16.kl_mean < 1e-4
    assert f16.retention > 0.999 > q4.retention > 0.5
    assert q4.retention_low <= q4.retention <= q4.retention_high
    assert facts.reference_nll > 5
    assert [(one.model, one.prompt, one.num_rows) for one in facts.behaviours] == [
        (model, prompt, 3) for model in ("F16", "Q4_K_M") for prompt in ("default", "no_thinking")
    ]
    assert facts.same_text["F16"] >= 0.5
    assert "quantizing to Q4_K_M took" in facts.blame
    assert set(facts.samples[0].texts) >= {"F16", "Q4_K_M", "tuned"}
    (template,) = facts.templates
    assert (template.file, template.failure, template.num_rows) == ("model-Q4_K_M.gguf", None, small_run.NUM_ROWS)
    assert (template.num_differing, template.num_untrained, template.num_typed) == (0, 0, 0)
    assert template.num_equal == 3 * (template.num_rows + template.num_probes)
    assert (template.num_asked, template.other_tokens) == (6, [])
    found = statuses(cfg, inputs, made)
    assert {found[code] for code in ("PAR001", "PAR002", "PAR003", "PAR004", "PAR006", "PAR007", "PAR010")} == {"pass"}
    assert {found[f"PAR02{number}"] for number in range(4)} == {"pass"}
    assert found["PAR008"] == "fail"


def read(folder: Path, name: str) -> Lines:
    return [json.loads(line) for line in (folder / name).open(encoding="utf-8")]


def with_kl(artifact: str, change: Callable[[float], float | None]) -> Callable[[Lines], Lines]:
    return lambda lines: [
        line | {"kl": line["kl"] | {artifact: [change(one) for one in line["kl"][artifact]]}} for line in lines
    ]


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("rows.jsonl", with_kl("base", lambda one: 1e-7), "PAR001"),
        ("rows.jsonl", with_kl("merged", lambda one: 1e-6), "PAR002"),
        ("rows.jsonl", with_kl("F16", lambda one: 1.0), "PAR003"),
        ("rows.jsonl", with_kl("Q4_K_M", lambda one: None), "PAR004"),
        ("rows.jsonl", with_kl("Q4_K_M", lambda one: 1.0), "PAR005"),
        ("rows.jsonl", lambda lines: lines[1:], "PAR007"),
        ("generations.jsonl", lambda lines: lines[1:], "PAR007"),
        ("generations.jsonl", lambda lines: [one | {"text": ""} for one in lines], "PAR013"),
    ],
)
def test_the_gate_sees_what_is_in_the_folder(
    cfg: VerifyConfig,
    inputs: dict[str, Artifact],
    made: Path,
    tmp_path: Path,
    name: str,
    change: Callable[[Lines], Lines],
    code: str,
) -> None:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    small_run.write_lines(tmp_path / name, change(read(made, name)))
    assert statuses(cfg, inputs, tmp_path)[code] == "fail"


def test_a_quant_of_the_base_is_found(cfg: VerifyConfig, inputs: dict[str, Artifact], tmp_path: Path) -> None:
    (tmp_path / "quantize").mkdir()
    llama_tools.convert(inputs["fetch"].folder("model"), tmp_path / "base.gguf", "f32")
    llama_tools.quantize(tmp_path / "base.gguf", tmp_path / "quantize/model-Q8_0.gguf", "Q8_0")
    (tmp_path / "verify").mkdir()
    swapped = inputs | {"quantize": small_run.publish(tmp_path, "quantize")}
    facts = verify.run(cfg, swapped, tmp_path / "verify")
    quant = facts.parities[-1]
    assert (quant.artifact, quant.retention) == ("Q8_0", pytest.approx(0, abs=0.05))
    finding = next(one for one in GATE.judge(facts, cfg.limits, {}).failing if one.code == "PAR005")
    assert "F16 is right: it was lost by quantizing to Q8_0; the next larger type to try is F16" in finding.messages[0]


def test_a_quant_with_another_template_is_found(
    cfg: VerifyConfig, inputs: dict[str, Artifact], made: Path, tmp_path: Path
) -> None:
    own = inputs["preflight"].file("tokenizer/chat_template.jinja").read_text(encoding="utf-8")
    shutil.copytree(inputs["quantize"].root, tmp_path / "quantize")
    other = (ROOT / "conf/chat/templates/plain.jinja").read_text(encoding="utf-8")
    other = other.replace("message.content", "message.content|trim")
    gguf_tamper.replace_template(tmp_path / "quantize/model-Q4_K_M.gguf", own, other)
    shutil.copytree(made, tmp_path / "verify")
    swapped = inputs | {"quantize": small_run.publish(tmp_path, "quantize")}

    verify.write_templates(cfg, swapped, tmp_path / "verify", [])
    facts = verify.measure(cfg, swapped, tmp_path / "verify")

    (template,) = facts.templates
    assert template.num_differing > 0
    assert template.failure is None
    found = {one.code: one.messages[0] for one in GATE.judge(facts, cfg.limits, {}).failing}
    assert "PAR021" in found
    assert "PAR022" not in found


def test_templates_that_were_not_run_are_missed(
    cfg: VerifyConfig, inputs: dict[str, Artifact], made: Path, tmp_path: Path
) -> None:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    (tmp_path / "templates.json").write_text("{}")
    assert statuses(cfg, inputs, tmp_path)["PAR020"] == "fail"


def test_a_truncated_gguf_and_a_merge_of_nothing(
    cfg: VerifyConfig, inputs: dict[str, Artifact], tmp_path: Path
) -> None:
    (tmp_path / "quantize").mkdir()
    whole = inputs["quantize"].file("model-Q4_K_M.gguf").read_bytes()
    (tmp_path / "quantize/model-Q4_K_M.gguf").write_bytes(whole[: len(whole) // 2])
    shutil.copytree(inputs["fetch"].root, tmp_path / "merge", ignore=shutil.ignore_patterns("artifact.json"))
    (tmp_path / "verify").mkdir()
    swapped = inputs | {stage: small_run.publish(tmp_path, stage) for stage in ("quantize", "merge")}
    facts = verify.run(cfg, swapped, tmp_path / "verify")
    assert list(facts.failures) == ["Q4_K_M"]
    assert str(tmp_path) not in facts.failures["Q4_K_M"]
    assert facts.num_missing == 0
    found = GATE.judge(facts, cfg.limits, {}).statuses
    assert {found[code] for code in ("PAR002", "PAR006", "PAR007")} == {"fail"}
    assert found["PAR003"] == "pass"
