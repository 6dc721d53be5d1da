"""From how many answers on that match another row's prompt it is said, by the measure and by its rule."""

LEAST_SHIFTED = 5
"""Answers that match alone, at one offset: on five real sets 0, shuffled at most 3 of 21."""
