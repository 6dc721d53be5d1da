"""What the container sees: words in, mounts out. Folders are real ones, with links in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from jobs.core import compose
from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.launch import sources
from jobs.launch.container import mounts

REQUIRED = ["prepare.files=[x]", "fetch=local", "fetch.source.folder=x"]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a config, and rows beside it in another folder."""
    root = tmp_path / "checkout"
    (root / "conf").mkdir(parents=True)
    (root / "conf" / "config.yaml").write_text("run:\n  name: first   # a name\n\n  # where\n  folder: made # here\n")
    (root / "in.jsonl").touch()
    for folder in ("my rows", "日本", "linked"):
        (tmp_path / folder).mkdir()
    for file in ("my rows/x.jsonl", "日本/x.jsonl"):
        (tmp_path / file).touch()
    monkeypatch.setattr(sources, "ROOT", root)
    return root


def seen(*words: str, **environment: str) -> list[str]:
    """What is mounted besides checkout, conf, runs and cache."""
    found = mounts.mounts(words, {"KIWAME_CACHE": "/cache", **environment})
    assert [mount.name for mount in found[:4]] == ["the checkout", "conf/", "run.folder", "KIWAME_CACHE"]
    assert [mount.writable for mount in found[:4]] == [False, False, True, True]
    assert not any(mount.writable for mount in found[4:])
    return [mount.words[1] for mount in found[4:]]


def same(path: Path) -> str:
    return f"{path}:{path}:ro"


def test_the_keys_are_the_configs() -> None:
    known = compose.flatten(compose.compose(REQUIRED))
    assert set(mounts.PATH_KEYS) <= set(known)


@pytest.mark.parametrize("name", ["my rows/x.jsonl", "日本/x.jsonl", "日本"])
def test_what_the_words_name_is_there_by_the_same_name(checkout: Path, name: str) -> None:
    path = checkout.parent / name
    assert seen(f"prepare.files=['{path}']") == seen(f'prepare.evaluation.files=["{path}"]') == [same(path)]
    assert seen(f"prepare.files=['../{name}']") == [same(path)]
    assert seen(f"report.sign_with='{path}'") == [same(path)]
    assert seen("report.sign_with=SIGNING_KEY") == []


@pytest.mark.parametrize(
    "word",
    ["prepare.files=[in.jsonl]", "prepare.files=[{root}/in.jsonl]", "prepare.files=[absent.jsonl,/absent/x.jsonl]",
     "prepare.files=['hf://datasets/o/n@c/data']", "waivers.TRN007=looked at /tmp files", "chat.template=model",
     "prepare.files=", "prepare.files=[]", "fetch.source.folder=???", f"prepare.files=[{'n' * 300}]",
     "prepare.files=[{root}/circle]"],
)  # fmt: skip
def test_what_is_in_the_checkout_or_is_no_path_is_not_mounted(checkout: Path, word: str) -> None:
    (checkout / "circle").symlink_to("circle")
    assert seen(word.format(root=checkout)) == []


def test_the_parts_of_a_gguf_go_along(checkout: Path) -> None:
    folder = checkout.parent / "my rows"
    names = ("a-00001-of-00002.gguf", "a-00002-of-00002.gguf", "a-00001-of-00003.gguf", "b-00002-of-00002.gguf")
    for name in names:
        (folder / name).touch()
    assert seen(f"forgetting.base='{folder / names[0]}'") == [same(folder / name) for name in names[:2]]


def test_links_lead_where_they_lead_outside(checkout: Path) -> None:
    real = checkout.parent / "日本" / "x.jsonl"
    first, second = checkout.parent / "linked" / "first.jsonl", checkout.parent / "linked" / "second.jsonl"
    second.symlink_to(real)
    first.symlink_to("second.jsonl")
    assert seen(f"prepare.files=[{first}]") == [f"{real}:{first}:ro"]  # outside, the engine follows it
    (checkout / "in-checkout.jsonl").symlink_to("../linked/first.jsonl")  # inside, the container does
    assert seen("prepare.files=[in-checkout.jsonl]") == [f"{real}:{first}:ro"]
    (checkout / "folder").symlink_to(real.parent)
    assert seen("prepare.files=[folder/x.jsonl]") == [same(real)]
    assert seen(f"prepare.files=[{first}]", MOUNTS=f"'{first.parent}'") == [same(first.parent), same(real)]


def test_a_snapshot_of_the_hubs_cache_comes_with_its_blobs(checkout: Path) -> None:
    model = checkout.parent / "hub" / "models--q"
    snapshot, blob = model / "snapshots" / "abc", model / "blobs" / "1"
    for folder in (snapshot, blob.parent):
        folder.mkdir(parents=True)
    blob.touch()
    (snapshot / "model.safetensors").symlink_to("../../blobs/1")
    (snapshot / "gone").symlink_to("../../blobs/2")
    assert seen(f"fetch.source.folder={snapshot}") == [same(snapshot), same(blob)]
    assert seen(f"fetch.source.folder={snapshot}", MOUNTS=f"'{model}'") == [same(model)]


@pytest.mark.parametrize(
    ("words", "folder"),
    [([], "{root}/made"), (["run.folder=other"], "{root}/other"), (["run.folder='q runs'"], "{root}/q runs"),
     (["run.folder=/away/runs"], "/away/runs"), (["run.folder=a", 'run.folder="b"'], "{root}/b"),
     (["run.folder=link"], "{root}/../linked")],
)  # fmt: skip
def test_the_runs_folder_is_the_configs(checkout: Path, words: list[str], folder: str) -> None:
    (checkout / "link").symlink_to("../linked")
    runs = mounts.mounts(words, {"KIWAME_CACHE": "/cache"})[2]
    expected = Path(folder.format(root=checkout)).resolve()
    assert runs.words == ["--volume", f"{expected}:{expected}"]
    assert not (checkout / "made").exists()


def test_the_checkouts_own_config_names_a_folder() -> None:
    assert mounts.run_folder([]) == compose.compose(REQUIRED)["run"]["folder"]


def test_paths_in_mounts_are_split_as_a_shell_does(checkout: Path) -> None:
    rows, other = checkout.parent / "my rows", checkout.parent / "日本"
    assert seen(MOUNTS=f"'{rows}' '{other}' '{checkout}'/in.jsonl") == [same(rows), same(other)]


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        ([], {"MOUNTS": "/tmp"}, "MOUNTS: /tmp would hide the container's own /tmp; take something below it"),
        ([], {"MOUNTS": "/"}, "would hide the container's own"),
        (["prepare.files=[/usr]"], {}, "prepare.files: /usr would hide"),
        (["run.folder=/workspace"], {}, "run.folder: /workspace would hide the container's own /workspace/cache"),
        (["run.folder=."], {}, "run.folder: is the checkout"),
        (["compare.out=elsewhere"], {}, "compare.out: elsewhere is not in"),
        (["run.folder='half"], {}, "run.folder: 'half has a quote without its end"),
        (["run.folder=a:b"], {}, "a:b has a ':' in it"),
        ([], {"KIWAME_CACHE": "/a:b"}, "KIWAME_CACHE: /a:b/container has a ':' in it"),
        (["prepare.files=[colon:/x.jsonl]"], {}, "colon:/x.jsonl has a ':' in it"),
        (["run.folder=circle"], {}, "circle: Too many levels of symbolic links; name another path"),
        (["run.folder=../circle"], {}, "circle: Too many levels of symbolic links; name another path"),
        (["run.folder=" + "n" * 300], {}, "nnn: File name too long; name another path"),
        ([], {"KIWAME_CACHE": "/" + "n" * 300}, "KIWAME_CACHE: /nnn"),
        ([], {"MOUNTS": "/" + "n" * 300}, "nnn does not exist"),
    ],
)
def test_what_cannot_be_mounted_is_refused(
    checkout: Path, words: list[str], environment: dict[str, str], said: str
) -> None:
    (checkout.parent / "colon:").mkdir()
    (checkout.parent / "colon:" / "x.jsonl").touch()
    for folder in (checkout, checkout.parent):
        (folder / "circle").symlink_to("circle")
    with pytest.raises(Refusal) as refused:
        seen(*(word.replace("[colon", f"[{checkout.parent}/colon") for word in words), **environment)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "word", ["run.folder={}/link/../runs", "prepare.files=[../link/../x.jsonl]", "MOUNTS='{}/link/..'"]
)
def test_what_goes_up_from_where_a_link_leads_is_refused(checkout: Path, word: str) -> None:
    (checkout.parent / "日本" / "below").mkdir()
    (checkout.parent / "link").symlink_to("日本/below")
    key, _, value = word.format(checkout.parent).partition("=")
    with pytest.raises(
        Refusal, match=rf"{key}: .*link/\.\..* has a `\.\.` behind a link; write the path without `\.\.`"
    ):
        seen(**{key: value}) if key == "MOUNTS" else seen(f"{key}={value}")
    assert seen("prepare.files=[../日本/below/../x.jsonl]") == [same(checkout.parent / "日本" / "x.jsonl")]


def test_a_checkout_that_engines_cannot_be_told_is_refused(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    odd = tmp_path / "a:b"
    checkout.rename(odd)
    monkeypatch.setattr(sources, "ROOT", odd)
    with pytest.raises(Refusal, match=r"the checkout: .*a:b has a ':'"):
        seen()


def test_a_user_without_a_home_names_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    assert mounts.cache_folder({"KIWAME_CACHE": "/c"}) == Path("/c/container")
    assert mounts.cache_folder({"XDG_CACHE_HOME": "/x"}) == Path("/x/kiwame/container")
    with pytest.raises(EnvironmentProblem, match=r"HOME is not set and user .* say KIWAME_CACHE="):
        mounts.cache_folder({})


@pytest.mark.parametrize(
    ("text", "found"),
    [("[a.jsonl,'/b c.jsonl', \"d,e\" , /f g]", ["a.jsonl", "/b c.jsonl", "d,e", "/f g"]), ("[]", []), ("", []),
     ("/one/folder", ["/one/folder"]), ("'/one folder'", ["/one folder"])],
)  # fmt: skip
def test_a_value_has_these_elements(text: str, found: list[str]) -> None:
    assert mounts.items(text) == found


ELEMENTS = (
    r"[/d/a\,b.jsonl]", r"['it\'s.jsonl']", r'["a\"b"]', r"['it\'s','b, c']", r"[a\ b,c]", r"['a\\b',a\\b]",
    r"['a\b']", r"['a\\']", r"['a\\\'b']", r"[/x/\(a\),\[x\]]", """['a,b', c d , "e'f"]""", r"[a\{b,c\=d,e\:f]",
    r"[a\$,/b]", "[' a ', b ]", r"/d/a\,b", r"'it\'s'", r'"a\"b"', r"/x\ y", "[hf://a/b@c/d]",
)  # fmt: skip


@pytest.mark.parametrize("text", ELEMENTS)
def test_an_element_is_what_hydra_takes_it_for(text: str) -> None:
    value: object = OverridesParser.create().parse_override(f"prepare.files={text}").value()
    assert mounts.items(text) == (value if isinstance(value, list) else [value])
    if not isinstance(value, list):
        assert mounts.run_folder([f"run.folder={text}"]) == value
