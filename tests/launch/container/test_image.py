"""Building the image: what the engine is told, what is recorded, and the files themselves."""

from __future__ import annotations

import ast
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.launch import sources
from jobs.launch.container import image, image_check
from jobs.launch.inside import entry
from tests.launch.container import engines

ROOT = sources.ROOT
HOST_SIDE = ("container.command", "container.engine", "container.image", "container.mounts", "doctor", "inside.entry",
             "lines", "sources", "typed")  # fmt: skip
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def build(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jobs.launch.container.image"], capture_output=True, text=True, cwd=ROOT,
        env=engines.environment(folder, **environment), check=False, timeout=60,
    )  # fmt: skip


def arguments(folder: Path) -> dict[str, str]:
    told = engines.told(folder, "podman")
    return dict(told[place + 1].split("=", 1) for place, word in enumerate(told) if word == "--build-arg")


def test_a_cpu_image_is_built_on_the_bases_that_were_asked_for(tmp_path: Path) -> None:
    engines.write(tmp_path, "podman", engines.PODMAN, engines.image())
    bases = {"BASE_BUILD": "base:1", "BASE_RUNTIME": "base@sha256:89"}
    words = "--network host -v '/a b:/c'"
    done = build(tmp_path, ACCELERATOR="cpu", PIP_CONFIG_FILE="/a/pip", BUILD_WORDS=words, **bases)
    assert done.returncode == 0, done.stderr
    told = engines.told(tmp_path, "podman")
    given = arguments(tmp_path)
    assert (given["BASE_BUILD_DIGEST"], given["BASE_RUNTIME_DIGEST"]) == ("sha256:4567", "sha256:89")
    assert (given["ACCELERATOR"], given["REQUIREMENTS"]) == ("cpu", "requirements/cpu.txt requirements/host.txt")
    assert (given["SOURCES"], given["VERSION"]) == (sources.digest(), image.version())
    assert told[told.index("--secret") + 1] == "id=pip,src=/a/pip"
    assert told[-5:] == ["--network", "host", "-v", "/a b:/c", str(ROOT)]
    assert "base:1 is a tag; today it is sha256:4567" in done.stderr
    assert "1.50 GB unpacked, the most is" in done.stderr


def test_dry_prints_the_build_and_pulls_nothing(tmp_path: Path) -> None:
    engines.write(tmp_path, "podman", engines.PODMAN)
    done = build(tmp_path, ACCELERATOR="cpu", DRY="1", BASE_RUNTIME="base:1", IMAGE="a b")
    assert done.returncode == 0, done.stderr
    assert shlex.split(done.stdout)[:2] == ["podman", "build"]
    assert "BASE_RUNTIME=base:1" in shlex.split(done.stdout)
    assert "a b would be built on base:1" in done.stderr
    assert engines.told(tmp_path, "podman") == []


def test_the_defaults_are_the_dockerfiles(tmp_path: Path) -> None:
    engines.write(tmp_path, "podman", engines.PODMAN, engines.image())
    assert build(tmp_path).returncode == 0
    given = arguments(tmp_path)
    assert given["BASE_RUNTIME"].startswith("docker.io/nvidia/cuda:")
    assert f'ARG BASE_RUNTIME="{given["BASE_RUNTIME"]}"' in DOCKERFILE
    assert given["REQUIREMENTS"] == "requirements/cuda.txt"


PIP = {"PIP_INDEX_URL": "https://me:secret@packages.test/here", "PIP_EXTRA_INDEX_URL": "https://a.test\nhttps://b.test"}


def test_an_index_of_the_environment_reaches_the_build_and_stays_nowhere(tmp_path: Path) -> None:
    look = '(stat -c %a "$4"; cat "$4") > "$here/kept"; echo "$4" > "$here/path"'
    case = f'"build --secret") set -- "$1" "$2" "$3" "${{3#*src=}}"; {look}'
    engines.write(tmp_path, "podman", engines.PODMAN, engines.image(), case=case)
    done = build(tmp_path, ACCELERATOR="cpu", **PIP)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "kept").read_text() == (
        "600\n[global]\nindex-url = https://me:secret@packages.test/here\nextra-index-url = https://a.test https://b.test\n"
    )
    assert not Path((tmp_path / "path").read_text().strip()).exists()
    assert "secret" not in done.stdout + done.stderr


def test_a_file_of_pips_settings_goes_before_the_environment(tmp_path: Path) -> None:
    engines.write(tmp_path, "podman", engines.PODMAN, engines.image())
    assert build(tmp_path, PIP_CONFIG_FILE="/a/pip", **PIP).returncode == 0
    told = engines.told(tmp_path, "podman")
    assert [word for word in told if "src=" in word] == ["id=pip,src=/a/pip"]


@pytest.mark.parametrize(("accelerator", "code"), [("cpu", 1), ("cuda", 0)])
def test_cuda_in_an_image_for_cpus_ends_the_build_at_once(tmp_path: Path, accelerator: str, code: int) -> None:
    """The Dockerfile's own line, on a folder of packages; it stands before the stage that compiles, and in the RUN that
    installs: after a RUN of its own the engine's cache would give every later build the wrong packages."""
    commands = re.findall(r"^RUN (?:.*\\\n)*.*", DOCKERFILE, re.MULTILINE)
    (command,) = (each for each in commands if "pip install --no-build-isolation" in each)
    line = command[command.index('if [ "$ACCELERATOR" = cpu ] && ') :]
    assert line.endswith("fi")
    assert DOCKERFILE.index(line) < DOCKERFILE.index("AS llama")
    for package in ("torch-2.0.dist-info", "nvidia_cublas_cu12-12.4.dist-info"):
        (tmp_path / "lib/python3.12/site-packages" / package).mkdir(parents=True)
    environment = engines.environment(tmp_path, ACCELERATOR=accelerator)
    words = ["sh", "-c", line.replace("/opt/venv", shlex.quote(str(tmp_path)))]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert ("name an index of CPU builds, PIP_EXTRA_INDEX_URL=" in done.stderr) == bool(code)


def test_the_images_own_check_names_what_does_not_belong_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "nvidia_cublas_cu12-12.4.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: nvidia-cublas-cu12\nVersion: 12.4\n")
    assert not list(image_check.foreign("cpu"))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert not list(image_check.foreign("cuda"))
    (said,) = image_check.foreign("cpu")
    assert said.startswith("nvidia-cublas-cu12 came with a PyTorch for CUDA; name an index")


@pytest.mark.parametrize(
    ("size", "code", "environment", "said"),
    [
        (1_000_000, 0, {"ACCELERATOR": "cpu"}, "0.00 GB unpacked"),
        (9_000_000_000, 3, {}, "too large"),
        (1_000_000, 2, {"ACCELERATOR": "rocm"}, "ACCELERATOR=rocm: expected cuda or cpu"),
        (None, 4, {}, "could not pull docker.io/nvidia/cuda:"),
    ],
)
def test_how_it_ends(tmp_path: Path, size: int | None, code: int, environment: dict[str, str], said: str) -> None:
    known = engines.image() | {"Size": size} if size else None
    engines.write(tmp_path, "podman", engines.PODMAN, known, 0 if size else 1)
    done = build(tmp_path, **environment)
    assert done.returncode == code, done.stderr
    assert said in done.stderr


@pytest.mark.parametrize(("command", "code"), [("pull", 0), ("pull", 1), ("build", 0), ("build", 1)])
def test_a_stop_is_no_failure_and_nothing_comes_after_it(tmp_path: Path, command: str, code: int) -> None:
    known = None if command == "pull" else engines.image()
    case = engines.until_stopped(tmp_path, command, code)
    engines.write(tmp_path, "podman", engines.PODMAN, known, case=case)
    words = [sys.executable, "-m", "jobs.launch.container.image"]
    ended, said = engines.stopped(tmp_path, words, signal.SIGINT, engines.environment(tmp_path))
    assert ended == 75, said
    assert said.splitlines()[-2:] == [
        "saved after 1 signal",
        "image: interrupted (stopped); the same command goes on from what was saved",
    ]
    assert engines.told(tmp_path, "podman") == []


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["train", "run.name=a"], [sys.executable, "-m", "jobs", "train", "run.name=a"]),
        ([], [sys.executable, "-m", "jobs"]),
        (["convert"], [sys.executable, "-m", "jobs", "convert"]),
        (["python", "-m", "jobs.launch.inside.command"], ["python", "-m", "jobs.launch.inside.command"]),
        (["bash"], ["bash"]),
        (["llama-server", "-m", "x"], ["llama-server", "-m", "x"]),
        (["/bin/ls"], ["/bin/ls"]),
    ],
)
def test_words_are_a_stages_or_a_programs(words: list[str], command: list[str]) -> None:
    assert entry.command(words) == command


@pytest.mark.parametrize("name", HOST_SIDE)
def test_the_host_side_needs_nothing_installed(name: str) -> None:
    """Python 3.9 reads it and everything of ours that it imports, and all of that is in the standard library."""
    waiting, seen = [f"jobs.launch.{name}"], set[str]()
    while waiting:
        module = waiting.pop()
        path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
        path = path if path.exists() else ROOT.joinpath(*module.split("."), "__init__.py")
        assert path.exists() or seen, f"there is no {module}"
        if module in seen or not path.exists():
            continue
        seen.add(module)
        tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
        for node in tree.body:  # what is imported inside functions is not needed here
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            for imported in names:
                first = imported.split(".")[0]
                assert first in {"jobs", *sys.stdlib_module_names}, f"{module} imports {imported}"
                waiting += [imported] if first == "jobs" else []


def test_the_dockerfile_is_read_by_buildkit_and_buildah_alike() -> None:
    text = re.sub(r"^\s*#.*$", "", DOCKERFILE, flags=re.MULTILINE)
    for unknown in ("<<", "--link", "--checksum", "--exclude", "--network", "--mount=type=bind", "--mount=type=cache"):
        assert unknown not in text, unknown
    assert not re.search(r"^(ADD|ENV|ARG) .*(TOKEN|KEY|SECRET|PASSWORD)", text, re.MULTILINE)
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)


def test_every_package_of_the_image_is_locked_by_hash() -> None:
    for name in ("cuda", "image"):
        text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")
        blocks = [block for block in re.split(r"\n(?=\S)", text) if not block.startswith("#")]
        assert all(re.match(r"[\w.-]+==\S+ \\\n", block) and "--hash=sha256:" in block for block in blocks)
        assert "://" not in text


def test_the_cuda_stack_is_the_cpu_stack_and_more() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8")
        found = re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE)
        return {package.lower().replace("_", "-"): version for package, version in found}

    cuda, cpu = pins("cuda"), pins("cpu") | pins("host")
    assert {name: cuda.get(name) for name in cpu} == cpu, "requirements/cuda.txt is stale: run `make lock`"
    assert {"unsloth", "unsloth-zoo", "triton", "nvidia-cublas"} <= set(cuda)
    assert pins("image")["setuptools"] == cuda["setuptools"]


def test_every_locked_package_is_on_the_page_of_licences() -> None:
    page = (ROOT / "docs/licences.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| ([\w.-]+) \|", page, re.MULTILINE))
    text = (ROOT / "requirements/cuda.txt").read_text(encoding="utf-8")
    locked = {name.lower().replace("_", "-") for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}
    assert locked - {"cmake", "ninja"} <= listed
    assert re.search(r"^\| unsloth \|.*AGPL", page, re.MULTILINE)
