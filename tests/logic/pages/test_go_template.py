"""Our renderer of Go's text/template writes what Go writes, and refuses what is not in its subset.

`go_cases.json` has templates with what Go 1.19 wrote for DATA; the last three are the Modelfile's, by what opens an
answer.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from jobs.logic.pages import go_template
from jobs.logic.pages.modelfile import EMPTY_BLOCK, template

CASES: list[list[str]] = json.loads(Path(__file__).with_name("go_cases.json").read_text(encoding="utf-8"))
DATA = {
    "Messages": [
        {"Role": "system", "Content": " \u3000短く\u3000\n"},
        {"Role": "user", "Content": '\n\n{{ .System }} 𠮷 <b>&amp;</b> "q" \\n\t'},
        {"Role": "assistant", "Content": ""},
        {"Role": "user", "Content": "二つ目"},
    ],
    "System": "s",
    "Empty": "",
    "None": [],
    "Two": [["a", "b"], ["c"]],
}
PROGRAM = """package main

import (
	"bytes"
	"encoding/json"
	"os"
	"text/template"
)

type message struct{ Role, Content string }
type data struct {
	Messages      []message
	System, Empty string
	None          []string
	Two           [][]string
}
type asked struct {
	Data      data
	Templates []string
}

func main() {
	var in asked
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		panic(err)
	}
	out := []string{}
	for _, text := range in.Templates {
		var written bytes.Buffer
		made, err := template.New("").Parse(text)
		if err == nil {
			err = made.Execute(&written, in.Data)
		}
		if err != nil {
			out = append(out, "error: "+err.Error())
		} else {
			out = append(out, written.String())
		}
	}
	json.NewEncoder(os.Stdout).Encode(out)
}
"""


@pytest.mark.parametrize(("text", "written"), CASES)
def test_it_writes_what_go_wrote(text: str, written: str) -> None:
    assert go_template.render(text, DATA) == written


def test_the_modelfiles_own_templates_are_among_them() -> None:
    assert [text for text, _ in CASES[-3:]] == [template(opening) for opening in ("", EMPTY_BLOCK, "<think>\n")]


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go here; its outputs are in go_cases.py")
def test_go_writes_it_still(tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text(PROGRAM)
    asked = json.dumps({"Data": DATA, "Templates": [text for text, _ in CASES]})
    done = subprocess.run(
        ["go", "run", "main.go"], cwd=tmp_path, input=asked, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [written for _, written in CASES]


@pytest.mark.parametrize(
    "text",
    [
        "{{ .Messages | len }}",
        "{{ printf \"%s\" .System }}",
        "{{ with .System }}{{ . }}{{ end }}",
        "{{ template \"x\" }}",
        "{{ if .System }}open",
        "{{ end }}",
        "{{ .System",
        "{{ \"open }}",
        "{{ .Nothing }}",
        "{{ $never }}",
        "{{ len .System }}",
        "{{ slice .Messages 9 }}",
        "{{ index .Messages 9 }}",
        "{{ eq 1 \"1\" }}",
        "{{ }}",
        "{{ (len .Messages }}",
        "{{ break }}",
        "{{ .Messages }}",
        "{{ $x = 1 }}",
        "{{ not }}",
        "{{ \"a\\q\" }}",
    ],
)  # fmt: skip
def test_what_is_not_in_the_subset_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words differ, the refusal is what counts
        go_template.render(text, DATA)


@pytest.mark.parametrize(
    ("depth", "words", "says"),
    [(30, "a", "steps"), (9, "{{ $x := 1 }}" * 40, "steps"), (4, "{{ or " + "false " * 2_000 + "}}", "steps"),
     (6, "a" * 5_000, "characters")],
)  # fmt: skip
def test_a_template_that_counts_without_end_is_refused(depth: int, words: str, says: str) -> None:
    data = {"Messages": [{"Messages": []}] * 3}
    text = "{{ $all := .Messages }}" + "{{ range $all }}" * depth + words + "{{ end }}" * depth
    with pytest.raises(ValueError, match=f"more than .* {says}"):
        go_template.render(text, data)
