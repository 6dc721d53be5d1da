"""Where a model is, as a config says it: what may stand there, and that no secret comes back in an error."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.checks.endpoint_config import Endpoint
from jobs.core.config import checked
from jobs.core.errors import Refusal
from jobs.logic.endpoints.costs import Price

PLAIN: dict[str, Any] = {
    "url": None, "model": None, "gguf": None, "key": None, "price": None, "extra": {}, "temperature": 0.7, "top_p": 1.0,
    "max_tokens": 5, "context": 512, "timeout_seconds": 600, "max_concurrency": 1,
}  # fmt: skip


def endpoint(**changes: Any) -> Endpoint:
    return checked(Endpoint, {**PLAIN, **changes}, "synth.generator")


@pytest.mark.parametrize(
    ("url", "urls"),
    [
        (None, ()),
        ("http://a:8000/v1/", ("http://a:8000/v1",)),
        (["http://a/v1", "https://b"], ("http://a/v1", "https://b")),
    ],
)
def test_one_server_several_or_none(url: Any, urls: tuple[str, ...]) -> None:
    assert endpoint(url=url).options().url == urls


def test_a_price_is_the_configs() -> None:
    assert endpoint(price={"input": 1, "output": 2.5}).options().price == Price(1.0, 2.5, "config")


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "sk-secret"},
        {"key": "secret with blanks"},
        {"url": "http://user:secret@host/v1"},
        {"url": ["http://host/v1", "https://secret@host/v1"]},
        {"url": "http://host/v1?key=secret"},
        {"url": "secret:8000/v1"},
    ],
)
def test_what_may_be_a_secret_is_not_repeated(changes: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match=rf"synth\.generator\.{next(iter(changes))}: expected") as refused:
        endpoint(**changes)

    assert "secret@" not in str(refused.value)
    assert "sk-" not in str(refused.value)
    assert not any("secret" in word for word in refused.value.words)


@pytest.mark.parametrize("changes", [{"temperature": -1}, {"top_p": 0}, {"max_tokens": 0}, {"timeout_seconds": 0}])
def test_what_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match=f"{next(iter(changes))}: expected"):
        endpoint(**changes)
