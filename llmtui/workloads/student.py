"""Workload `student`: what pupils ask who learn to program, in four categories.

Sends: a system prompt for pupils of 11 to 18, and three short, three medium and three long questions; then three
follow-ups, each after the question and the answer of the first short one. Half a second passes between two of them.
Measures: the figures of each request, and what the machine did meanwhile. Judges: nothing.
"""

from collections.abc import Mapping

from llmtui.suites.kinds.everyday import QUICK_TOKENS, Student
from llmtui.workloads.asking import ask, hopeless, outcome_of, with_system
from llmtui.workloads.base import Bench, Generation, Messages, NeedsOnlyServer, Outcome

SYSTEM = (
    "You are a patient programming teacher for pupils between 11 and 18 years. Explain in plain words and short "
    "sentences, and say what a technical term means when you use it first. Give small examples of code that run as "
    "they stand, and comment what is not obvious. Be friendly and encouraging, and never do more than was asked. Where "
    "something can do harm, such as deleting files or giving away personal data, say so and show the safe way."
)

AFTER_S = 1.0
"""So long a job goes on after its last answer, so that the memory is read once more."""

FIRST = "What is a variable in Python?"

QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "short": (FIRST, "How do I print in JavaScript?", "Explain a for loop briefly"),
    "medium": (
        "Write a bubble sort function in Python with comments",
        "Create a simple calculator program in JavaScript",
        "Explain classes and objects in Python with an example",
    ),
    "long": (
        "Explain object-oriented programming concepts with detailed examples in Python",
        "Write a complete web scraper in Python with error handling and documentation",
        "Create a detailed guide for beginners on how to use Git and GitHub",
    ),
    "follow-up": (
        "Can you explain that more simply?",
        "Can you add more comments to the code?",
        "What are some common mistakes beginners make with this?",
    ),
}
"""The questions by category. The first one is also the one to which the follow-ups refer."""


class StudentWorkload(NeedsOnlyServer):
    """Runs `llmtui.suites.schema.Student`."""

    async def run(self, spec: Student, bench: Bench) -> Outcome:
        """Ask every question. Without an answer to the first one there is nothing that a follow-up could follow."""
        questions = questions_of(spec)
        first: Generation | None = None
        failures: list[Generation] = []
        bench.progress("measuring", 0, len(questions))
        for place, (category, task, question) in enumerate(questions):
            if place and spec.pause_s:
                await bench.sleep(spec.pause_s)
            if category == "follow-up" and (first is None or first.status != "done"):
                break
            generation = await ask(
                spec,
                bench,
                _messages(spec, question, first if category == "follow-up" else None),
                most_tokens=QUICK_TOKENS if spec.quick else None,
                unique=spec.prompt_cache == "avoid",
                task=task,
                category=category,
            )
            first = first or generation
            if generation.status != "done":
                failures.append(generation)
            if hopeless(generation):
                break
            bench.progress("measuring", place + 1, len(questions))
        await bench.sleep(AFTER_S)
        return outcome_of(failures, len(questions), "questions")


def questions_of(spec: Student) -> list[tuple[str, str, str]]:
    """Return (category, task, question) in their order; a quick run has the first one of each category."""
    return [
        (category, f"{category}-{number}", question)
        for category, questions in QUESTIONS.items()
        for number, question in enumerate(questions[:1] if spec.quick else questions, 1)
    ]


def _messages(spec: Student, question: str, after: Generation | None) -> Messages:
    system = SYSTEM if spec.system is None else spec.system
    if after is None:
        return with_system(system, question)
    # As it came: also an answer that is empty or was cut off is what the pupil saw.
    return (*with_system(system, FIRST), ("assistant", after.text), ("user", question))
