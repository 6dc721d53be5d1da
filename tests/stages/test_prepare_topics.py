"""What one reason takes of a topic is counted over all rows, whoever reads them, and the way out keeps it."""

from pathlib import Path

import pytest

from jobs.prepare import run
from tests.stages.prepare_run import config, rows, statuses, written

TAGGED = [
    {
        "id": f"t{number}",
        "label": "tags" if number % 2 else "札",
        "messages": [
            {"role": "user", "content": f"{thing}の札を考えてください。{number}"},
            {"role": "assistant", "content": f"#{thing} #札{number}"},
        ],
    }
    for number, thing in enumerate("海山川森空雪雨風火土星月")
]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_topic_that_a_reason_takes_is_told_with_the_way_to_keep_it(tmp_path: Path, workers: int) -> None:
    path = written(tmp_path / "rows.jsonl", [*rows(), *TAGGED])
    out = tmp_path / "out"
    out.mkdir()
    cfg = config([path], workers=workers)
    facts = run(cfg, {}, out)
    assert facts.dropped["hashtags"] == len(TAGGED)
    assert [(one.reason, one.kind, one.dropped, one.kept) for one in facts.topics] == [("hashtags", "prompt", 12, 0)]
    assert statuses(cfg, facts)["DAT030"] == "warn"


def test_the_way_out_keeps_the_topic(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.jsonl", [*rows(), *TAGGED])
    out = tmp_path / "out"
    out.mkdir()
    cfg = config([path], workers=1)
    cfg = cfg.model_copy(update={"clean": cfg.clean.model_copy(update={"allow": ["hashtags"]})})
    facts = run(cfg, {}, out)
    assert "hashtags" not in facts.dropped
    assert facts.allowed == ["hashtags"]
    assert not [one for one in facts.topics if one.reason == "hashtags"]
