"""Certificates that were edited: a shipped folder that differs is never called certified as the one it was.

Whoever recomputes every digest after an edit makes another certificate: only a signature tells the two apart. What is
asked of such an edit is that another digest is printed, or that the check says no; it must say no where the edited
value follows from others, as waivers and findings do from records.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs.core import certificate, pipeline
from jobs.core.errors import Exit
from tests.torture import cases, damages, runs
from tests.torture.compare import require
from tests.torture.runs import TRACEBACK, Bench

DERIVED = {"waivers", "changed_limits", "certified", "reasons", "judged_again", "findings", "chain_digest", "changed"}
PAGES = ("report.html", "README.md", "Modelfile")
HEX = re.compile(r"\b[0-9a-f]{64}\b")
Place = tuple[str | int, ...]


def edit(bench: Bench, draw: random.Random) -> str:
    """One drawn edit of the shipped folder, then the check, or the chain on the whole run."""
    cases.link(bench.case, bench.folder, pipeline.NAMES)
    folder = bench.run / "report"
    what = draw.choices(["value", "page", "sums", "folder", "record"], [8, 3, 2, 2, 1])[0]
    derived, text = False, ""
    if what == "value":
        text, derived = edit_value(folder, draw)
    elif what == "page":
        text = edit_page(folder, draw)
    elif what == "sums":
        text = edit_sums(folder, draw)
    elif what == "folder":
        text = edit_folder(bench, folder, draw)
    else:
        text = edit_record(folder, draw)
    if draw.random() < 0.1:
        return chain_says(bench, text)
    command = bench.start_words(["-m", "jobs", "certificate", str(folder)])
    code = command.wait()
    require(TRACEBACK not in command.said, f"{text}: crashed:\n{runs.tail(command.said)}")
    if code == Exit.PASSED and text.endswith("recomputed") and not derived:
        before = bench.start_words(["-m", "jobs", "certificate", str(bench.case.whole / "report")])
        before.wait()
        same = set(HEX.findall(command.said)) == set(HEX.findall(before.said))
        require(not same, f"{text}: certified with the digests of the folder before the edit")
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
        left = certificate.check(bench.run / "report")
        require(not left, f"all, {text}: certified, and the certificate's check says: {left[:2]}")
    return f"all, {text}"


def edit_value(folder: Path, draw: random.Random) -> tuple[str, bool]:
    """Any value of certificate.json; as it is, or with its digest and SHA256SUMS, or with every digest recomputed."""
    path = damages.own(folder / certificate.NAME)
    data = json.loads(path.read_bytes())
    place = draw.choice(list(places(data)))
    how = draw.choice(["as it is", "resealed", "recomputed"])
    inner = data
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = another(inner[place[-1]], draw)
    if how == "recomputed":
        recompute(data)
    if how != "as it is":
        reseal(folder, data)
    else:
        path.write_text(canonical(data), encoding="utf-8")
    # limits and facts that were made up together are another certificate; what is said about them is not
    names = [step for step in place if isinstance(step, str)]
    return f"{'.'.join(str(step) for step in place)}, {how}", bool(DERIVED & set(names))


def places(data: Any, here: Place = ()) -> Iterator[Place]:
    """Where values are: every leaf, and every container that is not empty."""
    entries = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for name, value in entries:
        if not isinstance(value, (dict, list)) or value:
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
        return value[:-1]
    if isinstance(value, dict):
        gone = draw.choice(sorted(value))
        return {name: entry for name, entry in value.items() if name != gone}
    return "something"


def recompute(data: dict[str, Any]) -> None:
    """The digest of every record, as an honest maker of that content would have it."""
    links = [certificate.Link.model_validate(link, strict=False) for link in data["chain"] if fits(link)]
    for entry, link in zip((link for link in data["chain"] if fits(link)), links, strict=True):
        entry["digest"] = link.record.digest


def fits(link: Any) -> bool:
    try:
        certificate.Link.model_validate(link, strict=False)
    except ValueError:
        return False
    return True


def canonical(data: Any) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def reseal(folder: Path, data: dict[str, Any]) -> None:
    """certificate.json with its own digest, and SHA256SUMS over what is there."""
    path = folder / certificate.NAME
    try:
        found = certificate.Certificate.model_validate(data, strict=False)
        data["digest"] = certificate.own_digest(found)
    except ValueError:
        pass  # no certificate any more: there is nothing that its digest could be computed of
    path.write_text(canonical(data), encoding="utf-8")
    damages.own(folder / certificate.SUMS)
    names = [file.name for file in folder.iterdir() if file.name not in (certificate.SUMS, "artifact.json")]
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
    path = damages.own(folder / "artifact.json")
    data = path.read_bytes()
    how = draw.choice(["flip", "cut", "empty"])
    path.write_bytes(damages.changed(data, how, draw))
    return f"artifact.json {how}"
