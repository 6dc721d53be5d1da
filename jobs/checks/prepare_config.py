"""What `prepare` is told: its slice of the config, and the options that it stands for."""

from __future__ import annotations

from typing import ClassVar, Literal

from jobs.checks.prepare import PrepareLimits
from jobs.core.model import Count, Several, Share, SomeShare, StageConfig, StrictModel, Times, TrueShare
from jobs.logic.form.options import FormOptions
from jobs.logic.rows.options import SplitOptions

Allowed = Literal[
    "mojibake",
    "template-header",
    "hashtags",
    "label",
    "role-label",
    "bracket-tag",
    "markup-tag",
    "repeated-character",
    "repeated-phrase",
    "refusal",
    "copied-prompt",
    "cut-off",
]


class TurnsConfig(StrictModel):
    last_user: Literal["refuse", "trim"]
    same_role: Literal["refuse", "join"]
    first_assistant: Literal["refuse", "keep", "system", "cut"]


class CleanConfig(StrictModel):
    mojibake: Literal["mend", "drop"]
    invisible: Literal["strip", "keep", "drop"]
    control_characters: Literal["refuse", "strip"]
    secrets: Literal["drop", "redact", "keep"]
    personal: Literal["keep", "redact", "drop"]
    allow: list[Allowed]
    """Reasons that rows are not dropped for, where the task is to write such things."""
    max_marks: Count
    max_characters: Count
    max_phrases: Several


class SetConfig(StrictModel):
    form: Literal["drop", "keep"]
    language: str
    """`auto`, `any`, or the code of the language that answers must be in."""
    min_characters: Count | None
    max_characters: Count | None
    min_odd_share: Share
    min_odd_rows: Count
    max_odd_share: Share
    main_language_share: Share
    length_spread: Times

    def options(self) -> FormOptions:
        return FormOptions(**self.model_dump())


class DuplicatesConfig(StrictModel):
    near: Literal["drop", "keep"]
    threshold: SomeShare
    answer_threshold: Share
    boilerplate_share: SomeShare


class EvaluationConfig(StrictModel):
    files: list[str]
    overlap: Literal["drop", "keep"]


class SplitConfig(StrictModel):
    val_fraction: TrueShare
    max_val_rows: Count
    stratify: Literal["label", "none"]
    previous: str | None
    """The `prepare` folder of an earlier run, whose held-out rows stay held out."""

    def options(self, seed: int) -> SplitOptions:
        return SplitOptions(self.val_fraction, self.max_val_rows, self.stratify == "label", seed)


class BelongingConfig(StrictModel):
    """How rows are asked whether their answers are their prompts'."""

    num_rows: Count
    """Looked at: all, or blocks of neighbours from all over the set."""
    num_permutations: Several
    max_p: SomeShare
    min_displaced: SomeShare


class PrepareConfig(StageConfig):
    beside_key: ClassVar[frozenset[str]] = frozenset({"limits", "workers"})

    files: list[str]
    encoding: str
    shape: Literal["auto", "messages", "sharegpt", "alpaca", "prompt_completion", "text"]
    columns: dict[str, str]
    """Our name of a column to the file's."""
    field: str | int | None
    """The key under which the rows of a JSON file stand that is one object."""
    sheet: str | int | None
    """Of an Excel workbook; a name such as 2024 is read as a number."""
    header_row: Count | None
    """The line of a table from which on its header stands, where titles stand above it."""
    roles: dict[str, Literal["user", "assistant", "system"]]
    """The file's name of a speaker to ours."""
    pairs: Literal["refuse", "preferred"]
    max_bad_fraction: Share
    max_row_bytes: Count
    max_file_bytes: Count
    turns: TurnsConfig
    clean: CleanConfig
    set: SetConfig
    duplicates: DuplicatesConfig
    evaluation: EvaluationConfig
    belonging: BelongingConfig
    split: SplitConfig
    seed: int
    workers: Count | Literal["auto"]
    limits: PrepareLimits
