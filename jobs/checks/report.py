"""Whether a run may be called certified, and what keeps it from that."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.core.model import Facts, Limits
from jobs.core.rule import Gate


class ReportFacts(Facts):
    """What the certificate in the folder says, after the folder was checked against it."""

    certified: bool
    num_stages: int
    """Stages that the certificate has a record of."""
    missing: list[str]
    failed: dict[str, list[str]]
    """Stage to the rules that failed."""
    stale: dict[str, list[str]]
    """Stage to the ancestors that are not the ones it was made from."""
    changed: list[str]
    """Files that are not the ones a stage recorded, as stage/file: what is wrong."""
    misjudged: list[str]
    """Stages whose verdict does not follow from their facts and the limits of today."""
    folder: list[str]
    """Anything else that the offline check of the report's own folder found."""
    waivers: dict[str, str]
    """Rule code to the reason that was given."""
    changed_limits: dict[str, str]
    """Config key of a limit to its value and its default."""
    shipped: list[str]
    chain_digest: str
    closing: list[str]
    """Said at the end of the chain; `{run}` stands for the run's folder."""

    def lines(self) -> list[tuple[str, str]]:
        return [
            ("certified", "yes" if self.certified else "no"),
            ("stages", f"{self.num_stages} recorded, {len(self.missing)} missing, {len(self.failed)} not passed"),
            ("stale or changed", f"{len(self.stale)} stages, {len(self.changed)} files"),
            ("waivers", ", ".join(self.waivers) or "none"),
            ("changed limits", ", ".join(self.changed_limits) or "none"),
            ("in the folder", ", ".join(self.shipped)),
            ("chain digest", self.chain_digest),
        ]


class ReportLimits(Limits):
    """None: a chain holds or it does not."""


GATE = Gate("report", "CRT", ReportFacts, ReportLimits)


@GATE.rule("001", "chain-incomplete")
def chain_incomplete(facts: ReportFacts, limits: ReportLimits) -> Iterator[str]:
    """A stage of the chain was not made.

    Why: what no gate has looked at cannot be vouched for.
    Fix: run `make all`; where a gate stopped the chain, its fix comes first.
    """
    if facts.missing:
        yield f"not made: {', '.join(facts.missing)}"


@GATE.rule("002", "stage-not-passed", explains=("CRT001",))
def stage_not_passed(facts: ReportFacts, limits: ReportLimits) -> Iterator[str]:
    """A stage's gate said no.

    Why: everything after a failed stage stands on what failed.
    Fix: start with the first stage that is named here: its rule says what was measured, the limit and the fix.
    """
    for stage, codes in facts.failed.items():
        yield f"{stage}: {', '.join(codes)}"


@GATE.rule("003", "stale-link")
def stale_link(facts: ReportFacts, limits: ReportLimits) -> Iterator[str]:
    """A stage was made from something that is not what is there now.

    Why: proofs about other weights or other rows prove nothing about these.
    Fix: run `make all ARGS="redo=true"`, which makes again what no longer follows.
    """
    for stage, ancestors in facts.stale.items():
        yield f"{stage} was not made from the {', '.join(ancestors)} that is there"


@GATE.rule("004", "file-changed")
def file_changed(facts: ReportFacts, limits: ReportLimits) -> Iterator[str]:
    """A file of an artifact is not the one that was judged.

    Why: GGUF has no checksum, and a damaged file often loads without a word.
    Fix: make the stage again with redo=true; if it happens again, check the disk.
    """
    yield from facts.changed


@GATE.rule("005", "verdict-does-not-follow")
def verdict_does_not_follow(facts: ReportFacts, limits: ReportLimits) -> Iterator[str]:
    """A recorded verdict is not what today's limits make of the recorded facts.

    Why: the limits stand beside the verdict in the certificate; they must be the ones it was given under.
    Fix: run `make all` with the config that the run was made with: it judges every stage again.
    """
    yield from facts.misjudged


@GATE.rule("006", "folder-differs")
def folder_differs(facts: ReportFacts, limits: ReportLimits) -> Iterator[str]:
    """The report's folder is not what its own certificate says.

    Why: the folder is what is sent to others, and they check it with the certificate.
    Fix: make the report again with `make report ARGS="redo=true"` and change nothing in the folder.
    """
    yield from facts.folder


@GATE.rule("007", "waivers-used", level="warn")
def waivers_used(facts: ReportFacts, limits: ReportLimits) -> Iterator[str]:
    """A rule failed and was waived.

    Why: whoever gets the model should know what was measured and accepted anyway.
    Fix: repair the cause and take the waiver out; until then it stays in the report, the card and the certificate.
    """
    for code, reason in facts.waivers.items():
        yield f"{code}: {reason}"


@GATE.rule("008", "limits-changed", level="warn")
def limits_changed(facts: ReportFacts, limits: ReportLimits) -> Iterator[str]:
    """A limit is not the default one.

    Why: "passed" means what the limits say; whoever gets the model should know which were set for this run.
    Fix: none is needed where the limit was changed for a reason; it stays in the report, the card and the certificate.
    """
    for key, text in facts.changed_limits.items():
        yield f"{key}: {text}"
