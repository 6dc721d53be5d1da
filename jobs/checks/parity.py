"""What one artefact keeps of the fine-tune, by its logits, and the words for it."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.core.model import StrictModel
from jobs.core.rule import Measured
from jobs.logic.pages.amounts import beside, nats, percent


class Parity(StrictModel):
    """One artefact against the reference on held-out answers, teacher-forced; divergences in nats a token."""

    artifact: str
    """`merged`, `F16`, `Q4_K_M`, ..."""
    num_rows: int
    num_tokens: int
    kl_mean: float
    kl_p99: float
    same_top: float
    """Share of tokens where both models put the same one first."""
    retention: float
    """How much of the fine-tune's effect is left: 1 - KL(reference || artefact) / KL(reference || base)."""
    retention_low: float
    retention_high: float
    """The ends of its 95 % interval, a bootstrap over prompts."""
    nll: float
    """Mean loss on the true answers, nats a token."""
    nonfinite: int
    """Tokens whose logits were not all numbers."""

    def in_words(self) -> str:
        return (
            f"keeps {percent(self.retention)} ({percent(self.retention_low)} to {percent(self.retention_high)}), "
            f"KL {nats(self.kl_mean)} (p99 {nats(self.kl_p99)}), same top token {percent(self.same_top)}"
        )

    def too_little_kept(self, least: float, blame: str, words: Sequence[str] = ()) -> Measured:
        """The message of a rule whose least the lower end of the interval does not reach."""
        low, shown = beside(self.retention_low, least, percent)
        text = (
            f"{self.artifact} keeps {percent(self.retention)} of what training changed (95% interval {low} to "
            f"{percent(self.retention_high)}), the least of its lower end is {shown}; {blame}"
        )
        return Measured(text, self.retention_low, least, worst=0.0, words=words)
