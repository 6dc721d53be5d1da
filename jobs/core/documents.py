"""Pages that are generated from the code: docs/rules.md."""

from __future__ import annotations

from jobs.core import chain, pipeline

LEVELS = {"error": "must: failing it blocks", "warn": "strongly recommended", "info": "recommended"}


def rules_page() -> str:
    """docs/rules.md: every rule of every gate, in the order they are asked."""
    lines = [
        "# Rules",
        "",
        "Generated from the rules themselves by `make docs`; do not edit. A rule of level *error* must hold, or the",
        "chain stops; *warn* is strongly recommended, *info* recommended. A rule can be waived by name, with a reason:",
        '`waivers.TOK004="why"`. The waiver is shown in the report and in the model card. Codes are never reused.',
        "",
    ]
    for stage in pipeline.PIPELINE:
        gate = chain.load(stage.name).gate
        lines += [f"## {stage.name}", "", f"{stage.title[0].upper()}{stage.title[1:]}.", ""]
        for rule in gate.rules:
            lines += [f"### {rule.code} {rule.name}", "", f"*{rule.level}* ({LEVELS[rule.level]}). {rule.title}", ""]
            lines += [f"- Why: {rule.why}", f"- Fix: {rule.fix}"]
            lines += [f"- Usually causes: {', '.join(rule.explains)}"] if rule.explains else []
            lines += [""]
    return "\n".join(lines).rstrip("\n") + "\n"
