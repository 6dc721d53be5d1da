"""What a training was told, whoever's words it was told in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SettingsSeen:
    """One meaning a field, in this project's terms; None: not said."""

    file: str
    dialect: str
    """`kiwame`, `transformers`, `trl`, `axolotl`, `llama_factory`, `unsloth`, `script`."""
    base_model: str | None = None
    rank: int | None = None
    alpha: float | None = None
    rslora: bool | None = None
    dropout: float | None = None
    target_modules: tuple[str, ...] | None = None
    modules_to_save: tuple[str, ...] | None = None
    learning_rate: float | None = None
    scheduler: str | None = None
    warmup: float | None = None
    """Share of the steps where below 1, else steps."""
    num_epochs: float | None = None
    max_steps: int | None = None
    batch_size: int | None = None
    gradient_accumulation: int | None = None
    max_length: int | None = None
    packing: bool | None = None
    responses_only: bool | None = None
    """Whether only answers are graded."""
    instruction_part: str | None = None
    response_part: str | None = None
    """Delimiters that a mask is made with."""
    has_evaluation: bool | None = None
    eval_share: float | None = None
    eval_every: float | None = None
    best_kept: bool | None = None
    template: str | None = None
    """Name or text of a chat template."""
    eos_token: str | None = None
    pad_token: str | None = None
    dtype: str | None = None
    four_bit: bool | None = None
    seed: int | None = None
    eos_graded: bool | None = None
    """Whether the end of an answer is graded; None: as the trainer does, which grades it."""
    default_system: str | None = None
    """A system message that is added where a row has none."""
    pad_is_eos: bool | None = None
    """Whether a script makes the padding token the stop token."""
    by_default: tuple[str, ...] = ()
    """Fields that the file leaves out, whose value is the trainer's default."""
    keys: Mapping[str, str] | None = None
    """Field to the key in the file that said it, for `Place`."""
    not_understood: tuple[str, ...] = ()
    """Keys that were there and are not in these fields, or whose value is no literal."""
