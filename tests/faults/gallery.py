"""Every fault, in the order of the chain."""

from tests.faults import in_ggufs, in_recipe, in_rows, in_tokens, in_weights

FAULTS = [*in_rows.FAULTS, *in_tokens.FAULTS, *in_recipe.FAULTS, *in_weights.FAULTS, *in_ggufs.FAULTS]
