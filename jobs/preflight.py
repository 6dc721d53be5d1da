"""Tokenize and mask every row once, and look.

Reads `fetch` (the tokenizer and its chat template) and `prepare` (the conversations), and of `synth` the rows to train
on where it was chosen. Makes `train.jsonl` and `val.jsonl`, the rows token by token with a label each, exactly as
training takes them; `prompts.jsonl` and `answers.jsonl`, what later stages ask and compare with; `tokenizer/` and
`stops.json`, what is shipped; and `preview.html`, which a person reads.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from jobs.checks.preflight import GATE, PreflightLimits
from jobs.checks.preflight_facts import Lengths, Model, Offences, PreflightFacts, Split, Tokenizer, Update
from jobs.checks.preflight_folder import TokenizerFolder
from jobs.checks.preflight_thoughts import BroughtFacts
from jobs.core import chain, config, memory, terminal
from jobs.core.artifact import Inputs
from jobs.core.errors import Exit, Refusal
from jobs.core.model import StageConfig, StrictModel
from jobs.core.provenance import file_digest
from jobs.core.room import require_space
from jobs.core.run_dir import RunDir
from jobs.core.stage import stage_main
from jobs.logic.chat.chatml import Chat
from jobs.logic.chat.delimiters import Delimiter
from jobs.logic.chat.preview import EXAMPLES, Shown, described, terminal_lines
from jobs.logic.chat.split_audit import Rules
from jobs.logic.chat.token_rows import Conversation
from jobs.logic.estimating import disk
from jobs.logic.pages import preview_page
from jobs.logic.parity import quant_sizes
from jobs.logic.parity.quant_types import asked_types
from jobs.logic.training import targets

if TYPE_CHECKING:
    from jobs.engines.models.tokenizer import ChatTokenizer

SPLITS = ("train", "val")

MOST_PREVIEWED = 2000
"""Rows of a file that a preview without a run looks at."""


class ChatConfig(StrictModel):
    """How conversations become rows."""

    template: str
    """`model`, or the path of a Jinja file, relative to the project."""
    thinking_block: Literal["empty", "none", "keep"]
    """What an answer's thinking block is; `keep`: rows bring their own."""
    grade_thinking_block: bool
    graded_turns: Literal["all", "last"]
    grade_end_of_turn: bool


class PreviewConfig(StrictModel):
    """Which rows a person is shown."""

    num_random: int = Field(ge=0, le=50)
    terminal_rows: int = Field(ge=0, le=53)
    seed: int


class RenderConfig(StrictModel):
    """How much a chat template may take: it is a program that came with a model."""

    seconds: float = Field(gt=0)
    """For one conversation."""
    mean_seconds: float = Field(gt=0)
    """For each conversation on average."""
    megabytes: int = Field(ge=64)
    added_characters: int = Field(ge=1)
    """That it may write besides what it was given, for each message."""


class UpdateConfig(StrictModel):
    """What training will use."""

    learning_rate: float = Field(gt=0)
    rank: int = Field(ge=1)
    alpha: float = Field(gt=0)
    rslora: bool
    target_modules: Annotated[list[str], BeforeValidator(targets.resolved)]
    neftune_alpha: float = Field(ge=0)
    prompt_loss_weight: float = Field(ge=0, le=1)
    adopts: bool
    """Nothing is trained: the rest is not looked at."""


class ShipsConfig(StrictModel):
    """What `quantize` will be asked for, which says what is wrong with it."""

    types: list[str] | str
    max_file_bytes: int | None


class PreflightConfig(StageConfig):
    """`conf/preflight`."""

    beside_key: ClassVar[frozenset[str]] = frozenset({"limits", "render", "ships", "with_made_rows"})
    chat: ChatConfig
    model_length: Annotated[int, Field(ge=1)] | Literal["auto"]
    """Tokens that the model was trained to attend to; auto: what its config.json says, which TOK011 looks at."""
    max_length: int = Field(ge=8)
    """In tokens."""
    on_too_long: Literal["refuse", "drop"]
    update: UpdateConfig
    preview: PreviewConfig
    ships: ShipsConfig
    render: RenderConfig
    with_made_rows: bool
    """Whether `synth` made rows to train on, which the artifact's inputs say."""
    limits: PreflightLimits

    def beside(self) -> frozenset[str]:
        return self.beside_key | (frozenset({"update"}) if self.update.adopts else frozenset())

    def takes(self) -> frozenset[str]:
        return frozenset({"synth"} if self.with_made_rows else ())

    @model_validator(mode="after")
    def _within_the_model(self) -> PreflightConfig:
        if self.model_length != "auto" and self.max_length > self.model_length:
            raise ValueError(
                f"max_length={self.max_length} is more than the model was trained to attend to, "
                f"model.length={self.model_length}; lower preflight.max_length"
            )
        return self

    @property
    def layout(self) -> Chat:
        """The part of the config that lays out rows."""
        chat = self.chat
        return Chat(chat.thinking_block, chat.grade_thinking_block, chat.graded_turns, chat.grade_end_of_turn)

    @property
    def most_tokens(self) -> int | None:
        """Of a row that is not left out; None where none is."""
        return self.max_length if self.on_too_long == "drop" else None


def run(cfg: PreflightConfig, inputs: Inputs, out: Path) -> PreflightFacts:
    make(cfg, inputs, out)
    return measure(cfg, inputs, out)


def make(cfg: PreflightConfig, inputs: Inputs, out: Path) -> None:
    """Write the files. A row that is too long is left out only where the config says so."""
    from jobs.engines.models import chat_rows, tokenizer_folder
    from jobs.engines.models.tokenizer import delimiters

    rows_bytes = sum(path.stat().st_size for path in sides(inputs))
    require_space(out, disk.ROWS_TOKENIZED * rows_bytes + disk.TOKENIZER)
    template = tokenizer_folder.template_file(cfg.chat.template, inputs["fetch"])
    tokenizer_folder.copy(inputs["fetch"], template, out / "tokenizer")
    tokenizer = tokenizer_folder.load(out / "tokenizer", cfg.chat.template, template, cfg.render)
    stops = tokenizer.stops(cfg.chat.thinking_block)
    layout = chat_rows.layout(tokenizer, cfg.layout)
    train, val = (chat_rows.made_rows(tokenizer, rows, layout, cfg.most_tokens) for rows in splits(inputs))
    chat_rows.write(tokenizer, stops, train, val, out)
    shown = chat_rows.shown_rows(tokenizer, train, cfg.preview.num_random, cfg.preview.seed)
    counts = [("rows", f"{len(train):,} to train on, {len(val):,} held out")]
    write_page(cfg, out / "preview.html", "What will be trained on", counts, delimiters(tokenizer, cfg.layout), shown)
    for line in terminal_lines(shown[: cfg.preview.terminal_rows], colour=sys.stderr.isatty()):
        terminal.say(line)


def measure(cfg: PreflightConfig, inputs: Inputs, out: Path) -> PreflightFacts:
    """Read the folder again and hold every row against the template and against what `prepare` made."""
    from jobs.engines.models import chat_rows, model_config, tokenizer_folder
    from jobs.engines.models.tokenizer import inspect

    template = tokenizer_folder.template_file(cfg.chat.template, inputs["fetch"])
    tokenizer = tokenizer_folder.load(out / "tokenizer", cfg.chat.template, template, cfg.render)
    drops = cfg.most_tokens is not None
    layout = chat_rows.layout(tokenizer, cfg.layout)
    rules = Rules(layout, cfg.max_length, drops, tokenizer.added, tokenizer.has_control_text)
    train, val = (
        chat_rows.audited(tokenizer, rows, out / f"{split}.jsonl", rules)
        for split, rows in zip(SPLITS, splits(inputs), strict=True)
    )
    as_chosen = tokenizer_folder.same(out / "tokenizer", template)
    stops = tokenizer.stops(cfg.chat.thinking_block)
    differing = chat_rows.differing_side_files(tokenizer, stops, train, val, out)
    return PreflightFacts(
        thinking_block=cfg.chat.thinking_block,
        opening=layout.opening,
        graded_turns=cfg.chat.graded_turns,
        on_too_long=cfg.on_too_long,
        max_length=cfg.max_length,
        train=Split.of(train),
        val=Split.of(val),
        lengths=Lengths.of([*train.lengths, *val.lengths], [*train.rows.values(), *val.rows.values()]),
        tokenizer=Tokenizer(**inspect(tokenizer), template_as_chosen=as_chosen),
        tokenizer_folder=TokenizerFolder(**tokenizer_folder.inspect(out / "tokenizer")),
        model=Model.of(model_config.values(inputs["fetch"].folder("model"), str(inputs["fetch"].root))),
        update=None if cfg.update.adopts else Update(**cfg.update.model_dump(exclude={"adopts"})),
        brought=BroughtFacts.of(len(train.rows) + len(val.rows), train.brought, val.brought),
        offences=Offences.of([*train.offences, *val.offences, *(("side_files_differ", one) for one in differing)]),
    )


def splits(inputs: Inputs) -> Iterator[list[Conversation]]:
    """The conversations of each of SPLITS."""
    from jobs.engines.models import chat_rows

    for path in sides(inputs):
        yield chat_rows.conversations(path)


def sides(inputs: Inputs) -> list[Path]:
    """The files of SPLITS: those to train on are `synth`'s where it made some."""
    train = inputs.get("synth", inputs["prepare"])
    return [train.file("train.jsonl"), inputs["prepare"].file("val.jsonl")]


def write_page(
    cfg: PreflightConfig,
    path: Path,
    title: str,
    counts: Sequence[tuple[str, str]],
    found: Sequence[Delimiter],
    shown: Sequence[Shown],
) -> None:
    """The page that a person reads."""
    said = [*counts, ("chat", described(cfg.chat.template, cfg.layout)), *weighed(cfg.update.prompt_loss_weight)]
    path.write_text(preview_page.page(title, said, found, shown), encoding="utf-8")


def weighed(prompt_loss_weight: float) -> list[tuple[str, str]]:
    """What the page says of tokens that are not graded and count in the loss all the same; nothing where none does."""
    if not prompt_loss_weight:
        return []
    others = f"the tokens before the last graded one count {prompt_loss_weight:g} each, graded ones 1"
    return [("prompt loss", f"{others} (train.prompt_loss_weight)")]


def outside(cfg: PreflightConfig) -> dict[str, str]:
    """A template of our own comes from outside the run."""
    from jobs.engines.models.tokenizer_folder import MODELS_OWN, own_template

    if cfg.chat.template == MODELS_OWN:
        return {}
    return {f"chat template {cfg.chat.template}": file_digest(own_template(cfg.chat.template))}


def foresight(cfg: PreflightConfig, inputs: Inputs) -> None:
    """Raises Refusal for a limit on files that the model's largest tensor, or its vocabulary, cannot keep: before it is
    trained."""
    most = cfg.ships.max_file_bytes
    if most is None:
        return
    facts, quants = inputs["fetch"].record.facts, asked_types(cfg.ships.types)
    names = ("vocab_size", "hidden_size", "intermediate_size")
    sizes = quant_sizes.Sizes(**{name: int(facts["sizes"][name]) for name in names}, tied=bool(facts["tied"]))
    needed = quant_sizes.least(sizes, quants)
    tokenizer = json.loads(inputs["fetch"].file("model/tokenizer.json").read_text(encoding="utf-8"))
    metadata = quant_sizes.Least(quants[0], "the metadata", quant_sizes.vocabulary_bytes(tokenizer, sizes.vocab_size))
    for one in (needed, metadata):
        if one.num_bytes > most:
            enough = max(needed.num_bytes, metadata.num_bytes + quant_sizes.OTHER_KEYS)
            raise Refusal(quant_sizes.too_small(most, one, enough))


main = stage_main("preflight", PreflightConfig, run, GATE, outside=outside, foresight=foresight)


def preview(words: Sequence[str]) -> int:
    """`python -m jobs preview key=value ...`: which tokens would be graded, for any model, before anything is made.

    The tokenizer is the run's own where `fetch` made one for this `model.id`, else it comes from where `fetch` would
    take it. The rows come from `prepare.files`; without them two conversations are made up. Writes `preview.html`
    into the run's folder.
    """
    recalled = memory.recall(words)
    composed = config.compose(recalled.words)
    if recalled.line:
        terminal.say(recalled.line)
    cfg, named = main.slice(composed), config.run_config(composed)
    run_dir = RunDir(Path(named.folder) / named.name)
    from jobs.engines.models import chat_rows, tokenizer_folder

    where = tokenizer_folder.previewed(composed["fetch"]["source"], composed["model"]["id"], run_dir)
    tokenizer = tokenizer_folder.look_at(where, composed["model"]["revision"], cfg.chat.template, cfg.render)
    rows = EXAMPLES if composed["prepare"]["files"] == "???" else raw_conversations(composed)
    found = shown_delimiters(tokenizer, cfg)
    made = chat_rows.made_rows(tokenizer, rows, chat_rows.layout(tokenizer, cfg.layout), cfg.most_tokens)
    shown = chat_rows.shown_rows(tokenizer, made, cfg.preview.num_random, cfg.preview.seed)
    print("\n".join(terminal_lines(shown, colour=sys.stdout.isatty())))
    run_dir.root.mkdir(parents=True, exist_ok=True)
    page = run_dir.root / "preview.html"
    counts = [("tokenizer", str(where)), ("rows", f"{len(made):,} looked at")]
    write_page(cfg, page, "Which tokens would be graded", counts, found, shown)
    terminal.say(f"preview: {page}")
    wrong = [one.name for one in found if not one.matches]
    if wrong:
        raise Refusal(
            f"the template and the rows differ {', '.join(wrong)}; choose the chat option that fits the model"
        )
    return Exit.PASSED


def shown_delimiters(tokenizer: ChatTokenizer, cfg: PreflightConfig) -> list[Delimiter]:
    """The template's delimiters beside the rows', shown as a table; raises Refusal where rows cannot be made."""
    from jobs.engines.models.tokenizer import delimiters

    found = delimiters(tokenizer, cfg.layout)
    terminal.table("delimiters", ("where", "the template", "the rows", ""), [one.cells for one in found])
    tokenizer.stops(cfg.chat.thinking_block)
    return found


def raw_conversations(composed: Mapping[str, Any]) -> list[Conversation]:
    """The first rows of `prepare.files` as they are; what is no conversation is left to `prepare` to refuse."""
    from jobs.engines.rows import passes, sources as row_sources

    prepare = chain.load("prepare").slice(composed).model_dump()
    sources = row_sources.sources(
        prepare["files"], "prepare.files", prepare["encoding"], row_sources.Inside.of(prepare)
    )
    rows = passes.first(sources.files, passes.FileOptions.of(prepare), MOST_PREVIEWED)
    return [Conversation(row.id, row.as_dict()["messages"]) for row in rows]


if __name__ == "__main__":
    sys.exit(main())
