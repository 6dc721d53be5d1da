"""A training log for a run of fake files."""

from __future__ import annotations

import json
import math
from typing import Any


def log() -> str:
    """A training log with losses that fall, each to its own floor."""
    lines: list[dict[str, Any]] = [
        {"step": 0, "epoch": 0.0, "eval_loss": 2.714, "eval_content_loss": 3.4, "eval_template_loss": 0.9}
    ]
    for step in range(1, 214):
        noise = 0.12 * math.sin(step * 1.7) + 0.07 * math.sin(step * 0.31)
        lines.append(
            {"step": step, "epoch": step / 71, "loss": 0.55 + 2.1 * math.exp(-step / 28) + noise, "grad_norm": 1.0}
        )
        if step % 18 == 0 or step == 213:
            rise = max(0, step - 177) * 0.0005
            total, content = 0.8 + 1.9 * math.exp(-step / 26) + rise, 1.2 + 2.2 * math.exp(-step / 30) + rise
            template = 0.004 + 0.9 * math.exp(-step / 9)
            lines.append(
                {
                    "step": step,
                    "epoch": step / 71,
                    "eval_loss": total,
                    "eval_content_loss": content,
                    "eval_template_loss": template,
                }
            )
    return "".join(json.dumps(line) + "\n" for line in lines)
