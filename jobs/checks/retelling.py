"""A run retold: each stage's record with its gate, facts and limits side by side, as the report's pages need them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jobs.checks import lengths
from jobs.checks.certifying import Told, ggufs, plain_facts
from jobs.checks.judge_facts import JudgeFacts
from jobs.checks.verify import VerifyFacts
from jobs.core import command_line, headline, names, offers, pipeline, terminal
from jobs.core.certificate import Certificate
from jobs.core.evidence import evidence
from jobs.core.links import Link, chain_problems, failed, missing, stale
from jobs.core.rule import Finding
from jobs.core.stage import shortened
from jobs.logic.forgetting import words
from jobs.logic.forgetting.counting import BOTH
from jobs.logic.pages import card, data_section, judge_section, made_section, modelfile, story
from jobs.logic.pages.amounts import count, percent
from jobs.logic.parity import quant_files

Page = dict[str, Any]
SHOWN_VALUES = 8


def stage_pages(run: Mapping[str, Told], certificate: Certificate) -> list[Page]:
    """Every stage of the chain, made or not, for the row at the top and the list of rules."""
    links = certificate.links
    off, no, chain_missing = stale(links), failed(links), missing(links)
    pages = []
    for stage in pipeline.CHAIN:
        one = run.get(stage.name)
        if one is None and stage.optional and stage.name not in chain_missing:
            continue
        if one is None:
            pages.append(_page(stage, "none", "not made", [], [], [], False))
            continue
        findings = one.record.verdict.findings
        state = "fail" if stage.name in no else "stale" if stage.name in off or links[stage.name].changed else "pass"
        note = _note(one, state, links[stage.name])
        lines = one.facts.lines() if one.facts else [("facts", "written by another version of this stage")]
        rules = _rule_pages(one, findings)
        pages.append(_page(stage, state, note, lines, rules, one.record.verdict.notes, state != "pass"))
    return pages


def _page(
    stage: pipeline.Stage,
    state: str,
    note: str,
    lines: list[tuple[str, str]],
    rules: list[Page],
    notes: list[str],
    is_open: bool,
) -> Page:
    return {
        "name": stage.name, "title": stage.title, "state": state, "note": note, "lines": lines, "rules": rules,
        "notes": notes, "open": is_open,
    }  # fmt: skip


def _note(one: Told, state: str, link: Link) -> str:
    findings = one.record.verdict.findings
    if state == "fail":
        return ", ".join(failure.code for failure in headline.ranked(_failures(one))) or "asked nothing"
    if state == "stale":
        return "changed since" if link.changed else "stale"
    asked = sum(finding.status != "skip" for finding in findings)
    words = [f"{sum(f.status == status for f in findings)} {status}" for status in ("waived", "warn")]
    said = [word for word in words if not word.startswith("0 ")]
    return ", ".join(said).replace("warn", "warned") or f"{asked} rules"


def _rule_pages(one: Told, findings: Sequence[Finding]) -> list[Page]:
    looked = evidence(one.gate, one.facts, one.gate.limits.model_validate(one.limits)) if one.facts else {}
    pages = []
    for finding in findings:
        rule = one.rules.get(finding.code)
        facts, limits = looked.get(finding.code, ({}, {}))
        bad = finding.status in ("fail", "crashed", "waived", "warn")
        pages.append(
            {
                "code": finding.code, "status": finding.status, "title": rule.title if rule else finding.name,
                "messages": shortened(finding.messages, 5) if finding.status != "pass" else [],
                "fix": finding.fix if bad else "", "limits": _values(limits),
                "looked_at": [] if bad else _values(facts),
            }
        )  # fmt: skip
    return pages


def _values(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    shown = [(_words(name), story.value(found, name)) for name, found in fields.items()]
    return [(name, said) for name, said in shown if said is not None][:SHOWN_VALUES]


def _words(name: str) -> str:
    """A field's name as words, without the `num` of counts."""
    return " ".join(word for word in name.replace("_", " ").split() if word != "num")


def attention(run: Mapping[str, Told]) -> list[Page]:
    """Waived rules, then warnings."""
    found = [(one, finding) for one in run.values() for finding in one.record.verdict.findings]
    ordered = [pair for status in ("waived", "warn") for pair in found if pair[1].status == status]
    return [
        {
            "status": finding.status, "code": finding.code, "messages": shortened(finding.messages, 4),
            "title": one.rules[finding.code].title if finding.code in one.rules else finding.name,
        }
        for one, finding in ordered
    ]  # fmt: skip


def limits_changed(certificate: Certificate) -> list[Page]:
    """One entry where limits are not the defaults."""
    if not certificate.changed_limits:
        return []
    messages = [f"{key}: {text}" for key, text in certificate.changed_limits.items()]
    title = "Limits were set for this run that are not the defaults."
    return [{"status": "warn", "code": "CRT008", "messages": messages, "title": title}]


def stop(run: Mapping[str, Told], run_name: str) -> Page | None:
    """The rule that explains what else failed where the chain stopped: measured value and limit, why, and the fix."""
    found = [failure for one in run.values() for failure in _failures(one)]
    if not found:
        return None
    first, *others = headline.ranked(found)
    causes = headline.behind(first.code, [(one.gate, one.record.verdict) for one in run.values()])
    follows = headline.explained_by(first, found)
    return {
        "stage": first.stage, "code": first.code, "name": first.finding.name, "title": first.title, "why": first.why,
        "messages": shortened(first.finding.messages, 4), "fix": first.finding.fix, "paste": to_paste(first, run_name),
        "more": [one.code for one in others],
        "others": [_told(one.finding, one.title, "follows from it" if one.code in follows else "") for one in others],
        "causes": [_told(one, _title(run, one), {"warn": "warning"}.get(one.status, one.status)) for one in causes],
    }  # fmt: skip


def to_paste(first: headline.Failure, run: str) -> str:
    """The command that goes on, with the words that the rule names; the same on every machine."""
    words = list(first.words) or offers.named("\n".join(first.said))[:1]
    again = ["redo=true"] if any(".limits." not in word for word in words) else []
    return command_line.by_make("all", [f"run.name={names.nearest_run_name(run)}", *words, *again])


def _failures(one: Told) -> list[headline.Failure]:
    limits = one.gate.limits.model_validate(one.limits)
    return headline.failures(one.name, one.gate, one.record.verdict, one.facts, limits)


def _told(finding: Finding, title: str, note: str) -> Page:
    return {"code": finding.code, "title": title, "note": note, "messages": shortened(finding.messages, 2)}


def _title(run: Mapping[str, Told], finding: Finding) -> str:
    return next(one.rules[finding.code].title for one in run.values() if finding.code in one.rules)


def other_reasons(certificate: Certificate, stopped: Page | None) -> list[str]:
    """Why a run is not certified, beside the rule that stopped it and what that kept from being made."""
    links = certificate.links
    known = set(certificate.reasons)
    if stopped is not None:
        order = [stage.name for stage in pipeline.CHAIN]
        after = set(order[order.index(stopped["stage"]) + 1 :])
        known -= {f"{name}: was not made" for name in after}
        known -= {reason for reason in chain_problems(links) if reason.startswith(f"{stopped['stage']}: did not pass")}
    return [reason for reason in certificate.reasons if reason in known]


def lede(certificate: Certificate, stopped: Page | None, facts: story.Facts, quants: Mapping[str, str]) -> str:
    """The verdict in a sentence; `quants`: type to the file that each is loaded from."""
    if certificate.certified:
        quant, first = next(iter(quants.items()), ("", ""))
        parity = story.named(facts.get("verify", {}).get("parities", []), "artifact", quant)
        name = card.of_files(first, len(quant_files.parts(first)))
        kept = f" {percent(parity['retention'])} of what training changed is still in it." if parity else ""
        waived = f" Waived, see below: {count(len(certificate.waivers), 'failed rule')}." if certificate.waivers else ""
        return f"{name} is the model that was trained: every stage passed, every digest matches.{kept}{waived}"
    if stopped is not None:
        more = (
            f" {count(len(stopped['more']), 'more rule')} failed there: {', '.join(stopped['more'])}."
            if stopped["more"]
            else ""
        )
        return f"The chain stopped at {stopped['stage']}.{more}"
    return "No gate said no, but the chain does not hold together."


def digests(certificate: Certificate) -> Iterator[Page]:
    """From what came in, through every stage, to what ships."""
    off, shown = stale(certificate.links), set()
    for link in certificate.chain:
        for label, digest in link.record.key.outside.items():
            if (label, digest) in shown:
                continue
            shown.add((label, digest))
            yield {"kind": "outside", "name": label, "digest": digest, "note": ""}
        notes = [f"not made from this {', '.join(off[link.stage])}"] if link.stage in off else []
        yield {"kind": "made", "name": link.stage, "digest": link.digest, "note": "; ".join([*notes, *link.changed])}
    for name, entry in certificate.shipped.items():
        if name.endswith(".gguf"):
            yield {"kind": "shipped", "name": name, "digest": entry.sha256, "note": ""}


def provenance(run: Mapping[str, Told], certificate: Certificate) -> Page:
    """Time and memory of each stage, and every version in play."""
    rows, versions = [], {}  # type: list[list[str]], dict[str, list[str]]
    for one in run.values():
        by = one.record.made_by
        rows.append(
            [
                one.name,
                terminal.seconds(by["seconds"]),
                terminal.memory(by["peak_rss_bytes"]),
                by["started"],
                by["machine"],
            ]
        )
        for name, version in {"kiwame": by["commit"], "Python": by["python"], **by["packages"]}.items():
            if version not in versions.setdefault(name, []):
                versions[name].append(version)
    shown = [(name, ", ".join(found)) for name, found in versions.items()]
    shown += [(f"llama.cpp {name}", text) for name, text in certificate.llama_cpp.items()]
    shown += [(f"base model {name}", text) for name, text in certificate.base_model.items()]
    return {"costs": {"heads": ["stage", "took", "peak memory", "made", "machine"], "rows": rows}, "versions": shown}


def page_of(run: Mapping[str, Told], certificate: Certificate, log: Sequence[Mapping[str, Any]]) -> Page:
    """Everything `report.html` shows."""
    facts, stopped, quants = plain_facts(run), stop(run, certificate.settings.run), ggufs(run)
    quant = next(iter(quants), None)
    return {
        "title": certificate.title,
        "subtitle": " · ".join([*list(certificate.base_model.values())[:1], *([quant] if quant else [])]),
        "certified": certificate.certified,
        "lede": lede(certificate, stopped, facts, quants),
        "stop": stopped,
        "reasons": other_reasons(certificate, stopped),
        "stages": stage_pages(run, certificate),
        "numbers": [*story.numbers(facts, quant), *length_number(run, quant)],
        "attention": [*attention(run), *limits_changed(certificate)],
        "survival": survival(run),
        "samples": story.samples(facts, certificate.settings.num_samples),
        "training": story.training(facts, log),
        "data": story.data(facts),
        "made_rows": made_section.page(facts.get("synth")),
        "judge": judge_section.page(facts.get("judge"), forgotten(run)),
        "use": use(run, certificate, quants),
        "digests": list(digests(certificate)),
        "chain_digest": certificate.chain_digest,
        "provenance": provenance(run, certificate),
    }


def forgotten(run: Mapping[str, Told]) -> Page | None:
    """The forgetting suite's table, where it was asked."""
    one = run.get("judge")
    if one is None or not isinstance(one.facts, JudgeFacts):
        return None
    found = one.facts.forgetting.found()
    rows = [
        (words.name(group), f"{group.base_right} of {group.num_items}", str(group.tuned_right), words.verdict(group))
        for group in found.groups
        if group.language == BOTH
    ]
    told = {"heads": ("", "right before", "after", ""), "rows": rows, "drift": words.drift(found)}
    return {**told, "reading": list(words.reading(found))}


def made_of(facts: story.Facts, base: str) -> str:
    """What was done to the base, as far as it was, in a sentence."""
    if "train" not in facts:
        return f"Nothing was trained on {base} yet."
    tools = [word for stage, word in (("convert", "converted"), ("quantize", "quantized")) if stage in facts]
    steps = [f"a LoRA fine-tune of {base}"]
    steps += [f"merged in {facts['merge']['dtype']}"] if "merge" in facts else []
    steps += [f"{' and '.join(tools)} with a pinned llama.cpp"] * bool(tools)
    steps += ["compared with the trained model step by step"] * ("verify" in facts)
    return card.opened(f"{', '.join(steps)}.")


def survival(run: Mapping[str, Told]) -> Page | None:
    """What survived, at the rows' own length and at longer ones."""
    told = story.survival(plain_facts(run), {name: one.limits for name, one in run.items()})
    found = length_facts(run)
    longer = lengths.table(*found) if found else None
    return told | {"tables": [*told["tables"], *([longer] if longer else [])]} if told else None


def length_facts(run: Mapping[str, Told]) -> tuple[lengths.LengthFacts, lengths.LengthLimits] | None:
    """What `verify` measured on longer prompts, with the limits it is judged by."""
    one = run.get("verify")
    if one is None or not isinstance(one.facts, VerifyFacts):
        return None
    return one.facts.lengths, one.gate.limits.model_validate(one.limits).lengths


def length_number(run: Mapping[str, Told], quant: str | None) -> list[Page]:
    """Up to which length prompts were measured to hold."""
    found = length_facts(run)
    longest = lengths.reach(*found, quant or "") if found else None
    if found is None or longest is None:
        return []
    longer = f"the longest row has {found[0].longest_row:,}; {lengths.tried(found[0], quant or '')}"
    return [{"label": "Prompts hold", "value": f"{longest:,}", "note": f"tokens were measured to hold; {longer}"}]


def length_said(run: Mapping[str, Told], quant: str | None) -> str:
    """What was trained and measured of lengths, in sentences; empty where nothing was trained."""
    facts, found = plain_facts(run), length_facts(run)
    if "train" not in facts or "preflight" not in facts:
        return ""
    rows = facts["preflight"]["train"]
    span = f"rows of {rows['shortest']:,} to {rows['longest']:,} tokens"
    trained = (
        f"Trained on {span}." if not story.adopted(facts) else f"Measured with {span}; those it saw are not known."
    )
    return f"{trained} {lengths.length_said(*found, quant or '') if found else 'Nothing longer was measured.'}"


def context(run: Mapping[str, Told], quant: str) -> tuple[int | None, str]:
    """The context that the first GGUF is run with where one is chosen, and why."""
    found = length_facts(run)
    return (lengths.context(*found, quant), lengths.context_said(*found, quant)) if found else (None, "")


def sampling(run: Mapping[str, Told]) -> Mapping[str, object]:
    """The sampler values that travel in what ships: quantizing changes none, which QNT's rules look at."""
    files = plain_facts(run).get("convert", {}).get("files", [])
    found: Mapping[str, object] = files[-1]["sampling"] if files else {}
    return found


def use(run: Mapping[str, Told], certificate: Certificate, quants: Mapping[str, str]) -> Page | None:
    """How to run what ships."""
    if not quants:
        return None
    gguf, name, values = next(iter(quants.values())), card.slug(certificate.title), sampling(run)
    commands = [
        ("talk to it with llama.cpp (a line with nothing but \\ sends)", card.talk(gguf, sampling=values)),
        ("serve it with llama.cpp", card.serve(gguf, values)),
        (
            "Ollama (the Modelfile was never tried in Ollama itself)",
            ollama(gguf, name),
        ),
        ("check the files", "sha256sum -c SHA256SUMS"),
    ]
    said = ["In this folder. Everything was measured greedily; send text in Unicode NFC.", card.sampling_said(values)]
    said += [card.parts_said(gguf, len(quant_files.parts(gguf))), length_said(run, next(iter(quants)))]
    return {"note": " ".join(filter(None, said)), "commands": commands}


def ollama(gguf: str, name: str) -> str:
    """The commands that talk to a GGUF in Ollama, which takes no parts."""
    one = quant_files.merged(gguf)
    return card.ollama(name, "" if one == gguf else gguf, one)


def card_of(run: Mapping[str, Told], certificate: Certificate) -> Page:
    """Everything the model card shows."""
    facts, stopped, quants = plain_facts(run), stop(run, certificate.settings.run), ggufs(run)
    quant = next(iter(quants), None)
    survived, values = survival(run), sampling(run)
    preflight = facts.get("preflight", {})
    opening = modelfile.opening(preflight.get("thinking_block"), preflight.get("opening", ""))
    base = certificate.base_model
    asked = next((one["num_rows"] for one in story.default_behaviours(facts)), None)
    gguf = quants[quant] if quant else ""
    num_parts = len(quant_files.parts(gguf))
    name = card.slug(certificate.title)
    provenance = [(f"base model {key}", value) for key, value in base.items()]
    provenance += [(f"llama.cpp {key}", value) for key, value in certificate.llama_cpp.items()]
    return {
        "title": certificate.title, "certified": certificate.certified, "stop": stopped,
        "lede": lede(certificate, stopped, facts, quants), "reasons": other_reasons(certificate, stopped),
        "made": made_of(facts, base.get("id", "a model that was not fetched")), "waivers": certificate.waivers,
        "changed_limits": certificate.changed_limits, "adopted": story.adopted(facts),
        "measured": [
            (f"{one['label']}: {one['value']}", one["note"])
            for one in [*story.numbers(facts, quant), *length_number(run, quant)]
        ],
        "tables": survived["tables"] if survived else [],
        "warnings": [one for one in attention(run) if one["status"] == "warn"],
        "judge": judge_section.summary(facts.get("judge")),
        "data": " ".join(filter(None, [data_section.summary(facts), made_section.summary(facts.get("synth"))])),
        "gguf": gguf, "talk": card.talk(gguf, sampling=values) if gguf else "",
        "ollama": ollama(gguf, name) if gguf else "", "parts": card.parts_said(gguf, num_parts),
        "prompt": card.prompt(opening), "opening": card.opening_said(opening),
        "rows": f", on {count(asked, 'held-out row')}" if asked else "", "lengths": length_said(run, quant),
        "context": context(run, quant)[1] if quant else "", "sampling": card.sampling_said(values) if gguf else "",
        "provenance": [*provenance, ("chain digest", certificate.chain_digest)],
    }  # fmt: skip
