"""The language of a text, by the small words that no text of some length does without."""

from typing import Literal, get_args

from llmtui.quality.shapes import words_of

Language = Literal["English", "German", "French", "Spanish", "Italian"]

_LEAST_HITS = 2
_LEAST_SHARE = 0.15

_SMALL_WORDS: dict[Language, str] = {
    "English": "the and of to is it in that was for with are as this at by from they which has its",
    "German": "der die das und ist ein eine nicht mit für von zu im den auf sich dem sie es wird",
    "French": "le la les et est un une des du que dans pour avec sur qui il elle ne pas au",
    "Spanish": "el la los las y es un una de que en por con para del se su más como al",
    "Italian": "il lo la gli e è un una di che in per con del della non si sono nel al",
}
_STOP_WORDS = {name: frozenset(words.split()) for name, words in _SMALL_WORDS.items()}


def language_of(text: str) -> Language | None:
    """Return the language whose small words are the most, None where they are too few or two languages have as many."""
    words = [word.casefold() for word in words_of(text)]
    hits: list[tuple[int, Language]] = sorted(
        ((sum(word in _STOP_WORDS[name] for word in words), name) for name in get_args(Language)), reverse=True
    )
    (most, name), (next_most, _) = hits[:2]
    if most < _LEAST_HITS or most < _LEAST_SHARE * len(words) or most == next_most:
        return None
    return name
