"""Tokenize and mask every row once, and look.

Reads `fetch` (the tokenizer and its chat template) and `prepare` (the conversations). Makes `train.jsonl` and
`val.jsonl`, the rows token by token with a label each, exactly as training takes them; `prompts.jsonl` and
`answers.jsonl`, what later stages ask and compare with; `tokenizer/` and `stops.json`, what is shipped; and
`preview.html`, which a person reads.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from jobs.checks.preflight import GATE, PreflightLimits
from jobs.checks.preflight_facts import Lengths, Model, Offences, PreflightFacts, Split, Tokenizer, Update
from jobs.core import chain, config, terminal
from jobs.core.artifact import Artifact, Inputs
from jobs.core.config import CONF
from jobs.core.errors import Exit, Refusal
from jobs.core.model import StageConfig, StrictModel
from jobs.core.provenance import file_digest
from jobs.core.run_dir import RunDir
from jobs.core.stage import stage_main
from jobs.logic.chat import chatml
from jobs.logic.chat.preview import EXAMPLES, Shown, chosen, chunks, terminal_lines
from jobs.logic.chat.split_audit import Rules, SplitAudit, audit_split
from jobs.logic.chat.token_rows import (
    Conversation,
    answer_line,
    conversation,
    from_data,
    json_line,
    prompt_line,
    to_data,
)
from jobs.logic.pages import preview_page

if TYPE_CHECKING:
    from jobs.engines.models.tokenizer import ChatTokenizer

SPLITS = ("train", "val")
TEMPLATE = "chat_template.jinja"
NEEDED = ("tokenizer.json", "tokenizer_config.json")
TOKENIZER_FILES = (*NEEDED, "vocab.json", "merges.txt", "added_tokens.json", "special_tokens_map.json")

MOST_PREVIEWED = 2000
"""Rows of a file that a preview without a run looks at, and bytes of a row."""


class ChatConfig(StrictModel):
    """How conversations become rows."""

    template: str
    """`model`, or the path of a Jinja file, relative to the project."""
    thinking_block: Literal["empty", "none", "keep"]
    """What an answer's thinking block is; `keep`: rows bring their own."""
    grade_thinking_block: bool
    graded_turns: Literal["all", "last"]


class PreviewConfig(StrictModel):
    """Which rows a person is shown."""

    num_random: int = Field(ge=0, le=50)
    terminal_rows: int = Field(ge=0, le=53)
    seed: int


class UpdateConfig(StrictModel):
    """What training will use."""

    learning_rate: float = Field(gt=0)
    rank: int = Field(ge=1)
    alpha: float = Field(gt=0)
    rslora: bool
    target_modules: list[str]


class PreflightConfig(StageConfig):
    """`conf/preflight`."""

    chat: ChatConfig
    model_length: int
    """Tokens that the model was trained to attend to."""
    max_length: int = Field(ge=8)
    """In tokens."""
    on_too_long: Literal["refuse", "drop"]
    update: UpdateConfig
    preview: PreviewConfig
    limits: PreflightLimits

    @model_validator(mode="after")
    def _within_the_model(self) -> PreflightConfig:
        if self.max_length > self.model_length:
            raise ValueError(
                f"max_length={self.max_length} is more than the model was trained to attend to, "
                f"model.length={self.model_length}; lower preflight.max_length"
            )
        return self


def run(cfg: PreflightConfig, inputs: Inputs, out: Path) -> PreflightFacts:
    make(cfg, inputs, out)
    return measure(cfg, inputs, out)


def make(cfg: PreflightConfig, inputs: Inputs, out: Path) -> None:
    """Write the files. A row that is too long is left out only where the config says so."""
    from jobs.engines.models.tokenizer import ChatTokenizer, delimiters, prompt_ids

    copy_tokenizer(inputs["fetch"], template_file(cfg, inputs["fetch"]), out / "tokenizer")
    tokenizer = ChatTokenizer(out / "tokenizer")
    stops = tokenizer.stops(cfg.chat.thinking_block)
    (out / "stops.json").write_text(json.dumps(stops, indent=1) + "\n", encoding="utf-8")
    train, val = (made_rows(cfg, tokenizer, conversations(inputs, split)) for split in SPLITS)
    save(out / "train.jsonl", (to_data(made.id, made.row) for made in train))
    save(out / "val.jsonl", (to_data(made.id, made.row) for made in val))
    save(out / "answers.jsonl", (answer_line(made.id, made.turns) for made in train))
    prompts = prompt_ids(tokenizer, [made.turns for made in val])
    save(out / "prompts.jsonl", (prompt_line(made.id, made.turns, ids) for made, ids in zip(val, prompts, strict=True)))
    shown = preview_rows(cfg, tokenizer, train)
    counts = [("rows", f"{len(train):,} to train on, {len(val):,} held out"), ("chat", described(cfg.chat))]
    (out / "preview.html").write_text(
        preview_page.page("What will be trained on", counts, delimiters(tokenizer, settings(cfg.chat)), shown),
        encoding="utf-8",
    )
    for line in terminal_lines(shown[: cfg.preview.terminal_rows], colour=sys.stderr.isatty()):
        terminal.say(line)


def measure(cfg: PreflightConfig, inputs: Inputs, out: Path) -> PreflightFacts:
    """Read the folder again and hold every row against the template and against what `prepare` made."""
    from jobs.engines.models.tokenizer import ChatTokenizer

    tokenizer = ChatTokenizer(out / "tokenizer")
    train, val = (audited(cfg, tokenizer, conversations(inputs, split), out / f"{split}.jsonl") for split in SPLITS)
    wrong_side_files = [("side_files_differ", place) for place in differing_side_files(cfg, tokenizer, train, val, out)]
    return PreflightFacts(
        thinking_block=cfg.chat.thinking_block,
        graded_turns=cfg.chat.graded_turns,
        on_too_long=cfg.on_too_long,
        max_length=cfg.max_length,
        train=Split.of(train),
        val=Split.of(val),
        lengths=Lengths.of([*train.lengths, *val.lengths], [*train.rows.values(), *val.rows.values()]),
        tokenizer=tokenizer_facts(cfg, tokenizer, inputs, out),
        model=Model.of(json.loads(inputs["fetch"].file("model/config.json").read_text(encoding="utf-8"))),
        update=Update(**cfg.update.model_dump()),
        offences=Offences.of([*train.offences, *val.offences, *wrong_side_files]),
    )


@dataclass(frozen=True)
class Made:
    """A row that was made, with what it was made from."""

    id: str
    turns: list[chatml.Turn]
    row: chatml.TokenRow


def save(path: Path, objects: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(map(json_line, objects))


def load(path: Path) -> list[dict[str, Any]]:
    """The objects of JSON lines."""
    with path.open(encoding="utf-8", newline="\n") as file:
        return [json.loads(one) for one in file]


def settings(chat: ChatConfig) -> chatml.Chat:
    """The part of the config that lays out rows."""
    return chatml.Chat(chat.thinking_block, chat.grade_thinking_block, chat.graded_turns)


def conversations(inputs: Inputs, split: str) -> list[Conversation]:
    """The rows of `prepare`; raises Refusal for one that is no conversation."""
    path = inputs["prepare"].file(f"{split}.jsonl")
    try:
        return [conversation(data) for data in load(path)]
    except ValueError as error:
        raise Refusal(f"{path}: {error}; run `make prepare` with redo=true") from None


def template_file(cfg: PreflightConfig, fetch: Artifact) -> Path:
    """The chosen chat template; raises Refusal where it is not there."""
    if cfg.chat.template != "model":
        return own_template(cfg)
    if f"model/{TEMPLATE}" not in fetch.record.files:
        raise Refusal(f"{fetch.root}: the model has no {TEMPLATE}; choose a template of ours, for example chat=plain")
    return fetch.file(f"model/{TEMPLATE}")


def own_template(cfg: PreflightConfig) -> Path:
    """The template that the config names by path."""
    path = CONF.parent / cfg.chat.template
    if not path.is_file():
        raise Refusal(f"chat.template={cfg.chat.template}: there is no such file; say `model` for the model's own")
    return path


def copy_tokenizer(fetch: Artifact, template: Path, into: Path) -> None:
    """Copy the tokenizer's files and the chosen template; raises Refusal where a file is missing."""
    missing = [name for name in NEEDED if f"model/{name}" not in fetch.record.files]
    if missing:
        raise Refusal(f"{fetch.root}/model: has no {' and no '.join(missing)}; a tokenizer needs {', '.join(NEEDED)}")
    into.mkdir()
    for name in TOKENIZER_FILES:
        if f"model/{name}" in fetch.record.files:
            shutil.copyfile(fetch.file(f"model/{name}"), into / name)
    shutil.copyfile(template, into / TEMPLATE)


def made_rows(cfg: PreflightConfig, tokenizer: ChatTokenizer, rows: Sequence[Conversation]) -> list[Made]:
    """The rows of a split as tokens."""
    turns = [chatml.turns(row.messages, settings(cfg.chat)) for row in rows]
    made = chatml.tokenize([chatml.row_pieces(one) for one in turns], tokenizer.added, tokenizer.encode)
    return [
        Made(source.id, laid_out, row)
        for source, laid_out, row in zip(rows, turns, made, strict=True)
        if cfg.on_too_long == "refuse" or len(row.ids) <= cfg.max_length
    ]


def audited(cfg: PreflightConfig, tokenizer: ChatTokenizer, rows: Sequence[Conversation], path: Path) -> SplitAudit:
    """The rows in `path` held against the conversations."""
    from jobs.engines.models.tokenizer import expected_rows

    chat = settings(cfg.chat)
    rules = Rules(chat, cfg.max_length, cfg.on_too_long == "drop", tokenizer.added, tokenizer.has_control_text)
    written = [from_data(data) for data in load(path)]
    expected = expected_rows(tokenizer, [chatml.turns(row.messages, chat) for row in rows])
    with terminal.progress(f"preflight: {path.stem} rows looked at", len(written)) as advance:
        return audit_split(rows, expected, written, rules, tokenizer.decode, advance)


def differing_side_files(
    cfg: PreflightConfig, tokenizer: ChatTokenizer, train: SplitAudit, val: SplitAudit, out: Path
) -> list[str]:
    """Where prompts.jsonl, answers.jsonl and stops.json are not what the rows say: `file:row`."""
    prompts = {
        name: prompt_line(name, one.turns, one.prompts) for name, one in val.expected.items() if name in val.rows
    }
    answers = {name: answer_line(name, one.turns) for name, one in train.expected.items() if name in train.rows}
    differing = []
    for name, expected in (("prompts.jsonl", prompts), ("answers.jsonl", answers)):
        lines = {line["id"]: line for line in load(out / name)}
        ids = sorted(lines.keys() | expected.keys())
        differing += [f"{name}:{one}" for one in ids if lines.get(one) != expected.get(one)]
    stops = json.loads((out / "stops.json").read_text(encoding="utf-8"))
    same = stops == tokenizer.stops(cfg.chat.thinking_block)
    return differing + ([] if same else ["stops.json"])


def tokenizer_facts(cfg: PreflightConfig, tokenizer: ChatTokenizer, inputs: Inputs, out: Path) -> Tokenizer:
    """What is known of the tokenizer as it is in the folder."""
    from jobs.engines.models.tokenizer import prompt_texts

    chosen = template_file(cfg, inputs["fetch"])
    wanted = (chatml.IM_START, chatml.IM_END, chatml.END_OF_TEXT, chatml.THINK_OPEN, chatml.THINK_CLOSE)
    return Tokenizer(
        num_tokens=tokenizer.num_tokens,
        fingerprint=tokenizer.fingerprint,
        missing=[string for string in wanted if string not in tokenizer.added],
        pad_is_end_of_turn=tokenizer.pad == tokenizer.added[chatml.IM_END],
        has_pad=tokenizer.pad is not None,
        template_as_chosen=(out / "tokenizer" / TEMPLATE).read_bytes() == chosen.read_bytes(),
        num_prompts=len(
            prompt_texts(tokenizer, [chatml.Turn(role, "", None, False, False) for role in ("user", "assistant")])
        ),
    )


def preview_rows(cfg: PreflightConfig, tokenizer: ChatTokenizer, made: Sequence[Made]) -> list[Shown]:
    """The rows that a person is shown."""
    from jobs.engines.models.tokenizer import prompt_ids

    by_id = {one.id: one for one in made}
    lengths = {one.id: len(one.row.ids) for one in made}
    picked = chosen(lengths, cfg.preview.num_random, cfg.preview.seed)
    prompts = prompt_ids(tokenizer, [by_id[name].turns for name, _ in picked])
    return [
        Shown(name, why, chunks(by_id[name].row, tokenizer.added, tokenizer.decode), [len(ids) for ids in some])
        for (name, why), some in zip(picked, prompts, strict=True)
    ]


def described(chat: ChatConfig) -> str:
    """The chat settings in words."""
    graded = "graded" if chat.grade_thinking_block else "not graded"
    block = {"none": "no thinking block", "empty": f"empty thinking block, {graded}", "keep": f"own thoughts, {graded}"}
    template = "the model's own template" if chat.template == "model" else chat.template
    return f"{template}; {block[chat.thinking_block]}; answers graded: {chat.graded_turns}"


def outside(cfg: PreflightConfig) -> dict[str, str]:
    """A template of our own comes from outside the run."""
    if cfg.chat.template == "model":
        return {}
    return {f"chat template {cfg.chat.template}": file_digest(own_template(cfg))}


main = stage_main("preflight", PreflightConfig, run, GATE, outside=outside)


def preview(words: Sequence[str]) -> int:
    """`python -m jobs preview key=value ...`: which tokens would be graded, for any model, before anything is made.

    The tokenizer is the run's own where `fetch` made one for this `model.id`, else it comes from where `fetch` would
    take it. The rows come from `prepare.files`; without them two conversations are made up. Writes `preview.html`
    into the run's folder.
    """
    composed = config.compose(words)
    cfg, run_dir = main.slice(composed), run_folder(composed)
    tokenizer = previewed_tokenizer(cfg, composed, run_dir)
    from jobs.engines.models.tokenizer import delimiters

    found = delimiters(tokenizer, settings(cfg.chat))
    rows = [
        (one.name, *map(shown_delimiter, (one.found, one.ours)), "pass" if one.matches else "fail") for one in found
    ]
    terminal.table("delimiters", ("where", "the template", "the rows", ""), rows)
    tokenizer.stops(cfg.chat.thinking_block)
    has_files = composed["prepare"]["files"] != "???"
    made = made_rows(cfg, tokenizer, raw_conversations(composed) if has_files else EXAMPLES)
    shown = preview_rows(cfg, tokenizer, made)
    print("\n".join(terminal_lines(shown, colour=sys.stdout.isatty())))
    run_dir.root.mkdir(parents=True, exist_ok=True)
    page = run_dir.root / "preview.html"
    counts = [("tokenizer", tokenizer.name), ("chat", described(cfg.chat)), ("rows", f"{len(made):,} looked at")]
    page.write_text(preview_page.page("Which tokens would be graded", counts, found, shown), encoding="utf-8")
    terminal.say(f"preview: {page}")
    wrong = [one.name for one in found if not one.matches]
    if wrong:
        raise Refusal(
            f"the template and the rows differ {', '.join(wrong)}; choose the chat option that fits the model"
        )
    return Exit.PASSED


def run_folder(composed: Mapping[str, Any]) -> RunDir:
    """The folder of the run that the config names."""
    run = config.run_config(composed)
    return RunDir(Path(run.folder) / run.name)


def previewed_tokenizer(cfg: PreflightConfig, composed: Mapping[str, Any], run_dir: RunDir) -> ChatTokenizer:
    """The tokenizer with the chosen template; raises Refusal where there is none to be had."""
    source, model, fetched = composed["fetch"]["source"], composed["model"], run_dir.artifact("fetch")
    where: Path | str = model["id"]
    if source["kind"] == "local":
        where = Path(source["folder"])
        if not where.is_dir():
            raise Refusal(f"fetch.source.folder={where}: is not a folder")
    elif fetched is not None and fetched.record.key.config["id"] == model["id"]:
        where = fetched.file("model/tokenizer.json").parent
    elif source["kind"] != "hub":
        raise Refusal(f"{run_dir.root / 'fetch'}: is missing; run `make fetch` first")
    from jobs.engines.models.tokenizer import ChatTokenizer

    own = None if cfg.chat.template == "model" else own_template(cfg).read_text(encoding="utf-8")
    try:
        tokenizer = ChatTokenizer(where, model["revision"], own)
    except (OSError, ValueError) as error:
        raise Refusal(f"{where}: no tokenizer could be loaded ({str(error).splitlines()[0]})") from None
    if tokenizer.template is None:
        raise Refusal(f"{where}: has no chat template; choose one of ours, for example chat=plain")
    return tokenizer


def raw_conversations(composed: Mapping[str, Any]) -> list[Conversation]:
    """The first rows of `prepare.files` as they are; what is no conversation is left to `prepare` to refuse."""
    from jobs.engines.rows import passes, sources as row_sources

    prepare = chain.load("prepare").slice(composed).model_dump()
    sources = row_sources.sources(prepare["files"], "prepare.files", prepare["encoding"])
    rows = passes.first(sources.files, passes.FileOptions.of(prepare), MOST_PREVIEWED)
    return [Conversation(row.id, row.as_dict()["messages"]) for row in rows]


def shown_delimiter(text: str | None) -> str:
    return "not found" if text is None else text.replace("\n", "⏎")


if __name__ == "__main__":
    sys.exit(main())
