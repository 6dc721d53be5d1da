"""Make more rows to train on: by a model, from the training rows that `prepare` left, through the checks of every row.

Reads the training side of `prepare` as seeds, and its held-out side only to keep what is made apart from it; of `fetch`
the base model, where it is what writes. Makes `rows.jsonl`, the made rows, which a person can edit and give to another
run; `dropped.jsonl`, every candidate that was not taken and why; `train.jsonl`, the rows of `prepare` and the made
ones; `scores.jsonl`; and `making.json`, what was asked of which model. Answers are kept beside the run: what was asked
is not asked again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from jobs.checks.synth import GATE, SynthFacts
from jobs.checks.synth_config import EMBEDDED, SynthConfig
from jobs.checks.synth_facts import Asked, Making as MakingFacts, ModelFacts
from jobs.core import room, terminal
from jobs.core.artifact import Inputs
from jobs.core.errors import Refusal
from jobs.core.provenance import file_digest
from jobs.core.stage import stage_main

if TYPE_CHECKING:
    from jobs.engines.endpoints.asking import Asker, Session
    from jobs.engines.synth.making import Making
    from jobs.logic.endpoints.costs import Caps, Estimate
    from jobs.logic.synth.scores import Rubric
    from jobs.logic.synth.wording import Wording

ANSWERS = "answers"
"""Beside the stages of a run."""
SHOWN = 8
"""Of what could not be read of a corpus."""
WAYS = (
    "synth.generator: no model to write rows: give a server (synth.generator.url=http://HOST:8000/v1 and, where it "
    "needs one, synth.generator.key=NAME_OF_VARIABLE), a GGUF file that is served here "
    "(synth.generator.gguf=FILE.gguf), or the run's own base model (synth.generator.gguf=base)"
)


def run(cfg: SynthConfig, inputs: Inputs, out: Path) -> SynthFacts:
    make(cfg, inputs, out)
    return measure(cfg, inputs, out)


def make(cfg: SynthConfig, inputs: Inputs, out: Path) -> None:
    """Ask the models and write what came of it."""
    from jobs.engines.endpoints import asking

    require_models(cfg)
    asking.run(_made(cfg, inputs, out))


async def _made(cfg: SynthConfig, inputs: Inputs, out: Path) -> None:
    from jobs.engines.endpoints import asking, estimating
    from jobs.engines.synth import making

    with TemporaryDirectory(prefix="scratch-", dir=out) as folder:
        async with asking.open_session(out.parent / ANSWERS, caps(cfg)) as session:
            work, asked = await begun(cfg, inputs, session, Path(folder))
            with estimating.higher_cap("synth", session.ledger.caps):
                probed = await work.probe()
                terminal.say(estimating.told("synth", probed))
                estimating.require_caps("synth", caps(cfg), probed, "synth.rows")
                await work.score_rows()
                ended = await work.run()
            facts = _making(cfg, work, asked, probed, ended)
    before = inputs["prepare"].file("train.jsonl")
    making.write(work.settled, out, before, asked[0].model)
    making.write_scores(work.scored, out / "scores.jsonl")
    (out / "making.json").write_text(facts.model_dump_json(indent=1) + "\n", encoding="utf-8")


async def begun(
    cfg: SynthConfig, inputs: Inputs, session: Session, scratch: Path
) -> tuple[Making, tuple[Asker, Asker | None, str]]:
    """What makes the rows, and the models behind it: who writes, who scores, and why they may be one."""
    from jobs.engines.synth import counting, making, vetting

    prepared = inputs["prepare"].root
    rows = counting.read_rows(prepared / "train.jsonl")
    words, rubric = texts(cfg, inputs)
    writer = await session.asker(cfg.generator.options(), _base(inputs))
    judge, same = await _judge(cfg, session, writer, inputs)
    vetter = vetting.Vetter(prepared, vetting.VettingOptions.of(cfg.prepare.model_dump()), scratch / "vetted")
    work = making.Making(options_of(cfg), rows, words, rubric, session, writer, judge, vetter)
    embed = None
    if "craft" in cfg.methods and cfg.craft.embeddings.url:
        embed = await session.asker(cfg.craft.embeddings.options())
    await work.read_corpus(prepared, scratch, embed)
    return work, (writer, judge, same)


async def _judge(cfg: SynthConfig, session: Session, writer: Asker, inputs: Inputs) -> tuple[Asker | None, str]:
    """Who scores, and why that may be who wrote; raises Refusal where it is the same model and nobody says why."""
    from jobs.logic.endpoints.family import kinship

    if not cfg.score:
        return None, ""
    if not cfg.scorer.is_given:
        return writer, cfg.same_model or EMBEDDED
    judge = await session.asker(cfg.scorer.options(), _base(inputs))
    if kinship(writer.identity, judge.identity) != "same":
        return judge, ""
    if cfg.same_model is None:
        raise Refusal(
            f"synth.scorer: {judge.model} is the model that writes: it would mark its own rows; give another one, or "
            'say why it may with synth.same_model="..."'
        )
    return judge, cfg.same_model


def measure(cfg: SynthConfig, inputs: Inputs, out: Path) -> SynthFacts:
    """Read the folder again: where every candidate ended, and the row checks asked of every made row once more."""
    from jobs.engines.synth import counting, vetting

    made = MakingFacts.model_validate_json((out / "making.json").read_bytes())
    options = vetting.VettingOptions.of(cfg.prepare.model_dump())
    with TemporaryDirectory() as scratch:
        found = counting.counted(out, inputs["prepare"].root, options, Path(scratch), made.num_candidates)
    for arm in found["arms"]:
        arm["num_seeds"] = made.num_seeds[arm["arm"]]
    num_before = inputs["prepare"].record.facts["num_train"]
    return SynthFacts.model_validate({"wanted": cfg.rows, "making": made, "num_before": num_before, **found})


def _making(
    cfg: SynthConfig, work: Making, asked: tuple[Asker, Asker | None, str], probed: Estimate, ended: Any
) -> MakingFacts:
    from jobs.engines.endpoints import estimating
    from jobs.engines.synth import making, texts as files
    from jobs.logic.text import private

    writer, judge, same = asked
    corpus = work.corpus
    return MakingFacts(
        ended=ended,
        num_candidates=len(work.settled),
        num_seeds=work.num_seeds,
        asked=[Asked(**one) for one in work.session.ledger.by_purpose()],
        usd=work.session.ledger.usd(),
        estimated_calls=probed.calls,
        estimated_tokens=estimating.total_tokens(probed),
        estimated_usd=probed.usd,
        generator=_model(writer),
        scorer=_model(judge) if judge else None,
        same_model=same,
        rubric=cfg.rubric,
        min_score=work.rubric.least_mean,
        language="ja" if work.wording.code == "ja" else "en",
        digests={"prompts": work.wording.prompts.digest(), "rubric": file_digest(files.rubric_file(cfg.rubric))},
        scores_before=making.scores_of(work.scored),
        passages=dict(corpus.not_taken) | {"taken": len(corpus)} if corpus else {},
        corpus={file.label: file.sha256 for file in corpus.files} if corpus else {},
        num_left_out=len(corpus.left_out) if corpus else 0,
        left_out=[private.masked(why) for why in corpus.left_out[:SHOWN]] if corpus else [],
    )


def _model(asker: Asker) -> ModelFacts:
    found = asker.facts()
    probed = {name: str(found[name]) for name in ("answers_as", "schema", "tells_usage", "cuts", "repeats")}
    served: Literal["embedded", "server"] = "embedded" if found["own_server"] else "server"
    return ModelFacts(name=found["model"], served=served, file_sha256=found["sha256"] or "", probed=probed)


def require_models(cfg: SynthConfig) -> None:
    """Raises Refusal where no model is given, or a method lacks what it stands on."""
    if not cfg.chosen or not cfg.methods:
        raise Refusal(
            "synth: no method is chosen; there are self_instruct, evol_instruct, craft and cot_self_instruct",
            words=["synth=self_instruct"],
        )
    if not cfg.generator.is_given:
        raise Refusal(WAYS, words=["synth.generator.gguf=base"])
    if cfg.score and not cfg.scorer.is_given and cfg.generator.url and cfg.same_model is None:
        raise Refusal(
            "synth.scorer: no model to score rows: give synth.scorer.url and synth.scorer.model, or synth.scorer.gguf; "
            'or say why the one that writes may score with synth.same_model="..."; or synth.score=false'
        )
    if "craft" in cfg.methods and cfg.craft.folder is None:
        said = "synth.craft.folder: craft makes rows of your own texts: give their folder"
        raise Refusal(said, words=["synth.craft.folder=FOLDER"])


def texts(cfg: SynthConfig, inputs: Inputs) -> tuple[Wording, Rubric]:
    """The prompts in the language that the set has, and what rows are scored by."""
    from jobs.engines.synth import texts as files

    spoken = inputs["prepare"].record.facts["set_language"] or "en"
    words = files.wording_of(spoken, code="" if cfg.language == "auto" else cfg.language)
    return words, files.rubric_named(cfg.rubric)


def options_of(cfg: SynthConfig) -> Any:
    from jobs.engines.synth.blocks import BlockOptions
    from jobs.engines.synth.corpus import CorpusOptions
    from jobs.engines.synth.making import MakingOptions

    many, craft = cfg.candidates, cfg.craft
    corpus = CorpusOptions(
        craft.folder, tuple(craft.columns), craft.min_characters, craft.max_characters, craft.max_document_bytes,
        cfg.prepare.max_row_bytes, cfg.prepare.max_file_bytes, craft.max_held_out_share, craft.pdf.seconds,
        craft.pdf.megabytes,
    ) if "craft" in cfg.methods and craft.folder is not None else None  # fmt: skip
    return MakingOptions(
        methods={str(name): share for name, share in cfg.methods.items()},
        blocks=BlockOptions(
            cfg.rows,
            many.most_per_row,
            many.min_acceptance,
            many.after,
            many.block,
            cfg.generator.at_once,
            cfg.seed,
            keeps_thoughts=cfg.keeps_thoughts == "keep",
        ),
        control=cfg.control,
        seed_share=cfg.seeds.share,
        seed_min_score=cfg.seeds.min_score,
        most_scored=cfg.seeds.most_scored,
        evol_rounds=cfg.evol.rounds,
        cot_answers=cfg.cot.answers,
        corpus=corpus,
        writing=cfg.generator.sampling(cfg.seed),
        scoring=cfg.scorer.sampling(cfg.seed),
        shots_characters=cfg.shots_characters,
    )


def caps(cfg: SynthConfig) -> Caps:
    from jobs.logic.endpoints.costs import Caps

    return Caps(cfg.max_calls, cfg.max_tokens, cfg.max_minutes, cfg.max_usd)


def estimate(cfg: SynthConfig, inputs: Inputs, root: Path) -> Iterator[str]:
    """What the rows will cost, from some that are scored and some that are made; Refusal above a cap."""
    from jobs.engines.endpoints import asking, estimating

    async def probed() -> Estimate:
        with TemporaryDirectory() as folder:
            async with asking.open_session(root / ANSWERS, caps(cfg)) as session:
                work, _ = await begun(cfg, inputs, session, Path(folder))
                with estimating.higher_cap("synth", session.ledger.caps):
                    return await work.probe()

    require_models(cfg)
    yield from estimating.lines("synth", caps(cfg), asking.run(probed()), "synth.rows")


def _base(inputs: Inputs) -> Callable[[], Path] | None:
    """Makes the GGUF of the run's own base model."""
    fetch = inputs.get("fetch")
    if fetch is None:
        return None
    from jobs.engines.gguf import base_gguf

    return lambda: base_gguf.made(fetch, "F16", room.cache_folder() / "base", "synth.generator.gguf=base")


main = stage_main("synth", SynthConfig, run, GATE, estimate=estimate)

if __name__ == "__main__":
    sys.exit(main())
