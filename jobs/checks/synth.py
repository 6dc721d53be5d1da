"""What is wrong with the rows that `synth` made, and with how it made them."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.checks.synth_facts import MadeRows, SynthFacts, difference
from jobs.core.model import Limits
from jobs.core.rule import Gate, Measured, Skip
from jobs.logic.pages.amounts import beside, by_count, count, percent, score, share as share_of, usd
from jobs.logic.synth.ends import ENDED

__all__ = ["GATE", "MadeRows", "SynthFacts", "SynthLimits"]


class SynthLimits(Limits):
    """Shares are of the calls, and of the rows trained on."""

    max_failed_share: float
    min_novelty: float
    max_synthetic_share: float


SHOWN = 120
"""Characters of an answer that could not be read."""
GATE = Gate("synth", "SYN", SynthFacts, SynthLimits)


@GATE.rule("001", "fewer-rows-than-wanted")
def fewer_rows_than_wanted(facts: SynthFacts, limits: SynthLimits) -> Iterator[str]:
    """Not as many rows were made as were wanted.

    Why: a set that is smaller than it was said to be is trained on as if it were whole.
    Fix: read what took the candidates; mend the seeds, the rubric or the generator, or ask for fewer synth.rows.
    """
    if facts.accepted != facts.wanted:
        took = ", ".join(f"{reason} {count(num)}" for reason, num in by_count(facts.dropped)[:4]) or "none were dropped"
        text = (
            f"{count(facts.accepted)} of {count(facts.wanted, 'row')} after {count(facts.tried, 'candidate')}: "
            f"{ENDED[facts.making.ended]} ({took})"
        )
        words = [f"synth.rows={facts.accepted}"] if facts.accepted else []
        yield Measured(text, facts.accepted, facts.wanted, worst=0.0, words=words)


@GATE.rule("002", "made-row-near-held-out")
def made_row_near_held_out(facts: SynthFacts, limits: SynthLimits) -> Iterator[str]:
    """A made row is nearly one that is held out.

    Why: the model would be judged by what it was trained on, and look better than it is.
    Fix: do not edit rows.jsonl or train.jsonl; make `synth` again with redo=true.
    """
    if facts.rows.near_held_out:
        yield f"{count(facts.rows.near_held_out, 'made row')} near a held-out row, the most is 0"


@GATE.rule("003", "held-out-row-as-seed")
def held_out_row_as_seed(facts: SynthFacts, limits: SynthLimits) -> Iterator[str]:
    """A held-out row was a seed.

    Why: what a row was made from stands in its prompt, and comes back in other words.
    Fix: make `synth` again with redo=true; if it happens again, report it as a bug.
    """
    if facts.rows.held_out_parents:
        yield f"{count(facts.rows.held_out_parents, 'made row')} made from a held-out row, the most is 0"


@GATE.rule("004", "candidates-unaccounted")
def candidates_unaccounted(facts: SynthFacts, limits: SynthLimits) -> Iterator[str]:
    """Candidates tried are not the rows made and the candidates dropped.

    Why: a row that vanished or came twice means that files were cut or changed after they were written.
    Fix: make `synth` again with redo=true; if it happens again, report it as a bug.
    """
    if facts.rows.unaccounted:
        yield f"{count(facts.rows.unaccounted, 'candidate')} in neither file or in both, the most is 0"
    for one in facts.taken:
        found = one.accepted + sum(one.dropped.values())
        if found != one.tried:
            yield f"{one.method}, {one.arm} seeds: {count(one.tried)} tried, {count(found)} accepted and dropped"
    if facts.accepted != facts.rows.num_rows:
        yield f"{count(facts.accepted)} accepted, {count(facts.rows.num_rows)} in rows.jsonl"


@GATE.rule("005", "made-row-unclean")
def made_row_unclean(facts: SynthFacts, limits: SynthLimits) -> Iterator[str]:
    """A made row would not have passed the checks that every row goes through.

    Why: a model's text is as often spoiled as any other, and is learnt as quickly.
    Fix: do not edit rows.jsonl or train.jsonl here; edited rows go into another run by prepare.files.
    """
    for reason, num in by_count(facts.rows.unclean):
        yield f"{reason}: {count(num, 'made row')}, the most is 0"
    if facts.rows.near_others:
        yield f"{count(facts.rows.near_others, 'made row')} near another row, the most is 0"


@GATE.rule("006", "made-rows-not-joined")
def made_rows_not_joined(facts: SynthFacts, limits: SynthLimits) -> Iterator[str]:
    """train.jsonl is not the training rows of `prepare` and the made rows.

    Why: what is trained on would not be what was judged.
    Fix: make `synth` again with redo=true; if it happens again, report it as a bug.
    """
    rows = facts.rows
    if rows.not_joined:
        yield f"{count(rows.not_joined, 'row')} not as they were in `prepare` or in rows.jsonl, the most is 0"
    if rows.num_joined != facts.num_before + rows.num_rows:
        yield (
            f"{count(facts.num_before)} rows before and {count(rows.num_rows)} made ones, "
            f"{count(rows.num_joined)} in train.jsonl"
        )


@GATE.rule("007", "parents-unknown")
def parents_unknown(facts: SynthFacts, limits: SynthLimits) -> Iterator[str]:
    """A made row does not say truly what it was made from.

    Why: the split is by source; a row with another source than its seed's is put on the wrong side.
    Fix: make `synth` again with redo=true; if it happens again, report it as a bug.
    """
    if facts.rows.unknown_parents:
        yield f"{count(facts.rows.unknown_parents, 'made row')} from rows that are not there, the most is 0"
    if facts.rows.other_sources:
        yield f"{count(facts.rows.other_sources, 'made row')} with another source than the seed, the most is 0"


@GATE.rule("008", "calls-failed", explains=("SYN001",))
def calls_failed(facts: SynthFacts, limits: SynthLimits) -> Iterator[str]:
    """Too many questions were not answered, or not as they were asked.

    Why: what is left is what a struggling server or model could say, not what was asked for.
    Fix: read the first answers below; take a larger model, more synth.generator.max_tokens, or a server that keeps up.
    """
    if not facts.calls:
        raise Skip("nothing was asked")
    share = share_of(facts.failed_calls, facts.calls)
    if not share <= limits.max_failed_share:
        shown, limit = beside(share, limits.max_failed_share, percent)
        kinds: dict[str, int] = {}
        for one in facts.making.asked:
            for kind, num in one.failed.items():
                kinds[f"{one.purpose} {kind}"] = kinds.get(f"{one.purpose} {kind}", 0) + num
        told = ", ".join(f"{kind} {count(num)}" for kind, num in by_count(kinds)[:6])
        said = "".join(f'; for example: "{text[:SHOWN]}"' for text in facts.unparsable[:3])
        text = (
            f"{count(facts.failed_calls)} of {count(facts.calls, 'call')} ({shown}), the most is {limit}: {told}{said}"
        )
        yield Measured(text, share, limits.max_failed_share, worst=1.0)


@GATE.rule("009", "one-model-writes-and-scores", level="warn")
def one_model_writes_and_scores(facts: SynthFacts, limits: SynthLimits) -> Iterator[str]:
    """The model that wrote the rows also scored them.

    Why: a model likes what it writes, so its marks keep its own mistakes.
    Fix: give synth.scorer another model.
    """
    if facts.making.scorer is None:
        raise Skip("nothing was scored")
    if facts.making.same_model:
        yield f"{facts.making.generator.name}: {facts.making.same_model}"


@GATE.rule("010", "rows-not-scored", level="warn")
def rows_not_scored(facts: SynthFacts, limits: SynthLimits) -> Iterator[str]:
    """No model looked at whether the made rows are right.

    Why: the checks find what is spoiled, not what is wrong; a wrong answer in good form is learnt.
    Fix: give synth.scorer a model and take out synth.score=false.
    """
    if facts.making.scorer is None:
        yield f"{count(facts.rows.num_rows, 'made row')} with no score"


@GATE.rule("011", "made-rows-repeat-their-seeds", level="warn")
def made_rows_repeat_their_seeds(facts: SynthFacts, limits: SynthLimits) -> Iterator[str]:
    """The made rows are much like those that were there.

    Why: the same rows in other words teach nothing new, and weigh what they repeat more.
    Fix: raise synth.generator.temperature, take more methods, or craft with a corpus; or ask for fewer synth.rows.
    """
    if facts.novelty is None:
        raise Skip("no row was made")
    if not facts.novelty >= limits.min_novelty:
        shown, least = beside(facts.novelty, limits.min_novelty, score)
        text = f"median of 1 - ROUGE-L to the nearest row {shown}, the least is {least}"
        yield Measured(text, facts.novelty, limits.min_novelty, worst=0.0)


@GATE.rule("012", "mostly-made-rows", level="warn")
def mostly_made_rows(facts: SynthFacts, limits: SynthLimits) -> Iterator[str]:
    """Nearly all rows that are trained on are made ones.

    Why: what a few rows do not show no model can add; the made ones drift from them without anybody seeing.
    Fix: bring more rows of your own, or ask for fewer synth.rows.
    """
    share = share_of(facts.rows.num_rows, facts.rows.num_joined)
    if not share <= limits.max_synthetic_share:
        shown, limit = beside(share, limits.max_synthetic_share, percent)
        text = f"{shown} of {count(facts.rows.num_joined, 'row')}, the most is {limit}"
        yield Measured(text, share, limits.max_synthetic_share, worst=1.0)


@GATE.rule("013", "picked-seeds-no-better", level="info")
def picked_seeds_no_better(facts: SynthFacts, limits: SynthLimits) -> Iterator[str]:
    """Rows from the best-scored seeds are not shown to be better than rows from seeds drawn at random.

    Why: picking costs a call for every row, and what it gains is little known.
    Fix: none is needed; with more rows the difference may show, and synth.score=false saves the calls.
    """
    known = [one for one in facts.differences if one.low is not None and one.measure != "novelty"]
    if not known:
        raise Skip("there are too few rows of both to compare")
    if not any((one.low or 0) > 0 for one in known):
        yield "; ".join(difference(one) for one in known)


@GATE.rule("014", "cost-over-estimate", level="warn")
def cost_over_estimate(facts: SynthFacts, limits: SynthLimits) -> Iterator[str]:
    """The rows cost more than twice what was estimated.

    Why: the next run is planned by the estimate.
    Fix: look at the funnel: what was dropped late was paid for; synth.max_usd is the cap.
    """
    if facts.making.usd is None or facts.making.estimated_usd is None:
        raise Skip("the price is not known")
    if facts.making.usd > 2 * facts.making.estimated_usd:
        yield f"{usd(facts.making.usd)}, estimated were {usd(facts.making.estimated_usd)}"
