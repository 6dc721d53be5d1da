"""Section D of the list of bad inputs: config and hyper-parameters, answered before anything is made."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

import jobs.__main__
from jobs.checks import train as train_checks
from jobs.core import compose, config
from jobs.train import TrainConfig
from tests.bad_inputs.conftest import Ask, Prepare
from tests.bad_inputs.good_rows import TEXT
from tests.stages import records

SECRET = "hf_" + "A1b2C3d4E5f6G7h8I9j0"
OTHER_SECRETS = ["github_pat_" + "11ABCDEFG0123456789", "https://me:hunter2@example.org/rows.jsonl"]
RATE = "train.schedule.learning_rate"
TARGETS = "train.lora.target_modules"


def the_chain(words: Sequence[str]) -> int:
    return jobs.__main__.main(["prepare", *words])


WRONG_WORDS = {
    "D82-unknown-key": ("train.schedule.learning_rat=1", [f"did you mean {RATE}"]),
    "D82-unknown-short-key": ("train.lrr=1", ["train.lrr", "unknown key; train has: ", "schedule"]),
    "D82-key-of-the-wrong-part": ("train.epochs=3", ["did you mean train.schedule.num_epochs"]),
    "D82-unknown-option": ("fetch=nowhere", ["fetch=nowhere", "no such option; there are: demo, hub, local"]),
    "D82-no-option": ("train=null", ["train=null", "no such option"]),
    "D83-wrong-type": (f"{RATE}=abc", [RATE, "expected a valid number", "got 'abc'"]),
    "D83-text-for-a-list": (f"{TARGETS}=q_proj", [TARGETS, "expected a valid list", "['q_proj']"]),
    "D83-value-for-a-part": ("train.schedule=3", ["train.schedule: holds learning_rate", f"{RATE}=value"]),
    "D83-part-for-a-part": ("run={name: x}", ["run: holds name", "run.name=value"]),
    "D83-several-values": ("train.seed=1,2", ["train.seed: expected one value"]),
    "D83-no-value": ("prepare.files=[", ["prepare.files: '[' cannot be read as a value", "`[` has no `]`"]),
    "D83-empty-folder": ("run.folder=", ["run.folder", "at least 1 character"]),
    "D83-one-of-two-types": ("prepare.workers=0", ["prepare.workers: expected greater than or equal to 1, got 0"]),
    "D84-rate-zero": (f"{RATE}=0", [RATE, "greater than 0", "got 0"]),
    "D85-rate-below-zero": (f"{RATE}=-0.001", [RATE, "greater than 0", "got -0.001"]),
    "D86-rate-a-million": (f"{RATE}=1e6", [RATE, "less than or equal to 0.1", "got 1000000.0"]),
    "D86-rate-not-a-number": (f"{RATE}=nan", [RATE, "less than or equal to 0.1", "got nan"]),
    "D87-rank-zero": ("train.lora.rank=0", ["train.lora.rank", "greater than or equal to 1", "got 0"]),
    "D87-rank-below-zero": ("train.lora.rank=-1", ["train.lora.rank", "greater than or equal to 1", "got -1"]),
    "D88-rank-10000": ("train.lora.rank=10000", ["train.lora.rank", "less than or equal to 1024", "got 10000"]),
    "D89-alpha-zero": ("train.lora.alpha=0", ["train.lora.alpha", "greater than 0", "got 0"]),
    "D90-dropout-one": ("train.lora.dropout=1.0", ["train.lora.dropout", "less than 1", "got 1.0"]),
    "D91-target-misspelt": (f"{TARGETS}=[q_porj]", [f"{TARGETS}.0", "'q_proj'", "got 'q_porj'"]),
    "D91-no-target": (f"{TARGETS}=[]", [TARGETS, "at least 1 item"]),
    "D92-one-of-two-misspelt": (f"{TARGETS}=[q_proj,k_porj]", [f"{TARGETS}.1", "'k_proj'", "got 'k_porj'"]),
    "D92-all-and-one": (f"{TARGETS}=[all-linear,q_proj]", [f"{TARGETS}.0", "got 'all-linear'"]),
    "D93-schedule-unknown": (
        "train.schedule.kind=polynomial",
        ["train.schedule.kind", "'cosine', 'linear' or 'constant'", "'polynomial'"],
    ),
    "D93-noise-below-zero": ("train.neftune_alpha=-1", ["train.neftune_alpha", "greater than or equal to 0"]),
    "D93-weight-above-one": ("train.prompt_loss_weight=1.5", ["train.prompt_loss_weight", "less than or equal to 1"]),
    "D93-no-epochs": ("train.schedule.num_epochs=0", ["train.schedule.num_epochs", "greater than 0", "got 0"]),
    "D94-batch-zero": ("train.schedule.batch_size=0", ["train.schedule.batch_size", "greater than or equal to 1"]),
    "D97-target-in-an-override": ("train._target_=os.system", ["train._target_", "config is data"]),
    "D97-target-in-a-value": ("report.title={_target_: os.system}", ["report.title", "config is data"]),
    "D97-tag-in-an-override": ("train.seed=!!python/object/apply:os.system", ["train.seed", "valid integer"]),
    "D97-key-added": ("+train.extra=1", ["keys cannot be added or removed"]),
    "D97-value-from-outside": ("report.title=${oc.env:HOME}", ["report.title", "give the value itself"]),
    "D99-name-leaves-the-folder": ("run.name=../up", ["run.name", "1 to 64 letters, digits"]),
    "D99-name-with-a-semicolon": ("run.name='a;b'", ["run.name", "1 to 64 letters, digits"]),
    "D99-name-with-a-newline": ('run.name="a\nb"', ["run.name", "1 to 64 letters, digits"]),
    "D99-name-of-300": ("run.name=" + "a" * 300, ["run.name", "1 to 64 letters, digits"]),
    "D99-no-name": ("run.name=", ["run.name", "1 to 64 letters, digits"]),
    "D99-name-like-an-option": ("run.name=-rf", ["run.name", "starting with a letter or digit"]),
    "D99-name-with-a-blank": ("run.name=名刀 極め", ["run.name", "1 to 64 letters, digits"]),
}


@pytest.mark.parametrize(("word", "parts"), WRONG_WORDS.values(), ids=WRONG_WORDS)
def test_wrong_words(word: str, parts: list[str], ask: Ask, tmp_path: Path) -> None:
    ask(the_chain, "experiment=demo", word).refused(*parts)
    assert list(tmp_path.iterdir()) == []


CONTRADICTIONS = {
    "D96-steps-and-epochs": (["train.max_steps=100"], ["train.max_steps", "unknown key"]),
    "D96-bfloat16-on-a-cpu": (["train.device=cpu", "train.dtype=bfloat16"], ["dtype=bfloat16", "train.dtype=float32"]),
    "D96-weighed-prompts-with-unsloth": (
        ["train=unsloth", "train.prompt_loss_weight=0.1"],
        ["prompt_loss_weight=0.1: backend=unsloth", "train.backend=hf"],
    ),
    "D96-noise-with-unsloth": (
        ["train=unsloth", "train.neftune_alpha=5"],
        ["neftune_alpha=5: backend=unsloth", "train.backend=hf"],
    ),
    "D96-cuda-kernels-on-a-cpu": (["train=unsloth", "train.device=cpu"], ["backend=unsloth", "train.backend=hf"]),
    "D96-rate-told-twice": (["preflight.update.learning_rate=1e-9"], [f"set {RATE} instead"]),
    "D96-template-told-twice": (["preflight.chat.thinking_block=none"], ["set chat.thinking_block instead"]),
    "D96-limit-told-twice": (["report.judged_by.train.max_heat=1"], ["report.judged_by.train"]),
    "D96-longer-than-the-model": (["preflight.max_length=100000"], ["model.length=2048", "lower preflight.max_length"]),
}


@pytest.mark.parametrize(("words", "parts"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_contradictions(words: list[str], parts: list[str], ask: Ask, tmp_path: Path) -> None:
    ask(the_chain, "experiment=demo", *words).refused(*parts)
    assert list(tmp_path.iterdir()) == []


WRONG_YAML = {
    "D97-key-twice": ("train:\n  lora:\n    rank: 4\n    rank: 8\n", ["wrong.yaml", "line 5", "duplicate key rank"]),
    "D97-part-twice": ("train:\n  seed: 1\ntrain:\n  seed: 2\n", ["wrong.yaml", "line 4", "duplicate key train"]),
    "D97-tag": ("report:\n  title: !!python/object/apply:os.system [ls]\n", ["wrong.yaml", "line 3", "os.system"]),
    "D97-target": ("train:\n  lora:\n    _target_: os.system\n", ["train.lora._target_", "config is data"]),
    "D97-not-yaml": ("train: [\n", ["wrong.yaml", "line 3"]),
    "D97-not-utf-8": (b"report:\n  title: \xff\n", ["wrong.yaml", "save it as UTF-8"]),
    "D97-not-a-mapping": ("- train\n", ["experiment/wrong"]),
    "D82-part-misspelt": ("trian:\n  seed: 1\n", ["trian", "unknown key; the config has:"]),
    "D82-key-misspelt": ("train:\n  lora:\n    rnak: 8\n", ["train.lora.rnak", "unknown key; did you mean rank"]),
    "D82-shared-key-misspelt": ("model:\n  revison: main\n", ["model.revison", "did you mean revision"]),
    "D83-commit-without-quotes": (
        "model:\n  revision: 1234567890123456789012345678901234567890\n",
        ["model.revision", "expected a valid string", "in quotes"],
    ),
    "D96-rate-told-twice": ("preflight:\n  update:\n    rank: 1\n", ["preflight.update.rank", "take it out"]),
    "D98-secret": (f"report:\n  title: {SECRET}\n", ["report.title", "looks like a secret"]),
    "D98-from-the-environment": ("report:\n  title: ${oc.env:HOME}\n", ["oc.env", "report.title"]),
}


@pytest.mark.parametrize(("text", "parts"), WRONG_YAML.values(), ids=WRONG_YAML)
def test_wrong_yaml(
    text: str | bytes, parts: list[str], ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(compose.CONF, tmp_path / "conf")
    monkeypatch.setattr(compose, "CONF", tmp_path / "conf")
    path = tmp_path / "conf/experiment/wrong.yaml"
    path.write_bytes(b"# @package _global_\n" + (text if isinstance(text, bytes) else text.encode()))
    answer = ask(the_chain, "prepare.files=[a.jsonl]", "experiment=wrong")
    answer.refused(*parts)
    assert SECRET not in answer.said
    assert [entry.name for entry in tmp_path.iterdir()] == ["conf"]


SECRETS = {
    "D98-as-a-name": f"run.name={SECRET}",
    "D98-alone": SECRET,
    "D98-by-its-key": "train.api_key=hunter2",
    "D98-in-a-list": f"prepare.files=[a.jsonl,{SECRET}]",
    "D98-as-a-waiver": f"waivers.TRN001={SECRET}",
    "D98-of-another-hub": f"report.title={OTHER_SECRETS[0]}",
    "D98-in-an-address": f"prepare.files=['{OTHER_SECRETS[1]}']",
}


@pytest.mark.parametrize("word", SECRETS.values(), ids=SECRETS)
def test_secrets_are_not_repeated(word: str, ask: Ask, tmp_path: Path) -> None:
    answer = ask(the_chain, "experiment=demo", word)
    answer.refused("environment variable")
    for secret in (SECRET, *OTHER_SECRETS, "hunter2"):
        assert secret not in answer.said
    assert list(tmp_path.iterdir()) == []


TRAINED = {
    "D86-diverged": ({"nonfinite_step": 12}, "TRN001", "fail", "step 12"),
    "D86-got-worse": ({"best_eval_loss": 7.2, "first_eval_loss": 5.8}, "TRN005", "fail", "5.8 to 7.2"),
    "D92-target-in-no-layer": ({"target_modules": {"q_proj": 28, "k_proj": 0}}, "TRN004", "fail", "k_proj"),
    "D95-batch-above-rows": ({"effective_batch": 4096}, "TRN013", "warn", "4,096 rows a step"),
}


@pytest.mark.parametrize(("changes", "code", "status", "part"), TRAINED.values(), ids=TRAINED)
def test_what_only_training_shows(changes: dict[str, object], code: str, status: str, part: str) -> None:
    limits = config.checked(TrainConfig, config.compose([])["train"], "train").limits
    facts = train_checks.TrainFacts.model_validate(records.train() | changes)
    (finding,) = (one for one in train_checks.GATE.judge(facts, limits, {}).findings if one.code == code)
    assert (finding.status, part in finding.messages[0]) == (status, True)


def test_d100_changed_config_in_the_same_run(prepare: Prepare) -> None:
    first = prepare({"rows.jsonl": TEXT})
    first.passed()
    record = first.run / "prepare/artifact.json"
    before = record.read_bytes()
    answer = prepare({"rows.jsonl": TEXT}, "prepare.seed=7", "prepare.clean.max_marks=5")
    said = ["prepare.seed is 7, it was made with 3407", "prepare.clean.max_marks is 5, it was made with 4"]
    answer.refused(*said, "redo=true", "another run.name", left=["prepare"])
    assert record.read_bytes() == before
    prepare({"rows.jsonl": TEXT + TEXT.split(b"\n")[0]}).refused("rows.jsonl is not the same", left=["prepare"])
