"""A folder that TRL's trainer left behind is recognised and read as it is."""

import shutil
from collections import Counter
from pathlib import Path

from jobs.engines.diagnosing import model_files, recipe_files
from jobs.engines.diagnosing.looking import look
from jobs.logic.diagnosing import causes_labels, causes_log, causes_recipe, causes_tokens, every_cause, kinds
from jobs.logic.diagnosing.cause import CAUSES
from jobs.logic.diagnosing.certainty import Certainty
from jobs.logic.diagnosing.evidence import Evidence
from jobs.logic.diagnosing.ranking import diagnosed

OURS = {one.__name__ for one in (causes_labels, causes_log, causes_recipe, causes_tokens)}


def test_every_file_is_taken_for_what_it_is(trl_run: Path) -> None:
    looked = look([trl_run])
    first = {kind: [path.relative_to(trl_run).as_posix() for path in looked.of(kind)][:1] for kind in kinds.KINDS}
    assert {kind: paths[0] for kind, paths in first.items() if paths} == {
        kinds.BASE: "Tiny-Qwen3",
        kinds.BASE_TOKENIZER: "Tiny-Qwen3",
        kinds.SETTINGS: "arguments.json",
        kinds.ADAPTER: "out",
        kinds.TOKENIZER: "out",
        kinds.OTHER: "out/README.md",
        kinds.LOG: "out/trainer_state.json",
        kinds.PICKLE: "out/training_args.bin",
    }
    assert Counter(one.kind for one in looked.taken)[kinds.PICKLE] >= 5


def test_it_is_read_whole(trl_run: Path) -> None:
    seen = recipe_files.read(look([trl_run]))
    assert not [one for one in seen.looked.taken if one.kind == kinds.UNREADABLE]
    assert seen.settings is not None
    assert (seen.settings.learning_rate, seen.settings.max_steps, seen.settings.max_length) == (1e-3, 12, 64)
    assert (seen.settings.has_evaluation, seen.settings.responses_only) == (True, False)
    assert seen.log is not None
    assert [one.step for one in seen.log.steps] == list(range(1, 13))
    assert [one.step for one in seen.log.evaluations] == [4, 8, 12]
    assert (seen.log.saved_steps, seen.log.num_planned) == ((6, 12), 12)
    assert seen.tokenizer is not None
    assert (seen.tokenizer.eos_token, seen.tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")
    assert seen.tokenizer.rendered["prompt"].endswith("<|im_start|>assistant\n")
    assert seen.base_tokenizer is not None
    assert seen.base_tokenizer.eos_ids == (258,)


def test_no_check_fails_on_it(trl_run: Path) -> None:
    seen = recipe_files.read(look([trl_run]))
    models = model_files.read(seen.looked)
    evidence = Evidence(
        settings=seen.settings, log=seen.log, tokenizer=seen.tokenizer, base_tokenizer=seen.base_tokenizer,
        other_tokenizers=seen.other_tokenizers, base=models.base, adapter=models.adapter,
    )  # fmt: skip
    assert models.base is not None
    assert models.adapter is not None
    assert not diagnosed(evidence, every_cause.CAUSES).failed


def test_rows_of_text_and_a_merged_model_beside_the_adapter(trl_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(trl_run, folder)
    shutil.copytree(folder / "Tiny-Qwen3", folder / "merged")
    pad = folder / "out/tokenizer_config.json"
    pad.write_text(pad.read_text().replace('"pad_token": "<|endoftext|>"', '"pad_token": "<|im_end|>"'))
    text = "<|im_start|>user\\nSay so<|im_end|>\\n<|im_start|>assistant\\nSo."
    (folder / "train.jsonl").write_text(f'{{"text": "{text}"}}\n' * 4)
    seen = recipe_files.read(look([folder]))
    assert seen.tokenizer is not None
    assert seen.tokenizer.folder.endswith("merged")
    assert [one.pad_token for one in seen.other_tokenizers] == ["<|im_end|>"]
    assert seen.texts is not None
    assert (seen.texts.num_rows, seen.texts.num_cut) == (4, 4)


def test_nothing_is_found_in_it(trl_run: Path) -> None:
    seen = recipe_files.read(look([trl_run]))
    evidence = Evidence(
        settings=seen.settings, log=seen.log, tokenizer=seen.tokenizer, base_tokenizer=seen.base_tokenizer,
        labels=seen.labels,
    )  # fmt: skip
    found = {one.name: one.check(evidence).certainty for one in CAUSES if one.check.__module__ in OURS}
    assert [name for name, certainty in found.items() if certainty.found] == []
    for name in ("no-validation", "another-tokenizer", "wrong-template", "pad-is-end-of-turn", "stop-token-not-set"):
        assert found[name] == Certainty.RULED_OUT, name


def test_what_was_changed_in_it_is_found(trl_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(trl_run, folder)
    template = folder / "out/chat_template.jinja"
    template.write_text(
        template.read_text().replace("assistant\n", "assistant\n\n").replace("'role'] }}\n", "'role'] }}\n\n")
    )
    generation = folder / "Tiny-Qwen3/generation_config.json"
    generation.write_text(generation.read_text().replace("258", "256"))
    words = folder / "out/tokenizer.json"
    words.write_text(
        words.read_text().replace('"a": ', '"swap": ').replace('"b": ', '"a": ').replace('"swap": ', '"b": ')
    )
    seen = recipe_files.read(look([folder]))
    evidence = Evidence(tokenizer=seen.tokenizer, base_tokenizer=seen.base_tokenizer)
    for check in (causes_tokens.header_newline_odd, causes_tokens.another_tokenizer):
        assert check(evidence).certainty == Certainty.PROVEN, check.__name__
    assert causes_tokens.stop_token_not_set(evidence).certainty == Certainty.CONSISTENT  # of the base alone
