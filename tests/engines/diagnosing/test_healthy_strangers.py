"""Folders of strangers with nothing wrong in them: whatever lies beside, no cause is proven or measured."""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from jobs.__main__ import diagnosing
from jobs.core.errors import Exit
from jobs.engines.gguf import llama_tools
from tests.engines.diagnosing import held as made
from tests.engines.models import small_model
from tests.faults import healthy, small

THINGS = ("lamp", "boat", "garden", "letter", "bridge", "violin", "kettle", "ladder", "mirror")
WHERE = ("You will find {} behind the {}.", "It stands by the {1}, as every {0} does.", "Look for {} near the {}.")


def rows(path: Path, first: int, last: int, answers: int = 1) -> Path:
    """A row a number; of each question as many good answers as are asked for."""
    lines = []
    for number in range(first, last):
        thing, other = f"{THINGS[number % 9]} {number} of street {number * 7}", THINGS[number % 7]
        for said in WHERE[:answers]:
            asked = {"role": "user", "content": f"Where is {thing}?"}
            answer = {"role": "assistant", "content": said.format(thing, other)}
            lines.append(json.dumps({"messages": [asked, answer]}))
    path.write_text("\n".join(lines) + "\n")
    return path


def losses(num: int, first: float, last: float) -> list[float]:
    """A curve that falls and levels off, with noise."""
    noise = random.Random(num)
    return [last + (first - last) * math.exp(-4 * place / num) + noise.gauss(0, 0.03) for place in range(num)]


def state(path: Path, train: Sequence[float], every: int = 0, bad: Sequence[int] = ()) -> None:
    """`trainer_state.json`: an evaluation every so many steps, and infinite gradients at some."""
    history: list[dict[str, float]] = []
    for step, loss in enumerate(train, 1):
        norm = math.inf if step in bad else 0.8
        at = {"epoch": 3 * step / len(train), "step": step}
        history.append({"loss": loss, "grad_norm": norm, "learning_rate": 1e-4, **at})
        if every and step % every == 0:
            history.append({"eval_loss": loss + 0.1 - step / 1e4, **at})
    path.write_text(json.dumps({"log_history": history, "max_steps": len(train)}))


def found(folder: Path, *extra: str) -> tuple[int, list[str], str]:
    """Exit code, what was proven or measured, and the headline, of a folder as it is."""
    look_at = ",".join(f"'{one}'" for one in (str(folder), *extra))
    code = diagnosing([f"diagnose.look=[{look_at}]", f"diagnose.out={folder.with_name(folder.name + '-found')}"])
    told = json.loads((folder.with_name(folder.name + "-found") / "diagnosis.json").read_text())
    causes = [f"{one['name']}: {one['signs']}" for one in told["causes"] if one["certainty"] in ("proven", "measured")]
    return code, causes, told["headline"]


def with_rows_and_log(folder: Path) -> None:
    rows(folder / "train.jsonl", 0, 80)
    rows(folder / "val.jsonl", 100, 120)
    state(folder / "trainer_state.json", losses(60, 3.0, 1.4), every=10)


def without_evaluation(folder: Path) -> None:
    rows(folder / "train.jsonl", 0, 80)
    state(folder / "trainer_state.json", losses(60, 3.0, 1.4))


def in_two_logs(folder: Path) -> None:
    table = "".join(f"{step},{loss}\n" for step, loss in enumerate(losses(60, 3.0, 1.4), 1))
    (folder / "train_loss.csv").write_text(f"step,loss\n{table}")
    table = "".join(f"{step},{loss}\n" for step, loss in zip(range(10, 70, 10), losses(6, 2.2, 1.6), strict=True))
    (folder / "eval_loss.csv").write_text(f"step,eval_loss\n{table}")


def with_loss_scaling(folder: Path) -> None:
    state(folder / "trainer_state.json", losses(60, 3.0, 1.4), every=10, bad=(1, 2, 4))
    (folder / "args.yaml").write_text("learning_rate: 1e-4\nfp16: true\nmax_length: 512\neval_strategy: steps\n")


def with_several_good_answers(folder: Path) -> None:
    rows(folder / "train.jsonl", 0, 60, answers=3)


def of_all_weights(folder: Path) -> None:
    (folder / "config.yml").write_text(
        "base_model: Qwen/Qwen3-0.6B\nadapter:\nlora_r: 32\nlora_alpha: 16\nsequence_len: 2048\nlearning_rate: 1e-5\n"
        "micro_batch_size: 2\nnum_epochs: 3\nval_set_size: 0.05\ndatasets:\n  - path: rows.jsonl\n"
    )
    state(folder / "trainer_state.json", losses(60, 1.8, 1.7), every=10)


def a_modelfile_alone(folder: Path) -> None:
    template = (
        "{{ .System }}<|im_start|>user\n{{ .Prompt }}<|im_end|>\n<|im_start|>assistant\n{{ .Response }}<|im_end|>"
    )
    (folder / "Modelfile").write_text(f'FROM ~/models/mine.gguf\nTEMPLATE """{template}"""\n')


def of_many_tasks(folder: Path) -> None:
    """Requests of every kind, hashtags among them, which the rest of the set does not look like."""
    small.write_rows(folder / "train.jsonl", healthy.conversations(healthy.GOOD_ROWS / "chat_ja.jsonl"))


def with_answers(folder: Path) -> None:
    with_rows_and_log(folder)
    said = [{"prompt": f"Where is {one}?", "answer": f"You will find {one} there.", "finish_reason": "stop"}
            for one in THINGS]  # fmt: skip
    (folder / "answers.jsonl").write_text("".join(json.dumps(one) + "\n" for one in said))


@pytest.mark.parametrize("make", [
    with_rows_and_log, without_evaluation, in_two_logs, with_loss_scaling, with_several_good_answers, of_all_weights,
    a_modelfile_alone, with_answers, of_many_tasks,
])  # fmt: skip
def test_nothing_is_found_in_files(make: Callable[[Path], None], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    make(folder)
    code, causes, _ = found(folder)
    assert (code, causes) == (Exit.PASSED, [])


def test_without_evaluation_it_is_said_that_overfitting_cannot_be_seen(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    without_evaluation(folder)
    code, _, headline = found(folder)
    assert code == Exit.PASSED
    assert "no-validation" in headline
    page = (tmp_path / "mine-found/diagnosis.html").read_text()
    assert "nobody can see whether it overfits" in page


def test_nothing_is_found_in_a_run_of_trl(trl_run: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trl_run, tmp_path / "mine"))
    rows(folder / "rows.jsonl", 0, 80)
    small_model.change_json(folder / "arguments.json", max_length=1024)  # its tokens are bytes, and all rows fit
    code, causes, _ = found(folder)
    assert (code, causes) == (Exit.PASSED, [])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Base, adapter, merged folder, two GGUFs and a Modelfile of one tune."""
    folder = tmp_path_factory.mktemp("whole") / "mine"
    base = small_model.write(folder / "base")
    tuned = small_model.adapter(base, folder / "adapter")
    factors = load_file(tuned / "adapter_model.safetensors")
    save_file({name: 0.5 * one for name, one in factors.items()}, tuned / "adapter_model.safetensors")
    merged = made.merge(base, tuned, folder / "merged")
    exact = made.small_gguf(merged, folder / "f32.gguf")
    for quant in ("F16", "Q4_K_M"):
        llama_tools.quantize(exact, folder / f"tune-{quant}.gguf", quant, num_threads=1)
    exact.unlink()
    (folder / "Modelfile").write_text("FROM ./tune-Q4_K_M.gguf\n")
    return folder


def the_bases_gguf(folder: Path) -> None:
    """As it was downloaded: with a template and a stop token of its own."""
    copy = Path(shutil.copytree(folder / "base", folder.parent / "copy"))
    (copy / "chat_template.jinja").write_text("{{ messages[0].content }}<|im_end|>, as the base has it")
    small_model.change_json(copy / "config.json", eos_token_id=small_model.TEXT)
    made.small_gguf(copy, folder / "downloaded-F32.gguf")


def another_models_gguf(folder: Path) -> None:
    other = small_model.write(folder.parent / "other", seed=9, hidden_size=512)
    made.small_gguf(other, folder / "other-F32.gguf")
    made.small_gguf(other, folder / "llama-F32.gguf", "llama")


def only_the_merged_folder(folder: Path) -> None:
    for name in ("base", "adapter"):
        shutil.rmtree(folder / name)
    the = small_model.write(folder.parent / "other", seed=9)
    made.small_gguf(the, folder / "another-F32.gguf")


def as_an_adapter(folder: Path) -> None:
    """The adapter as a GGUF on the base's."""
    shutil.rmtree(folder / "merged")
    for path in folder.glob("tune-*.gguf"):
        path.unlink()
    made.small_gguf(folder / "base", folder / "model-F32.gguf")
    made.adapter_gguf(folder / "adapter", folder / "adapter.gguf")
    (folder / "Modelfile").write_text("FROM ./model-F32.gguf\nADAPTER ./adapter.gguf\n")


def of_another_architecture(folder: Path) -> None:
    """A Llama by its config: nothing is known of it but its values."""
    for name in ("base", "merged"):
        small_model.change_json(folder / name / "config.json", model_type="llama", tie_word_embeddings=None)
    for path in folder.glob("tune-*.gguf"):
        path.unlink()
    made.small_gguf(folder / "merged", folder / "tune-F32.gguf", "llama")
    (folder / "Modelfile").write_text("FROM ./tune-F32.gguf\n")


@pytest.mark.parametrize("change", [
    lambda folder: None, the_bases_gguf, another_models_gguf, only_the_merged_folder, as_an_adapter,
    of_another_architecture,
], ids=["whole", "the base's GGUF", "another model's", "merged alone", "adapter", "llama"])  # fmt: skip
def test_nothing_is_found_in_weights(whole: Path, tmp_path: Path, change: Callable[[Path], None]) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "mine"))
    change(folder)
    code, causes, _ = found(folder)
    assert (code, causes) == (Exit.PASSED, [])
