"""Judges an answer by the scorer of its question: right or wrong, how far, and one sentence on why."""

import math
import re
from typing import Any, NamedTuple

from llmtui.quality.answers import (
    LONGEST,
    explicit_statements,
    lines_of,
    plain_answer,
    shown,
    statements_of,
    undecorated,
)
from llmtui.quality.languages import language_of
from llmtui.quality.numbers import final_numbers
from llmtui.quality.scorers import (
    AllOf,
    AnyScorer,
    Choice,
    Count,
    Items,
    Json,
    Language,
    Number,
    Scorer,
    Shape,
    Words,
)
from llmtui.quality.shapes import documents_in, mismatch_of, sentences_of, words_of


class Score(NamedTuple):
    """How an answer was judged: `score` from 0 to 1, and one sentence on what was right or wrong."""

    score: float
    passed: bool
    detail: str


def score_answer(scorer: AnyScorer, text: str) -> Score:
    """Judge what a model wrote; no text makes it fail."""
    if len(text) > LONGEST:
        return _wrong(f"the answer is endless: {len(text)} characters")
    answer = plain_answer(text)
    if not answer:
        return _wrong("there is no answer" if not text.strip() else "there is no answer after the thinking")
    return _judge(scorer, answer)


def _judge(scorer: AnyScorer, answer: str) -> Score:
    if isinstance(scorer, AllOf):
        scores = [_judge(part, answer) for part in scorer.of]
        wrong = [score.detail for score in scores if not score.passed]
        mean = sum(score.score for score in scores) / max(1, len(scores))
        return Score(mean, not wrong, "; ".join(wrong or [score.detail for score in scores]))
    judge: Any = _JUDGES[type(scorer)]
    score: Score = judge(scorer, answer)
    return score


def _right(detail: str) -> Score:
    return Score(1.0, True, detail)


def _wrong(detail: str, score: float = 0.0) -> Score:
    return Score(score, False, detail)


def _number(scorer: Number, answer: str) -> Score:
    finals = final_numbers(answer, scorer.units)
    if not finals:
        return _wrong(f"no number stands in the end of the answer, expected {scorer.value:g}")
    near = [math.isclose(found, scorer.value, rel_tol=1e-9, abs_tol=scorer.tolerance + 1e-9) for found in finals]
    told = " and ".join(f"{found:.12g}" for found in finals[:4])
    if all(near):
        return _right(f"{told} is right")
    if len(finals) > 1:
        return _wrong(f"the answer does not settle on one number: {told}")
    return _wrong(f"{told} is wrong, expected {scorer.value:.12g}")


def _names(text: str, word: str, *, case: bool = False) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, 0 if case else re.IGNORECASE) is not None


def _words(scorer: Words, answer: str) -> Score:
    text = undecorated(answer)
    if scorer.whole:
        bare = text.strip(" .!?\"'\n")
        same = {word if scorer.case else word.casefold() for word in scorer.any}
        if (bare if scorer.case else bare.casefold()) in same:
            return _right(f"{shown(bare)} is right")
        return _wrong(f"the answer is {shown(answer)}, expected `{scorer.any[0]}` and nothing else")
    explicit = explicit_statements(text)
    for statement in [" / ".join(explicit)] if explicit else statements_of(text):
        named = [word for word in scorer.any if _names(statement, word, case=scorer.case)]
        rivals = [word for word in scorer.rivals if _names(statement, word)]
        if named and rivals:
            return _wrong(f"the answer does not settle: it names `{named[0]}` and `{rivals[0]}`")
        if rivals:
            return _wrong(f"`{rivals[0]}` is wrong, expected `{scorer.any[0]}`")
        if named:
            return _right(f"`{named[0]}` is right")
    return _wrong(f"the end of the answer does not name `{scorer.any[0]}`")


_BULLET = re.compile(r"^(?:[-*•]|\d{1,2}[.)])\s+")


def _items_in(answer: str, separator: str | None) -> list[str]:
    lines = lines_of(undecorated(re.sub(r"^\s*[*]\s+", "- ", answer, flags=re.MULTILINE)))
    if separator is None:
        lines = [line for place, line in enumerate(lines) if not (line.endswith(":") and place == 0)]
        if len(lines) == 1:
            lines = [lines[0].rpartition(":")[2]]
        lines = [_BULLET.sub("", line) for line in lines]
    if separator == "line":
        parts = lines
    else:
        parts = [part for line in lines for part in re.split(r"[,;]|\s+and\s+" if separator is None else ",", line)]
    parts = [re.sub(r"^and\s+", "", part.strip()) if separator is None else part.strip() for part in parts]
    return [part.strip(" .\"'").casefold() for part in parts if part.strip(" .\"'")]


def _items(scorer: Items, answer: str) -> Score:
    found = _items_in(answer, scorer.separator)
    wanted = [item.casefold() for item in scorer.items]
    common = len(set(found) & set(wanted))
    share = common / max(1, len(set(found) | set(wanted)))
    if scorer.separator == "comma" and len(lines_of(answer)) > 1:
        return _wrong("the list is not one line with commas", share / 2)
    if found == wanted or (not scorer.ordered and sorted(found) == sorted(wanted)):
        return _right("the list is right")
    if sorted(found) == sorted(wanted):
        return _wrong("the items are right, their order is not", share / 2)
    return _wrong(f"{common} of {len(wanted)} items are there, in a list of {len(found)}", share / 2)


def _choice(scorer: Choice, answer: str) -> Score:
    text = undecorated(answer)
    lines = lines_of(text)
    explicit = explicit_statements(text)
    label = re.compile(rf"^\(?([{scorer.among}])[).:]", re.IGNORECASE)
    listed = {labelled[1] for line in lines if (labelled := label.match(line))}
    if explicit:
        named: set[str] = set().union(*(_letters(statement, scorer.among) for statement in explicit))
    elif len(listed) > 1:
        named = {line.strip("().: ") for line in lines} & set(scorer.among)
        if not named:
            return _wrong("the answer lists the options and settles on none")
    else:
        named = next((found for part in statements_of(text) if (found := _letters(part, scorer.among))), set())
    if named == {scorer.letter}:
        return _right(f"{scorer.letter} is right")
    if len(named) > 1:
        return _wrong(f"the answer does not settle on one letter: {', '.join(sorted(named))}")
    return _wrong(f"{''.join(named) or 'no letter'} is chosen, expected {scorer.letter}")


def _letters(statement: str, among: str) -> set[str]:
    """Return the letters that a statement chooses; a capital A may be an article, so it must look like a label."""
    letter = f"([{among}])"
    patterns = (rf"^\W*{letter}\W*$", rf"\({letter}\)", rf"\b(?:option|choice|letter)\s+\(?{letter}\b")
    found = {name.upper() for pattern in patterns for name in re.findall(pattern, statement, re.IGNORECASE)}
    return found | set(re.findall(rf"(?<![\w']){letter}(?=[).:,;]|\s+(?:and|or)\b|\s*$)", statement))


def _json(scorer: Json, answer: str) -> Score:
    documents = documents_in(answer, bare=scorer.bare)
    if not documents:
        return _wrong(
            "the answer is not JSON and nothing else" if scorer.bare else "there is no valid JSON in the answer"
        )
    if any(document != documents[0] for document in documents[1:]):
        return _wrong("the answer has several different JSON documents")
    problem = mismatch_of(documents[0], scorer.schema)
    return _wrong(f"the JSON does not fit: {problem}", 0.3) if problem else _right("the JSON fits")


_PARTS: dict[str, Any] = {"lines": lines_of, "words": words_of, "sentences": sentences_of}


def _count(scorer: Count, answer: str) -> Score:
    text = undecorated(answer)
    count = len(_PARTS[scorer.of](text))
    wanted = str(scorer.most) if scorer.least == scorer.most else f"{scorer.least} to {scorer.most}"
    words = [word.casefold() for word in words_of(text)]
    if words and len(set(words)) * 3 < len(words):
        return _wrong("the answer repeats itself")
    if scorer.least <= count <= scorer.most:
        return _right(f"{count} {scorer.of}")
    return _wrong(f"{count} {scorer.of}, expected {wanted}")


def _language(scorer: Language, answer: str) -> Score:
    found = language_of(answer)
    if found == scorer.language:
        return _right(f"written in {found}")
    return _wrong(f"written in {found or 'no language that can be told'}, expected {scorer.language}")


def _shape(scorer: Shape, answer: str) -> Score:
    text = undecorated(answer)
    problems = []
    if scorer.case and text != (text.upper() if scorer.case == "upper" else text.lower()):
        problems.append(f"not all letters are {scorer.case} case")
    if not all(line.startswith(scorer.lines_begin) for line in lines_of(answer)):
        problems.append(f"not each line begins with `{scorer.lines_begin}`")
    if not text.endswith(scorer.ends):
        problems.append(f"it does not end with `{scorer.ends}`")
    problems += [f"`{word}` is absent" for word in scorer.has if not _names(text, word)]
    problems += [f"`{word}` is there" for word in scorer.avoids if _names(text, word)]
    return _wrong("; ".join(problems)) if problems else _right("the text has the shape that was asked for")


_JUDGES: dict[type[Scorer], Any] = {
    Number: _number,
    Words: _words,
    Items: _items,
    Choice: _choice,
    Json: _json,
    Count: _count,
    Language: _language,
    Shape: _shape,
}
