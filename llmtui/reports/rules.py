"""Rules such as `decode<-5%`: a figure and a bound on its change. Pure."""

import math
import re
from typing import NamedTuple

from llmtui import wording
from llmtui.reports.compared_figures import FIGURES, NAMES, ComparedFigure

_RULE = re.compile(r"\s*(?P<figure>[a-z0-9]+)\s*(?P<sign>[<>])\s*(?P<percent>[+-]?\d+(?:\.\d+)?)\s*%\s*", re.ASCII)


class RuleError(Exception):
    """A text that is no rule: one sentence that says how one is written."""


class Rule(NamedTuple):
    """Fails when the ratio to the baseline lies beyond `bound`: below it where `below`, else above it."""

    text: str
    figure: ComparedFigure
    below: bool
    bound: float


def parse_rule(text: str) -> Rule:
    """Return the rule that `text` writes. Raises `RuleError`."""
    found = _RULE.fullmatch(text)
    if found is None:
        raise RuleError(
            f"`{wording.visible(text)}` is no rule; write a figure and a bound, such as decode<-5% or ttft>10%"
        )
    figure = next((figure for figure in FIGURES if figure.name == found["figure"]), None)
    if figure is None:
        raise RuleError(f"`{found['figure']}` is no figure; there are {', '.join(NAMES)}")
    bound = 1 + float(found["percent"]) / 100
    if not 0 < bound < math.inf:
        raise RuleError(f"`{text.strip()}` can't be: no figure changes by -100 % or less")
    return Rule(f"{figure.name}{found['sign']}{found['percent']}%", figure, found["sign"] == "<", bound)
