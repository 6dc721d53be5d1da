"""Certificates that were edited: a shipped folder that differs is never called certified as the one it was.

Whoever makes everything again that hangs on an edited value makes another certificate: only a signature tells the two
apart. What is asked of such an edit is that another digest is printed, or that the check says no; it must say no where
the edited value follows from others, as waivers, verdicts and pages do from records and limits.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from jobs import report
from jobs.checks import certifying
from jobs.core import certificate, links, pipeline
from jobs.core.artifact import RECORD, Record, record_text
from jobs.core.errors import Exit
from tests.torture import cases, damages, runs
from tests.torture.compare import require
from tests.torture.runs import TRACEBACK, Bench

TOLD = {
    "schema_version", "about", "certified", "reasons", "waivers", "changed_limits", "base_model", "llama_cpp",
    "shipped", "chain_digest", "digest",
}  # fmt: skip
"""Of the certificate, what follows from the records, the limits and the files."""
TOLD_OF_A_STAGE = {"digest", "changed", "misjudged", "verdict"}
"""Of a link of the chain, what follows from its facts and limits, or keeps it from being certified."""
PAGES = ("report.html", "README.md", "Modelfile", links.SHIPPED_LOG)
DIGEST = re.compile(r"^ *digest ([0-9a-f]{64})$", re.MULTILINE)
Place = tuple[str | int, ...]


def edit(bench: Bench, draw: random.Random) -> str:
    """One drawn edit of the shipped folder, then the check, or the chain on the whole run."""
    cases.link(bench.case, bench.folder, pipeline.USUAL)
    folder = bench.run / "report"
    what = draw.choices(["value", "page", "sums", "folder", "record"], [8, 3, 2, 2, 1])[0]
    is_chain_asked, free = draw.random() < 0.1, False
    if what == "value":
        text, free = edit_value(folder, draw)
    elif what == "page":
        text = edit_page(folder, draw)
    elif what == "sums":
        text = edit_sums(folder, draw)
    elif what == "folder":
        text = edit_folder(bench, folder, draw)
    else:
        text = edit_record(folder, draw)
    if is_chain_asked:
        return chain_says(bench, text)
    if text.endswith("recomputed"):
        text = f"{text}, {without_record(folder, draw)}"
    command = bench.start_words(["-m", "jobs", "certificate", str(folder)])
    code = command.wait()
    require(TRACEBACK not in command.said, f"{text}: crashed:\n{runs.tail(command.said)}")
    if code == Exit.PASSED and free:
        before = bench.start_words(["-m", "jobs", "certificate", str(bench.case.whole / "report")])
        before.wait()
        now, then = (DIGEST.findall(each.said) for each in (command, before))
        require(len(now) == len(then) == 1 and now != then, f"{text}: certified, digest {now}, before {then}")
        return f"{text}, another digest"
    require(code in (Exit.REFUSED, Exit.GATE_FAILED), f"{text}: exit code {code}:\n{runs.tail(command.said, 4)}")
    return text


def chain_says(bench: Bench, text: str) -> str:
    """The chain on the run whose report was edited: it says no, or makes the report again."""
    command = bench.start("all")
    code = command.wait()
    require(code in (0, Exit.REFUSED, Exit.GATE_FAILED), f"all, {text}: {code}:\n{runs.tail(command.said)}")
    if code == 0:
        bench.same()
        _, left = report.check(bench.run / "report")
        require(not left, f"all, {text}: certified, and the certificate's check says: {left[:2]}")
    return f"all, {text}"


def edit_value(folder: Path, draw: random.Random) -> tuple[str, bool]:
    """Any value of certificate.json; as it is, or with its digest and SHA256SUMS, or with all that hangs on it.

    What was done, and whether it may be called certified: as another certificate, of a value that follows from nothing.
    """
    path = damages.own(folder / certificate.NAME)
    data = json.loads(path.read_bytes())
    place = draw.choice(list(places(data)))
    how = draw.choice(["as it is", "resealed", "recomputed"])
    new = another(value_at(data, place[:-1])[place[-1]], draw)
    is_free = how == "recomputed" and not follows(place)
    value_at(data, place[:-1])[place[-1]] = new
    if how == "recomputed":
        redigest(data)
        retell(folder, data, anew=is_free)
        if not is_free:  # what was just made right
            value_at(data, place[:-1])[place[-1]] = new
    if how == "as it is" or place == ("digest",):
        path.write_text(canonical(data), encoding="utf-8")
    else:
        reseal(folder, data)
    return f"{'.'.join(str(step) for step in place)}, {how}", is_free


def follows(place: Place) -> bool:
    """Whether a value may never be another than it is, given the others."""
    if place[0] != "chain":
        return place[0] in TOLD
    return bool(TOLD_OF_A_STAGE & set(place[2:4]))


def value_at(data: Any, place: Place) -> Any:
    """The value at a place."""
    for step in place:
        data = data[step]
    return data


def places(data: Any, here: Place = ()) -> Iterator[Place]:
    """Where values are: every leaf and every container."""
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for name, value in entries:
        yield (*here, name)
        yield from places(value, (*here, name))


def another(value: Any, draw: random.Random) -> Any:
    """A value of the same kind that differs."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + draw.choice([1, -1, 1000]) if isinstance(value, int) else value * 1.5 + draw.choice([1e-9, 1.0])
    if isinstance(value, str):
        return draw.choice([value + "x", value[:-1] or "y", "fail" if value == "pass" else "pass0"])
    if isinstance(value, list):
        return value[:-1] if value else ["something"]
    if isinstance(value, dict) and not value:
        return {"something": "other"}
    if isinstance(value, dict):
        gone = draw.choice(sorted(value))
        return {name: entry for name, entry in value.items() if name != gone}
    return "something"


def redigest(data: dict[str, Any]) -> None:
    """The digest of every record, and what later ones were made from, as an honest maker would have them."""
    new: dict[str, str] = {}
    for entry in data["chain"]:
        with suppress(KeyError, TypeError, AttributeError, ValueError):  # it was edited to something that is no record
            made_from = entry["record"]["key"]["inputs"]
            made_from.update({name: new.get(digest, digest) for name, digest in made_from.items()})
            digest = Record.model_validate(entry["record"], strict=False).digest
            new[entry["digest"]] = entry["digest"] = digest


def retell(folder: Path, data: dict[str, Any], anew: bool) -> None:
    """The pages that tell of these records, with their digests; with `anew`, also what the certificate says of them."""
    try:
        found = certificate.Certificate.model_validate(data, strict=False)
        records = {name: link.record for name, link in found.links.items()}
        if anew:
            changed = {name: link.changed for name, link in found.links.items()}
            found = certifying.certificate_of(found.settings, records, changed, found.shipped)
        run = certifying.run_of(records, found.settings.limits)
        texts = report.pages(found, run, (folder / links.SHIPPED_LOG).read_text(encoding="utf-8"))
    except Exception:  # records that nothing can be told of: the check has to say so, of what lies there
        return
    data.update(found.model_dump(mode="json"))
    for name, text in texts.items():
        damages.own(folder / name).write_text(text, encoding="utf-8")
        data["shipped"][name] = {"bytes": len(text.encode()), "sha256": hashlib.sha256(text.encode()).hexdigest()}


def without_record(folder: Path, draw: random.Random) -> str:
    """The run's own record, which need not be sent, taken out or made again: else it says no before all others."""
    path = folder / RECORD
    path.unlink()
    if draw.random() < 0.5:
        return "no record"
    try:
        found = certificate.read(folder)
        again = report.checked(found, folder).again or found
        record = report.record_of(again, folder, [certificate.NAME, certificate.SUMS])
    except Exception:  # no certificate that could have one
        return "no record"
    path.write_bytes(record_text(record))
    return "another record"


def canonical(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def reseal(folder: Path, data: dict[str, Any]) -> None:
    """certificate.json with its own digest, and SHA256SUMS over what is there."""
    path = folder / certificate.NAME
    try:
        found = certificate.Certificate.model_validate(data, strict=False)
    except ValueError:
        found = None  # no certificate any more: there is nothing that its digest could be computed of
    if found is not None:
        data["digest"] = certificate.own_digest(found)
    path.write_text(canonical(data), encoding="utf-8")
    damages.own(folder / certificate.SUMS)
    names = [file.name for file in folder.iterdir() if file.name not in (certificate.SUMS, RECORD)]
    sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    (folder / certificate.SUMS).write_text(certificate.sums(sums), encoding="utf-8")


def edit_page(folder: Path, draw: random.Random) -> str:
    """A page changed, as it is or with the digests in the certificate."""
    name = draw.choice(PAGES)
    path = damages.own(folder / name)
    data = path.read_bytes()
    how = draw.choice(["flip", "cut", "empty", "insert", "certified"])
    at = draw.randrange(len(data))
    new = data[:at] + b"<b>certified</b>" + data[at:] if how == "insert" else damages.changed(data, how, draw)
    if how == "certified":
        new = data.replace(b"certified", b"verified!") if b"certified" in data else data + b"\ncertified\n"
    path.write_bytes(new)
    if draw.random() < 0.5:
        return f"{name} {how}, as it is"
    damages.own(folder / certificate.NAME)
    found = json.loads((folder / certificate.NAME).read_bytes())
    found["shipped"][name] = {"bytes": len(new), "sha256": hashlib.sha256(new).hexdigest()}
    reseal(folder, found)
    return f"{name} {how}, recomputed"


def edit_sums(folder: Path, draw: random.Random) -> str:
    """A line of SHA256SUMS."""
    path = damages.own(folder / certificate.SUMS)
    lines = path.read_text().splitlines(keepends=True)
    at = draw.randrange(len(lines))
    how = draw.choice(["removed", "doubled", "digit", "name", "comment", "no end"])
    if how == "removed":
        del lines[at]
    elif how == "doubled":
        lines.insert(at, lines[at])
    elif how == "digit":
        lines[at] = ("0" if lines[at][0] != "0" else "1") + lines[at][1:]
    elif how == "name":
        lines[at] = lines[at].rstrip("\n") + "x\n"
    elif how == "comment":
        lines.insert(at, "# made elsewhere\n")
    text = "".join(lines)
    path.write_text(text.rstrip("\n") if how == "no end" else text)
    return f"SHA256SUMS line {at + 1} {how}"


def edit_folder(bench: Bench, folder: Path, draw: random.Random) -> str:
    """Something that lies in the folder and was not made there."""
    how = draw.choice(
        ["file", ".gitattributes", ".git/x", ".cache/x", "folder", "dangling", "link", "pipe", "gguf link"]
    )
    if how == "folder":
        (folder / "empty").mkdir()
    elif how == "dangling":
        (folder / "gone").symlink_to(folder / "nowhere")
    elif how == "link":
        (folder / "elsewhere").symlink_to(bench.case.root)
    elif how == "pipe":
        os.mkfifo(folder / "pipe")
    elif how == "gguf link":
        gguf = next(folder.glob("*.gguf"))
        gguf.unlink()
        gguf.symlink_to(bench.run / "quantize" / gguf.name)
    else:
        (folder / how).parent.mkdir(exist_ok=True)
        (folder / how).write_text("anything")
    return f"folder: {how}"


def edit_record(folder: Path, draw: random.Random) -> str:
    """The record that lies in the shipped folder."""
    path = damages.own(folder / RECORD)
    data = path.read_bytes()
    how = draw.choice(["flip", "cut", "empty"])
    path.write_bytes(damages.changed(data, how, draw))
    return f"{RECORD} {how}"
