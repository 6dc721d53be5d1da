"""Section C of the list of bad inputs: tokenizers, templates and masks that would train on something else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

from jobs.checks import convert as convert_checks
from jobs.convert import ConvertConfig
from jobs.core import chain, config
from jobs.core.artifact import Artifact
from tests.bad_inputs.conftest import Answer, Ask
from tests.stages import records
from tests.stages.small_run import publish, write_lines

Change = Callable[[Path], object]
CONFIG = {
    "model_type": "qwen3", "vocab_size": 151_936, "max_position_embeddings": 1024, "hidden_size": 256,
    "intermediate_size": 512, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 64,
}  # fmt: skip
FEW = ["preflight.limits.max_dropped_share=0.5"]
MADE = ["fetch", "preflight", "prepare"]
DROP = ["preflight.on_too_long=drop"]


def conversation(name: str, prompt: str, answer: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    return {"id": name, "source": None, "messages": messages}


TRAIN = [conversation(f"t{number}", f"題名を付けて。{number}", f"氷の朝 {number}") for number in range(10)]
VAL = [conversation(f"v{number}", f"題名を付けて。{number + 50}", f"霜の朝 {number}") for number in range(2)]
LONG = conversation("long", "長い記事。" * 100, "短い題")
EMPTY = [conversation(row["id"], row["messages"][0]["content"], "") for row in TRAIN]


@pytest.fixture
def preflight(qwen3_tokenizer_folder: Path, ask: Ask, tmp_path: Path) -> Callable[..., Answer]:
    """The stage's command on a model folder that was changed, and on rows."""

    def asked(words: Sequence[str], rows: Sequence[dict[str, Any]] = TRAIN, change: Change | None = None) -> Answer:
        run = tmp_path / "runs/bad"
        model = run / "fetch/model"
        shutil.copytree(qwen3_tokenizer_folder, model)
        (model / "config.json").write_text(json.dumps(CONFIG))
        if change:
            change(model)
        (run / "prepare").mkdir()
        write_lines(run / "prepare/train.jsonl", list(rows))
        write_lines(run / "prepare/val.jsonl", VAL)
        for stage in ("fetch", "prepare"):
            publish(run, stage)
        return ask(chain.load("preflight"), "preflight.max_length=256", *words)

    return asked


def in_json(name: str, **changes: Any) -> Change:
    def change(model: Path) -> None:
        data = json.loads((model / name).read_text(encoding="utf-8"))
        (model / name).write_text(json.dumps(data | changes), encoding="utf-8")

    return change


def without(name: str) -> Change:
    return lambda model: (model / name).unlink()


def other_family(model: Path) -> None:
    """Qwen3's control tokens over another vocabulary."""
    path = model / "tokenizer.json"
    added = json.loads(path.read_text(encoding="utf-8"))["added_tokens"]
    letters = {chr(code): code for code in range(256)}
    tokenizer = Tokenizer(models.BPE(letters, [], byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [token | {"id": 256 + place} for place, token in enumerate(added)]
    path.write_text(json.dumps(data), encoding="utf-8")


def other_control_tokens(model: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        text = (model / name).read_text(encoding="utf-8")
        (model / name).write_text(text.replace("<|im_", "<|xx_"), encoding="utf-8")


FAILED = {
    "C71-prompt-longer": ([], [*TRAIN, LONG], None, ["TOK009", "max_length 256", "(long)", "advised is"]),
    "C71-too-many-dropped": (DROP, [*TRAIN, LONG, {**LONG, "id": "l2"}], None, ["TOK009", "2 rows (long, l2)"]),
    "C71-all-dropped": (
        [*DROP, *FEW, "preflight.max_length=8"], [LONG], None,
        ["TOK001", "train has no rows", "TOK025", "val has no rows of 2"],
    ),
    "C72-nothing-graded": ([], EMPTY, None, ["TOK001", "10 rows (t0, t1", "0 answer tokens"]),
    "C73-empty-answer": ([], [*TRAIN, {**EMPTY[0], "id": "e"}], None, ["TOK001", "1 row (e)"]),
    "C75-tokenizer-larger": (
        [], TRAIN, in_json("config.json", vocab_size=600), ["TOK012", "151,669 entries", "600 rows"],
    ),
    "C76-another-family": ([], TRAIN, other_family, ["TOK013", "fingerprint", "7d1fc39f95b11714"]),
    "C78-pad-is-the-stop": (
        [], TRAIN, in_json("tokenizer_config.json", pad_token="<|im_end|>"), ["TOK014", "pad_token is <|im_end|>"],
    ),
    "C79-longer-than-the-context": (
        [], TRAIN, in_json("config.json", max_position_embeddings=128), ["TOK011", "is 256", "is 128 tokens"],
    ),
    "D88-rank-above-the-matrix": (["train.lora.rank=129"], TRAIN, None, ["TOK023", "129", "k_proj 128, v_proj 128"]),
}  # fmt: skip


@pytest.mark.parametrize(("words", "rows", "change", "parts"), FAILED.values(), ids=FAILED)
def test_made_but_not_good(
    preflight: Callable[..., Answer],
    words: list[str],
    rows: list[dict[str, Any]],
    change: Change | None,
    parts: list[str],
) -> None:
    answer = preflight(words, rows, change)
    answer.made(3, parts, MADE)
    assert not Artifact.open(answer.run / "preflight").passed


def template(text: str) -> Change:
    return lambda model: (model / "chat_template.jinja").write_text(text, encoding="utf-8")


ENDLESS = "{% for x in range(99999) %}{% for y in range(99999) %}{% endfor %}{% endfor %}"
SOON = ["preflight.render.seconds=0.5"]
TEMPLATE = "fetch/model/chat_template.jinja: the chat template"

REFUSED = {
    "C77-template-without-an-end": (SOON, template(ENDLESS), [TEMPLATE, "0.5 s", "preflight.render.seconds"]),
    "C77-template-of-gigabytes": ([], template("{{ 'x' * 10 ** 10 }}"), [TEMPLATE, "512 MB", "render.megabytes"]),
    "C77-template-divides-by-zero": ([], template("{{ 1 / 0 }}"), [TEMPLATE, "division by zero, line 1"]),
    "C77-template-imports": ([], template("{% import 'x' as x %}"), [TEMPLATE, "no loader"]),
    "C77-template-says-no": ([], template("{{ raise_exception('not so') }}"), [TEMPLATE, "turns of user: not so"]),
    "C77-template-is-no-jinja": ([], template("{% if %}"), [TEMPLATE, "Expected an expression", "line 1"]),
    "C77-template-is-not-text": (
        [], lambda model: (model / "chat_template.jinja").write_bytes(b"\xff\xfe"),
        ["chat_template.jinja: is not UTF-8"],
    ),
    "C77-tokenizer-is-no-tokenizer": ([], in_json("tokenizer.json", model=5), ["no tokenizer can be loaded"]),
    "C76-no-control-tokens": ([], other_control_tokens, ["no added token <|im_start|>", "not Qwen3's"]),
    "C77-no-tokenizer": ([], without("tokenizer.json"), ["has no tokenizer.json", "tokenizer_config.json"]),
    "C77-no-settings": ([], without("tokenizer_config.json"), ["has no tokenizer_config.json"]),
    "C77-no-template": ([], without("chat_template.jinja"), ["has no chat_template.jinja", "chat=plain"]),
    "C77-template-not-there": (["chat.template=gone.jinja"], None, ["chat.template=gone.jinja", "no such file"]),
    "C79-longer-than-the-model": (["preflight.max_length=40000"], None, ["max_length=40000", "model.length=32768"]),
    "C80-no-length": (
        ["preflight.max_length=0"],
        None,
        ["preflight.max_length", "greater than or equal to 8", "got 0"],
    ),
    "C75-config-without-numbers": (
        [],
        in_json("config.json", vocab_size=None),
        ["config.json describes no model", "vocab_size"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("words", "change", "parts"), REFUSED.values(), ids=REFUSED)
def test_refused(preflight: Callable[..., Answer], words: list[str], change: Change | None, parts: list[str]) -> None:
    answer = preflight(words, TRAIN, change)
    answer.refused(*parts, left=["fetch", "prepare"])


GOOD = {
    "C71-one-dropped": ([*DROP, *FEW], [*TRAIN, LONG], ["dropped as too long 1"]),
    "C74-template-without-generation-markers": (["chat=plain"], TRAIN, ["preflight: pass"]),
}


@pytest.mark.parametrize(("words", "rows", "parts"), GOOD.values(), ids=GOOD)
def test_good_as_it_is(
    preflight: Callable[..., Answer], words: list[str], rows: list[dict[str, Any]], parts: list[str]
) -> None:
    answer = preflight(words, rows)
    answer.made(0, parts, MADE)
    made = [json.loads(line) for line in (answer.run / "preflight/train.jsonl").read_text().splitlines()]
    assert [row["id"] for row in made] == [row["id"] for row in TRAIN]


def test_c77_a_folder_without_a_tokenizer_is_not_fetched(ask: Ask, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps(CONFIG))
    save_file({"model.embed_tokens.weight": torch.zeros(CONFIG["vocab_size"], 2)}, model / "model.safetensors")
    answer = ask(chain.load("fetch"), "fetch=local", f"fetch.source.folder={model}")
    answer.refused("has no tokenizer; looked for tokenizer.json, vocab.json, tokenizer_config.json")


def test_c81_other_tokens_in_the_gguf() -> None:
    limits = config.checked(ConvertConfig, config.compose([])["convert"], "convert").limits
    facts = convert_checks.ConvertFacts.model_validate(records.convert() | {"texts_differing": ["row v3: EOS is lost"]})
    (finding,) = convert_checks.GATE.judge(facts, limits, {}).failing
    assert finding.code == "GGF004"
    assert "1 of 1,431 texts differ, the most is 0: row v3" in finding.messages[0]
