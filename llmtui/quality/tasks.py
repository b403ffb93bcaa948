"""The questions that ship: typed, checked, in the order of their files."""

from functools import cache
from importlib.resources import files
from typing import get_args

import msgspec

from llmtui.quality.scorers import AnyScorer
from llmtui.suites.schema import Category
from llmtui.yaml_documents import read_document

CATEGORIES: tuple[Category, ...] = get_args(Category)
QUICK = 2
"""Questions of each category in a quick run."""


class Task(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question. `reference` is an answer that is right, `tempting` are wrong ones that one may well fall for."""

    name: str
    question: str
    scorer: AnyScorer
    reference: str
    tempting: tuple[str, ...]


class TaskFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The questions of one category; the first ones make the quick run."""

    category: Category
    tasks: tuple[Task, ...]


@cache
def tasks_of(category: Category) -> tuple[Task, ...]:
    """Return the questions of a category."""
    text = files("llmtui.quality").joinpath("tasks", f"{category}.yaml").read_text(encoding="utf-8")
    return read_document(text, f"{category}.yaml", TaskFile).tasks


def chosen_tasks(categories: tuple[Category, ...], *, quick: bool) -> list[tuple[Category, Task]]:
    """Return the questions to ask, each with its category."""
    return [(category, task) for category in categories for task in tasks_of(category)[: QUICK if quick else None]]
