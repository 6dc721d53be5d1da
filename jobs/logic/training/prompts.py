"""Which tokens of a row are its prompt, as far as a loss can weigh them."""

from __future__ import annotations


def prompt_places(kinds: str) -> list[int]:
    """Places of the tokens that stand before the last graded one and are not graded themselves.

    Those are the turns of system and user, the headers of all turns, and what of the assistant's the chat settings do
    not grade. The first token of a row is nobody's prediction, and what follows the last graded token asks nothing.
    """
    last = max(kinds.rfind("c"), kinds.rfind("t"))
    return [place for place in range(1, last) if kinds[place] == "p"]
