"""The files of baseline against tuned: a page for the comparison, one for each side, and all figures. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from llmtui import wording
from llmtui.metrics.inference.comparison import BOOTSTRAP_FROM, LEAST_TO_TELL
from llmtui.metrics.inference.intervals import MARGIN
from llmtui.reports.files.registry import SessionFile
from llmtui.reports.files.report_metrics import metrics_data
from llmtui.state.session import Job, SessionState
from llmtui.summaries.report import notes, tuning_lines, tuning_tables, variant_order
from llmtui.summaries.report_sides import FIGURES, Side, Tuning, tunings
from llmtui.summaries.summary import Table

LONGEST_VALUE = 200
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")
_MARKS = re.compile(r"([\\`*_\[\]<>|#])")
_TAKEN = ("comparison", "readme", "metrics")
_READING = f"""\
Change is how much greater the figure is than with the baseline: of the medians from {BOOTSTRAP_FROM} runs a side on, of
the geometric means below. The verdict is *same* when the whole interval lies within {MARGIN * 100:g} %, *faster* or
*slower* when it excludes no change and a Mann-Whitney test agrees, and else *can't tell*; with fewer than
{LEAST_TO_TELL} runs a side it is always that. Runs of both sides took turns. Throughput is the tokens of an answer by
the whole time from the request to its end; generation leaves out the time to the first token."""


def finished_files(state: SessionState, jobs: Sequence[Job]) -> Iterator[SessionFile]:
    """Yield the pages and the figures; nothing before a run has ended."""
    found = [tuning for tuning in tunings(state, jobs, variant_order(state)) if any(s.jobs for s in tuning.sides)]
    if not found:
        return
    names = _Names()
    for tuning in found:
        pages = [(side, names.take(side.name)) for side in tuning.sides if side.jobs]
        if tuning.tuned:
            text = _comparison_page(state, tuning, [page for _side, page in pages])
            yield SessionFile(names.take("comparison", ours=True), text, _about(tuning))
        for side, page in pages:
            yield SessionFile(page, _side_page(state, tuning, side), f"The runs of `{_plain(side.name)}`, one by one.")
    data = msgspec.json.format(msgspec.json.encode(metrics_data(state, found)), indent=2).decode()
    yield SessionFile("metrics.json", f"{data}\n", _ABOUT_METRICS)


_ABOUT_METRICS = """\
All figures of these pages: for each side every run and its statistics (mean, sample standard deviation, coefficient of
variation), and for each figure how it compares with the baseline. Times are nanoseconds, rates tokens per second;
what is not known is null, with its reason beside it."""


def _about(tuning: Tuning) -> str:
    tuned = ", ".join(f"`{_plain(side.name)}`" for side in tuning.tuned)
    return f"How {tuned} compares with `{_plain(tuning.baseline.name)}`, figure by figure, with intervals and verdicts."


class _Names:
    """Hands out plain file names, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, wish: str, *, ours: bool = False) -> str:
        """Return a name for a page; one that is taken gets a number, and only `ours` may be those of other files."""
        stem = _NOT_PLAIN.sub("-", wish).strip("-._")[:60] or "side"
        if not ours and stem.lower() in _TAKEN:
            stem = f"side-{stem}"
        name, number = stem, 1
        while name.lower() in self._taken:
            number += 1
            name = f"{stem}-{number}"
        self._taken.add(name.lower())
        return f"{name}.md"


def _comparison_page(state: SessionState, tuning: Tuning, pages: Sequence[str]) -> str:
    jobs = [job for side in tuning.sides for job in side.jobs]
    own = list(tuning_tables(tuning))[len(tuning.sides) :]
    tuned = ", ".join(side.name for side in tuning.tuned)
    parts = [
        f"# {_plain(tuning.title)}: {_plain(tuned)} against {_plain(tuning.baseline.name)}",
        _origin(state),
        _bullets(tuning_lines(tuning)),
        "## Settings",
        _settings(tuning),
        *(part for table in own for part in (f"## {_plain(table.title)}", _table(table))),
        _READING,
        *_noted(state, jobs),
        f"The runs one by one: {', '.join(f'[{page}]({page})' for page in pages)}.",
    ]
    return "\n\n".join(parts) + "\n"


def _side_page(state: SessionState, tuning: Tuning, side: Side) -> str:
    (statistics,) = [
        table for one, table in zip(tuning.sides, tuning_tables(tuning), strict=False) if one.name == side.name
    ]
    parts = [
        f"# {_plain(tuning.title)}: {_plain(side.name)}",
        _origin(state),
        f"Model {_plain(side.model)} {_plain(side.quantization or '')} on {_plain(side.target)}.",
        "## Statistics",
        _table(statistics),
        *(f"- {_plain(name)}: {_plain(reason)}" for name, reason in side.missing.items()),
        "## Runs",
        _table(_runs(side)),
        "## Parameters",
        _bullets(f"{key}: {_value(value)}" for key, value in _parameters(side).items()),
        *_noted(state, side.jobs),
        *_first_answer(state, side),
    ]
    return "\n\n".join(parts) + "\n"


def _origin(state: SessionState) -> str:
    header = state.header
    if header is None:
        return "Made from a log without a header."
    return f"Session `{_plain(header.session)}`, opened {_plain(header.opened_at)}, llmtui {_plain(header.llmtui)}."


def _settings(tuning: Tuning) -> str:
    """Return the parameters that differ between the sides, or that none does."""
    parameters = [_parameters(side) for side in tuning.sides]
    keys = [key for key in dict.fromkeys(key for one in parameters for key in one) if _differs(key, parameters)]
    places = [("model", [side.model for side in tuning.sides]), ("target", [side.target for side in tuning.sides])]
    rows = [(name, *values) for name, values in places if len(set(values)) > 1]
    rows += [(key, *(_value(one[key]) if key in one else "not set" for one in parameters)) for key in keys]
    if not rows:
        return "The sides differ in nothing that was set."
    return _table(Table(("setting", *(side.name for side in tuning.sides)), tuple(rows)))


def _parameters(side: Side) -> dict[str, object]:
    """Return what a side was run with, options one by one."""
    plan = side.jobs[0].plan if side.jobs else None
    if plan is None:
        return {}
    options = plan.parameters.get("options")
    own = {key: value for key, value in plan.parameters.items() if key not in {"options", "kind", "name"}}
    return {**own, **({f"options.{key}": value for key, value in options.items()} if isinstance(options, dict) else {})}


def _differs(key: str, parameters: Sequence[dict[str, object]]) -> bool:
    return len({_value(one[key]) if key in one else None for one in parameters}) > 1


def _value(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."


def _runs(side: Side) -> Table:
    done = [job for job in side.jobs if job.status == "done"]
    rows = []
    for job in side.jobs:
        values = [side.values[figure.name][done.index(job)] if job in done else None for figure in FIGURES]
        texts = [figure.text(value) for figure, value in zip(FIGURES, values, strict=True)]
        asked = {True: "yes", False: "no", None: wording.NOTHING}[job.passed]
        rows.append((job.id, str(job.plan.iteration if job.plan else 0), *texts, asked, job.reason or job.status))
    headings = ("job", "run", *(figure.title for figure in FIGURES), "as asked", "status")
    return Table(headings, tuple(rows), headings[1:-2])


def _noted(state: SessionState, jobs: Sequence[Job]) -> Iterator[str]:
    told = [note.removeprefix("note: ") for note in notes(state, list(jobs))]
    if told:
        yield "## Notes"
        yield _bullets(told)


def _first_answer(state: SessionState, side: Side) -> Iterator[str]:
    """Yield what the first run wrote; it stands in a fence, so that nothing in it counts as Markdown."""
    for job in side.jobs:
        for name in job.requests:
            request = state.requests.get(name)
            if request is None or request.warmup or request.text_dropped:
                continue
            text = "".join(piece for kind, piece in request.pieces if kind == "answer")
            if text.strip():
                fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
                lines = "\n".join(wording.visible(line) for line in text.splitlines())
                yield f"## The report of {job.id}"
                yield f"{fence}text\n{lines}\n{fence}"
                return


def _table(table: Table) -> str:
    rules = ["---:" if heading in table.numbers else "---" for heading in table.headings]
    lines = [_row(map(_plain, table.headings)), _row(rules), *(_row(map(_plain, row)) for row in table.rows)]
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _bullets(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {_plain(sentence)}" for sentence in sentences)


def _plain(text: str) -> str:
    """Return text in one line that Markdown shows as it is."""
    return _MARKS.sub(r"\\\1", wording.visible(text))
