"""Build the pinned llama.cpp once and install its Python binding.

Reads `PIN` beside this file. Makes a folder in the cache, `<cache>/llama.cpp/<version>-<key>/`, and points the symlink
`build` beside this file at it, or with `--out` copies it, for an image:

    bin/         libllama, libggml*, llama-quantize, llama-perplexity, llama-imatrix, llama-completion, llama-server
                 (without its web page)
    src/         the converter, gguf-py, a vocabulary and a chat template, all from the same source
    python/      the binding `llama_cpp` as a wheel without libraries of its own (LLAMA_CPP_LIB_PATH names ours)
    build.json   version, commit, digests, flags, compiler

The key is a digest of pin, flags, compiler and machine, so another compiler or another flag builds another folder. A
folder appears by rename when it is complete; two builds at once wait for each other. Exit 4 means that the machine
lacks something, and the line on stderr says what.

The source comes from the package index by `pip download`, or from the file named in KIWAME_LLAMA_SDIST; either way its
sha256 must be the pinned one. The cache is KIWAME_CACHE, else `kiwame` in XDG_CACHE_HOME, else `~/.cache/kiwame`.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import binding
import variants

HERE = Path(__file__).resolve().parent
LAYOUT = 1  # raised when the built folder's layout changes, so that an older one is not taken for a new one

TARGETS = ("llama", "llama-quantize", "llama-perplexity", "llama-imatrix", "llama-completion", "llama-server")
FLAGS = {
    "BUILD_SHARED_LIBS": "ON",
    "CMAKE_BUILD_TYPE": "Release",
    "CMAKE_BUILD_WITH_INSTALL_RPATH": "ON",
    "CMAKE_INSTALL_RPATH": "$ORIGIN",
    "GGML_CCACHE": "OFF",
    "GGML_NATIVE": "OFF",
    "LLAMA_BUILD_APP": "OFF",
    "LLAMA_BUILD_EXAMPLES": "OFF",
    "LLAMA_BUILD_SERVER": "ON",
    "LLAMA_BUILD_TESTS": "OFF",
    "LLAMA_BUILD_TOOLS": "ON",
    "LLAMA_BUILD_UI": "OFF",
    "LLAMA_OPENSSL": "OFF",
    "LLAMA_USE_PREBUILT_UI": "OFF",
}
# Every x86 server and desktop since 2013 has these; a native build runs only on the machine that built it.
X86_FLAGS = dict.fromkeys(("GGML_SSE42", "GGML_AVX", "GGML_AVX2", "GGML_BMI2", "GGML_FMA", "GGML_F16C"), "ON")
# Backends as loadable modules: the same binaries run with and without a GPU, on the best CPU variant they find.
PORTABLE_FLAGS = {"GGML_BACKEND_DL": "ON", "GGML_CPU_ALL_VARIANTS": "ON"}

SOURCE = "vendor/llama.cpp"
NEEDED = ("CMakeLists.txt", "LICENSE", "cmake", "common", "conversion", "convert_hf_to_gguf.py", "ggml", "gguf-py",
          "include", "licenses", "scripts/ui-assets.cmake", "src", "tools", "vendor")  # fmt: skip
VOCAB = "models/ggml-vocab-qwen2.gguf"
KEPT = ("LICENSE", "conversion", "convert_hf_to_gguf.py", "gguf-py", VOCAB, f"{VOCAB}.inp", f"{VOCAB}.out",
        "models/templates/Qwen-Qwen3-0.6B.jinja")  # fmt: skip
MIN_FREE_BYTES = 800_000_000


class BuildError(Exception):
    """Something the machine lacks; the message says what to do."""


class Pin(NamedTuple):
    sdist: str
    version: str
    commit: str
    sha256: str


class Plan(NamedTuple):
    """Everything that decides what the built folder contains."""

    pin: Pin
    targets: tuple[str, ...]
    flags: dict[str, str]
    compiler: str
    machine: str

    @property
    def key(self) -> str:
        parts = [LAYOUT, *self.pin, self.targets, sorted(self.flags.items()), self.compiler, self.machine]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def main() -> int:
    """Build if the cache has no such folder, install the binding if it is not there, print one line."""
    options = parse_options()
    try:
        plan = make_plan(options)
        tree = cache_dir() / "llama.cpp" / f"{plan.pin.version}-{plan.key}"
        if not is_complete(tree):
            with only_one(tree):
                if not is_complete(tree):  # another process may have built it while this one waited
                    build(plan, tree, options.jobs)
        if options.out:
            shutil.copytree(tree, options.out, symlinks=True)
        else:
            point_at(tree)
            binding.install(tree / "python", plan.pin.sdist, plan.pin.version)
    except (BuildError, binding.NotInstalled, variants.UnknownVariant) as error:
        print(f"error: {error}", file=sys.stderr)
        return 4
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        print(f"error: {error.strerror}: {error.filename}; free space or set KIWAME_CACHE", file=sys.stderr)
        return 4
    print(f"llama.cpp {plan.pin.commit} ({plan.pin.sdist} {plan.pin.version}) is ready in {options.out or tree}")
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--portable", action="store_true", help="every CPU variant as a module, picked at run time")
    parser.add_argument("--variants", default="all", help=f"with --portable, for tests: some of {','.join(variants.ALL)}")
    parser.add_argument("--cuda", metavar="ARCHS", help="portable, and CUDA for these: 80-real;90-real;90-virtual")
    parser.add_argument("--out", type=Path, help="copy the built folder here; nothing is linked or installed")
    parser.add_argument("--jobs", type=int, help="compile this many files at once (each takes up to 1 GB)")
    return parser.parse_args()


def make_plan(options: argparse.Namespace) -> Plan:
    pin = Pin(**tomllib.loads((HERE / "PIN").read_text()))
    flags = FLAGS | {"LLAMA_BUILD_COMMIT": pin.commit}
    compiler = first_line(os.environ.get("CXX") or "c++", "no C++ compiler; install g++ or clang, or set CXX")
    if options.cuda or options.portable:
        flags |= PORTABLE_FLAGS
        if options.variants != "all":
            flags |= variants.flags(options.variants)
    elif platform.machine() in ("x86_64", "AMD64"):
        flags |= X86_FLAGS
    if options.cuda:  # without NCCL, which CMake would take from wherever it finds it: one GPU holds a GGUF here
        flags |= {"GGML_CUDA": "ON", "GGML_CUDA_NCCL": "OFF", "CMAKE_CUDA_ARCHITECTURES": options.cuda}
        nvcc = first_line(os.environ.get("CUDACXX") or "nvcc", "no CUDA compiler; install the CUDA toolkit", line=-1)
        compiler = f"{compiler}; {nvcc}"
    machine = " ".join((platform.system(), platform.machine(), *platform.libc_ver()))
    return Plan(pin, TARGETS, flags, compiler, machine)


def first_line(command: str, otherwise: str, line: int = 0) -> str:
    """A line of `command --version`; BuildError with `otherwise` if there is no such command."""
    try:
        shown = subprocess.run([*command.split(), "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise BuildError(otherwise) from None
    return shown.strip().splitlines()[line]


def cache_dir() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("KIWAME_CACHE") or Path(home) / "kiwame").resolve()


def is_complete(tree: Path) -> bool:
    """True if the record is there and every binary has the recorded length; digests would take a second for CUDA."""
    try:
        record = json.loads((tree / "build.json").read_text())
        return all((tree / "bin" / name).stat().st_size == made["bytes"] for name, made in record["binaries"].items())
    except (FileNotFoundError, ValueError):
        return False


@contextlib.contextmanager
def only_one(tree: Path) -> Iterator[None]:
    """Hold the lock of this tree; the system frees it when the process ends, however it ends."""
    try:
        tree.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BuildError(f"cannot make the folder {tree.parent} ({error.strerror}); set KIWAME_CACHE") from None
    with open(tree.with_name(tree.name + ".lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is building the same llama.cpp; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left_over in tree.parent.glob(f"{tree.name}.partial-*"):  # of a build that died
            shutil.rmtree(left_over, ignore_errors=True)
        yield


def build(plan: Plan, tree: Path, jobs: int | None) -> None:
    """Download, verify, compile and publish `tree` by rename."""
    started = time.monotonic()
    free = shutil.disk_usage(tree.parent).free
    if free < MIN_FREE_BYTES:
        raise BuildError(f"{free / 1e9:.1f} GB free in {tree.parent}, {MIN_FREE_BYTES / 1e9:.1f} GB are needed; "
                         "free space or set KIWAME_CACHE")  # fmt: skip
    cmake, ninja = tool("cmake"), tool("ninja")
    sdist = obtain_sdist(plan.pin)
    work = Path(tempfile.mkdtemp(prefix=f"{tree.name}.partial-", dir=tree.parent))
    try:
        unpack(sdist, work / "sdist")
        compile_targets(plan, work, cmake, ninja, jobs)
        made = work / "tree"
        collect(plan, work, made)
        binaries = sorted(path for path in (made / "bin").iterdir() if not path.is_symlink())
        record = {
            "version": plan.pin.version,
            "commit": plan.pin.commit,
            "sdist_sha256": plan.pin.sha256,
            "flags": plan.flags,
            "targets": plan.targets,
            "variants": variants.of(plan.flags),
            "compiler": plan.compiler,
            "machine": plan.machine,
            "seconds": round(time.monotonic() - started, 1),
            "binaries": {path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)} for path in binaries},
        }
        (made / "build.json").write_text(json.dumps(record, indent=1) + "\n")
        os.sync()
        shutil.rmtree(tree, ignore_errors=True)  # an incomplete one, or there would be nothing to build
        made.rename(tree)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def tool(name: str) -> str:
    """The tool that pip put beside this Python, else the one on PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise BuildError(f"no {name}; run `{sys.executable} -m pip install {name}`")
    return found


def obtain_sdist(pin: Pin) -> Path:
    """The verified source file: KIWAME_LLAMA_SDIST, the one downloaded before, or a fresh download."""
    if given := os.environ.get("KIWAME_LLAMA_SDIST"):
        if not Path(given).is_file():
            raise BuildError(f"KIWAME_LLAMA_SDIST names {given}, which is not a file")
        if (seen := sha256_of(Path(given))) != pin.sha256:
            raise BuildError(f"{given} has sha256 {seen}, the pinned source has {pin.sha256}")
        return Path(given)
    stored = cache_dir() / "downloads" / f"{pin.sdist.replace('-', '_')}-{pin.version}.tar.gz"
    if not stored.exists() or sha256_of(stored) != pin.sha256:
        download(pin, stored)
    return stored


def download(pin: Pin, into: Path) -> None:
    """Fetch the sdist with pip, which checks the digest before it opens the file; `into` appears by rename."""
    say(f"downloading {pin.sdist} {pin.version} (77 MB)")
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent) as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{pin.sdist}=={pin.version} --hash=sha256:{pin.sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", f"--no-binary={pin.sdist}", "--dest", folder,
                   "--require-hashes", "--progress-bar=off", "--disable-pip-version-check", f"-r{wanted}"]  # fmt: skip
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        files = list(Path(folder).glob("*.tar.gz"))
        if done.returncode or not files:
            why = next((line for line in done.stdout.splitlines() if "ERROR" in line), "pip gave no reason")
            raise BuildError(f"cannot download {pin.sdist} {pin.version} ({why.strip()}); check the network and pip's "
                             "index, or put the sdist here by hand and set KIWAME_LLAMA_SDIST to it")  # fmt: skip
        if (seen := sha256_of(files[0])) != pin.sha256:
            raise BuildError(f"the downloaded {files[0].name} has sha256 {seen}, the pinned one is {pin.sha256}")
        files[0].rename(into)


def unpack(sdist: Path, into: Path) -> None:
    """Unpack what the build and the project use: a third of the archive, the rest is git history and other models."""
    prefixes = ("llama_cpp", "PKG-INFO", "LICENSE.md", *(f"{SOURCE}/{name}" for name in (*NEEDED, *KEPT)))

    def wanted(member: tarfile.TarInfo) -> bool:
        inside = member.name.partition("/")[2]
        return any(inside == prefix or inside.startswith(prefix + "/") for prefix in prefixes)

    with tarfile.open(sdist) as archive:
        if hasattr(tarfile, "data_filter"):  # Python 3.11.4; the sha256 was checked, so older ones do without
            archive.extraction_filter = tarfile.data_filter
        for member in archive:
            if wanted(member):
                member.name = member.name.partition("/")[2]
                archive.extract(member, into)


def compile_targets(plan: Plan, work: Path, cmake: str, ninja: str, jobs: int | None) -> None:
    """Configure and compile in `work/build`; the binaries are in `work/build/bin`."""
    say(f"compiling llama.cpp {plan.pin.commit}: {', '.join(plan.targets)}")
    variants.keep(plan.flags, work / "sdist" / SOURCE)
    source, log = work / "sdist" / SOURCE, cache_dir() / "llama.cpp" / f"{plan.pin.version}-{plan.key}.log"
    # Neither the version of a repository around the cache nor the name of this folder may get into the binaries.
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(work.parent), "CUDA_VISIBLE_DEVICES": ""}
    hidden = quoted(f"-ffile-prefix-map={source}=llama.cpp")
    flags = plan.flags | {"CMAKE_C_FLAGS": hidden, "CMAKE_CXX_FLAGS": hidden}
    configure = [cmake, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}", "-S", str(source), "-B", str(work / "build"),
                 *(f"-D{name}={value}" for name, value in sorted(flags.items()))]  # fmt: skip
    limit = [f"-j{jobs}"] if jobs else []
    with open(log, "w") as output:
        done = subprocess.run(configure, stdout=output, stderr=subprocess.STDOUT, env=environment, check=False)
    if done.returncode or run_ninja([ninja, "-C", str(work / "build"), *limit, *plan.targets], environment, log):
        raise failed(log)


def quoted(flag: str) -> str:
    """A compiler's flag as CMake takes it: of single quotes, a shell's, nothing is left in its own first test."""
    return flag if shlex.quote(flag) == flag else '"' + re.sub(r'(["\\$`])', r"\\\1", flag) + '"'


def run_ninja(command: list[str], environment: dict[str, str], log: Path) -> int:
    """Run ninja, append its lines to `log` and show how far it is; its exit code."""
    shown, on_terminal, started = 0, sys.stdout.isatty(), time.monotonic()
    ninja = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True, errors="replace"
    )
    with open(log, "a") as output, ninja:
        for line in ninja.stdout or ():
            output.write(line)
            step = re.match(r"\[(\d+)/(\d+)\]", line)
            percent = 100 * int(step[1]) // int(step[2]) if step else 0
            if on_terminal and percent > shown:
                left = (time.monotonic() - started) * (100 - percent) / percent
                print(f"\r  {percent:3d} %, about {left / 60:.1f} minutes left  ", end="", flush=True)
                shown = percent
            elif percent >= shown + 10:
                say(f"  {percent} %")
                shown = percent
    if on_terminal:
        print()
    return ninja.returncode


def failed(log: Path) -> BuildError:
    """The reason a build stopped, from its log, as one line."""
    text = log.read_text(errors="replace")
    if "No space left on device" in text:
        return BuildError(f"the disk is full; free space or set KIWAME_CACHE (log: {log})")
    if "Killed" in text or "cannot allocate memory" in text.lower():
        return BuildError(f"the compiler ran out of memory; try again with --jobs 1 (log: {log})")
    why = [line.strip() for line in text.splitlines() if re.search(r"(error|Error)\b", line)]
    return BuildError(f"llama.cpp did not compile: {why[0] if why else 'no reason given'} (log: {log})")


def collect(plan: Plan, work: Path, made: Path) -> None:
    """Move what is kept into `made`: binaries with their library links, the converter's files, the binding's wheel."""
    shutil.copytree(work / "build" / "bin", made / "bin", symlinks=True, ignore=variants.left_out)
    wanted, found = variants.of(plan.flags), variants.found(made / "bin")
    if wanted and found != wanted:
        raise BuildError(f"llama.cpp's CPU variants are {', '.join(found)}; expected {', '.join(wanted)}")
    for name in KEPT:
        source, target = work / "sdist" / SOURCE / name, made / "src" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
    binding.make_wheel(work / "sdist", f"{plan.pin.sdist.replace('-', '_')}-{plan.pin.version}", made / "python")


def point_at(tree: Path) -> None:
    """Make `build` beside this file a link to `tree`, by rename, so that readers never find it missing."""
    link = HERE / "build"
    if link.is_symlink() and link.readlink() == tree:
        return
    fresh = HERE / f"build.{os.getpid()}"
    fresh.symlink_to(tree)
    fresh.replace(link)


def sha256_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
