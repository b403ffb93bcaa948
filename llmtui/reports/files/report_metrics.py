"""The figures of baseline and tuned runs as plain data, for other programs. Pure."""

from typing import Any

from llmtui.metrics.inference.comparison import Comparison
from llmtui.metrics.inference.intervals import LEVEL, MARGIN
from llmtui.state.session import Job, SessionState
from llmtui.summaries.report import verdict_words
from llmtui.summaries.report_sides import FIGURES, ReportFigure, Side, Tuning, compare_side


def metrics_data(state: SessionState, found: list[Tuning]) -> dict[str, Any]:
    """Return all that is measured, in the units that each figure names; what is not known is None, with its reason."""
    header = state.header
    return {
        "session": header.session if header else None,
        "suite": header.name if header else None,
        "llmtui": header.llmtui if header else None,
        "level": LEVEL,
        "margin": MARGIN,
        "units": {figure.name: figure.unit for figure in FIGURES},
        "comparisons": [_tuning_data(tuning) for tuning in found],
    }


def _tuning_data(tuning: Tuning) -> dict[str, Any]:
    return {
        "workload": tuning.title,
        "sides": [_side_data(side) for side in tuning.sides],
        "against_baseline": {
            side.name: {
                figure.name: _comparison_data(tuning, side, figure, compare_side(tuning, side, figure))
                for figure in FIGURES
            }
            for side in tuning.tuned
        },
    }


def _side_data(side: Side) -> dict[str, Any]:
    done = [job for job in side.jobs if job.status == "done"]
    return {
        "name": side.name,
        "target": side.target,
        "model": side.model,
        "quantization": side.quantization,
        "parameters": side.jobs[0].plan.parameters if side.jobs and side.jobs[0].plan else {},
        "total_tokens": side.total("tokens"),
        "still_to_come": side.waiting,
        "runs": [_run_data(side, job, done.index(job) if job in done else None) for job in side.jobs],
        "statistics": {figure.name: _statistics_data(side, figure) for figure in FIGURES},
    }


def _run_data(side: Side, job: Job, place: int | None) -> dict[str, Any]:
    return {
        "job": job.id,
        "iteration": job.plan.iteration if job.plan else None,
        "status": job.status,
        "reason": job.reason,
        "as_asked": job.passed,
        "client_bound": job.client_bound,
        **{figure.name: None if place is None else side.values[figure.name][place] for figure in FIGURES},
    }


def _statistics_data(side: Side, figure: ReportFigure) -> dict[str, Any]:
    summary = side.summary(figure)
    return {
        "n": summary.count,
        "mean": summary.mean,
        "sd": summary.sd,
        "cv": summary.cv,
        "median": summary.median,
        "least": summary.least,
        "most": summary.most,
        "missing": side.missing.get(figure.name),
    }


def _comparison_data(tuning: Tuning, side: Side, figure: ReportFigure, comparison: Comparison) -> dict[str, Any]:
    ratio = comparison.ratio
    return {
        "ratio": ratio.value if ratio else None,
        "ratio_low": ratio.interval.low if ratio else None,
        "ratio_high": ratio.interval.high if ratio else None,
        "ratio_of": ratio.of if ratio else None,
        "p": comparison.p,
        "verdict": comparison.verdict if figure.better is not None else None,
        "text": verdict_words(tuning, side, figure, comparison),
        "reason": comparison.reason,
    }
