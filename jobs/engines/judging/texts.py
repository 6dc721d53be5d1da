"""The words that judges are asked with, from their files."""

from __future__ import annotations

from pathlib import Path

from jobs.core.errors import Refusal
from jobs.logic.endpoints.prompts import Prompts, Unusable
from jobs.logic.judging.wording import SLOTS, JudgesWording

PROMPTS = Path(__file__).resolve().parents[3] / "conf" / "judge" / "prompts"


def wording_of(language: str, folder: Path = PROMPTS) -> JudgesWording:
    """The prompts for a set of a language, ISO 639: Japanese ones for a Japanese set, English ones for any other.

    Raises Refusal where a file of them cannot be used.
    """
    code = "ja" if language == "ja" else "en"
    place = folder / code
    if not place.is_dir():
        raise Refusal(f"{place}: no such folder, expected the prompts of judge in it, one file each")
    try:
        texts = {path.stem: path.read_text(encoding="utf-8-sig") for path in sorted(place.glob("*.txt"))}
        return JudgesWording(Prompts(texts, SLOTS, str(place)), code)
    except UnicodeDecodeError as error:
        raise Refusal(f"{place}: byte {error.start} of a file is not UTF-8; save it as UTF-8") from error
    except Unusable as error:
        raise Refusal(str(error)) from error
