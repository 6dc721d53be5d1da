"""A call as the bytes of a request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jobs.logic.endpoints.calls import Call
from jobs.logic.endpoints.control_text import neutralised


def chat_body(call: Call, model: str, extra: Mapping[str, Any], limit_word: str, takes_schema: bool) -> bytes:
    """The body of /v1/chat/completions. Texts are made harmless; of `extra`, what is null takes a field out."""
    sampling = call.sampling
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": role, "content": neutralised(content)} for role, content in call.messages],
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        limit_word: sampling.max_tokens,
        "seed": sampling.seed,
    }
    if call.schema is not None and takes_schema:
        inner = {"name": "answer", "strict": True, "schema": call.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": inner}
    body |= extra
    kept = {name: value for name, value in body.items() if value is not None}
    return json.dumps(kept).encode("ascii")
