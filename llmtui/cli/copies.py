"""The texts that the screens copy, made by the reports."""

from collections.abc import Sequence

from llmtui.cli.reproduction import job_commands, reproduction_lines
from llmtui.reports.export import json_pieces, results_markdown, tsv_text
from llmtui.reports.export_rows import result_rows
from llmtui.state.result_columns import cells, columns_for
from llmtui.state.results import JobResult, job_result, job_results
from llmtui.state.session import SessionState
from llmtui.tui.copying import Copy, Form


class ReportTexts:
    """Makes the texts of a session by the reports; see `llmtui.tui.copying.SessionTexts`."""

    def row(self, state: SessionState, job: str, form: Form) -> Copy:
        """Return all that is known of one job in a form, or one of its commands."""
        if job not in state.jobs:
            return Copy("", f"there is no job {job}")
        if form in {"run", "curl"}:
            run, curl = job_commands(state, job)
            command = run if form == "run" else curl
            return Copy("" if command.text is None else f"{command.text}\n", command.reason)
        return _results(state, form, [job_result(state, state.jobs[job])])

    def table(self, state: SessionState, form: Form) -> Copy:
        """Return the results of all jobs that started."""
        return _results(state, form, job_results(state))

    def cells(self, cells: Sequence[str]) -> Copy:
        """Return one row with tabs."""
        return Copy(tsv_text([cells]))

    def reproduction(self, state: SessionState, job: str) -> list[str]:
        """Return both commands of a job as lines of a shell script."""
        return reproduction_lines(state, job)


def _results(state: SessionState, form: Form, results: list[JobResult]) -> Copy:
    session = state.header.session if state.header else "session"
    if form == "md":
        return Copy(results_markdown(session, results))
    if form == "json":
        rows = list(result_rows(session, state, results))
        # The suite's text and the whole machine are in the log; a copy is of results.
        return Copy("".join(json_pieces(session, "results", None, lambda: rows, ())))
    columns = columns_for(results)
    return Copy(tsv_text([[column.title for column in columns], *(cells(result, columns) for result in results)]))
