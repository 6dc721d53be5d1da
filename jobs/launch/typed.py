"""`python3 -m jobs.launch.typed TARGET program ...`: what was typed after `make` reaches the program letter by letter.

Neither make nor a shell reads ARGS on the way. Words beside it, as in `make train run.name=mine`, make takes for
variables of its own: they are found in MAKEFLAGS and go along. With `DRY` a program that knows no dry run is printed,
not run. `--check` is asked before anything is made. Any Python 3.9, nothing installed.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jobs.core import command_line, terminal
from jobs.core.endings import ending
from jobs.core.errors import EnvironmentProblem, Exit, Refusal
from jobs.launch import lines

OWN = ("ARGS", "DRY", *lines.KEPT, "BASE_BUILD", "BASE_RUNTIME", "BUILD_WORDS", "CPU_VARIANTS", "CUDA_ARCHITECTURES",
       "JOBS", "REQUIREMENTS", "SIGNING_KEY", "KIWAME_CACHE")  # fmt: skip
"""Variables that something here reads."""
OTHERS = re.compile(
    r"(CUDA|HF|HUGGINGFACE|WANDB|OPENAI|RUNPOD|KIWAME|OMP|MKL|NCCL|TORCH|PYTORCH|TOKENIZERS|PIP|PYTHON|XDG|LD|LC|HTTPS?"
    r"|NO|TMP|DOCKER)_?\w*|LANG|PATH|HOME|SHELL|MAKEFLAGS|MFLAGS|PY|CC|CXX|CFLAGS|CXXFLAGS"
)
"""Of programs that are started, and of make itself."""
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
ALIKE = {"DRY_RUN": "DRY", "DRYRUN": "DRY", "ARG": "ARGS"}
ROWS = re.compile(r"\.(jsonl|ndjson|json|csv|tsv|parquet|xlsx)(\.(gz|zst))?\Z", re.IGNORECASE)
POD_KEYS = ("image", "registry", "cloud", "disk", "ports", "gpu", "mounts", "env", "job", "limits", "dry")
"""Of runpod.yaml; what is no such key is a word of the job's config, and stands behind `--`."""
BESIDE = (["chat"], ["serve"], ["forgetting"], ["diagnose"], ["estimate"], ["preview"], ["compare-votes"],
          ["compare-live"], ["judge-sheet"])  # fmt: skip
"""Commands of `python -m jobs` that are no stage and know no dry run."""
OFF = ("", "0", "false", "no", "off")


def dry(environment: Mapping[str, str]) -> bool:
    """Whether nothing is to be run."""
    return environment.get("DRY", "").lower() not in OFF


def told(flags: str) -> list[tuple[str, str]]:
    """Name and value of what stands on make's command line as variables, in order: MAKEFLAGS has them last first, with
    blanks and backslashes protected and dollars doubled."""
    found = re.search(r"(?:^|\s)--\s(.*)\Z", flags, re.DOTALL)
    words = re.findall(r"(?:\\.|[^\s\\])+", found[1], re.DOTALL) if found else []
    plain = [re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL).replace("$$", "$") for word in words]
    return [(name, value) for name, _, value in (word.partition("=") for word in reversed(plain))]


def words_of(target: str, environment: Mapping[str, str]) -> list[str]:
    """ARGS and the words beside it. Raises Refusal where they cannot both hold, with the line that says which."""
    given = lines.split(environment.get("KIWAME_ARGS", ""))
    beside = [f"{name}={value}" for name, value in told(environment.get("MAKEFLAGS", "")) if is_word(name)]
    for word in given:
        name, equals, value = word.partition("=")
        if equals and name in OWN:
            rest = [other for other in given if other != word]
            kept = {**environment, name: value}
            raise Refusal(
                f"{name}: is for make and stands beside ARGS\n-> {lines.line(target, [*rest, *beside], kept)}"
            )
    keys = {word.partition("=")[0]: word for word in given if "=" in word}
    for word in beside:
        key = word.partition("=")[0].rstrip(":+?!")
        if keys.get(key, word) != word:
            rest = [other for other in given if other != keys[key]]
            raise Refusal(
                f"{key}: ARGS says {keys[key]}, and beside it stands {word}; say one of them, such as\n"
                f"-> {lines.line(target, [*rest, *beside], environment)}"
            )
    new = [word for word in beside if word not in given]
    return placed(given, new) if target.startswith("pod-") else [*given, *new]


def placed(given: Sequence[str], beside: Sequence[str]) -> list[str]:
    """A pod's own words, `--`, the job's words."""
    at = given.index("--") if "--" in given else len(given)
    own = [word for word in beside if re.split(r"[.=]", word)[0] in POD_KEYS]
    job = [*given[at + 1 :], *(word for word in beside if word not in own)]
    return [*given[:at], *own, *(["--", *job] if job else [])]


def is_word(name: str) -> bool:
    """Whether a variable of make's is a word of the config."""
    return not VARIABLE.fullmatch(name)


def become(target: str, program: Sequence[str], environment: Mapping[str, str]) -> int:
    """Become the program with the words behind it; returns where it is not run."""
    words = words_of(target, environment)
    is_native = list(program[1:3]) == ["-m", "jobs"]
    again = {"RUNNER": "native", "PYTHON": environment.get("PYTHON", "")} if is_native else environment
    kept = {**environment, command_line.MAKE_WORDS: lines.told_to_make(again)}
    command = [*program, *words]
    is_here = "/" not in program[0] or Path(program[0]).exists()
    if dry(environment) and not (is_here and knows_dry(program)):
        if not is_here:
            terminal.say(f"{target}: {program[0]} is not here; `make setup` would make it first, then this would run:")
        print(shlex.join(command))
        return Exit.PASSED
    if not is_here:
        raise EnvironmentProblem(f"{program[0]} is not here; `make setup` makes it")
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execvpe(command[0], [*command, *(["dry=true"] if dry(environment) and is_stage(program) else [])], kept)
    except OSError as error:
        raise EnvironmentProblem(f"{command[0]}: {error.strerror}") from None


def is_stage(program: Sequence[str]) -> bool:
    """Whether it is `python -m jobs STAGE`, or `compare`, which are told by a word."""
    return list(program[1:3]) == ["-m", "jobs"] and program[3:4] not in BESIDE


def knows_dry(program: Sequence[str]) -> bool:
    """Whether it answers itself what it would do; launchers read DRY."""
    return is_stage(program) or "-m jobs.launch." in " ".join(program[:3])


def check(takers: Sequence[str], others: Sequence[str], goals: Sequence[str], flags: str) -> None:
    """Raises Refusal for goals that are no targets, misspelt variables, and words for a target that takes none."""
    targets, variables = [*takers, *others], told(flags)
    words = [f"{name}={value}" for name, value in variables if is_word(name)]
    given = dict(variables)
    rest = [*lines.split(given.get("ARGS", "")), *words]

    def line(target: str, said: Sequence[str] = rest, **more: str) -> str:
        return f"\n-> {lines.line(target, said, lines.told_to_make({**given, **more}, (*lines.KEPT, 'DRY')))}"

    good = [goal for goal in goals if goal in targets]
    for goal in goals:
        if goal not in targets and not goal.startswith(".") and goal != "--":
            near = difflib.get_close_matches(goal, targets, n=1, cutoff=0.6)
            raise Refusal(_no_target(goal, near[0] if near else "", good, rest, line))
    target = " ".join(good)
    for name, value in variables:
        meant = _meant(name, goals)
        if meant:
            others = [word for word in rest if word != f"{name}={value}"]
            raise Refusal(f"{name}: did you mean {meant}?" + line(target, others, **{meant: value}))
        if (
            VARIABLE.fullmatch(name)
            and name not in OWN
            and name not in given.get("PASS", "")
            and not OTHERS.fullmatch(name)
        ):
            terminal.say(
                f"note: {name} is no variable that anything here reads; words of the config are in small letters"
            )
    deaf = [goal for goal in good if goal in others]
    if rest and deaf:
        raise Refusal(f"{deaf[0]}: takes no words" + line(deaf[0], ()))


def _meant(name: str, goals: Sequence[str]) -> str:
    """The variable that a misspelt one is meant to be; empty where none is near."""
    if name in OWN or OTHERS.fullmatch(name):
        return ""
    if is_word(name):
        pods = any(goal.startswith("pod-") for goal in goals)
        return name.upper() if name.upper() in OWN and not (pods and name in POD_KEYS) else ""
    near = difflib.get_close_matches(name, OWN, n=1, cutoff=0.8)
    return ALIKE.get(name) or (near[0] if near else "")


def _no_target(goal: str, near: str, good: Sequence[str], rest: Sequence[str], line: Callable[..., str]) -> str:
    """What is said of a goal that is no target, with the line that was meant."""
    others = " ".join(name for name in good if name != near)
    if ROWS.search(goal) or Path(goal).exists():
        told = line(others or "prepare", [*rest, f"prepare.files=[{goal}]"])
        return f"{goal}: is no target; rows are named by prepare.files{told}"
    if "." in goal or "=" in goal:
        told = line(others or "all", [*rest, f"{goal.rstrip('=')}=VALUE"])
        return f"{goal}: is no target; a word of the config is key=value{told}"
    if near:
        return f"{goal}: is no target; did you mean {near}?{line(f'{others} {near}'.strip(), rest)}"
    return f"{goal}: is no target; this lists them\n-> make help"


def _checked(words: Sequence[str]) -> int:
    """`--check TAKERS OTHERS GOALS OVERRIDES`, each a word; a no is told on stdout too, where make reads it."""
    takers, others, goals, overrides = words

    def work() -> int:
        check(takers.split(), others.split(), goals.split(), f"-- {overrides}")
        return Exit.PASSED

    code = ending("make", work)
    if code != Exit.PASSED:
        print("no")
    return code


def main(words: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Answer one recipe; returns the exit code where the program is not run."""
    if words[:1] == ["--check"]:
        return _checked(words[1:])
    target, program = words[0], words[1:]
    return ending(target, lambda: become(target, program, environment))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
