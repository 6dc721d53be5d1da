"""A file of row losses is read by its line ends, whatever the names of its rows hold."""

from __future__ import annotations

import json

from jobs.logic.training import row_losses


def test_names_with_other_line_separators() -> None:
    ids = ["a\u2028b", "c\u0085d"]
    first = {"ids": ids, "sources": ["s\u2029t", None], "content_tokens": [2, 3], "template_tokens": [1, 1]}
    entry = {"step": 4, "content": [1.0, 2.0], "template": [0.5, 0.5]}
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in (first, entry))
    found = row_losses.read(text)
    assert found.ids == tuple(ids)
    assert found.steps == (4,)
    assert found.nll["content"] == ((1.0, 2.0),)
