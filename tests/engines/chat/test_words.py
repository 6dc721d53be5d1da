"""What `chat` and `serve` understand, and what they say of the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.core.errors import Refusal
from jobs.engines.chat import words


def test_what_is_not_said_is_as_it_was_measured() -> None:
    asked = words.read("chat", ["run.name=mine", "run.folder=some/where"])
    assert asked.run_dir.root == Path("some/where/mine")
    assert (asked.temperature, asked.think, asked.against_base, asked.file) == (0.0, None, False, "")
    asked = words.read("serve", [])
    assert (asked.host, asked.port, asked.context, asked.gpu_layers) == ("127.0.0.1", 8080, None, -1)


def test_what_is_said() -> None:
    given = ["experiment=demo", "file=q8_0", "context=4096", "gpu_layers=0", "against=base", "think=false", "temp=0.7"]
    asked = words.read("chat", given)
    assert asked.name == "demo"
    assert (asked.file, asked.context, asked.gpu_layers) == ("q8_0", 4096, 0)
    assert (asked.against_base, asked.think, asked.temperature) == (True, False, 0.7)
    assert words.read("serve", ["host=localhost"]).host == "127.0.0.1"
    assert words.read("serve", ["host=::1", "port=65535"]).port == 65_535


@pytest.mark.parametrize(
    ("command", "word", "said"),
    [
        ("chat", "temperature=0", "temperature: unknown word; did you mean temp=...?"),
        ("chat", "name=mine", "name: unknown word; did you mean run.name=...?"),
        ("chat", "port=1", "port: unknown word; `chat` takes run.name, run.folder, experiment, and file=..."),
        ("serve", "against=base", "against: unknown word; `serve` takes run.name"),
        ("chat", "mine", "mine: unknown word"),
        ("chat", "run.name", "run.name: unknown word; did you mean run.name=...?"),
        ("chat", "run.name=a/b", "run.name: expected 1 to 64 letters"),
        ("chat", "against=tune", "against=tune: expected base"),
        ("chat", "against=", "against=: expected base"),
        ("chat", "think=yes", "think=yes: expected true or false"),
        ("chat", "temp=warm", "temp=warm: expected a number from 0 to 5"),
        ("chat", "temp=nan", "temp=nan: expected a number from 0 to 5"),
        ("chat", "temp=-1", "temp=-1: expected a number from 0 to 5"),
        ("chat", "context=many", "context=many: expected a whole number from 256 to 10,000,000"),
        ("chat", "gpu_layers=-2", "gpu_layers=-2: expected a whole number from -1 to 10,000"),
        ("serve", "port=0", "port=0: expected a whole number from 1 to 65,535"),
        ("serve", "host=example.org", "host=example.org: expected an address: 127.0.0.1"),
    ],
)
def test_what_is_not_understood_is_named_with_the_way_out(command: str, word: str, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        words.read(command, [word])
    assert str(refused.value).startswith(said)
