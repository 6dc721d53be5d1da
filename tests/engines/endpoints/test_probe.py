"""What a server does is found out before it is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.core.errors import EnvironmentProblem, Refusal
from tests import scripted_server as played
from tests.engines.endpoints.asked import PROBES, answers, call
from tests.scripted_server import Body, Reply, ScriptedServer, options


def facts_of(server: ScriptedServer, folder: Path, **changes: Any) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    answers(server.options(**changes), folder, [call(1)], look=lambda asker: found.append(asker.facts()))
    return found[0]


def long(prompt: str) -> str:
    return "word " * 500


GOOD = {
    "model": "teacher", "served": ["teacher"], "answers_as": "teacher", "schema": "obeyed", "tells_usage": True,
    "cuts": True, "repeats": True, "limit_word": "max_tokens", "sha256": None, "own_server": False,
}  # fmt: skip


def test_a_good_server(tmp_path: Path) -> None:
    with ScriptedServer(long) as server:
        assert facts_of(server, tmp_path) == GOOD


def draws(prompt: str, body: Body) -> str:
    draws.number += 1  # type: ignore[attr-defined]
    return f"{draws.number} " * 500  # type: ignore[attr-defined]


draws.number = 0  # type: ignore[attr-defined]


def no_limit(prompt: str, body: Body) -> Reply:
    return played.json_reply(played.completion(body, "word " * 500))


def newer(prompt: str, body: Body) -> Reply:
    if "max_tokens" in body:
        return played.status(400, "Unsupported parameter: use 'max_completion_tokens' instead.")(body, "")
    return played.json_reply(played.completion(body, "word " * 8, finish="length"))


def no_schemas(prompt: str, body: Body) -> Reply:
    if "response_format" in body:
        return played.status(400, "response_format is unknown here")(body, "")
    return played.json_reply(played.completion(body, "word " * 8, finish="length"))


@pytest.mark.parametrize(
    ("teacher", "server", "differs"),
    [
        (draws, {}, {"repeats": False}),
        (
            lambda prompt: "apple",
            {"obeys": False, "models": ["a"]},
            {"schema": "ignored", "cuts": False, "model": "a", "served": ["a"], "answers_as": "a"},
        ),
        (no_limit, {}, {"cuts": False, "schema": "ignored"}),
        (newer, {}, {"limit_word": "max_completion_tokens", "schema": "unknown"}),
        (no_schemas, {}, {"schema": "refused"}),
        (long, {"script": lambda number, body: played.no_usage}, {"tells_usage": False, "cuts": False}),
        (long, {"models": ["/models/m.gguf"]}, {"model": "m.gguf", "served": ["m.gguf"], "answers_as": "m.gguf"}),
    ],
)
def test_what_another_does(teacher: Any, server: Any, differs: Any, tmp_path: Path) -> None:
    with ScriptedServer(teacher, **server) as one:
        assert facts_of(one, tmp_path) == {**GOOD, **differs}


def test_a_schema_is_not_sent_where_it_is_refused_and_answers_are_held_to_it(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    said = iter(["{}", json.dumps({"a": 1})])

    def teacher(prompt: str, body: Body) -> str | Reply:
        return no_schemas(prompt, body) if "response_format" in body or "question" not in prompt else next(said)

    with ScriptedServer(teacher) as server:
        settings = server.options(max_concurrency=1)
        first, second = answers(settings, tmp_path, [call(1, schema), call(2, schema)])

    assert (first.failure, second.value) == ("schema", {"a": 1})


@pytest.mark.parametrize(
    ("server", "changes", "said"),
    [
        ({"models": ["a", "b"]}, {}, r"model: http://\S+ serves a, b; say which one"),
        ({"models": []}, {}, r"serves models that it does not name; say which one"),
        ({"key": "k"}, {}, r"key: http://\S+ does not let us in \(status 401: .*sent was no key; `key` names"),
        (
            {"script": lambda n, b: played.status(404, "no such thing")},
            {},
            r"url: \S+ has no /chat/completions .*and with /v1",
        ),
        ({"script": lambda n, b: played.status(422, "seed: extra")}, {}, r"url: \S+: refused: status 422: seed: extra"),
    ],
)
def test_one_that_cannot_be_asked_is_refused(server: Any, changes: Any, said: str, tmp_path: Path) -> None:
    with ScriptedServer(**server) as one, pytest.raises(Refusal, match=said):
        answers(one.options(**changes), tmp_path, [call(1)])


def test_a_model_that_another_one_answers_for_is_refused(tmp_path: Path) -> None:
    """llama-server answers to any name."""
    other = played.answers_as("/models/other.gguf")
    refused = pytest.raises(Refusal, match=r"serves other\.gguf, not wanted, and answered as other\.gguf")
    with ScriptedServer(script=lambda number, body: other, models=["other.gguf"]) as server, refused:
        answers(server.options(model="wanted"), tmp_path, [call(1)])


def test_servers_of_different_models_are_refused(tmp_path: Path) -> None:
    refused = pytest.raises(Refusal, match=r"the servers serve different models \(a, b\)")
    with ScriptedServer(models=["a"]) as one, ScriptedServer(models=["b"]) as other, refused:
        answers(options(url=(one.url, other.url)), tmp_path, [call(1)])


def test_a_server_that_is_another_when_a_run_goes_on(tmp_path: Path) -> None:
    with ScriptedServer(models=["a"]) as server:
        answers(server.options(), tmp_path, [call(1)])
        server.models = ["b"]
        with pytest.raises(EnvironmentProblem, match=r"serves b; this run was begun with a"):
            answers(server.options(), tmp_path, [call(2)])


def test_a_name_with_folders_is_sent_as_the_server_has_it_and_kept_without(tmp_path: Path) -> None:
    with ScriptedServer(models=["/data/models/Qwen3-4B"]) as server:
        answers(server.options(), tmp_path, [call(1)])
        answers(server.options(), tmp_path, [call(2)])

        assert {body["model"] for body in server.bodies} == {"/data/models/Qwen3-4B"}
    assert not any(b"/data/models" in path.read_bytes() for path in tmp_path.iterdir())


def test_one_that_is_still_loading_is_waited_for(tmp_path: Path) -> None:
    with ScriptedServer(script=[played.status(503, "loading model")] * 3) as server:
        [answer] = answers(server.options(), tmp_path, [call(1)])

        assert answer.failure is None
        assert server.count == 3 + PROBES + 1
