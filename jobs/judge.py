"""Ask a judge whether the GGUF that ships answers better than the base, or than the rows' own answers.

Reads the prompts of `preflight`, the rows of `prepare`, the answers of `smoke`, the GGUF of `quantize`, and of `fetch`
the base, which is converted for it. Makes `answers.jsonl`, both answers to each row; `forgetting.jsonl`, both on a
suite that is checked by rule; `qualification.jsonl`, what the judge said where anybody can tell; `verdicts.jsonl`,
every call with the judge's words; `scores.jsonl`; `votes.json`, where people voted; and `judging.json`. Answers and
verdicts are kept beside the run: nothing is asked twice.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jobs.checks.judge import GATE, JudgeFacts
from jobs.checks.judge_config import JudgeConfig
from jobs.checks.judge_facts import AnswerFacts, JudgingFacts
from jobs.checks.synth_facts import Asked, ModelFacts
from jobs.core import room, terminal
from jobs.core.artifact import Inputs
from jobs.core.errors import Refusal
from jobs.core.provenance import ROOT, file_digest
from jobs.core.stage import stage_main
from jobs.logic.judging.usable import CHECKS, HUGGING_FACE, PAIRS, why_not
from jobs.logic.pages.amounts import count
from jobs.logic.parity import quant_files

if TYPE_CHECKING:
    from jobs.engines.endpoints.asking import Asker, Session
    from jobs.engines.judging.answers import Held, Prompted
    from jobs.engines.judging.counting import Resampling
    from jobs.engines.judging.working import Scoring, Working
    from jobs.logic.endpoints.costs import Estimate
    from jobs.logic.forgetting.suite import Item
    from jobs.logic.judging.pairs import Pair
    from jobs.logic.judging.wording import JudgesWording

ANSWERS, VOTES = "answers", "votes.json"
"""Beside the stages of a run; in this one."""
FEWER = "judge.rows or judge.qualify_rows"
WAYS = (
    "judge.judge: no judge: there is none by default; give a server (judge.judge.url=http://HOST:8000/v1 and, where it "
    "needs one, judge.judge.key=NAME_OF_VARIABLE) or a GGUF file that is served here (judge.judge.gguf=FILE.gguf), of "
    "another family than the model that is judged"
)


def run(cfg: JudgeConfig, inputs: Inputs, out: Path) -> JudgeFacts:
    make(cfg, inputs, out)
    return measure(cfg, inputs, out)


def make(cfg: JudgeConfig, inputs: Inputs, out: Path) -> None:
    """Have both models answer and forget, then ask the judge; one that is not usable is not asked about the pairs."""
    from jobs.engines.answering.store import open_answers
    from jobs.engines.endpoints import asking
    from jobs.engines.forgetting import run as forgetting
    from jobs.engines.judging import answers, files

    require_judge(cfg)
    write_votes(cfg, out, answered=False)
    folder, rows = out.parent / ANSWERS, held_rows(cfg, inputs)
    quant, gguf = judged_file(cfg, inputs)
    asking.run(_met(cfg, inputs, folder))  # who may not judge is told before anything is answered
    base, stops = base_file(inputs, quant), json.loads(inputs["preflight"].file("stops.json").read_text("utf-8"))
    with open_answers(folder) as store:
        lines = answers.answered(
            store, rows, gguf, base if cfg.against == "base" else None,
            max_tokens=inputs["smoke"].record.facts["max_new_tokens"], stop_ids=stops["stop_ids"],
            gpu_layers=cfg.gpu_layers,
        )  # fmt: skip
        # a plain answer of both: with thoughts a base would be cut within them, and lose for it
        found = forgetting.run(store, base, gguf, items=tasks(cfg), think=False, gpu_layers=cfg.gpu_layers)
    files.write_lines(out / "answers.jsonl", lines)
    write_votes(cfg, out, answered=True)  # which are refused where they are on other answers than these
    forgetting.write(out / "forgetting.jsonl", found)
    asking.run(_asked(cfg, inputs, out, rows, lines))


async def _met(cfg: JudgeConfig, inputs: Inputs, folder: Path) -> None:
    from jobs.engines.endpoints import asking

    async with asking.open_session(folder, cfg.caps()) as session:
        require_no_kin(cfg, await session.asker(cfg.judge.options()), inputs)


async def _asked(
    cfg: JudgeConfig, inputs: Inputs, out: Path, rows: Sequence[Held], lines: Sequence[Mapping[str, Any]]
) -> None:
    from jobs.engines.endpoints import asking, estimating
    from jobs.engines.judging import answers, files
    from jobs.engines.judging.working import conducts, require_answered

    pairs = answers.pairs_of(rows, lines)
    others = in_hugging_face(rows, pairs) if cfg.blame else []
    differing = [pair for pair in (*pairs, *others) if pair.first != pair.second]
    async with asking.open_session(out.parent / ANSWERS, cfg.caps()) as session:
        judge = await session.asker(cfg.judge.options())
        kin = require_no_kin(cfg, judge, inputs)
        work = working(cfg, inputs, pairs, session, judge)
        said: dict[str, Any] = {}
        scored: list[Any] = []
        with estimating.higher_cap("judge", cfg.caps()):
            probed = await work.probe(len({(pair.id, pair.first) for pair in differing}))
            terminal.say(estimating.told("judge", probed))
            estimating.require_caps("judge", cfg.caps(), probed, FEWER)
            qualified = await work.qualify()
            require_answered(qualified, cfg.wanted())
            if not why_not(conducts(qualified), cfg.wanted()):
                said[PAIRS] = await work.judge(asked_of(cfg, pairs), "pairs judged", "judge/pairs")
                label = "answers in Hugging Face judged"
                said[HUGGING_FACE] = await work.judge(asked_of(cfg, others), label, "judge/hugging-face")
                require_answered(said, cfg.wanted())
                scored = await work.score()
        facts = _judging(cfg, inputs, work, judge, kin, probed)
    files.write_lines(out / "qualification.jsonl", files.calls_of(qualified))
    files.write_lines(out / "verdicts.jsonl", files.calls_of(said))
    files.write_lines(out / "scores.jsonl", files.scores_of(scored))
    (out / "judging.json").write_text(facts.model_dump_json(indent=1) + "\n", encoding="utf-8")


def measure(cfg: JudgeConfig, inputs: Inputs, out: Path) -> JudgeFacts:
    """Read the folder again: verdicts out of the judge's own words, and everything that is counted from them."""
    from jobs.checks.forgetting import facts_of
    from jobs.engines.forgetting import run as forgetting, suite_files
    from jobs.engines.judging import answers, counting, files, reading

    rows, lines = held_rows(cfg, inputs), files.read_lines(out / "answers.jsonl")
    pairs, words, how = answers.pairs_of(rows, lines), wording(cfg, inputs), resampling(cfg)
    asked, others = asked_of(cfg, pairs), asked_of(cfg, in_hugging_face(rows, pairs) if cfg.blame else [])
    plan = reading.Plan(asked, others, pairs, cfg.qualify_rows, cfg.seed, cfg.tries, cfg.wanted())
    found = reading.read_folder(out, plan, words)
    values: dict[str, Any] = {
        "judging": JudgingFacts.model_validate_json((out / "judging.json").read_bytes()),
        "answers": _answers(cfg, inputs, rows, lines, pairs),
        "checks": [{"name": name, "tally": counting.tally(found.conduct(name))} for name in CHECKS],
        "unusable": found.unusable, "no_blame": found.no_blame, "unaccounted": found.unaccounted,
        "forgetting": facts_of(
            tasks(cfg), forgetting.read(out / "forgetting.jsonl"), suite_files.digest()
        ),
        "pairs": None, "result": None, "blame": None, "scores": [], "calibration": None, "examples": [],
    }  # fmt: skip
    if not found.unusable:
        judged, scores = found.judged[PAIRS], files.read_lines(out / "scores.jsonl")
        names = [one.name for one in scoring(cfg, inputs).rubric.criteria] if cfg.rubric else []
        values |= {
            "pairs": counting.tally(found.conduct(PAIRS)),
            "result": counting.result(pairs, judged, how, cfg.against_words),
            "blame": counting.blame(pairs, judged, others, found.judged[HUGGING_FACE], how)
            if cfg.blame and not found.no_blame
            else None,
            "scores": counting.criteria(scores, pairs, names, how),
            "unaccounted": found.unaccounted + counting.unaccounted_scores(scores, pairs if names else []),
            "calibration": counting.calibration(out / VOTES, pairs, judged, how),
            "examples": counting.examples(pairs, judged, words, cfg.num_samples),
        }
    return JudgeFacts.model_validate(values)


def tasks(cfg: JudgeConfig) -> list[Item]:
    """Of the forgetting suite, the first of each category and language."""
    from jobs.engines.forgetting import suite_files

    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for item in suite_files.suite():
        seen[item.category, item.language] += 1
        found += [item] if seen[item.category, item.language] <= cfg.forgetting else []
    return found


def write_votes(cfg: JudgeConfig, out: Path, answered: bool) -> None:
    """`votes.json`; nothing where nobody voted. Before the models have `answered`, files are read to be refused."""
    from jobs.engines.comparing import judge_sheet, voting

    if cfg.votes:
        pairs = judge_sheet.pairs_of(out / "answers.jsonl") if answered else None
        told = voting.told(cfg.votes, out.parent.parent, "judge.votes", pairs)
        if answered:
            (out / VOTES).write_text(told, encoding="utf-8")


def _answers(
    cfg: JudgeConfig, inputs: Inputs, rows: Sequence[Held], lines: Sequence[Mapping[str, Any]], pairs: Sequence[Pair]
) -> AnswerFacts:
    from jobs.engines.judging import bases, counting, files

    quant, prompted = judged_file(cfg, inputs)[0], prompt_of(inputs)
    weighed = inputs["quantize"].record.facts["imatrix_tokens"] is not None
    verified = {
        one["id"]: one["text"]
        for one in files.read_lines(inputs["verify"].file("generations.jsonl"))
        if (one["model"], one["prompt"]) == (quant, prompted)
    }
    return AnswerFacts(
        num_rows=len(rows),
        num_sources=counting.num_sources(pairs),
        prompt=prompted,
        first=quant,
        second=bases.named(quant, weighed) if cfg.against == "base" else "the rows' own answers",
        first_stopped=sum(line["stopped"]["first"] for line in lines),
        second_stopped=sum(line["stopped"]["second"] for line in lines),
        equal=sum(pair.first == pair.second for pair in pairs),
        as_in_verify=sum(verified.get(line["id"]) == line["written"]["first"] for line in lines),
        missing=len(rows) - len(pairs),
    )


def _judging(
    cfg: JudgeConfig, inputs: Inputs, work: Working, judge: Asker, kin: tuple[str, list[str]], probed: Estimate
) -> JudgingFacts:
    from jobs.engines.answering import gguf_files
    from jobs.engines.endpoints import estimating
    from jobs.engines.synth import texts

    found, (quant, gguf) = judge.facts(), judged_file(cfg, inputs)
    answered = {"gguf": gguf_files.digest(gguf), "base_gguf": gguf_files.digest(base_file(inputs, quant))}
    probed_of = {name: str(found[name]) for name in ("answers_as", "schema", "tells_usage", "cuts", "repeats")}
    served: Literal["embedded", "server"] = "embedded" if found["own_server"] else "server"
    rubric = {"rubric": file_digest(texts.rubric_file(cfg.rubric))} if cfg.rubric else {}
    return JudgingFacts(
        judge=ModelFacts(name=found["model"], served=served, file_sha256=found["sha256"] or "", probed=probed_of),
        kin=kin[0],
        unknown_kin=kin[1],
        shows_reference=cfg.tells_reference,
        rubric=cfg.rubric or "",
        language="ja" if work.work.wording.code == "ja" else "en",
        digests={"prompts": work.work.wording.prompts.digest(), **rubric, **answered},
        asked=[Asked(**one) for one in work.asked()],
        usd=work.session.ledger.total.usd,
        estimated_calls=probed.calls,
        estimated_tokens=estimating.total_tokens(probed),
        estimated_usd=probed.usd,
    )


def held_rows(cfg: JudgeConfig, inputs: Inputs) -> list[Held]:
    """The rows that are judged."""
    from jobs.engines.judging import answers

    return answers.held_rows(
        inputs["prepare"].file("val.jsonl"), inputs["preflight"].file("prompts.jsonl"),
        inputs["smoke"].file("generations.jsonl"), prompted=prompt_of(inputs), most=cfg.rows, seed=cfg.seed,
        referenced=cfg.against == "reference",
    )  # fmt: skip


def prompt_of(inputs: Inputs) -> Prompted:
    """The generation prompt of both models: without thoughts where the rows have none, for the base would think until
    its answer is cut."""
    has = "no_thinking" in inputs["smoke"].record.facts["prompts"]
    return "no_thinking" if has and not keeps_thoughts(inputs) else "default"


def keeps_thoughts(inputs: Inputs) -> bool:
    return bool(inputs["preflight"].record.facts.get("thinking_block") == "keep")


def judged_file(cfg: JudgeConfig, inputs: Inputs) -> tuple[str, Path]:
    """The type that is judged and its first file; Refusal where no such type ships."""
    quantize = inputs["quantize"]
    first = quant_files.first_files(quantize.record.files)
    asked = [name for name in quantize.record.facts["asked"] if name in first]
    quant = cfg.type or asked[0]
    if quant not in first:
        said = f"judge.type: {quant} does not ship; there are {', '.join(asked)}"
        raise Refusal(said, words=[f"judge.type={asked[0]}"])
    path, *_ = [quantize.file(name) for name in quant_files.parts(first[quant])]
    return quant, path


def base_file(inputs: Inputs, quant: str) -> Path:
    """The base as a GGUF of the same type; Refusal where that needs what only the tune has."""
    from jobs.engines.gguf import base_gguf
    from jobs.engines.judging import bases

    bases.require_quantizable(quant, inputs["quantize"].record.facts["asked"])
    return base_gguf.made(inputs["fetch"], quant, room.cache_folder() / "base", "judge.against=base")


def in_hugging_face(rows: Sequence[Held], pairs: Sequence[Pair]) -> list[Pair]:
    """The same pairs with the answers of base and adapter in Hugging Face."""
    from jobs.engines.judging import answers

    texts = {row.id: answers.shown(row, row.in_hugging_face) for row in rows}
    return [replace(pair, first=texts[pair.id]) for pair in pairs]


def asked_of(cfg: JudgeConfig, pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs as the judge is shown them."""
    if cfg.tells_reference:
        return [pair if (pair.reference or "").strip() else replace(pair, reference=None) for pair in pairs]
    return [replace(pair, reference=None) for pair in pairs]


def working(cfg: JudgeConfig, inputs: Inputs, pairs: Sequence[Pair], session: Session, judge: Asker) -> Working:
    from jobs.engines.judging.working import Work, Working

    work = Work(
        cfg.asking(), wording(cfg, inputs), cfg.qualify_rows, cfg.seed, scoring(cfg, inputs) if cfg.rubric else None
    )
    return Working(work, pairs, session, judge)


def wording(cfg: JudgeConfig, inputs: Inputs) -> JudgesWording:
    """The questions in the language that the set has."""
    from jobs.engines.judging import texts

    return texts.wording_of(spoken(cfg, inputs))


def scoring(cfg: JudgeConfig, inputs: Inputs) -> Scoring:
    from jobs.engines.judging.working import Scoring
    from jobs.engines.synth import texts

    words = texts.wording_of(spoken(cfg, inputs))
    return Scoring(words, texts.rubric_named(cfg.rubric or "", "judge.rubric"), cfg.judge.sampling(cfg.seed))


def spoken(cfg: JudgeConfig, inputs: Inputs) -> str:
    return cfg.language if cfg.language != "auto" else inputs["prepare"].record.facts["set_language"] or "en"


def resampling(cfg: JudgeConfig) -> Resampling:
    from jobs.engines.judging.counting import Resampling

    return Resampling(cfg.num_resamples, cfg.seed)


def require_judge(cfg: JudgeConfig) -> None:
    """Raises Refusal where judging is off, or nobody judges."""
    if not cfg.chosen:
        raise Refusal("judge: is off; judge=pairwise has answers judged in pairs", words=["judge=pairwise"])
    if not cfg.judge.is_given:
        raise Refusal(WAYS)


def require_no_kin(cfg: JudgeConfig, judge: Asker, inputs: Inputs) -> tuple[str, list[str]]:
    """Why a judge that is kin may be, and whom nothing tells of; raises Refusal where nobody says why."""
    from jobs.engines.endpoints import embedded
    from jobs.logic.judging.kin import judged_models, kin

    base = str(inputs["fetch"].record.facts.get("id") or "")
    made = inputs["synth"].record.facts["making"] if "synth" in inputs else {}
    found = kin(judge.identity, judged_models(base, embedded.identity(judged_file(cfg, inputs)[1]), made))
    if found.related and cfg.kin is None:
        raise Refusal(
            f"judge.judge: {judge.model} may not judge: {'; '.join(found.related)}: a model likes what its own family "
            'writes; give another one, or say why it may with judge.kin="..."'
        )
    return (f"{'; '.join(found.related)}: {cfg.kin}" if found.related else ""), found.unknown


def estimate(cfg: JudgeConfig, inputs: Inputs, root: Path) -> Iterator[str]:
    """What judging will cost, from a few pairs of right and wrong answers; no model answers for it. Refusal above a
    cap."""
    from jobs.engines.endpoints import asking as endpoints, estimating
    from jobs.logic.judging.pairs import Pair

    async def probed() -> Estimate:
        pairs = [Pair(row.id, row.source, row.prompt, row.reference, "", row.reference) for row in rows]
        async with endpoints.open_session(root / ANSWERS, cfg.caps()) as session:
            judge = await session.asker(cfg.judge.options())
            require_no_kin(cfg, judge, inputs)
            work = working(cfg, inputs, pairs, session, judge)
            with estimating.higher_cap("judge", cfg.caps()):
                return await work.probe(len(pairs) * (2 if cfg.blame else 1))

    require_judge(cfg)
    rows = held_rows(cfg, inputs)
    yield f"judge: {count(2 * len(rows), 'answer')} of GGUFs on this machine"
    yield from estimating.lines("judge", cfg.caps(), endpoints.run(probed()), FEWER)


def outside(cfg: JudgeConfig) -> dict[str, str]:
    """The pin decides what llama.cpp answers, the suite and the judge's questions what is asked; the judge's file, a
    rubric and people's votes are files of their own."""
    from jobs.engines.comparing import voting
    from jobs.engines.judging import outside as beside
    from jobs.engines.synth import texts

    suite = {name: file_digest(ROOT / name) for name in ("conf/forgetting/ja.jsonl", "conf/forgetting/en.jsonl")}
    asked = beside.digests(cfg.judge.gguf, texts.rubric_file(cfg.rubric) if cfg.rubric else None)
    votes = voting.digests(cfg.votes, "judge.votes")
    return {"vendor/llama.cpp/PIN": file_digest(ROOT / "vendor" / "llama.cpp" / "PIN"), **suite, **asked, **votes}


main = stage_main("judge", JudgeConfig, run, GATE, outside, estimate=estimate)

if __name__ == "__main__":
    sys.exit(main())
