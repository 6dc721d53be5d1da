"""All causes, each registered where its module is loaded; in the order of the chain."""

from jobs.logic.diagnosing import (
    causes_gguf,
    causes_labels,
    causes_log,
    causes_modelfile,
    causes_overfitting,
    causes_quantizing,
    causes_recipe,
    causes_rows,
    causes_tensors,
    causes_tokens,
    causes_weights,
)
from jobs.logic.diagnosing.cause import CAUSES

MODULES = (
    causes_rows, causes_labels, causes_tokens, causes_recipe, causes_log, causes_overfitting, causes_weights,
    causes_tensors, causes_gguf, causes_quantizing, causes_modelfile,
)  # fmt: skip
__all__ = ["CAUSES", "MODULES"]
