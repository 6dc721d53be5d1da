"""`python -m jobs compare key=value ...`: two models asked the same rows, measured, told, shown side by side."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jobs.core import names, terminal
from jobs.core.errors import Exit, Refusal
from jobs.core.provenance import data_digest
from jobs.engines.answering.asking import ask
from jobs.engines.answering.prompts import Prompt, Said
from jobs.engines.answering.store import open_answers
from jobs.engines.comparing import judging, models, page, places, rows as row_choice, sheets
from jobs.engines.comparing.models import Model
from jobs.engines.comparing.rows import Chosen
from jobs.engines.comparing.voting import JUDGED
from jobs.engines.endpoints import estimating
from jobs.logic.comparing import tables
from jobs.logic.comparing.judgement import Judgement, judgement
from jobs.logic.comparing.measures import Answer, Fact, Seen, facts, latency, looked_at
from jobs.logic.comparing.options import Options
from jobs.logic.comparing.tallies import Resampling
from jobs.logic.comparing.verdict import Verdict, split, verdict
from jobs.logic.endpoints.costs import NO_CAPS, Estimate
from jobs.logic.judging.pairs import Judged, Pair
from jobs.logic.pages.amounts import count
from jobs.logic.parity.behaviour import Measure

ANSWERS = "answers"
"""Beside the comparisons: what is asked of a model for one is not asked again for another."""


@dataclass(frozen=True)
class Compared:
    """Everything that was found out."""

    models: tuple[Model, Model]
    names: tuple[str, str]
    rows: Chosen
    num_too_long: int
    seen: list[Seen]
    pairs: list[Pair]
    judged: list[Judged] | None
    judgement: Judgement | None
    verdict: Verdict


def compare(asked: Options, is_dry: bool = False) -> int:
    """Two models on the same rows; what is made lies in a folder of its own. Dry: only what a judge will cost.

    Raises Refusal where a model or the rows cannot be used, before anything is asked.
    """
    first = models.found("compare.a", asked.a, asked.type)
    second = models.found("compare.b", asked.b, asked.type)
    called = models.named_apart(first, second)
    chosen = row_choice.chosen(first, second, asked.rows, asked.most_rows, asked.seed, asked.prepare)
    root = Path(asked.runs) / places.COMPARISONS
    out = Path(asked.out).expanduser() if asked.out else root / _folder_name(called)
    same = _digest(asked, (first, second), chosen)
    places.require_free(out, asked.redo, same)
    for line in _told_before(called, (first, second), chosen):
        terminal.say(line)
    if is_dry:
        return _estimated(asked, (first, second), chosen, root / ANSWERS)
    if asked.judge is not None and asked.caps != NO_CAPS:  # told before the models answer, which takes far longer
        judging.require_caps(asked, _of_judge(asked, (first, second), chosen, root / ANSWERS))
    said = _asked(asked, (first, second), called, chosen, root / ANSWERS)
    found = _compared(asked, (first, second), called, chosen, said, root / ANSWERS)
    how = Resampling(asked.num_resamples, asked.seed, asked.level)
    with places.whole(out, asked.redo, same) as folder:
        _write(found, how, asked, folder, out)
    _tell(found, how, out)
    return Exit.PASSED


def _estimated(asked: Options, both: Sequence[Model], chosen: Chosen, folder: Path) -> int:
    found = None if asked.judge is None else _of_judge(asked, both, chosen, folder)
    if found is not None:
        print(estimating.told("compare", found), flush=True)
    print(f"compare: {count(2 * len(chosen.asked), 'answer')} of GGUFs on this machine", flush=True)
    if found is not None:
        judging.require_caps(asked, found)
    return Exit.PASSED


def _of_judge(asked: Options, both: Sequence[Model], chosen: Chosen, folder: Path) -> Estimate:
    """What the judge will cost where every pair differs."""
    pairs = [
        Pair(one.row.id, one.row.source, one.messages, one.row.reference, "", one.row.reference or None)
        for one in chosen.asked
    ]
    return judging.estimate(pairs, asked, both, sheets.language(pairs), folder)


def _digest(asked: Options, both: Sequence[Model], chosen: Chosen) -> str:
    """What is compared: another digest is another comparison."""
    settings = {name: getattr(asked, name) for name in ("max_tokens", "context", "temperature", "think", "seed")}
    prompts = [[one.row.id, [list(turn) for turn in one.messages]] for one in chosen.asked]
    return data_digest([[model.digest for model in both], settings, prompts])


def _folder_name(called: tuple[str, str]) -> str:
    return "-and-".join(names.nearest_run_name(name)[:60] for name in called)


def _told_before(called: tuple[str, str], both: Sequence[Model], chosen: Chosen) -> list[str]:
    lines = [f"{name}: {model.standing}" for name, model in zip(called, both, strict=True)]
    if both[0].digest == both[1].digest:
        lines.append(f"{called[0]} and {called[1]} are one file, by its digest {both[0].digest[:12]}")
    lines.append(_rows_told(chosen, len(chosen.asked)))
    return lines


def _asked(
    asked: Options, both: Sequence[Model], called: Sequence[str], chosen: Chosen, folder: Path
) -> list[list[Said]]:
    """The answers of both, each from a server of its own with one slot, by its own template."""
    extra = {} if asked.think is None else {"chat_template_kwargs": {"enable_thinking": asked.think}}
    prompts = [Prompt(one.row.id, messages=one.messages, extra=extra) for one in chosen.asked]
    with open_answers(folder) as store:
        return [
            ask(store, model.gguf, prompts, max_tokens=asked.max_tokens, temperature=asked.temperature,
                seed=asked.seed, context=asked.context, label=name, gpu_layers=asked.gpu_layers)
            for model, name in zip(both, called, strict=True)
        ]  # fmt: skip


def _compared(
    asked: Options, both: tuple[Model, Model], called: tuple[str, str], chosen: Chosen, said: list[list[Said]],
    folder: Path,
) -> Compared:  # fmt: skip
    fits = [place for place, pair in enumerate(zip(*said, strict=True)) if all(s.outcome != "no room" for s in pair)]
    if not fits:
        raise Refusal(
            f"compare.context={asked.context}: no row has room in it", words=[f"compare.context={asked.context * 4}"]
        )
    rows = [chosen.asked[place] for place in fits]
    first, second = ([_answer(column[place]) for place in fits] for column in said)
    seen = looked_at([one.row for one in rows], first, second, Measure(*asked.loops))
    pairs = [
        Pair(one.row.id, one.row.source, one.messages, row.first.text, row.second.text, one.row.reference or None)
        for one, row in zip(rows, seen, strict=True)
    ]
    how = Resampling(asked.num_resamples, asked.seed, asked.level)
    judged, found = None, None
    if asked.judge is not None:
        said_of, unusable = judging.judged(pairs, asked, both, sheets.language(pairs), folder)
        judged, found = None if unusable else said_of, judgement(pairs, said_of, unusable, split(how, 3))
    same_file = both[0].digest == both[1].digest
    decided = verdict(seen, called, how, found, same_file)
    return Compared(both, called, chosen, len(chosen.asked) - len(fits), seen, pairs, judged, found, decided)


def _answer(said: Said) -> Answer:
    return Answer(said.text, said.stopped, said.num_tokens, said.seconds)


def _write(found: Compared, how: Resampling, asked: Options, folder: Path, final: Path) -> None:
    """Everything into `folder`, which will be `final`."""
    measured = facts(found.seen, how)
    told = {
        "models": [_model(name, model) for name, model in zip(found.names, found.models, strict=True)],
        "rows": {
            "where": found.rows.where, "found": found.rows.num_found, "trained_on": found.rows.num_trained,
            "too_long": found.num_too_long, "compared": len(found.seen),
        },
        "facts": [asdict(fact) for fact in measured],
        "judge": None if found.judgement is None else asdict(found.judgement),
        "verdict": asdict(found.verdict),
        "seed": how.seed, "level": how.level, "num_resamples": how.num_resamples,
    }  # fmt: skip
    _json(folder / "compare.json", told)
    with (folder / "answers.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for one in found.seen:
            file.write(json.dumps(_line(found.names, one), ensure_ascii=True) + "\n")
    html = page.html(
        found.names, found.verdict, _table(found, measured), _notes(found), found.seen, found.pairs, _preferred(found)
    )
    (folder / "compare.html").write_text(html, encoding="utf-8", errors="backslashreplace", newline="\n")
    if found.judged is not None:
        _json(folder / JUDGED, {one.pair: sheets.choice_of(one) for one in found.judged})
    sheets.write(found.pairs, found.names, asked, folder, final)


def _model(name: str, model: Model) -> dict[str, Any]:
    return {"name": name, "type": model.type, "sha256": model.digest, "standing": model.standing,
            "retention": models.retention(model)}  # fmt: skip


def _line(called: tuple[str, str], one: Seen) -> dict[str, Any]:
    both = ((called[0], one.first, one.first_signs), (called[1], one.second, one.second_signs))
    answers = {
        name: {"text": answer.text, "num_tokens": answer.num_tokens, **asdict(signs)} for name, answer, signs in both
    }
    return {"id": one.row.id, "source": one.row.source, "reference": one.row.reference, "answers": answers}


def _json(path: Path, data: Any) -> None:
    text = json.dumps(_finite(data), ensure_ascii=False, indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", errors="replace")


def _finite(data: Any) -> Any:
    """The same with null where nothing can be said: JSON has no NaN."""
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def _table(found: Compared, measured: Sequence[Fact]) -> list[tuple[str, str, str, str, str]]:
    rows = tables.rows(measured)
    kept = [models.retention(model) for model in found.models]
    if all(kept):
        rows.append(("what is left of the fine-tune", kept[0], kept[1], "", ""))
    return [*rows, *(tables.judge_rows(found.judgement) if found.judgement is not None else [])]


def _rows_told(chosen: Chosen, number: int) -> str:
    return (
        f"{count(number, 'row')} of {chosen.num_found:,} {chosen.where}; {chosen.num_trained:,} left out, since one "
        "of the two was trained on the same prompt"
    )


def _notes(found: Compared) -> list[str]:
    before = _told_before(found.names, found.models, found.rows)
    return [*before[:-1], _rows_told(found.rows, len(found.seen)), *_too_long(found), *tables.unusable(found.judgement)]


def _too_long(found: Compared) -> list[str]:
    return [f"{count(found.num_too_long, 'row')} left out: longer than compare.context"] if found.num_too_long else []


def _preferred(found: Compared) -> dict[str, str]:
    """What the judge said of each pair, in words."""
    said = {"win": f"the judge prefers {found.names[0]}", "loss": f"the judge prefers {found.names[1]}",
            "tie": "the judge: a tie", "flip": "the judge flips", "unread": "the judge: no verdict"}  # fmt: skip
    return {one.pair: said[one.outcome] for one in found.judged or ()}


def _tell(found: Compared, how: Resampling, out: Path) -> None:
    """The table, and the verdict last."""
    timed = latency(found.seen, how)
    rows = _table(found, [*facts(found.seen, how), *([timed] if timed else [])])
    terminal.table(f"{found.names[0]} beside {found.names[1]}, {count(len(found.seen), 'row')}",
                   ("", *found.names, "difference, with interval", "p"), rows)  # fmt: skip
    for line in (*_too_long(found), *tables.unusable(found.judgement)):
        terminal.say(line)
    print(f"{found.verdict.word}: {found.verdict.sentence}", flush=True)
    terminal.say(f"side by side: {out / 'compare.html'}; for people, without names: {out / 'sheet.html'}")
