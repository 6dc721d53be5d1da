"""The container side of make: which engine, what it is told, and what a person reads where something is missing."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.launch import lines, sources
from jobs.launch.container import command as container, engine
from tests.launch.container import engines

ROOT = sources.ROOT
CUDA = engines.image(**{"kiwame.accelerator": "cuda"})
CPU = engines.image(**{"kiwame.accelerator": "cpu"})


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jobs.launch.container.command", *words], capture_output=True, text=True, cwd=ROOT,
        env=engines.environment(folder, **environment), check=False, timeout=60,
    )  # fmt: skip


def make(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *words], capture_output=True, text=True, cwd=ROOT, env=engines.environment(folder, **environment),
        check=False, timeout=60,
    )  # fmt: skip


def pairs(words: list[str], flag: str) -> list[str]:
    return [words[place + 1] for place, word in enumerate(words[:-1]) if word == flag]


def test_the_container_is_locked_down_and_sees_what_it_needs(tmp_path: Path) -> None:
    engines.write(tmp_path, "docker", engines.DOCKER, CPU)
    done = run(tmp_path, "train", "run.name=a b", f"run.folder={tmp_path / 'runs'}", HF_TOKEN="hf_secret")
    assert done.returncode == 0, done.stderr
    told = engines.told(tmp_path, "docker")
    assert told[:3] == ["run", "--rm", "--pull=never"]
    assert {"--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"} <= set(told)
    assert "--stop-timeout=300" in told  # an engine gives ten seconds by itself, which is no time to save a state
    assert pairs(told, "--workdir") == [str(ROOT)]
    assert pairs(told, "--user") == [f"{os.getuid()}:{os.getgid()}"]
    assert pairs(told, "--volume") == [
        "/tmp", f"{ROOT}:{ROOT}:ro", f"{ROOT}/conf:/opt/kiwame/conf:ro",
        f"{tmp_path}/runs:{tmp_path}/runs", f"{tmp_path}/cache/kiwame/container:/workspace/cache",
    ]  # fmt: skip
    assert pairs(told, "--env") == ["HF_TOKEN", "KIWAME_MAKE_WORDS=", "KIWAME_IMAGE=sha256:0123"]
    assert "hf_secret" not in "".join(told) + done.stderr
    assert told[-4:] == ["localhost/kiwame:cuda", "train", "run.name=a b", f"run.folder={tmp_path / 'runs'}"]
    assert "--gpus" not in told
    assert (tmp_path / "runs").is_dir()


@pytest.mark.parametrize(
    ("docker", "podman", "wanted", "program"),
    [
        (engines.DOCKER, engines.PODMAN, "", "docker"),
        (engines.DOCKER, engines.PODMAN, "podman", "podman"),
        (engines.DOCKER_DOWN, engines.PODMAN, "", "podman"),
        (engines.PODMAN, None, "", "docker"),
        (None, engines.PODMAN_ROOTLESS, "", "podman"),
        (engines.DOCKER_ROOTLESS, None, "", "docker"),
        (engines.DOCKER_REMAPPED, None, "", "docker"),
    ],
)
def test_the_engine_that_answers_is_taken(
    tmp_path: Path, docker: dict[str, object] | None, podman: dict[str, object] | None, wanted: str, program: str
) -> None:
    for name, info in (("docker", docker), ("podman", podman)):
        if info is not None:
            engines.write(tmp_path, name, info, CPU)
    done = run(tmp_path, "prepare", f"run.folder={tmp_path}", ENGINE=wanted)
    assert done.returncode == 0, done.stderr
    told = engines.told(tmp_path, program)
    ids = "0:0" if docker == engines.DOCKER_ROOTLESS else f"{os.getuid()}:{os.getgid()}"
    assert pairs(told, "--user") == [ids]
    assert ("--userns=keep-id" in told) == (podman == engines.PODMAN_ROOTLESS)
    assert ("--userns=host" in told) == (docker == engines.DOCKER_REMAPPED)


@pytest.mark.parametrize(
    ("environment", "words", "code", "said"),
    [
        ({"ENGINE": "docker"}, [], 4, "no container engine answers (docker: Cannot connect to the Docker daemon)"),
        ({"ENGINE": "nerdctl"}, [], 2, "ENGINE=nerdctl: expected docker or podman"),
        ({"IMAGE": "localhost/other"}, [], 4, "the image localhost/other is not here; `make image` builds it"),
        ({"IMAGE": "localhost/other"}, [], 4, "or say RUNNER=native"),
        ({"IMAGE": "ghcr.io/who/kiwame"}, [], 4, "`podman pull ghcr.io/who/kiwame` gets it"),
        ({"GPUS": "all"}, [], 4, "GPUS=none computes on the CPU, RUNNER=native"),
        ({"GPUS": "first"}, [], 2, "GPUS=first: expected all, none, or numbers as in 0,1"),
        ({"MOUNTS": "/nowhere/at/all"}, [], 2, "MOUNTS: /nowhere/at/all does not exist"),
        ({"MOUNTS": "'/no end"}, [], 2, "MOUNTS: No closing quotation; a path with a blank goes in quotes"),
        ({"PASS": "NO_SUCH_KEY"}, [], 2, "PASS: NO_SUCH_KEY is not set here"),
        ({"PASS": "HF_TOKEN=the-secret"}, [], 2, "PASS: expected names of variables, separated by blanks"),
        ({"PASS": "hf_0123456789abcdefghij"}, [], 2, "PASS: expected names of variables, separated by blanks"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_in_one_line(
    tmp_path: Path, environment: dict[str, str], words: list[str], code: int, said: str
) -> None:
    if environment.get("GPUS") == "all" and Path("/dev/nvidiactl").exists():
        pytest.skip("there is a GPU here")
    engines.write(tmp_path, "docker", engines.DOCKER_DOWN)
    engines.write(tmp_path, "podman", engines.PODMAN, None if "IMAGE" in environment else CUDA)
    done = run(tmp_path, "prepare", f"run.folder={tmp_path}", *words, **environment)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "the-secret" not in done.stderr
    assert "hf_0123456789" not in done.stderr
    assert engines.told(tmp_path, "podman") == []


@pytest.mark.parametrize("name", ["file", "file/runs", "absent/" + "n" * 300])
def test_a_runs_folder_that_can_be_none_is_refused(tmp_path: Path, name: str) -> None:
    engines.write(tmp_path, "podman", engines.PODMAN, CPU)
    (tmp_path / "file").touch()
    done = run(tmp_path, "prepare", f"run.folder={tmp_path}/{name}", ENGINE="podman")
    assert done.returncode == 2
    assert done.stderr.startswith(f"prepare: refused: run.folder: {tmp_path}/")
    assert done.stderr.endswith("; name another folder\n")
    assert engines.told(tmp_path, "podman") == []


def test_neither_engine_is_there(tmp_path: Path) -> None:
    tmp_path.joinpath("bin").mkdir()
    done = run(tmp_path / "bin", "prepare", PATH=str(tmp_path / "bin"))
    assert done.returncode == 4
    assert "docker: not installed; podman: not installed" in done.stderr
    assert "RUNNER=native" in done.stderr


@pytest.mark.parametrize(
    ("first", "ends", "code"),
    [("prepare", 0, 0), ("prepare", 3, 3), ("prepare", 75, 75), ("prepare", 125, 4), ("prepare", 127, 4),
     ("prepare", 137, 137), ("bash", 127, 127), ("bash", 126, 126), ("bash", 4, 4), ("bash", 125, 4)],
)  # fmt: skip
def test_the_exit_code_is_the_stages_or_the_programs_own(tmp_path: Path, first: str, ends: int, code: int) -> None:
    engines.write(tmp_path, "podman", engines.PODMAN, CPU, ends)
    done = run(tmp_path, first, f"run.folder={tmp_path}", ENGINE="podman")
    assert done.returncode == code
    assert ("cannot run here" in done.stderr) == (code == 4 and ends != 4)


def test_an_engine_that_does_not_answer_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engines.write(tmp_path, "docker", engines.DOCKER, CPU, case='"image inspect") exec sleep 20')
    for name, value in engines.environment(tmp_path, ENGINE="docker").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(engine, "ASK_SECONDS", 0.5)
    assert container.main(["prepare"]) == 4
    assert capsys.readouterr().err == (
        "prepare: cannot run here: `docker image inspect`: no answer in 0.5 s; try again\n"
    )


def signalled(folder: Path, words: list[str], number: signal.Signals) -> tuple[int, str]:
    """How a command ends, and what it said, that is sent a signal while the engine runs its container."""
    engines.write(folder, "podman", engines.PODMAN, CPU, case=engines.until_stopped(folder, "run", 75))
    environment = engines.environment(folder, ENGINE="podman", ARGS=f"run.folder={folder / 'runs'}")
    return engines.stopped(folder, words, number, environment)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_reaches_the_container_and_its_ending_comes_back(tmp_path: Path, number: signal.Signals) -> None:
    words = [sys.executable, "-m", "jobs.launch.container.command", "train", f"run.folder={tmp_path / 'runs'}"]
    code, said = signalled(tmp_path, words, number)
    assert (code, said) == (75, "saved after 1 signal\n")


def test_a_stop_of_make_reaches_the_container_and_is_waited_for(tmp_path: Path) -> None:
    code, said = signalled(tmp_path, ["make", "train"], signal.SIGTERM)
    assert code == -signal.SIGTERM  # make's own way to end after a signal
    assert said.splitlines()[0] == "saved after 1 signal"


@pytest.mark.parametrize(
    ("target", "runner", "line"),
    [
        ("prepare", "", "prepare python3 -m jobs.launch.container.command prepare"),
        ("all", "", "all python3 -m jobs.launch.container.command all"),
        ("preview", "", "preview python3 -m jobs.launch.container.command preview"),
        ("chat", "", "chat python3 -m jobs.launch.container.command chat"),
        ("chat", "native", "chat .venv/bin/python -m jobs chat"),
        ("serve", "", "serve python3 -m jobs.launch.container.command serve"),
        ("serve", "native", "serve .venv/bin/python -m jobs serve"),
        ("train", "container", "train python3 -m jobs.launch.container.command train"),
        ("train", "native", "train .venv/bin/python -m jobs train"),
        ("demo", "", "demo .venv/bin/python -m jobs all experiment=demo"),
        ("demo", "container", "demo python3 -m jobs.launch.container.command all experiment=demo"),
    ],
)
def test_make_runs_stages_in_the_image_and_the_demo_without(
    tmp_path: Path, target: str, runner: str, line: str
) -> None:
    done = make(tmp_path, "--dry-run", target, RUNNER=runner, ARGS="run.name=a")
    assert done.returncode == 0, done.stderr
    before = "GPUS=none " if (target, runner) == ("demo", "container") else ""
    assert done.stdout.splitlines()[-1].strip() == f"{before}python3 -m jobs.launch.typed {line}"


@pytest.mark.parametrize(
    ("words", "published"),
    [
        ([], ["127.0.0.1:8080:8080"]),
        (["port=9000"], ["127.0.0.1:9000:9000"]),
        (["host=0.0.0.0", "port=9000"], ["0.0.0.0:9000:9000"]),
        (["host=localhost"], ["127.0.0.1:8080:8080"]),
        (["host=::1"], ["[::1]:8080:8080"]),
        (["host=nowhere"], []),
        (["port=many"], []),
    ],
)
def test_serve_is_reached_from_outside_where_it_is_told_to(
    tmp_path: Path, words: list[str], published: list[str]
) -> None:
    engines.write(tmp_path, "podman", engines.PODMAN, CUDA)
    done = run(tmp_path, "serve", f"run.folder={tmp_path / 'r'}", *words, ENGINE="podman", GPUS="none")
    assert done.returncode == 0, done.stderr
    told = engines.told(tmp_path, "podman")
    assert pairs(told, "--publish") == published
    assert ("KIWAME_PUBLISHED=1" in pairs(told, "--env")) == bool(published)
    assert told[-len(words) - 2 :] == ["serve", f"run.folder={tmp_path / 'r'}", *words]


def test_chat_is_given_what_is_piped_and_a_stage_is_not(tmp_path: Path) -> None:
    for first, given in (("chat", True), ("serve", False), ("train", False)):
        engines.write(tmp_path, "podman", engines.PODMAN, CPU)
        run(tmp_path, first, f"run.folder={tmp_path / 'r'}", ENGINE="podman")
        told = engines.told(tmp_path, "podman")
        assert ("--interactive" in told) == given
        assert "--tty" not in told
        assert "--publish" not in told or first == "serve"
        (tmp_path / "podman.log").unlink()


def test_chat_has_the_terminal_that_there_is(tmp_path: Path) -> None:
    engines.write(tmp_path, "podman", engines.PODMAN, CPU)
    ours, theirs = os.openpty()
    words = [sys.executable, "-m", "jobs.launch.container.command", "chat", f"run.folder={tmp_path / 'r'}"]
    environment = engines.environment(tmp_path, ENGINE="podman")
    done = subprocess.run(words, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment, check=False)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0
    assert {"--interactive", "--tty"} <= set(engines.told(tmp_path, "podman"))


def test_the_container_knows_what_make_was_told(tmp_path: Path) -> None:
    engines.write(tmp_path, "podman", engines.PODMAN, CPU)
    run(tmp_path, "all", f"run.folder={tmp_path / 'r'}", ENGINE="podman", ACCELERATOR="cpu", IMAGE="localhost/a b")
    expected = "KIWAME_MAKE_WORDS=ENGINE=podman IMAGE='localhost/a b' ACCELERATOR=cpu"
    assert expected in pairs(engines.told(tmp_path, "podman"), "--env")


def test_make_says_that_the_image_is_missing_and_the_lines_to_paste(tmp_path: Path) -> None:
    engines.write(tmp_path, "podman", engines.PODMAN)
    done = make(tmp_path, "prepare", ENGINE="podman", ARGS=f"run.folder={tmp_path}")
    assert done.returncode == 2
    said = [line for line in done.stderr.splitlines() if not line.startswith("make:")]
    assert said == [
        "prepare: cannot run here: the image localhost/kiwame:cuda is not here; `make image` builds it "
        "(without a GPU: ACCELERATOR=cpu for both), or say RUNNER=native",
        "-> make image ENGINE=podman",
        f'then -> make prepare ENGINE=podman ARGS="run.folder={tmp_path}"',
    ]


@pytest.mark.parametrize(
    ("variables", "words", "line"),
    [
        ({"ENGINE": "docker", "PASS": "LANG"}, ["prepare", "run.name=記"],
         '-> make prepare RUNNER=native ENGINE=docker PASS=LANG ARGS="run.name=記"'),
        ({"ENGINE": "podman", "GPUS": "all", "ACCELERATOR": "cpu"}, ["train"],
         "-> make train ENGINE=podman ACCELERATOR=cpu GPUS=none"),
        ({"ENGINE": "podman"}, ["prepare", "prepare.files=[無い.jsonl]"],
         'then -> make prepare ENGINE=podman ARGS="prepare.files=[無い.jsonl]"'),
        ({"ENGINE": "podman", "PASS": "KEY=the-secret"}, ["prepare"], "then -> make prepare ENGINE=podman"),
    ],
)  # fmt: skip
def test_a_no_ends_in_a_line_that_keeps_what_make_was_told(
    tmp_path: Path, variables: dict[str, str], words: list[str], line: str
) -> None:
    if variables.get("GPUS") == "all" and Path("/dev/nvidiactl").exists():
        pytest.skip("there is a GPU here")
    engines.write(tmp_path, "docker", engines.DOCKER_DOWN)
    engines.write(tmp_path, "podman", engines.PODMAN, CUDA)
    done = run(tmp_path, *words, LANG="C.UTF-8", KIWAME_MAKE_WORDS="", **variables)
    assert done.returncode != 0
    assert done.stderr.rstrip().splitlines()[-1] == line
    assert "the-secret" not in done.stderr


def test_make_refuses_another_runner(tmp_path: Path) -> None:
    done = make(tmp_path, "prepare", RUNNER="docker")
    assert "RUNNER=docker: expected container or native" in done.stderr


def test_an_image_of_other_sources_is_pointed_out(tmp_path: Path) -> None:
    for digest, pointed_out in ((sources.digest(), False), ("00", True)):
        engines.write(tmp_path, "podman", engines.PODMAN, engines.image(**{"kiwame.sources": digest}))
        done = run(tmp_path, "prepare", f"run.folder={tmp_path}", ENGINE="podman")
        assert done.returncode == 0
        assert ("is not of these sources" in done.stderr) == pointed_out


def test_dry_prints_the_command_and_runs_nothing(tmp_path: Path) -> None:
    engines.write(tmp_path, "podman", engines.PODMAN, CPU)
    extra = tmp_path / "data"
    extra.mkdir()
    (extra / "x.jsonl").write_text('{"prompt": "q", "completion": "a"}\n')
    done = run(tmp_path, "prepare", f"prepare.files=[{extra}/x.jsonl]", f"run.folder={tmp_path / 'r'}", ENGINE="podman",
               DRY="1", MOUNTS=f"'{extra}'", PASS="LANG HOME", OPENAI_API_KEY="sk-1", LANG="C.UTF-8")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"--volume {shlex.quote(f'{extra}:{extra}:ro')} " in done.stdout
    assert not (tmp_path / "r").exists()
    assert not (tmp_path / "cache").exists()
    assert "--env LANG --env HOME" in done.stdout
    assert "sk-1" not in done.stdout
    assert re.search(r"prepare +to make +from x.jsonl: JSON Lines, 1 rows looked at", done.stderr)
    assert engines.told(tmp_path, "podman") == []


WORDS = [
    "prepare.files=[{0}/記事 の.jsonl,{0}/it's & $HOME;*.jsonl]",
    "run.name=記事タイトル",
    "prepare.columns.prompt=質問",
]


def written(folder: Path) -> list[str]:
    """Words with every kind of sign in them, and the files that they name."""
    for name in ("記事 の.jsonl", "it's & $HOME;*.jsonl"):
        (folder / name).touch()
    return [word.format(folder) for word in WORDS]


@pytest.mark.parametrize("beside", [False, True])
def test_every_letter_arrives_in_the_container(tmp_path: Path, beside: bool) -> None:
    engines.write(tmp_path, "podman", engines.PODMAN, CPU)
    words = [*written(tmp_path), f"run.folder={tmp_path}/runs"]
    given = words if beside else [f"ARGS={lines.joined(words)}"]
    done = make(tmp_path, "train", *given, ENGINE="podman")
    assert done.returncode == 0, done.stderr
    told = engines.told(tmp_path, "podman")
    assert told[-len(words) - 1 :] == ["train", *words]
    seen = pairs(told, "--volume")
    assert f"{tmp_path}/記事 の.jsonl:{tmp_path}/記事 の.jsonl:ro" in seen
    assert f"{tmp_path}/it's & $HOME;*.jsonl:{tmp_path}/it's & $HOME;*.jsonl:ro" in seen


def test_the_home_folder_is_this_machines(tmp_path: Path) -> None:
    engines.write(tmp_path, "podman", engines.PODMAN, CPU)
    (tmp_path / "x.jsonl").touch()
    done = run(
        tmp_path, "prepare", "prepare.files=[~/x.jsonl]", "run.folder=~/runs", ENGINE="podman", HOME=str(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    assert engines.told(tmp_path, "podman")[-2:] == [
        f"prepare.files=[{tmp_path}/x.jsonl]",
        f"run.folder={tmp_path}/runs",
    ]


@pytest.mark.parametrize("dry", ["", "1"])
def test_a_file_that_is_not_there_is_told_before_a_container_is_started(tmp_path: Path, dry: str) -> None:
    engines.write(tmp_path, "podman", engines.PODMAN, CPU)
    done = run(tmp_path, "all", "prepare.files=[記事.jsonl]", f"run.folder={tmp_path}", ENGINE="podman", DRY=dry)
    assert done.returncode == 2
    assert "prepare.files: 記事.jsonl: there is no such file" in done.stderr
    assert engines.told(tmp_path, "podman") == []
    assert run(tmp_path, "fetch", "prepare.files=[x]", f"run.folder={tmp_path}", ENGINE="podman").returncode == 0


@pytest.mark.parametrize(
    ("words", "accelerator", "gpus"),
    [(["train"], "cuda", "all"), (["all"], "cuda", "all"), (["bash"], "cuda", "all"), (["prepare"], "cuda", "none"),
     (["preflight"], "cuda", "none"), (["preflight", "synth=craft"], "cuda", "all"), (["preview"], "cuda", "none"),
     (["train"], "cpu", "none"),
     (["chat"], "cuda", "all" if container.has_gpu() else "none"), (["serve"], "cpu", "none"),
     (["forgetting"], "cuda", "all" if container.has_gpu() else "none")],
)  # fmt: skip
def test_gpus_are_asked_for_where_they_are_used(words: list[str], accelerator: str, gpus: str) -> None:
    assert container.default_gpus(words, {"kiwame.accelerator": accelerator}) == gpus
