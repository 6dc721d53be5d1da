"""What the container sees of this machine, every path the same inside as outside.

The checkout, the runs' folder, the cache, MOUNTS, and the files and folders that the words name, with what their links
lead to. Any Python 3.9, nothing installed.
"""

from __future__ import annotations

import errno
import glob
import os
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.core import values
from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.core.names import spelled
from jobs.launch import sources

CONF = Path("/opt/kiwame/conf")
CACHE = Path("/workspace/cache")
KEPT = tuple(map(Path, ("/dev", "/etc", "/opt/kiwame", "/opt/venv", "/proc", "/sys", "/tmp", "/usr", str(CACHE))))
"""What the image has or needs there; nothing is mounted over it."""
PATH_KEYS = ("prepare.files", "prepare.evaluation.files", "prepare.split.previous", "fetch.source.folder",
             "train.adapter", "chat.template", "report.sign_with", "synth.craft.folder", "synth.rubric",
             "synth.generator.gguf", "synth.scorer.gguf", "compare.a", "compare.b", "compare.rows", "compare.votes",
             "compare.key", "compare.judge.gguf", "compare.use", "judge.judge.gguf", "judge.rubric",
             "judge.votes", "diagnose.look")  # fmt: skip
"""Keys of the config whose values are read from this machine."""
OF_COMMANDS = ("forgetting.base", "forgetting.tuned")
"""Words of commands beside the chain that name files of this machine."""
OUTPUT_KEYS = ("compare.out", "diagnose.out")
"""Keys whose values are written to."""
ITEM = re.compile(r"""'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|((?:\\.|[^,\[\]'"\\])+)""")
"""An element as Hydra writes it: in quotes a backslash counts before the quote, elsewhere before one of ESCAPED."""
ESCAPED = re.compile(r"\\([\\()\[\]{}:=, \t])")
NEEDED = ("prepare.files", "prepare.evaluation.files", "prepare.split.previous", "fetch.source.folder", "train.adapter")
"""Those that are read whatever else is so; their first word is the stage that does."""
NO_PATH = (errno.ELOOP, errno.ENAMETOOLONG)
PART = re.compile(r"(.+)-\d{5}-of-(\d{5})\.gguf")
"""As llama.cpp names a part of a GGUF."""
FOLDER = re.compile(r"^run:[^\n]*\n(?:(?:[ #][^\n]*)?\n)*? +folder: *([^#\n]*?) *(?:#[^\n]*)?$", re.MULTILINE)
MOST_LINKS = 40
"""One after the other, as in Linux."""


@dataclass(frozen=True)
class Mount:
    """`here` of this machine is `there` in the container. `name`: what a person knows it by."""

    name: str
    here: Path
    there: Path
    writable: bool = False

    @property
    def words(self) -> list[str]:
        """For the engine."""
        return ["--volume", f"{self.here}:{self.there}{'' if self.writable else ':ro'}"]


def mounts(words: Sequence[str], environment: Mapping[str, str]) -> list[Mount]:
    """Everything that is mounted; makes nothing. Raises Refusal for what cannot be mounted, with the way out."""
    root = sources.ROOT
    runs = normal("run.folder", root / run_folder(words))
    if runs == root:
        raise Refusal("run.folder: is the checkout, which the container does not write to; name a folder in it")
    _require_below(words, runs)
    found = [
        Mount("the checkout", root, root),
        Mount("conf/", root / "conf", CONF),
        Mount("run.folder", real("run.folder", runs), place(runs, [root]) or runs, True),
        Mount("KIWAME_CACHE", real("KIWAME_CACHE", cache_folder(environment)), CACHE, True),
    ]
    for name, path in (*extra(environment), *named(words)):
        there = place(path, [each.there for each in found if each.there not in (CONF, CACHE)])
        if there is not None:
            found.append(Mount(name, real(name, path), there))
    for mount in found:
        _check(mount)
    return found


def _require_below(words: Sequence[str], runs: Path) -> None:
    """Raises Refusal for an output elsewhere than in the runs' folder, all that is written to."""
    for word in words:
        key, _, text = word.partition("=")
        for item in items(text) if key in OUTPUT_KEYS else ():
            if runs not in normal(key, sources.ROOT / item).parents:
                raise Refusal(
                    f"{key}: {item} is not in {runs}, all that the container writes to; name a folder there, or say "
                    "RUNNER=native"
                )


def _check(mount: Mount) -> None:
    """Raises Refusal for a path that engines cannot be told, or that would hide what the container has."""
    for path in (mount.here, mount.there):
        if ":" in str(path):
            raise Refusal(f"{mount.name}: {path} has a ':' in it, which engines take for a separator; rename it")
    hidden = [kept for kept in KEPT if mount.there == kept or mount.there in kept.parents]
    if hidden and mount.there not in (CONF, CACHE):
        raise Refusal(
            f"{mount.name}: {mount.there} would hide the container's own {hidden[0]}; take something below it, "
            "or say RUNNER=native"
        )


def place(path: Path, seen: Sequence[Path]) -> Path | None:
    """Where something has to be mounted so that `path` is there in the container; None where `seen` shows it already.

    A link in what is mounted leads, in the container, to a path that has to be there too.
    """
    for _ in range(MOST_LINKS):
        inside = [mount for mount in seen if mount == path or mount in path.parents]
        if not inside:
            return path
        below = [each for each in (*reversed(path.parents), path) if inside[0] in each.parents]
        link = next((each for each in below if each.is_symlink()), None)
        if link is None:
            return None
        path = Path(os.path.normpath(link.parent / link.readlink() / path.relative_to(link)))
    raise Refusal(f"{path}: links lead in a circle")


def named(words: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Key and path of what the words name and is here, of the other parts of a split GGUF, and of the links directly
    below a folder: a snapshot of the hub's cache is a folder of links."""
    for word in words:
        key, _, text = word.partition("=")
        for item in items(text) if key in (*PATH_KEYS, *OF_COMMANDS) else ():
            if "://" in item:
                continue
            path = spelled(normal(key, sources.ROOT / item))
            if not exists(path):
                continue
            yield key, path
            if part := PART.fullmatch(path.name):
                others = sorted(path.parent.glob(f"{glob.escape(part[1])}-*-of-{part[2]}.gguf"))
                yield from ((key, each) for each in others if each != path)
            if path.is_dir():
                yield from ((key, each) for each in sorted(path.iterdir()) if each.is_symlink() and exists(each))


def require(words: Sequence[str], stages: Collection[str]) -> None:
    """Raises Refusal for what a stage reads and is not here: every path is the same inside."""
    for word in words:
        key, _, text = word.partition("=")
        if key not in NEEDED or key.partition(".")[0] not in stages:
            continue
        for item in items(text):
            path = spelled(normal(key, sources.ROOT / item))
            if item and "://" not in item and not exists(path) and not any(kept in path.parents for kept in KEPT):
                raise Refusal(f"{key}: {item}: there is no such file or folder here; check the spelling")


def items(text: str) -> list[str]:
    """A value's elements: `[a,'b c']` has two, anything but a list one."""
    if not text.startswith("["):
        return [unquoted("", text)] if text else []
    inside = text[1:-1] if text.endswith("]") else text[1:]
    found = (element(part.strip()) for part in values.parts(inside, ","))
    return [item for item in found if item]


def element(text: str) -> str:
    """What an element of a list says; what Hydra's grammar does not know stands for itself."""
    found = ITEM.fullmatch(text)
    try:
        return values.plain(text) if found is None else unescaped(found)
    except values.Unreadable:
        return text


def extra(environment: Mapping[str, str]) -> list[tuple[str, Path]]:
    """MOUNTS, split as a shell splits words: a path with a blank goes in quotes."""
    try:
        paths = [normal("MOUNTS", Path(text).absolute()) for text in shlex.split(environment.get("MOUNTS", ""))]
    except ValueError as error:
        raise Refusal(f"MOUNTS: {error}; a path with a blank goes in quotes, MOUNTS=\"'/my rows' /other\"") from None
    missing = [str(path) for path in paths if not exists(path)]
    if missing:
        raise Refusal(f"MOUNTS: {missing[0]} does not exist; paths are separated by blanks, one with a blank is quoted")
    return [("MOUNTS", path) for path in paths]


def run_folder(words: Sequence[str]) -> str:
    """run.folder as the words set it, or conf/config.yaml."""
    given = [word.partition("=")[2] for word in words if word.startswith("run.folder=")]
    if given:
        return unquoted("run.folder", given[-1])
    file = sources.ROOT / "conf" / "config.yaml"
    found = FOLDER.search(file.read_text(encoding="utf-8"))
    if found is None:
        raise Refusal(f"{file}: has no run.folder; say run.folder=runs")
    return unquoted("run.folder", found[1])


def unquoted(key: str, text: str) -> str:
    """Text without the quotes around it, and without what protects a character in it."""
    text = text.strip()
    found = ITEM.fullmatch(text)
    if found is None and text[:1] in ("'", '"') and key:
        raise Refusal(f"{key}: {text[:60]} has a quote without its end")
    return text if found is None else unescaped(found)


def unescaped(found: re.Match[str]) -> str:
    """What an element says: of the backslashes before a quote or the end every second one, as in Hydra."""
    if found[3] is not None:
        return ESCAPED.sub(r"\1", found[3].strip())
    quote, text = found[0][0], found[0][1:-1]
    return re.sub(rf"\\+(?={quote}|\Z)", lambda some: "\\" * (len(some[0]) // 2), text)


def normal(name: str, path: Path) -> Path:
    """Absolute, without `..`; links stay. Raises Refusal where `..` comes after a link: the kernel goes up from where
    that leads."""
    found = Path(os.path.normpath(path))
    if ".." in path.parts and os.path.realpath(path) != os.path.realpath(found):
        raise Refusal(f"{name}: {path} has a `..` behind a link; write the path without `..`")
    return found


def real(name: str, path: Path) -> Path:
    """Where `path` leads, be it there or not. Raises Refusal for one that can lead nowhere."""
    try:
        path.stat()
    except OSError as error:
        if error.errno in NO_PATH:
            raise Refusal(f"{name}: {path}: {error.strerror}; name another path") from None
    return Path(os.path.realpath(path))


def exists(path: Path) -> bool:
    """Whether it is there; nothing is by a name that is too long."""
    try:
        return path.exists()
    except OSError as error:
        if error.errno in NO_PATH:
            return False
        raise


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where the container's cache lies: beside the native one, of which it shares nothing but the parent."""
    own = environment.get("KIWAME_CACHE")
    if own:
        return Path(own).absolute() / "container"
    try:
        parent = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        raise EnvironmentProblem(
            f"HOME is not set and user {os.getuid()} has no home; say KIWAME_CACHE=a folder for the cache"
        ) from None
    return parent.absolute() / "kiwame" / "container"
