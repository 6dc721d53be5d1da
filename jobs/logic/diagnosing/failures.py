"""docs/failures.md: symptom to cause to fix to the command that shows it is mended, from the causes themselves."""

from __future__ import annotations

from jobs.logic.diagnosing.certainty import JAPANESE, Certainty
from jobs.logic.diagnosing.every_cause import CAUSES
from jobs.logic.diagnosing.symptoms import SYMPTOMS

CLASSES = {
    Certainty.PROVEN: "bytes, ids or weights show it",
    Certainty.MEASURED: "a run or a test showed it, with its interval or p",
    Certainty.CONSISTENT: "the symptom fits, and nothing decides",
    Certainty.RULED_OUT: "it cannot be, by an argument that is told",
    Certainty.NOT_CHECKED: "a file that would decide was not given",
}


def failures_page() -> str:
    """The whole page."""
    causes = sorted(CAUSES, key=lambda one: one.code)
    lines = [
        "# Failures",
        "",
        "Generated from the causes themselves by `make docs`; do not edit. `make diagnose` asks each of what is on",
        "disk and says how certain it is, as a class of evidence and never as a percentage:",
        "",
        "| class | in Japanese | means |",
        "|---|---|---|",
        *(f"| {one.value} | {JAPANESE[one]} | {means} |" for one, means in CLASSES.items()),
        "",
        "## From what one sees",
        "",
        "| symptom | in Japanese | seen by | may come from |",
        "|---|---|---|---|",
    ]
    for name, symptom in SYMPTOMS.items():
        codes = ", ".join(one.code for one in causes if name in one.symptoms)
        lines.append(f"| {symptom.english} | {symptom.japanese} | {symptom.seen_by} | {codes or '-'} |")
    lines += ["", "## Causes", ""]
    for cause in causes:
        lines += [f"### {cause.code} {cause.name}", "", f"*{cause.link.name.lower()}*. {cause.title}", ""]
        lines += [f"- Why: {cause.why}", f"- Fix: {cause.fix}", f"- Shown to be mended by: `make {cause.shows}`"]
        lines += [f"- Told from others by: `make {cause.separates}`"] if cause.separates else []
        lines += [f"- Usually causes: {', '.join(cause.explains)}"] if cause.explains else []
        lines += [f"- Rules that speak for it: {', '.join(cause.rules)}"] if cause.rules else []
        lines += [f"- Seen in: {cause.seen_in}", ""]
    return "\n".join(lines).rstrip("\n") + "\n"
