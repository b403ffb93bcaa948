"""The scorers that a question may have, as they stand in the task files; `judging` applies them."""

from typing import Any, Literal

import msgspec

from llmtui.quality.languages import Language as LanguageName


class Scorer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag=str.lower):
    """What all scorers share."""


class Number(Scorer, frozen=True, kw_only=True):
    """The final number is `value` within `tolerance`; `units` has the factor of each unit that is understood."""

    value: float
    tolerance: float = 0.0
    units: dict[str, float] = {}


class Words(Scorer, frozen=True, kw_only=True):
    """The final statement names one of `any`, and none of `rivals`. With `whole` the answer is nothing else."""

    any: tuple[str, ...]
    rivals: tuple[str, ...] = ()
    whole: bool = False
    case: bool = False


class Items(Scorer, frozen=True, kw_only=True):
    """The answer is the list `items`, no more and no less; `separator` is how it must be written (None: any way)."""

    items: tuple[str, ...]
    ordered: bool = False
    separator: Literal["comma", "line"] | None = None


class Choice(Scorer, frozen=True, kw_only=True):
    """The answer settles on one letter of `among`."""

    letter: str
    among: str = "ABCD"


class Json(Scorer, frozen=True, kw_only=True):
    """The answer is one JSON document that fits `schema`; with `bare` there is nothing around it."""

    schema: dict[str, Any]
    bare: bool = False


class Count(Scorer, frozen=True, kw_only=True):
    """The answer has `least` to `most` lines, words or sentences."""

    of: Literal["lines", "words", "sentences"]
    least: int = 1
    most: int


class Language(Scorer, frozen=True, kw_only=True):
    """The answer is written in `language`."""

    language: LanguageName


class Shape(Scorer, frozen=True, kw_only=True):
    """The text itself: its `case`, each line's beginning, its end, words that it has or must not have."""

    case: Literal["upper", "lower"] | None = None
    lines_begin: str = ""
    ends: str = ""
    has: tuple[str, ...] = ()
    avoids: tuple[str, ...] = ()


class AllOf(Scorer, frozen=True, kw_only=True, tag="all"):
    """Each of `of` passes; the score is their mean."""

    of: tuple["AnyPart", ...]


AnyPart = Number | Words | Items | Choice | Json | Count | Language | Shape
AnyScorer = AnyPart | AllOf
