"""What `preflight` measures: counts, lengths, the tokenizer, and rows by what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from jobs.checks.preflight_folder import TokenizerFolder
from jobs.checks.preflight_thoughts import BroughtFacts
from jobs.core.errors import Refusal
from jobs.core.model import Facts, StrictModel
from jobs.core.rule import Skip
from jobs.logic.chat import lengths as measured_lengths
from jobs.logic.chat.chatml import TokenRow
from jobs.logic.chat.split_audit import SplitAudit, graded_tokens_beyond
from jobs.logic.pages.amounts import count, learning_rate, number, part
from jobs.logic.training.prompts import prompt_places

MOST_EXAMPLES = 5
CUT_LENGTHS = (512, 1024, 2048, 4096, 8192)
CONFIG_NUMBERS = (
    "vocab_size",
    "max_position_embeddings",
    "hidden_size",
    "intermediate_size",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
)


class Rows(StrictModel):
    """Rows that something holds for."""

    num: int
    examples: list[str]
    """Ids of the first few."""

    @classmethod
    def of(cls, ids: Sequence[str]) -> Rows:
        return cls(num=len(ids), examples=list(ids[:MOST_EXAMPLES]))

    def __str__(self) -> str:
        rows = count(self.num, "row")
        more = f" and {self.num - len(self.examples):,} more" if self.num > len(self.examples) else ""
        return f"{rows} ({', '.join(self.examples)}{more})" if self.examples else rows


class Offences(StrictModel):
    """Rows by what is wrong with them."""

    no_graded_tokens: Rows
    end_of_turn_not_graded: Rows
    control_token_from_content: Rows
    border_not_at_token: Rows
    answer_not_graded: Rows
    graded_elsewhere: Rows
    labels_differ: Rows
    template_differs: Rows
    encoding_differs: Rows
    prompt_not_prefix: Rows
    too_long: Rows
    lost: Rows
    """In `prepare`, not here, and not because of their length."""
    dropped: Rows
    """Left out because they are too long."""
    unknown: Rows
    """Here, but not in `prepare`, in the other split of it, or twice."""
    side_files_differ: Rows
    think_tags: Rows
    control_text_in_answer: Rows
    control_text_in_prompt: Rows

    @classmethod
    def of(cls, found: Sequence[tuple[str, str]]) -> Offences:
        """From pairs of an offence's name and a row's id."""
        ids: dict[str, list[str]] = {name: [] for name in cls.model_fields}
        for offence, name in found:
            ids[offence].append(name)
        return cls(**{offence: Rows.of(names) for offence, names in ids.items()})


class Split(StrictModel):
    """Counts of `train` or `val`."""

    num_rows_in: int
    num_rows: int
    shortest: int
    longest: int
    """Tokens of a row."""
    num_tokens: int
    num_graded_tokens: int
    num_content_tokens: int
    """Graded tokens of answers, without the template's."""
    num_prompt_tokens: int
    """Tokens before the last graded one that are not graded: what `train.prompt_loss_weight` weighs."""
    num_turns_with_block: int
    """Graded turns that open with a thinking block."""
    num_turns_without_block: int

    @classmethod
    def of(cls, audit: SplitAudit) -> Split:
        return cls(
            num_rows_in=audit.num_rows_in,
            num_rows=len(audit.rows),
            shortest=min((len(row.ids) for row in audit.rows.values()), default=0),
            longest=max((len(row.ids) for row in audit.rows.values()), default=0),
            num_tokens=sum(len(row.ids) for row in audit.rows.values()),
            num_graded_tokens=audit.num_graded("tc"),
            num_content_tokens=audit.num_graded("c"),
            num_prompt_tokens=sum(len(prompt_places(row.kinds)) for row in audit.rows.values()),
            num_turns_with_block=audit.num_turns(with_block=True),
            num_turns_without_block=audit.num_turns(with_block=False),
        )


class Cut(StrictModel):
    """What a limit on the length would cost."""

    length: int
    num_rows: int
    """Rows that would be cut, each of which would lose its stop token."""
    num_graded_tokens: int
    """Graded tokens that would be lost with them."""

    def __str__(self) -> str:
        if not self.num_rows:
            return f"{self.length}: none"
        return f"{self.length}: {count(self.num_rows, 'row')}, {count(self.num_graded_tokens, 'graded token')} lost"


class Lengths(StrictModel):
    """Lengths of all rows in tokens, dropped ones included."""

    p50: int
    p90: int
    p99: int
    longest: int
    advised: int
    """The smallest multiple of 64 that cuts no row."""
    bin_width: int
    bins: list[int]
    """Rows by length: bin `i` counts `i * bin_width` to `(i + 1) * bin_width - 1` tokens."""
    cuts: list[Cut]

    @classmethod
    def of(cls, lengths: Sequence[int], rows: Sequence[TokenRow]) -> Lengths:
        """`lengths` of all rows, `rows` those that were written."""
        width, bins = measured_lengths.histogram(lengths)
        return cls(
            p50=measured_lengths.percentile(lengths, 0.5),
            p90=measured_lengths.percentile(lengths, 0.9),
            p99=measured_lengths.percentile(lengths, 0.99),
            longest=max(lengths, default=0),
            advised=measured_lengths.advised_limit(lengths),
            bin_width=width,
            bins=bins,
            cuts=[
                Cut(
                    length=length,
                    num_rows=sum(own > length for own in lengths),
                    num_graded_tokens=graded_tokens_beyond(rows, length),
                )
                for length in CUT_LENGTHS
            ],
        )


class Tokenizer(StrictModel):
    """The tokenizer that training and every later stage use."""

    num_tokens: int
    fingerprint: str
    missing: list[str]
    """Control strings of Qwen3 that are not added tokens of it."""
    pad_is_end_of_turn: bool
    has_pad: bool
    template_as_chosen: bool
    """The chat template has the bytes that `chat.template` names."""
    num_prompts: int
    """Generation prompts of the template: 2 where `enable_thinking=False` changes it."""


class Model(StrictModel):
    """What of the base model's config the rows depend on."""

    num_embeddings: int
    context: int
    ranks: dict[str, int]
    """Linear layer of a block to the highest rank that its matrix can have: its smaller side."""

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Model:
        """From the config.json of a Qwen3. Raises Refusal where a number is missing."""
        absent = [name for name in CONFIG_NUMBERS if not isinstance(config.get(name), int)]
        if absent:
            raise Refusal(f"model/config.json: has no number {absent[0]}; fetch a model whose config is whole")
        width, inner = config["hidden_size"], config["intermediate_size"]
        asked, kept = (config[name] * config["head_dim"] for name in ("num_attention_heads", "num_key_value_heads"))
        sides = {"q_proj": asked, "k_proj": kept, "v_proj": kept, "o_proj": asked}
        sides |= {"gate_proj": inner, "up_proj": inner, "down_proj": inner}
        return cls(
            num_embeddings=config["vocab_size"],
            context=config["max_position_embeddings"],
            ranks={name: min(width, side) for name, side in sides.items()},
        )


class Update(StrictModel):
    """How hot the training would be: known before a GPU hour is spent."""

    learning_rate: float
    rank: int
    alpha: float
    rslora: bool
    target_modules: list[str]
    neftune_alpha: float
    prompt_loss_weight: float

    @property
    def scale(self) -> float:
        """What LoRA multiplies its product with: alpha / r, or alpha / sqrt(r) with rsLoRA (arXiv:2312.03732)."""
        return self.alpha / (math.sqrt(self.rank) if self.rslora else self.rank)

    @property
    def heat(self) -> float:
        """Effective scale times learning rate."""
        return self.scale * self.learning_rate

    def __str__(self) -> str:
        return self.with_heat(learning_rate(self.heat))

    def with_heat(self, heat: str) -> str:
        """How the heat, in words, comes about."""
        formula = f"{number(self.alpha)} / {f'sqrt({self.rank})' if self.rslora else self.rank}"
        rate = learning_rate(self.learning_rate)
        return f"scale {formula} = {number(self.scale)}, times learning rate {rate} = {heat}"


class PreflightFacts(Facts):
    """What was found in the folder."""

    thinking_block: Literal["empty", "none", "keep"]
    opening: str
    """What the default generation prompt already has of an answer: empty, or `<think>\\n` where it opens the block."""
    graded_turns: Literal["all", "last"]
    on_too_long: Literal["refuse", "drop"]
    max_length: int
    train: Split
    val: Split
    lengths: Lengths
    tokenizer: Tokenizer
    tokenizer_folder: TokenizerFolder
    model: Model
    update: Update | None
    """None where an adapter is adopted and nothing is trained."""
    brought: BroughtFacts
    offences: Offences

    def lines(self) -> list[tuple[str, str]]:
        """Counts, lengths, and what each limit would cost."""
        lengths = self.lengths
        return [
            *((name, _split_line(split)) for name, split in (("train", self.train), ("val", self.val))),
            (
                "row length",
                f"p50 {count(lengths.p50)}, p90 {count(lengths.p90)}, p99 {count(lengths.p99)}, longest "
                f"{count(lengths.longest, 'token')}; max_length {count(self.max_length)}, advised "
                f"{count(lengths.advised)}",
            ),
            ("would be cut at", "; ".join(map(str, lengths.cuts))),
            ("dropped as too long", count(self.offences.dropped.num)),
            ("thinking block", f"{self.thinking_block}; {self.tokenizer.num_prompts} generation prompt(s){self.opens}"),
            ("graded turns", self.graded_turns),
            *self.brought.lines(),
            ("tokenizer", f"{self.tokenizer.num_tokens:,} entries, {self.model.num_embeddings:,} rows in the model"),
            ("update", str(self.update or "none: an adapter is adopted")),
        ]

    @property
    def opens(self) -> str:
        """In words, what the default prompt has of the answer; nothing where it has nothing."""
        return f", of which the default one already has {self.opening!r} of the answer" if self.opening else ""


def _split_line(split: Split) -> str:
    share = part(split.num_graded_tokens, split.num_tokens)
    return (
        f"{count(split.num_rows)} of {count(split.num_rows_in, 'row')}, {count(split.num_tokens, 'token')} "
        f"({count(split.shortest)} to {count(split.longest)} a row), "
        f"{count(split.num_graded_tokens)} graded ({share or '-'}), {count(split.num_content_tokens)} of answers"
    )


def planned(facts: PreflightFacts) -> Update:
    """What training will use; raises Skip where nothing is trained."""
    if facts.update is None:
        raise Skip("an adapter is adopted: nothing is trained")
    return facts.update
