"""Rows that are fit to learn from, and the config that `prepare` runs them with."""

import json
from pathlib import Path
from random import Random
from typing import Any

import yaml

from jobs.checks.prepare import GATE, PrepareFacts
from jobs.prepare import PrepareConfig

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "data/demo"
TOPICS = [
    "土鍋",
    "鉄瓶",
    "急須",
    "包丁",
    "弁当箱",
    "水筒",
    "茶碗",
    "万年筆",
    "手帳",
    "和紙",
    "本棚",
    "座椅子",
    "障子",
    "畳",
    "布団",
    "枕",
    "毛布",
    "風鈴",
    "提灯",
    "花瓶",
]
SIDES = ("手入れの順番", "選び方の目安", "長く使うための工夫", "しまう場所の話")


def config(files: list[Path], **changes: Any) -> PrepareConfig:
    values = yaml.safe_load((ROOT / "conf/prepare/default.yaml").read_text(encoding="utf-8"))
    values |= {"files": [str(file) for file in files], "seed": 3407, **changes}
    values["limits"] |= {"max_bad_share": values["max_bad_fraction"], "enough_val_rows": 5000}
    return PrepareConfig.model_validate(values)


def words(number: int) -> str:
    """A text that is like no other."""
    return "".join(Random(number).choices("あいうえおかきくけこさしすせそたちつてとなにぬねの、。", k=120))


def rows() -> list[dict[str, Any]]:
    return [
        {
            "id": f"r{number}",
            "source": f"s{number // 2}",
            "messages": [
                {"role": "user", "content": f"{topic}の記事です。{side}を聞きました。{words(number)}"},
                {"role": "assistant", "content": f"{topic}、{side}"},
            ],
        }
        for number, (topic, side) in enumerate((topic, side) for topic in TOPICS for side in SIDES)
    ]


def written(path: Path, entries: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries), encoding="utf-8")
    return path


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def statuses(cfg: PrepareConfig, facts: PrepareFacts) -> dict[str, str]:
    return dict(GATE.judge(facts, cfg.limits, waivers={}).statuses)
