"""Servers that are gone: how long one is waited for, and what becomes of the jobs that need it."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from llmtui.backends.base import Backend, BackendError
from llmtui.engine.bench import JobBench
from llmtui.engine.queue import JobQueue, QueuedJob
from llmtui.engine.targets import ANSWER_WITHIN_S, ReadyTarget
from llmtui.suites.schema import Generating
from llmtui.workloads.base import Outcome

RETURN_WITHIN_S = 10.0
"""So long a server that is started anew is waited for until it takes connections; for its model the job waits."""

LOOK_EVERY_S = 0.5


class Absence:
    """Knows the targets that have no server, and those whose server a job lost, which are looked at once more.

    `session` is the name by which its jobs are run again.
    """

    def __init__(self, queue: JobQueue, session: str, return_within_s: float = RETURN_WITHIN_S) -> None:
        self._queue = queue
        self._session = session
        self._return_within_s = return_within_s
        self._absent: frozenset[str] = frozenset()
        self._doubted: set[str] = set()

    def never_found(self, targets: Iterable[str]) -> None:
        """Take the targets that had no server when the session looked for them."""
        self._absent = frozenset(targets)

    def doubt(self, target: str) -> None:
        """A job lost the server of this target."""
        self._doubted.add(target)

    async def is_back(self, target: ReadyTarget, bench: JobBench, job: QueuedJob) -> bool:
        """Whether `job` can be run; a target in doubt is looked at, and again for as long as a new start may take.

        A server of ours is started anew by whoever makes it ready. One that is back has nothing in memory any more.
        """
        needed = isinstance(job.plan.workload, Generating) and target.pid is None
        if not needed or target.name not in self._doubted:
            return True
        loop = asyncio.get_running_loop()
        end, told = loop.time() + self._return_within_s, False
        while not await _takes_connections(target.backend):
            if loop.time() >= end:
                return False
            if not told:
                note = f"{target.url} can't be reached; waiting up to {self._return_within_s:g} s for it"
                bench.progress("connecting", 0, job.plan.requests, note)
                told = True
            await asyncio.sleep(LOOK_EVERY_S)
            await bench.passage()
        self._doubted.discard(target.name)
        target.residence.emptied()
        return True

    def gone(self, job: QueuedJob, url: str) -> Outcome:
        """Return how `job`, and with it each that waits for the same server, ends now that the server is gone."""
        skipped = _count(1 + len(self.waiting_with(job)))
        return _skipped(f"{url} can't be reached; {skipped} skipped; start it, then run them by: {self._again}")

    def skipped_with(self, job: QueuedJob, outcome: Outcome) -> Outcome | None:
        """Return how the jobs end that wait for the same server, None where the end of `job` says nothing of them."""
        if outcome.cause == "server gone":
            return outcome
        waiting = len(self.waiting_with(job))
        if job.plan.problem is None or job.plan.target not in self._absent or not waiting:
            return None
        again = f"once it has one, run them by: {self._again}"
        return _skipped(f"{job.plan.target} has no server, see {job.id}; {_count(waiting)} skipped; {again}")

    @property
    def _again(self) -> str:
        return f"llmtui rerun {self._session} --bad"

    def waiting_with(self, job: QueuedJob) -> list[QueuedJob]:
        """Return the jobs that wait for the server of `job`; those of several models look after their servers."""
        return [
            other
            for other in self._queue
            if other.status == "queued"
            and other.plan.target == job.plan.target
            and isinstance(other.plan.workload, Generating)
            and not other.plan.models
        ]


def _skipped(reason: str) -> Outcome:
    return Outcome(status="skipped", reason=reason, cause="server gone")


def _count(jobs: int) -> str:
    return f"{jobs} {'job' if jobs == 1 else 'jobs'}"


async def _takes_connections(backend: Backend) -> bool:
    """Ask a server anything: one that refuses, is busy or loads its model is there."""
    with suppress(TimeoutError):
        async with asyncio.timeout(ANSWER_WITHIN_S):
            try:
                await backend.describe()
            except BackendError as error:
                return error.kind != "unreachable"
    return True
