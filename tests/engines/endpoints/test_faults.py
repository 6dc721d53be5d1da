"""Every fault of a server ends where it should: asked again and answered, or a failure with its name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import Refusal
from jobs.engines.endpoints import client
from jobs.engines.endpoints.asking import Asker
from tests import scripted_server as played
from tests.engines.endpoints.asked import PROBES, after_probe, answers, call
from tests.scripted_server import ScriptedServer

WORD = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
    "additionalProperties": False,
}
NEXT_WEEK = format_datetime(datetime.now(UTC) + timedelta(days=7), usegmt=True)


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (played.too_many("0"), "rate-limited"),
        (played.too_many("3600"), "rate-limited"),
        (played.too_many(NEXT_WEEK), "rate-limited"),
        (played.too_many(), "rate-limited"),
        (played.status(503), "unavailable"),
        (played.status(529), "unavailable"),
        (played.status(500), "server-error"),
        (played.status(502), "server-error"),
        (played.status(504), "server-error"),
        (played.reset, "reset"),
        (played.page, "not-json"),
        (played.empty_body, "empty-body"),
        (played.null, "no-object"),
        (played.error_object, "error-object"),
        (played.no_choices, "no-choices"),
        (played.half_json, "cut-body"),
    ],
)
def test_a_fault_that_passes_is_asked_again(fault: Any, name: str, tmp_path: Path) -> None:
    faults: dict[str, int] = {}
    with ScriptedServer(script=after_probe(fault)) as server:
        [answer] = answers(server.options(), tmp_path, [call(1)], look=lambda asker: faults.update(asker.faults))

        assert (answer.text, answer.failure) == ("You said: question 1", None)
        assert server.count == PROBES + 2
    assert faults == {name: 1}


@pytest.mark.parametrize(
    ("fault", "evidence", "requests"),
    [
        (played.status(500, "broken inside"), "server-error: status 500: broken inside", 3),
        (played.page, "not-json: status 200, text/html", 3),
        (played.status(400, "context is too long"), "refused: status 400: context is too long", 1),
        (played.status(401, "key revoked"), "refused: status 401", 1),
        (played.redirect("http://elsewhere.example/v1"), "redirected: status 307 points to elsewhere.example", 1),
        (played.huge(client.MOST_BYTES + 1), "too-large: an answer beyond 16 MiB", 1),
        (played.status(429, "insufficient_quota: top up"), "quota: status 429", 1),
    ],
)
def test_one_that_stays_is_a_failure_with_its_name(fault: Any, evidence: str, requests: int, tmp_path: Path) -> None:
    with ScriptedServer(script=lambda number, body: fault if number >= PROBES else None) as server:
        [answer] = answers(server.options(), tmp_path, [call(1)])

        assert answer.failure == "call-failed"
        assert answer.evidence.startswith(evidence)
        assert server.count == PROBES + requests


def test_an_answer_that_does_not_come_is_waited_for_so_long(tmp_path: Path) -> None:
    slow = played.hang(60)
    with ScriptedServer(
        script=lambda number, body: slow if body["messages"][0]["content"] == "question 1" else None
    ) as server:
        lost, answer = answers(server.options(timeout_seconds=2.0), tmp_path, [call(1), call(2)])

    assert (lost.failure, lost.evidence) == ("call-failed", "timeout: no whole answer within 2 s")
    assert answer.failure is None


@pytest.mark.parametrize(
    ("fault", "failure", "text", "evidence"),
    [
        (played.content_null, "empty", "", "finish: stop"),
        (played.says("  \n"), "empty", "  \n", "finish: stop"),
        (played.refusal, "declined", "", "I cannot help with that."),
        (played.says("no", finish="content_filter"), "declined", "no", "content_filter"),
        (played.cut, "cut", "You said: ", "cut after 2 tokens"),
        (played.says("a<|im_end|>b"), "control-tokens", "a<|im_end|>b", "<|im_end|>"),
        (played.says("a\ud83d"), "broken-text", "a\ufffd", "U+D83D at 1"),
    ],
)
def test_the_models_own_words_are_kept_whatever_is_wrong_with_them(
    fault: Any, failure: str, text: str, evidence: str, tmp_path: Path
) -> None:
    with ScriptedServer(script=after_probe(fault)) as server:
        [answer] = answers(server.options(), tmp_path, [call(1)])
        [again] = answers(server.options(), tmp_path, [call(1)])

        assert (answer.failure, answer.text) == (failure, text)
        assert evidence in answer.evidence
        assert again == answer
        assert server.count == PROBES + 1


@pytest.mark.parametrize(
    ("text", "failure", "value"),
    [
        ('{"word": "kite"}', None, {"word": "kite"}),
        ('Here it is: {"word": "kite"}', "unparsable", None),
        ('```json\n{"word": "kite"}\n```', "unparsable", None),
        ('{"word": 1}', "schema", None),
        ('{"word": "a\\u003c|im_end|>"}', "control-tokens", None),
        ('{"word": "\\ud83d"}', "broken-text", None),
    ],
)
def test_an_answer_is_held_to_its_schema_and_never_mended(
    text: str, failure: str | None, value: Any, tmp_path: Path
) -> None:
    with ScriptedServer(script=after_probe(played.says(text))) as server:
        [answer] = answers(server.options(), tmp_path, [call(1, WORD)])

        assert (answer.failure, answer.value, answer.text) == (failure, value, text)
        assert server.bodies[-1]["response_format"]["json_schema"]["schema"] == WORD


def test_a_failed_call_is_asked_again_by_the_next_run(tmp_path: Path) -> None:
    with ScriptedServer(script=after_probe(played.status(400), None)) as server:
        [failed] = answers(server.options(), tmp_path, [call(1)])
        [answer] = answers(server.options(), tmp_path, [call(1)])

    assert (failed.failure, answer.failure) == ("call-failed", None)


def test_no_usage_is_unknown(tmp_path: Path) -> None:
    with ScriptedServer(script=after_probe(played.no_usage)) as server:
        [answer] = answers(server.options(), tmp_path, [call(1)])

    assert (answer.prompt_tokens, answer.completion_tokens) == (None, None)


@pytest.mark.parametrize(
    ("content", "more", "thoughts", "text"),
    [
        ("<think>\nhm\n</think>\n\nkite", {}, "hm", "kite"),
        ("kite", {"reasoning_content": "hm"}, "hm", "kite"),
        ("kite", {"reasoning": "hm"}, "hm", "kite"),
        ("kite", {}, "", "kite"),
    ],
)
def test_thoughts_stand_apart(content: str, more: Any, thoughts: str, text: str, tmp_path: Path) -> None:
    with ScriptedServer(script=after_probe(played.says(content, **more))) as server:
        [answer] = answers(server.options(), tmp_path, [call(1)])

    assert (answer.thoughts, answer.text, answer.failure) == (thoughts, text, None)


def test_control_text_of_a_prompt_is_harmless_on_the_wire_and_comes_back_as_it_was(tmp_path: Path) -> None:
    with ScriptedServer(lambda prompt: f"[INST] {prompt}" if "INST" in prompt else prompt) as server:
        echoed, other = answers(
            server.options(), tmp_path, [call(1, text="say <|im_end|>"), call(2, text="what is [INST]?")]
        )
        sent = [body["messages"][0]["content"] for body in server.bodies[PROBES:]]

    assert not any("<|im_end|>" in text or "[INST]" in text for text in sent)
    assert (echoed.failure, echoed.text) == ("control-tokens", "say <|im_end|>")
    assert other.text == "[INST] what is [INST]?"


def test_no_secret_is_said_or_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    monkeypatch.setenv("TEACHER_KEY", "secret-0123")
    leak = played.status(500, "you sent Bearer secret-0123")
    error = played.says_error("the key secret-0123 is over its limit")
    facts: list[Any] = []

    def look(asker: Asker) -> None:
        facts.extend([asker.facts(), asker.ledger.facts()])

    with ScriptedServer(
        key="secret-0123", script=lambda n, body: [leak, error][n % 2] if n >= PROBES else None
    ) as server:
        said = answers(server.options(key="TEACHER_KEY"), tmp_path, [call(n) for n in range(4)], look=look)

    assert all(one.failure == "call-failed" and "***" in one.evidence for one in said)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert "secret" not in f"{said} {facts} {capfd.readouterr()}"
    assert b"secret" not in kept
    assert b"127.0.0.1" not in kept


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "not set or empty"), ("", "not set or empty"), ("secret\nkey", "holds blanks, line ends")],
)
def test_a_key_that_is_none_is_refused_by_its_variables_name(
    value: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEACHER_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("TEACHER_KEY", value)

    with pytest.raises(Refusal, match=rf"TEACHER_KEY .*{said}") as refused:
        client.key_of("TEACHER_KEY")

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("12", 12.0), ("1.5", 1.5), ("-3", 0.0), ("soon", None), ("inf", None), ("nan", None),
     ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)  # fmt: skip
def test_how_long_a_server_asks_to_wait(header: str | None, seconds: float | None) -> None:
    assert client.waiting(header) == seconds


def test_a_date_to_wait_for_is_seconds_from_now() -> None:
    week = format_datetime(datetime.now(UTC) + timedelta(days=7), usegmt=True)
    assert client.waiting(week) == pytest.approx(7 * 86_400, abs=600)
