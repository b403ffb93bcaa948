"""What a job found out beyond the figures of its requests, put into the log under the job's name."""

import msgspec

from llmtui.engine.recorder import Recorder
from llmtui.events import (
    AnswerScored,
    CapacityFound,
    ContextTried,
    Criterion,
    IntervalRecorded,
    JobProgressed,
    OfferedLoad,
    Phase,
    StepFinished,
    VerdictReached,
)
from llmtui.metrics.decode_intervals import IntervalRate
from llmtui.metrics.load import LoadFigures, Window


class JobFindings:
    """The findings of one job. Implements `llmtui.workloads.base.FindingsLog`.

    Attributes:
        token_rate: The tokens/s over all streams in the last step of a load, None before one was measured.
    """

    def __init__(self, recorder: Recorder, job: str) -> None:
        self._recorder = recorder
        self._job = job
        self.token_rate: float | None = None

    def progress(self, phase: Phase, done: int, total: int, note: str | None = None) -> None:
        """Log how far the job is."""
        self._recorder.record(
            JobProgressed(t=self._recorder.now(), job=self._job, phase=phase, done=done, total=total, note=note)
        )

    def answer_scored(
        self,
        request: str,
        *,
        task: str,
        category: str,
        score: float,
        passed: bool,
        detail: str,
        parts: dict[str, float] | None = None,
    ) -> None:
        """Log how an answer was scored."""
        self._recorder.record(
            AnswerScored(
                t=self._recorder.now(),
                job=self._job,
                request=request,
                task=task,
                category=category,
                score=score,
                passed=passed,
                detail=detail,
                parts=parts or {},
            )
        )

    def step_finished(
        self, step: int, load: OfferedLoad, window: Window, figures: LoadFigures, notes: tuple[str, ...] = ()
    ) -> None:
        """Log what one level of a load showed."""
        self.token_rate = figures.token_rate
        self._recorder.record(
            StepFinished(
                t=self._recorder.now(),
                job=self._job,
                step=step,
                load=load,
                window_start=window.start_ns,
                window_end=window.end_ns,
                notes=(*window.notes, *notes),
                **figures._asdict(),
            )
        )

    def capacity_found(self, load: OfferedLoad | None, sentence: str) -> None:
        """Log the end of a search for the highest load."""
        self._recorder.record(CapacityFound(t=self._recorder.now(), job=self._job, load=load, sentence=sentence))

    def interval_recorded(
        self, start: int, end: int, rate: IntervalRate, figures: dict[str, tuple[float, float, float]]
    ) -> None:
        """Log one record of a long run."""
        self._recorder.record(
            IntervalRecorded(
                t=self._recorder.now(),
                job=self._job,
                start=start,
                end=end,
                tokens=rate.tokens,
                decode_rate=rate.decode_rate,
                figures=figures,
            )
        )

    def verdict_reached(
        self, verdict: str, sentence: str, evidence: tuple[str, ...], criteria: tuple[Criterion, ...]
    ) -> None:
        """Log what a run says of the machine."""
        self._recorder.record(
            VerdictReached(
                t=self._recorder.now(),
                job=self._job,
                verdict=verdict,
                sentence=sentence,
                evidence=evidence,
                criteria=criteria,
            )
        )

    def context_tried(self, tried: ContextTried) -> None:
        """Log what came of one size of context."""
        self._recorder.record(msgspec.structs.replace(tried, t=self._recorder.now(), job=self._job))

    def warn(self, code: str, text: str) -> None:
        """Log a warning about this job."""
        self._recorder.alert("warning", code, text, self._job)
