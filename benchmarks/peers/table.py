"""The tables of the benchmark: how far each tool was from the truth, and what it cost."""

from collections.abc import Sequence
from typing import NamedTuple

from llmtui.wording import visible
from peers.shape import CASES, Case, Figures

WRONG = 0.05
"""An error of more than this share of the truth is marked."""


class Outcome(NamedTuple):
    """One run of one tool. `problem` says why there are no figures; `further_s` is the CPU time of one more request."""

    peer: str
    case: Case
    truth: Figures = Figures()
    reported: Figures = Figures()
    requests: int = 0
    start_s: float | None = None
    cpu_s: float | None = None
    peak: int | None = None
    problem: str | None = None
    further_s: float | None = None


class Install(NamedTuple):
    """A tool and what it takes on the disk, in bytes; or why it could not be installed."""

    peer: str
    size: int | None
    silent: dict[str, str]
    problem: str | None = None


FIGURES = (
    ("ttft_ms", "TTFT: reported - true, in ms"),
    ("itl_ms", "inter-token latency: reported - true, in ms"),
    ("rate", "decode rate: reported - true, in % of the true one"),
)


def render(installs: Sequence[Install], outcomes: Sequence[Outcome]) -> str:
    """Return all tables and the reasons for what is missing in them."""
    cases = [case for case in CASES if any(outcome.case == case for outcome in outcomes)]
    found = {(outcome.peer, outcome.case): outcome for outcome in outcomes}
    parts: list[str] = []
    for name, title in FIGURES:
        rows = [
            [install.peer, *(_error(found.get((install.peer, case)), name) for case in cases)] for install in installs
        ]
        parts.append(f"{title}\n{_grid(['', *(case.title for case in cases)], rows)}")
    costs = [_cost(install, [o for o in outcomes if o.peer == install.peer and not o.problem]) for install in installs]
    heads = ["", "CPU s/request", "of one more", "peak RSS MB", "start-up s", "installed MB"]
    parts.append(f"cost of the run at plain; CPU with the start of the program, and without it\n{_grid(heads, costs)}")
    parts.append(
        f"! more than {WRONG:.0%} off the truth; - not told; ? failed. Start-up: from exec to the first request."
    )
    parts.append("\n".join(_reasons(installs, outcomes)))
    return "\n\n".join(part for part in parts if part)


def _error(outcome: Outcome | None, name: str) -> str:
    if outcome is None:
        return ""
    if outcome.problem:
        return "?"
    reported, true = getattr(outcome.reported, name), getattr(outcome.truth, name)
    if reported is None or not true:
        return "-"
    share = (reported - true) / true
    shown = f"{share * 100:+.1f}" if name == "rate" else f"{reported - true:+.2f}"
    return f"{shown}{'!' if abs(share) > WRONG else ' '}"


def _cost(install: Install, outcomes: Sequence[Outcome]) -> list[str]:
    plain = next((outcome for outcome in outcomes if outcome.case.scenario == "plain"), None)
    size = "?" if install.size is None else f"{install.size / 1e6:.0f}"
    if plain is None or plain.cpu_s is None or plain.peak is None:
        return [install.peer, "?", "?", "?", "?", size]
    start = "?" if plain.start_s is None else f"{plain.start_s:.2f}"
    further = "?" if plain.further_s is None else f"{plain.further_s:.4f}"
    per_request = f"{plain.cpu_s / max(plain.requests, 1):.3f}"
    return [install.peer, per_request, further, f"{plain.peak / 1e6:.0f}", start, size]


def _reasons(installs: Sequence[Install], outcomes: Sequence[Outcome]) -> list[str]:
    lines = [f"{install.peer}: {visible(install.problem)}" for install in installs if install.problem]
    for install in installs:
        lines += [f"{install.peer}: - for {_title(name)}: {reason}" for name, reason in install.silent.items()]
    lines += [f"{o.peer}, {o.case.title}: {visible(o.problem)}" for o in outcomes if o.problem]
    for outcome in outcomes:
        silent = next((install.silent for install in installs if install.peer == outcome.peer), {})
        lacking = [
            _title(name) for name, _ in FIGURES if getattr(outcome.reported, name) is None and name not in silent
        ]
        if lacking and not outcome.problem:
            lines.append(f"{outcome.peer}, {outcome.case.title}: its result holds no {' and no '.join(lacking)}")
    return lines


def _title(name: str) -> str:
    return next(title.partition(":")[0] for figure, title in FIGURES if figure == name)


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = []
    for row in (head, *rows):
        first, *others = (
            cell.ljust(w) if n == 0 else cell.rjust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *others]).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)
