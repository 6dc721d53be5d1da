"""Write articles.jsonl and spoiled.json anew from world.toml: `PYTHONPATH=. python data/demo/make.py`.

The same world.toml gives the same bytes.
"""

import json
import tomllib
from pathlib import Path

from jobs.logic.demo.rows import demo_rows, row_id
from jobs.logic.demo.world import parse_world

HERE = Path(__file__).resolve().parent


def contents() -> dict[str, str]:
    """File name to text."""
    data = tomllib.loads((HERE / "world.toml").read_text(encoding="utf-8"))
    rows = demo_rows(parse_world(data), data["rows"])
    lines = [json.dumps(row.as_dict(number), ensure_ascii=False) for number, row in enumerate(rows, 1)]
    key = {row_id(number): row.kind for number, row in enumerate(rows, 1) if row.kind}
    return {
        "articles.jsonl": "".join(f"{line}\n" for line in lines),
        "spoiled.json": json.dumps(key, indent=1) + "\n",
    }


if __name__ == "__main__":
    for name, text in contents().items():
        (HERE / name).write_text(text, encoding="utf-8")
