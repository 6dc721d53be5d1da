"""Every argument of the libraries that people bring from their own scripts has an answer."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from peft import LoraConfig
from transformers import TrainingArguments
from trl import SFTConfig

from jobs.core import config
from jobs.core.compose import flatten
from jobs.core.other_names import table
from jobs.train import LoraConfig as OurLora

OF_ALL_ADAPTERS = {"peft_type", "task_type", "inference_mode", "base_model_name_or_path", "revision", "auto_mapping"}
"""Fields of PEFT's files that nobody sets."""
SECRET = {"hub_token"}


@pytest.mark.parametrize("theirs", [LoraConfig, SFTConfig, TrainingArguments])
def test_every_argument_is_known(theirs: Any) -> None:
    ours = {name.rpartition(".")[2] for name in flatten(config.compose([])["train"])} | set(OurLora.model_fields)
    names = {field.name for field in dataclasses.fields(theirs) if not field.name.startswith("_")}
    assert not names - ours - set(table()) - OF_ALL_ADAPTERS - SECRET - {"peft_version"}
