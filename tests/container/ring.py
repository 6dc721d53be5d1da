"""A base made here, the CPU image built on it, and containers locked down as a Kubernetes Job locks them.

As root with Debian's packages in TOOLS. The base and what builds keep lie in the cache.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from jobs.core.room import cache_folder

ROOT = Path(__file__).resolve().parents[2]
IMAGE, BASE = "localhost/kiwame:test", "localhost/kiwame-base"
USER = "54321:54321"
"""An id without a name, that owns nothing but the volume."""
BUILD_WORDS = ("--isolation", "chroot", "--network", "host")
"""Where the engine itself runs in a sandbox, a build step gets no network and no namespaces of its own."""
CPU_VARIANTS = "haswell,x64"
"""Of llama.cpp: the ones that the machines of a ring run, one with AVX2 and the one without. All 13, which are the
default, take 15 minutes of a processor's time more."""
NOTES: list[str] = []
"""What is printed at the end: sizes and times."""
SLOW_SECONDS = 10
TOOLS = ("podman", "buildah", "runc", "debootstrap", "catatonit")
"""The last holds a pod open while its container runs."""
CONTAINERS_CONF = """# crun refuses hybrid control groups; without limits given, Podman asks for more than there may be.
[containers]
default_ulimits = ["nofile={nofile}:{nofile}", "nproc={nproc}:{nproc}"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def missing() -> list[str]:
    """What the ring lacks here."""
    lacking = [name for name in TOOLS if shutil.which(name) is None]
    return lacking + ([] if os.getuid() == 0 else ["root"])


@contextlib.contextmanager
def timed(what: str) -> Iterator[None]:
    """Note how long this took."""
    started = time.monotonic()
    yield
    NOTES.append(f"{what}: {time.monotonic() - started:.0f} s")


def call(words: Sequence[str | Path], timeout: float = 3000, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run to the end; output is kept."""
    return subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, cwd=ROOT, env=surroundings(environment),
        timeout=timeout, check=False,
    )  # fmt: skip


def surroundings(more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with `more` and the ring's own settings of Podman, which are written here.

    What `make test-container` was called with is not for the `make` that the ring calls.
    """
    conf = cache_folder() / "ring" / "containers.conf"
    conf.parent.mkdir(parents=True, exist_ok=True)
    nofile, nproc = most(resource.RLIMIT_NOFILE, 65536), most(resource.RLIMIT_NPROC, 32768)
    conf.write_text(CONTAINERS_CONF.format(nofile=nofile, nproc=nproc))
    kept = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKEOVERRIDES", "ARGS")}
    return {**kept, "CONTAINERS_CONF": str(conf), **more}


def follow(words: Sequence[str], **environment: str) -> tuple[int, str]:
    """Run to the end and note each step of an image's build that took SLOW_SECONDS; (exit code, what it said)."""
    lines, step, since = [], "", time.monotonic()
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", cwd=ROOT,
        env=surroundings(environment),
    ) as child:  # fmt: skip
        for line in child.stdout or ():
            lines.append(line)
            begins = re.search(r"STEP \d+/\d+: (.*)", line)
            if begins or line.startswith("image:"):
                if step and time.monotonic() - since > SLOW_SECONDS:
                    NOTES.append(f"  {step}: {time.monotonic() - since:.0f} s")
                step, since = " ".join(begins[1].split())[:90] if begins else "", time.monotonic()
    return child.returncode, "".join(lines)


def most(limit: int, wanted: int) -> int:
    """`wanted`, or what this process may have at most."""
    hard = resource.getrlimit(limit)[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def must(words: Sequence[str | Path]) -> str:
    """As `call`; what it printed, or an AssertionError with its last lines."""
    done = call(words)
    assert done.returncode == 0, f"{shlex.join(map(str, words))}: {(done.stdout + done.stderr)[-4000:]}"
    return done.stdout


def base() -> str:
    """The base image: this system's own release, made by debootstrap, once."""
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', Path("/etc/os-release").read_text(), re.MULTILINE))
    name = f"{BASE}:{release['ID']}-{release['VERSION_ID']}"
    if call(["podman", "image", "exists", name]).returncode == 0:
        return name
    scratch = Path(tempfile.mkdtemp(prefix="kiwame-base-"))  # debootstrap fails below a folder whose name has a blank
    tree = scratch / f"{release['ID']}-{release['VERSION_ID']}"
    sources = "".join(path.read_text() for path in sorted(Path("/etc/apt/sources.list.d").glob("*.sources")))
    sources += Path("/etc/apt/sources.list").read_text() if Path("/etc/apt/sources.list").exists() else ""
    mirror = re.search(r"https?://\S+", re.sub(r"^#.*$", "", sources, flags=re.MULTILINE))
    assert mirror, "apt has no sources here"
    must(["debootstrap", "--variant=minbase", release["VERSION_CODENAME"], tree, mirror[0]])
    certificates = tree / "usr/local/share/ca-certificates"
    certificates.mkdir(parents=True, exist_ok=True)
    for path in Path("/usr/local/share/ca-certificates").glob("*.crt"):  # a proxy's, where packages come through one
        shutil.copy(path, certificates)
    archive = tree.with_suffix(".tar")
    must(["tar", "--numeric-owner", "-C", tree, "-cf", archive, "."])
    must(["podman", "import", archive, name])
    shutil.rmtree(scratch)
    return name


def pip_settings(into: Path) -> list[Path]:
    """Write this machine's pip settings as a pip.conf; returns the folders and files of this machine that they name."""
    settings: dict[str, str] = {}
    for line in must([sys.executable, "-m", "pip", "config", "list"]).splitlines():
        name, _, value = line.partition("=")
        settings[name.rpartition(".")[2].replace("_", "-")] = str(ast.literal_eval(value))
    into.write_text("[global]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    texts = " ".join(settings.values())
    named = [Path(path) for path in re.findall(r"(?:^|\s)(/\S+)", texts)]
    named += [Path(path).parent for path in re.findall(r"file://(/[^/\s]+/\S+)", texts)]  # an index, with its files
    # Files that say what may be installed; not the certificates, of which an image has its own in the same place.
    files = [Path(path) for key in ("constraint", "build-constraint") for path in settings.get(key, "").split()]
    return sorted({path for path in named if path.is_dir()} | {path for path in files if path.is_file()})


def build(folder: Path) -> str:
    """`make image` for CPUs on our base; what it said. `folder` is for pip's settings."""
    with timed("the base"):
        made_here = base()
    settings = folder / "pip.conf"
    mounts = [f"{path}:{path}:ro" for path in pip_settings(settings)]
    cache = cache_folder()
    pip_cache = Path(must([sys.executable, "-m", "pip", "cache", "dir"]).strip())
    pip_cache.mkdir(parents=True, exist_ok=True)
    # The build shares what native builds keep: sources by their digest, builds by a digest of all that decides them.
    mounts += [f"{cache}:/cache", f"{pip_cache}:/cache/pip"]
    words = [*BUILD_WORDS, *(word for mount in mounts for word in ("-v", mount))]
    with timed("the image"):
        code, said = follow(
            ["make", "image"], ENGINE="podman", ACCELERATOR="cpu", IMAGE=IMAGE, BASE_BUILD=made_here,
            BASE_RUNTIME=made_here, CPU_VARIANTS=CPU_VARIANTS,
            PIP_CONFIG_FILE=str(settings), BUILD_WORDS=shlex.join(words),
        )  # fmt: skip
    assert code == 0, said[-6000:]
    NOTES.extend(re.findall(r"image: (.* GB unpacked, .*)", said))
    return said


def locked_down(volume: Path, name: str = "", image: str = IMAGE) -> list[str]:
    """`podman run` as a pod of ours runs: nobody's id, read-only root, no network, no capabilities, two volumes."""
    scratch = volume / "tmp"
    for folder in (volume, scratch):
        folder.mkdir(exist_ok=True)
        os.chown(folder, *map(int, USER.split(":")))
    return [
        "podman", "run", "--rm", "--pull=never", "--network=none", "--read-only", "--read-only-tmpfs=false",
        "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user", USER, "--shm-size=1g",
        "--volume", f"{volume}:/workspace", "--volume", f"{scratch}:/tmp",
        *(["--name", name] if name else []), image,
    ]  # fmt: skip
