"""A comparison as plain data, for other programs. Pure."""

from collections.abc import Sequence

from llmtui.metrics.inference.outliers import Outlier
from llmtui.metrics.statistics import Summary
from llmtui.reports.compare import ComparisonReport, Row, verdict_text


def report_data(report: ComparisonReport) -> dict[str, object]:
    """Return the report as plain data: the figures in the units that each row names, unknown ones as None."""
    return {
        "a": report.names[0],
        "b": report.names[1],
        "margin": report.margin,
        "letters": list(report.letters),
        "level": report.level,
        "rows": [_row_data(row, report.margin) for row in report.rows],
        "notes": list(report.notes),
        "not_compared": list(report.refused),
    }


def _row_data(row: Row, margin: float) -> dict[str, object]:
    comparison = row.comparison
    ratio = comparison.ratio if row.missing is None else None
    return {
        "workload": row.pair.first.workload,
        "load": row.pair.first.load,
        "figure": row.figure.name,
        "unit": row.figure.unit,
        "better": row.figure.better,
        "counted": comparison.unit,
        "a": _side_data(row.pair.first.setup._asdict(), comparison.first, comparison.first_outliers),
        "b": _side_data(row.pair.second.setup._asdict(), comparison.second, comparison.second_outliers),
        "left_out": comparison.left_out,
        "ratio": ratio.value if ratio else None,
        "ratio_low": ratio.interval.low if ratio else None,
        "ratio_high": ratio.interval.high if ratio else None,
        "ratio_of": ratio.of if ratio else None,
        "p": comparison.p if row.missing is None else None,
        "verdict": comparison.verdict if row.judged else None,
        "more_runs": comparison.more if row.judged else None,
        "text": verdict_text(row, margin),
    }


def _side_data(setup: dict[str, object], summary: Summary, outliers: Sequence[Outlier]) -> dict[str, object]:
    return {
        **setup,
        "n": summary.count,
        "median": summary.median,
        "mean": summary.mean,
        "sd": summary.sd,
        "least": summary.least,
        "most": summary.most,
        "outliers": [outlier.value for outlier in outliers],
    }
