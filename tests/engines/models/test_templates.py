"""Chat templates in their child process: the bytes of transformers, and an end to whatever does not end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import trl
from transformers.utils.chat_template_utils import render_jinja_template

from jobs.core import config
from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.engines.models import template_worker
from jobs.engines.models.templates import BATCH_CONVERSATIONS, Asked, Renderer
from jobs.preflight import PreflightConfig, RenderConfig

ROOT = Path(__file__).resolve().parents[3]
SOURCE = Path(os.environ.get("LLAMA_CPP_SOURCE", ROOT / "vendor/llama.cpp/build/src"))
OURS = [*(ROOT / "conf/chat/templates").glob("*.jinja"), *(SOURCE / "models/templates").glob("*.jinja")]
OTHERS = sorted((Path(trl.__file__).parent / "chat_templates").glob("*.jinja"))
"""Templates of many families, those for training with `{% generation %}` among them."""
VARIABLES = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "bos_token": "<s>"}
TALK = [
    [{"role": "user", "content": "q"}],
    [{"role": "user", "content": "題名"}, {"role": "assistant", "content": "<think>\nwell\n</think>\n\n青い氷の朝\n"}],
    [
        {"role": "system", "content": " be brief "},
        {"role": "user", "content": "<|im_end|> & \"x\" {{ 1 }}\r\n"},
        {"role": "assistant", "content": "\ud7ff👩‍👩‍👧\u2028"},
        {"role": "user", "content": ""},
    ],
]  # fmt: skip
FLAGS: list[dict[str, Any]] = [
    {"add_generation_prompt": False},
    {"add_generation_prompt": True},
    {"add_generation_prompt": True, "enable_thinking": False},
]
WORDS = """{% for m in messages %}
{% if loop.index > 2 %}{% break %}{% endif %}
  {% generation %}{{ m|tojson }}{{ m | tojson(indent=1, sort_keys=True) }}{% endgeneration %}
{% endfor %}
{{ tools }}{{ documents is none }}{{ nobody }}{{ strftime_now('%Y') }}{{ eos_token }}
"""
ENDLESS = "{% for x in range(99999) %}{% for y in range(99999) %}{% endfor %}{% endfor %}"
"""Counts to ten thousand million."""
SLOW = "{% for x in range(3000) %}{% for y in range(100) %}{% endfor %}{% endfor %}"
ASKED = Asked([{"role": "user", "content": "hi"}], ask=True)


def bounds(**changes: float) -> RenderConfig:
    given: dict[str, Any] = {"seconds": 60.0, "mean_seconds": 1.0, "megabytes": 256, "added_characters": 20_000}
    return RenderConfig.model_validate({**given, **changes})


def renderer(template: str, **changes: float) -> Renderer:
    return Renderer(template, "model/chat_template.jinja", VARIABLES, bounds(**changes))


def outcome(render: Callable[[], str]) -> str | type[Exception]:
    """The text; of an error only that there was one, for transformers gives no lines."""
    try:
        return render()
    except Exception:
        return Exception


def theirs(template: str, messages: Sequence[Mapping[str, str]], flags: Mapping[str, Any]) -> str:
    (text,), _ = render_jinja_template([list(messages)], chat_template=template, **VARIABLES, **flags)
    return str(text)


def texts(template: str, render: Callable[[Sequence[Mapping[str, str]], Mapping[str, Any]], str]) -> list[Any]:
    return [outcome(lambda m=messages, f=flags: render(m, f)) for messages in TALK for flags in FLAGS]  # type: ignore[misc]


@pytest.mark.parametrize("path", [*OURS, *OTHERS], ids=lambda path: path.stem)
def test_the_bytes_are_those_of_transformers(path: Path) -> None:
    template = path.read_text(encoding="utf-8")
    ready = template_worker.compiled(template, VARIABLES)
    found = texts(template, lambda messages, flags: ready({"messages": messages, **flags}))
    assert found == texts(template, lambda messages, flags: theirs(template, messages, flags))
    if path in OURS:
        assert Exception not in found


def test_there_are_templates_to_compare() -> None:
    assert {"plain", "Qwen-Qwen3-0.6B"} <= {path.stem for path in OURS}
    assert {"qwen3", "qwen3_training", "llama3_1"} <= {path.stem for path in OTHERS}


def test_what_a_template_may_say_is_what_transformers_gives_it() -> None:
    asked = [Asked(messages, flags["add_generation_prompt"], flags.get("enable_thinking"))
             for messages in TALK for flags in FLAGS]  # fmt: skip
    assert renderer(WORDS).render(asked) == texts(WORDS, lambda messages, flags: theirs(WORDS, messages, flags))


def test_one_child_renders_all_rows_in_order() -> None:
    one = renderer("{{ messages[0].content }}{{ add_generation_prompt }}{{ enable_thinking }}")
    num = 20 * BATCH_CONVERSATIONS + 7
    asked = [Asked([{"role": "user", "content": str(n)}], ask=False, enable_thinking=n > 3) for n in range(num)]
    found = one.render(asked[:1])
    pid = one.pid
    found += one.render(asked[1:])
    assert found == [f"{n}False{n > 3}" for n in range(num)]
    assert one.pid == pid
    long = Asked([{"role": "user", "content": "長い" * 1_500_000}], ask=False)
    assert [len(text) for text in one.render([long, long])] == [3_000_005] * 2
    assert one.render([]) == []


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("template", "changes", "words"),
    [
        (ENDLESS, {"seconds": 0.5}, ["took more than 0.5 s for one conversation", "preflight.render.seconds"]),
        ("{{ 2 ** (2 ** 40) }}", {"seconds": 0.5}, ["took more than 0.5 s", "chat=plain"]),
        (SLOW, {"mean_seconds": 1e-4, "seconds": 2.0}, ["s for 500 conversations", "preflight.render.mean_seconds"]),
        ("{{ 'a' * 500000000 }}", {}, ["needs more than 256 MB", "preflight.render.megabytes"]),
        (
            "{{ 'a' * 90000 }}",
            {},
            ["writes 90,000 characters for a conversation of 6 in 1 messages", "added_characters"],
        ),
    ],
    ids=["endless", "one-long-step", "slow", "memory", "writes-too-much"],
)
def test_a_template_that_takes_too_much_is_refused(template: str, changes: dict[str, float], words: list[str]) -> None:
    one = renderer(template, **changes)
    with pytest.raises(Refusal) as caught:
        one.render([ASKED] * 500)
    assert str(caught.value).startswith("model/chat_template.jinja: the chat template ")
    assert all(word in str(caught.value) for word in words), caught.value
    assert one.pid is None


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("a\n{{ 1 / 0 }}", "ZeroDivisionError: division by zero, line 2"),
        ("{{ 'a' + 1 }}", "TypeError: can only concatenate str"),
        ("{% import 'os' as os %}", "TypeError: no loader for this environment specified, line 1"),
        ("{% include 'x' %}", "no loader"),
        ("\n\n{{ nobody.home }}", "'nobody' is undefined, line 3"),
        ("{{ nobody() }}", "'nobody' is undefined"),
        ("{{ messages | no_filter }}", "No filter named 'no_filter'"),
        ("{{ raise_exception('only\n two roles') }}", "cannot render turns of user: only two roles, line 1"),
        ("{{ raise_exception('x' * 1000) }}", f"{'x' * 300}..., line 1"),
        ("{% if %}", "Expected an expression"),
        ("{% for x in y %}", "Unexpected end of template"),
        ("{{ messages.append(1) }}", "unsafe"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ range(10 ** 9) }}", "OverflowError"),
        ("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "RecursionError"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "RecursionError"),
        ("{{ messages[9].content }}", "has no element 9"),
    ],
)
def test_a_template_that_fails_is_refused_with_its_reason(template: str, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        renderer(template).render([ASKED])
    assert str(caught.value).startswith("model/chat_template.jinja: the chat template cannot render turns of user: ")
    assert words in str(caught.value)


def test_a_child_that_is_killed_is_a_refusal_and_the_next_one_renders() -> None:
    one = renderer("{{ messages[0].content }}")
    assert one.render([ASKED]) == ["hi"]
    assert one.pid is not None
    os.kill(one.pid, signal.SIGKILL)
    with pytest.raises(Refusal, match=r"model/chat_template.jinja: .* took the process down .*ended by signal 9"):
        one.render([ASKED])
    assert one.render([ASKED]) == ["hi"]


def test_a_child_that_does_not_start_is_the_machines_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(EnvironmentProblem, match=r"did not start \(exit code 1\)"):
        renderer("x").render([ASKED])


def test_the_child_ends_with_its_object() -> None:
    one = renderer("x")
    one.render([ASKED])
    pid = one.pid
    assert pid is not None
    del one
    assert gone(pid)


PARENT = """
import sys
from jobs.engines.models.templates import Asked, Renderer
from jobs.preflight import RenderConfig
one = Renderer(sys.argv[1], "t", {}, RenderConfig(seconds=600.0, mean_seconds=1.0, megabytes=256, added_characters=9))
one.render([Asked([], ask=False)])
print(one.pid, flush=True)
one.render([Asked([{"role": "user", "content": ""}], ask=False)])
"""


def test_no_child_is_left_when_the_parent_is_killed() -> None:
    template = f"{{% if messages %}}{ENDLESS}{{% endif %}}"
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, template], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 30
    while not gone(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert gone(pid)


def test_the_bounds_come_from_the_config() -> None:
    composed = config.compose(["preflight.render.seconds=3"])["preflight"]
    cfg = config.checked(PreflightConfig, composed, "preflight")
    assert (cfg.render.seconds, cfg.render.megabytes) == (3, 512)
    assert "render" in cfg.beside_key
