"""report: the folder it makes, certified or not, whatever is missing, and what it does with hostile text."""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from jobs import report
from jobs.checks.report import GATE, ReportFacts, ReportLimits
from jobs.core import pipeline
from jobs.core.artifact import Artifact, write_record
from tests.stages import records

PAGES = ["README.md", "SHA256SUMS", "certificate.json", "report.html"]
LOG = "training-log.jsonl"
GGUF = "model-Q4_K_M.gguf"
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Checks nesting and collects tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def config(**changed: Any) -> report.ReportConfig:
    values: dict[str, Any] = {
        "run": "test", "title": "test", "num_samples": 8, "languages": ["ja"], "license": "apache-2.0",
        "sign_with": None, "with_made_rows": False, "with_judge": False,
        "judged_by": records.limits(), "limits": ReportLimits(),
    }  # fmt: skip
    return report.ReportConfig(**values | changed)


def made(root: Path, inputs: dict[str, Artifact], **changed: Any) -> tuple[Path, ReportFacts]:
    out = root / "report"
    out.mkdir(parents=True)
    return out, report.run(config(**changed), inputs, out)


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def statuses(facts: ReportFacts) -> list[str]:
    verdict = GATE.judge(facts, ReportLimits(), {})
    return [code for code, status in verdict.statuses.items() if status != "pass"]


@pytest.fixture
def good(tmp_path: Path) -> tuple[Path, ReportFacts]:
    return made(tmp_path, records.build(tmp_path))


def test_certified_run(good: tuple[Path, ReportFacts]) -> None:
    out, facts = good
    assert names(out) == sorted([*PAGES, "Modelfile", GGUF, LOG])
    assert facts.certified
    assert statuses(facts) == []
    assert facts.closing == [f"certified: {{run}}/report/{GGUF}", "talk to it: {chat}", "serve it: {serve}"]
    assert report.check(out)[1] == []
    assert (out / GGUF).samefile(out.parent / "quantize" / GGUF)


def test_page_is_one_file_that_loads_nothing(good: tuple[Path, ReportFacts]) -> None:
    text = (good[0] / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not page.tags & {"script", "link", "img", "iframe", "object", "form"}
    assert not [
        value for name, value in page.attributes if name in ("src", "srcset") or (name == "href" and value[0] != "#")
    ]
    assert not re.search(r"url\(|@import", text)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.text.count("Certified") == 1


def test_page_tells_the_story(good: tuple[Path, ReportFacts]) -> None:
    page = Page((good[0] / "report.html").read_text(encoding="utf-8"))
    for part in ("97.3%", "長雨を越えて、実りの秋", "hashtags", "limit 512", "step 177", good[1].chain_digest):
        assert part in page.text, part
    shown = {value.removeprefix("stage-") for name, value in page.attributes if name == "id" and "stage-" in value}
    assert shown == set(pipeline.USUAL[:-1])


def test_lengths_are_told_as_trained_and_measured(good: tuple[Path, ReportFacts]) -> None:
    trained = (
        "Trained on rows of 71 to 548 tokens. With other documents in front, prompts of up to 1,096 tokens hold: of 16 "
        "at 1,051 to 1,096 tokens, 100% of the answers end by themselves, agreement 0.610, 0.640 at their own length. "
        "Longer prompts do not hold: with other documents in front, at 2,150 to 2,192 tokens 100% of 16 answers end by "
        "themselves, agreement 0.310, 0.640 at their own length."
    )
    why = "1,160 tokens: prompts held up to 1,096 tokens, and an answer may take 64"
    text = (good[0] / "README.md").read_text(encoding="utf-8")
    assert f"\n- {trained}\n- `num_ctx` in the `Modelfile` is {why}.\n" in text
    assert "512" not in text
    modelfile = (good[0] / "Modelfile").read_text(encoding="utf-8")
    assert f"# num_ctx is {why}.\n" in modelfile
    assert modelfile.endswith("PARAMETER num_ctx 1160\n")
    page = Page((good[0] / "report.html").read_text(encoding="utf-8")).text
    assert trained in page
    assert "1,096 tokens" in page


def test_nothing_is_told_of_lengths_that_were_not_asked(tmp_path: Path) -> None:
    none = {"num_rows": 0, "found": [], "longest_prompt": 0}
    nothing = {"verify": {"lengths": records.verify()["lengths"] | none}}
    out, _ = made(tmp_path, records.build(tmp_path, nothing))
    text = (out / "README.md").read_text(encoding="utf-8")
    assert (
        "\n- Trained on rows of 71 to 548 tokens. Longer prompts were not measured: no held-out prompt could be "
        "stretched.\n- The certificate"
    ) in text
    assert "num_ctx" not in (out / "Modelfile").read_text(encoding="utf-8")


def test_sampling_that_travels_is_named_and_switched_off(good: tuple[Path, ReportFacts]) -> None:
    said = "The GGUF itself asks for penalty_repeat 1.05, temp 0.6, top_k 20, from the base model's generation config"
    text = (good[0] / "README.md").read_text(encoding="utf-8")
    assert said.replace("_", r"\_") in text
    assert "--temp 0 --repeat-penalty 1\n" in text
    assert said in Page((good[0] / "report.html").read_text(encoding="utf-8")).text


def test_page_shows_the_data(good: tuple[Path, ReportFacts]) -> None:
    page = Page((good[0] / "report.html").read_text(encoding="utf-8"))
    told = " ".join(page.text.split())
    for part in (
        "rows read1,964100%", "unfit41221.0%", "rows kept1,40571.5%", "hashtags26813.6%",
        "t-12 · data/titles.jsonl:12assistant: #天気 #港 🌾", "nfc442.2%", "e-mail40.3%", "ja1,38698.6%",
        "天気42410620.0%", "data/会話.parquet", "parquet · sharegpt · 310.0 kB", "train 1,124validation 281",
    ):  # fmt: skip
        assert part in told, part


def test_hostile_rows_stay_text(good: tuple[Path, ReportFacts]) -> None:
    text = (good[0] / "report.html").read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;" in text
    assert "&lt;b&gt;太字&lt;/b&gt;" in text
    assert "&lt;script&gt;alert(&#39;dropped&#39;)&lt;/script&gt;" in text


def test_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    folders = [made(tmp_path / name, records.build(tmp_path / name))[0] for name in ("a", "b")]
    for name in names(folders[0]):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name


def test_only_provenance_shows_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = made(tmp_path / "a", records.build(tmp_path / "a"))[0]
    monkeypatch.setattr(records, "MADE_BY", records.MADE_BY | {"seconds": 99.9, "started": "2027-01-01T00:00:00Z"})
    second = made(tmp_path / "b", records.build(tmp_path / "b"))[0]
    pages = [
        re.sub(r'(?s)<section id="provenance">.*?</section>', "", (one / "report.html").read_text())
        for one in (first, second)
    ]
    assert pages[0] == pages[1]
    assert (first / "README.md").read_bytes() == (second / "README.md").read_bytes()


def test_model_card_is_one_that_hubs_read(good: tuple[Path, ReportFacts]) -> None:
    from huggingface_hub import ModelCard

    text = (good[0] / "README.md").read_text(encoding="utf-8")
    data = ModelCard(text).data.to_dict()
    assert data["base_model"] == "Qwen/Qwen3-0.6B"
    assert data["license"] == "apache-2.0"
    assert data["language"] == ["ja"]
    assert data["pipeline_tag"] == "text-generation"
    assert "Unicode NFC" in text
    assert "1,964 rows were read and 1,405 kept: 1,124 to train on, 281 held out. Dropped were 559: unfit 412" in text
    assert text.split("---\n", 2)[2].lstrip().startswith("> **Certified.**")


@pytest.mark.parametrize("until", pipeline.USUAL[:-2])
def test_unfinished_run_is_told_and_not_certified(until: str, tmp_path: Path) -> None:
    out, facts = made(tmp_path, records.build(tmp_path, until=until))
    log = [LOG] if pipeline.USUAL.index(until) >= pipeline.USUAL.index("train") else []
    assert names(out) == sorted([*PAGES, *log, *(["Modelfile", GGUF] if until == "quantize" else [])])
    assert not facts.certified
    assert statuses(facts) == ["CRT001"]
    assert "Not certified" in Page((out / "report.html").read_text(encoding="utf-8")).text
    assert "> **NOT CERTIFIED.**" in (out / "README.md").read_text(encoding="utf-8").split("---\n", 2)[2][:40]
    assert report.check_command([str(out)]) == 3


def test_nothing_at_all_is_told(tmp_path: Path) -> None:
    out, facts = made(tmp_path, {})
    assert names(out) == PAGES
    assert facts.missing == list(pipeline.USUAL[:-1])


def test_failed_gate_comes_first(tmp_path: Path) -> None:
    changed = {"train": {"best_eval_loss": 2.7, "restored_eval_loss": 2.7}}
    out, facts = made(tmp_path, records.build(tmp_path, changed, until="train"))
    assert statuses(facts) == ["CRT001", "CRT002"]
    assert facts.failed == {"train": ["TRN005 nothing-learnt"]}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.index("TRN005") < page.index('class="chain"')
    assert "the least is 2.0%" in page
    assert "TRN005" in (out / "README.md").read_text(encoding="utf-8")


def test_not_a_number_is_shown_as_such(tmp_path: Path) -> None:
    behaviours = records.smoke()["behaviours"]
    behaviours[2]["stop_rate"] = float("nan")
    out, facts = made(tmp_path, records.build(tmp_path, {"smoke": {"behaviours": behaviours}}, until="smoke"))
    assert "smoke" in facts.failed
    assert "not a number" in (out / "report.html").read_text(encoding="utf-8")


def rewrite(artifact: Artifact, **changed: Any) -> Artifact:
    write_record(artifact.root, artifact.record.model_copy(update=changed))
    return Artifact.open(artifact.root)


def test_ancestor_made_again_is_a_stale_link(tmp_path: Path) -> None:
    inputs = records.build(tmp_path)
    inputs["train"] = rewrite(inputs["train"], facts=inputs["train"].record.facts | {"num_steps": 214})
    _, facts = made(tmp_path, inputs)
    assert set(facts.stale) == {"smoke", "merge", "verify"}
    assert "CRT003" in statuses(facts)


def test_waiver_is_shown_everywhere(tmp_path: Path) -> None:
    changed = {"merge": {"adapter_files": ["adapter_config.json"]}}
    inputs = records.build(tmp_path, changed, waivers={"MRG009": "kept <for> the archive"})
    out, facts = made(tmp_path, inputs)
    assert facts.waivers == {"MRG009": "kept <for> the archive"}
    assert facts.certified
    assert statuses(facts) == ["CRT007"]
    assert "kept &lt;for&gt; the archive" in (out / "report.html").read_text(encoding="utf-8")
    assert r"kept \<for\> the archive" in (out / "README.md").read_text(encoding="utf-8")


def test_limits_that_are_not_the_defaults_are_shown_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    limits = records.limits()
    limits["smoke"]["min_agreement_gain"] = -0.5
    out, facts = made(tmp_path, records.build(tmp_path), judged_by=limits)
    usual = records.limits()["smoke"]["min_agreement_gain"]
    assert facts.changed_limits == {"smoke.limits.min_agreement_gain": f"-0.5, by default {usual}"}
    assert facts.certified
    assert statuses(facts) == ["CRT008"]
    for name in ("report.html", "README.md"):
        text = (out / name).read_text(encoding="utf-8")
        assert "smoke.limits.min_agreement_gain" in text
        assert f"by default {usual}" in text
    assert report.check_command([str(out)]) == 0
    assert f"limit changed: smoke.limits.min_agreement_gain: -0.5, by default {usual}" in capsys.readouterr().out


def test_limits_that_do_not_give_the_verdict_are_found(tmp_path: Path) -> None:
    limits = records.limits()
    limits["smoke"]["min_agreement_gain"] = 0.99
    _, facts = made(tmp_path, records.build(tmp_path), judged_by=limits)
    assert facts.misjudged == [
        "smoke: its verdict is pass, the limits beside it give fail",
        "smoke: GEN007: is pass in its verdict, the facts and limits beside it give fail",
    ]
    assert "CRT005" in statuses(facts)


@pytest.mark.parametrize("name", ["fetch/model/model.safetensors", "train/log.jsonl", f"quantize/{GGUF}"])
def test_changed_file_is_found(name: str, tmp_path: Path) -> None:
    inputs = records.build(tmp_path)
    (tmp_path / name).write_text("changed, not even JSON")
    _, facts = made(tmp_path, inputs)
    assert any(problem.startswith(f"{name}: ") for problem in facts.changed)
    assert "CRT004" in statuses(facts)


def test_missing_gguf_is_found(tmp_path: Path) -> None:
    inputs = records.build(tmp_path)
    (tmp_path / "quantize" / GGUF).unlink()
    out, facts = made(tmp_path, inputs)
    assert GGUF not in names(out)
    assert {"CRT004", "CRT006"} <= set(statuses(facts))


def test_facts_of_another_version_do_not_stop_the_report(tmp_path: Path) -> None:
    inputs = records.build(tmp_path, until="train")
    inputs["train"] = rewrite(inputs["train"], facts={"old": 1})
    out, facts = made(tmp_path, inputs)
    assert facts.misjudged
    assert "another version" in (out / "report.html").read_text(encoding="utf-8")


TAMPERED = {
    "flipped GGUF": lambda out: (out / GGUF).write_bytes(b"GGUF q5"),
    "page": lambda out: (out / "report.html").write_text("Certified"),
    "sums": lambda out: (out / "SHA256SUMS").unlink(),
    "added": lambda out: (out / "more.gguf").write_text("x"),
    "certificate": lambda out: (out / "certificate.json").write_text("{}"),
    "other run": lambda out: edit(out, "chain_digest", "0" * 64),
}


def edit(out: Path, key: str, value: str) -> None:
    data = json.loads((out / "certificate.json").read_text())
    data[key] = value
    (out / "certificate.json").write_text(json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


@pytest.mark.parametrize("what", TAMPERED)
def test_measure_sees_what_is_in_the_folder(what: str, tmp_path: Path) -> None:
    inputs = records.build(tmp_path)
    out = tmp_path / "report"
    out.mkdir()
    report.make(config(), inputs, out)
    (out / GGUF).unlink()
    (out / GGUF).write_bytes((tmp_path / "quantize" / GGUF).read_bytes())
    assert report.measure(config(), inputs, out).certified
    TAMPERED[what](out)
    facts = report.measure(config(), inputs, out)
    assert not facts.certified
    assert facts.closing == []
    assert "CRT006" in statuses(facts)


def test_certificate_of_another_run_is_found(tmp_path: Path) -> None:
    inputs = records.build(tmp_path)
    out, _ = made(tmp_path, inputs)
    inputs["verify"] = rewrite(inputs["verify"], facts=inputs["verify"].record.facts | {"blame": "x"})
    facts = report.measure(config(), inputs, out)
    assert "certificate.json: verify is not the one in the run" in facts.folder


def test_copy_where_a_link_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def across(source: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", across)
    out, facts = made(tmp_path, records.build(tmp_path))
    assert facts.certified
    assert (out / GGUF).stat().st_nlink == 1


def test_the_headline_explains_and_is_not_the_first_in_order(tmp_path: Path) -> None:
    behaviours = [
        one | {"agreement": 0.19, "empty_rate": 1 / 67, "num_rows": 67} for one in records.smoke()["behaviours"]
    ]
    warned = {"num_contradictory": 900, "left_aside": [], "byte_order_marks": [], "lone_returns": []}
    changed = {"smoke": {"behaviours": behaviours}, "prepare": warned}
    out, facts = made(tmp_path, records.build(tmp_path, changed, until="smoke"))
    assert facts.failed == {"smoke": ["GEN004 empty-answers", "GEN007 no-better-than-base"]}
    page = (out / "report.html").read_text(encoding="utf-8")
    told = page[page.index('class="stop"') : page.index('class="chain"')]
    assert told.index("GEN007") < told.index("DAT013") < told.index("GEN004")
    assert "1.5% of 67 answers are empty, the most is 1.0%; the base model: 1.5%" in told
    assert "the gain 0 must be at least +0.020" in told
    assert "**GEN007** at `smoke`" in (out / "README.md").read_text(encoding="utf-8")
