"""What a person sees of a fine-tune that went wrong, by the names that causes use; in English and Japanese."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Symptom:
    """In words, and how it is seen with what this program makes."""

    english: str
    japanese: str
    seen_by: str


SYMPTOMS = {
    "loops": Symptom("answers repeat a piece without end", "同じ言葉を繰り返し続ける", "smoke: GEN002, GEN003"),
    "punctuation": Symptom(
        "answers are nothing but a sign or two: 、、、、, GGGG", "「、、、、」「GGGG」だけが出る", "smoke: GEN003"
    ),
    "garbage": Symptom("answers are no language", "意味のない文字列が出る", "smoke: GEN003, GEN007"),
    "does-not-stop": Symptom("answers do not end by themselves", "回答が止まらない", "smoke: GEN001"),
    "empty-answers": Symptom("answers are empty", "回答が空になる", "smoke: GEN004"),
    "cut-answers": Symptom("answers break off in a sentence", "文の途中で切れる", "smoke: GEN001"),
    "nothing-learnt": Symptom("answers are the base's", "学習した様子がない", "train: TRN005, smoke: GEN007"),
    "memorised": Symptom("training answers come back word for word", "学習データをそのまま返す", "smoke: GEN006"),
    "wrong-format": Symptom("answers have another form than the rows", "学習データと違う形式で答える", "smoke: GEN007"),
    "think-leaks": Symptom("thoughts stand in answers, or tags of them", "思考タグが漏れる", "smoke: GEN008"),
    "control-tokens-in-answers": Symptom(
        "control tokens stand in answers", "制御トークンが回答に出る", "smoke: GEN005"
    ),
    "wrong-language": Symptom("answers are in another language", "別の言語で答える", "smoke: GEN007"),
    "tags-in-answers": Symptom("answers have tags or forms of spoiled rows", "タグ形式の回答が出る", "smoke: GEN007"),
    "refusals": Symptom("answers decline what was asked", "答えるべきことを断る", "smoke: GEN007"),
    "loss-not-finite": Symptom("the loss is NaN or infinite", "損失が NaN や無限大になる", "train: TRN001"),
    "loss-diverges": Symptom("the loss rises", "損失が上がる", "train: TRN001"),
    "loss-suspiciously-low": Symptom("the training loss is near zero", "学習損失がゼロに近い", "train: TRN009"),
    "worse-than-trained": Symptom(
        "what ships answers worse than the trained model", "変換後に回答が悪くなる", "verify: PAR001"
    ),
    "quant-worse-than-f16": Symptom(
        "a quantized file answers worse than F16", "量子化すると回答が悪くなる", "verify: PAR001"
    ),
    "fails-to-load": Symptom("a program does not load the file", "ファイルを読み込めない", "convert, verify"),
}
"""Name to what it is."""
