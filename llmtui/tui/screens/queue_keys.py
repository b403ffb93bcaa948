"""What the keys for the queue do: to the engine while it runs, and in a new session once it has ended."""

from collections.abc import Callable, Sequence

from textual.screen import Screen

from llmtui import control
from llmtui.control import ControlError
from llmtui.tui.actions import Situation
from llmtui.tui.screens.view import AgainError, Order, View
from llmtui.tui.widgets.rows import Rows

WITHIN = 0.02
"""How exactly a rate is to be known after a repetition: its interval as a share of it."""

Say = Callable[[str], None]


class QueueKeys:
    """Carries out the actions on jobs. `look` gives the present situation, `list_of` the list of a pane.

    `show` opens the screen of a new session.
    """

    def __init__(
        self,
        screen: Screen[None],
        view: View,
        *,
        look: Callable[[], Situation],
        list_of: Callable[[str], Rows],
        say: Say,
        show: Callable[[View], None],
    ) -> None:
        self._screen = screen
        self._view = view
        self._look = look
        self._list_of = list_of
        self._say = say
        self._show = show
        self._starting = False

    # Which jobs.

    def cursor_job(self) -> str | None:
        """Return the job under the cursor of the queue or the results."""
        pane = self._look().pane
        return self._list_of(pane).cursor_key if pane in {"queue", "results"} else None

    def _chosen(self) -> list[str]:
        """Return the jobs that are selected in the queue or the results, else the one under the cursor there."""
        pane = self._look().pane
        return self._list_of(pane if pane in {"queue", "results"} else "results").chosen_keys()

    def _unselect(self) -> None:
        for pane in ("queue", "results"):
            self._list_of(pane).clear_selected()

    # Orders for the engine.

    async def send(self, command: control.Command, *, about: str = "") -> bool:
        """Send a command, say what came of it and what it was `about`, and return whether it was done."""
        if self._view.send is None:
            return False
        try:
            reply = await self._view.send(command)
        except ControlError as error:
            self._say(str(error))
            return False
        self._say(f"{reply.text} ({about})" if about and reply.ok else reply.text)
        return reply.ok

    async def pause_queue(self) -> None:
        """Pause the queue, or let it go on."""
        await self.send(control.Resume() if self._look().state.paused else control.Pause())

    async def stop(self) -> None:
        """End the session after the job that runs."""
        await self.send(control.Stop(now=False))

    async def skip(self) -> None:
        """Skip the selected jobs, or the one under the cursor of the queue; anywhere else the one that runs."""
        selected = sorted(self._list_of("queue").selected)
        on_queue = self.cursor_job() if self._look().pane == "queue" else None
        names: Sequence[str | None] = selected or [on_queue]
        done = [await self.send(control.Skip(job=name)) for name in names]
        if all(done):
            self._unselect()
        if len(done) > 1:
            self._say(f"{sum(done)} of {len(done)} jobs skipped")

    async def move_up(self) -> None:
        """Let the job under the cursor run earlier."""
        await self._move(-1)

    async def move_down(self) -> None:
        """Let the job under the cursor run later."""
        await self._move(1)

    async def _move(self, steps: int) -> None:
        job = self.cursor_job()
        if job is not None:
            await self.send(control.Move(job=job, steps=steps))

    # Jobs again: by the engine, or in a new session.

    async def rerun(self) -> None:
        """Run the chosen jobs again."""
        await self._again(Order(tuple(self._chosen()), {}))

    async def repeat(self) -> None:
        """Run the chosen jobs until their rates are known."""
        await self._again(Order(tuple(self._chosen()), {}, WITHIN))

    async def rerun_bad(self) -> None:
        """Run again what failed, was throttled or client-bound, or is an outlier, and name each with its reason."""
        from llmtui.state.reruns import bad_jobs, sentence  # noqa: PLC0415 - outliers are looked for only when asked

        found = bad_jobs(self._look().state)
        if not found:
            self._say("nothing failed, was throttled or client-bound, or is an outlier among its iterations")
            return
        await self._again(Order(tuple(bad.job for bad in found), {}), about=sentence(found))

    async def clone(self) -> None:
        """Ask for the parameter of a job that shall be different, and queue it so."""
        from llmtui.tui.screens.clone import CloneQuestion  # noqa: PLC0415 - suites are read only when one is changed

        job = self.cursor_job() or next(iter(self._chosen()), None)
        known = self._look().state.jobs.get(job or "")
        plan = known.plan if known is not None else None
        if known is None or plan is None:
            self._say("there is no job under the cursor; go to the queue or to the results")
            return
        if not plan.parameters:
            self._say(f"the log does not say how {known.id} was run, so nothing of it can be changed")
            return

        async def answered(changes: dict[str, str] | None) -> None:
            if changes is not None:
                await self._again(Order((known.id,), changes))

        # Until its line is there, the next key would have nowhere to go.
        await self._screen.app.push_screen(CloneQuestion(known.id, plan.parameters), answered)

    async def _again(self, order: Order, *, about: str = "") -> None:
        if not order.jobs:
            self._say("there is no job to run again yet")
        elif not self._look().controllable:
            self._start(order, about)
        elif await self.send(_command(order), about=about):
            self._unselect()

    def _start(self, order: Order, about: str) -> None:
        if self._starting:
            self._say("a new session is being started already")
            return
        self._starting = True
        self._say(f"starting a new session: {about or ', '.join(order.jobs)}")
        self._screen.run_worker(self._open(order), exit_on_error=False)

    async def _open(self, order: Order) -> None:
        again = self._view.again
        try:
            if again is None:
                return
            opened = await again(order)
        except AgainError as error:
            self._say(str(error))
            return
        finally:
            self._starting = False
        self._unselect()
        self._show(self._view._replace(source=opened.source, send=opened.send, again=opened.again, replay=False))


def _command(order: Order) -> control.Command:
    if order.changes:
        return control.Clone(job=order.jobs[0], set=order.changes)
    if order.within is not None:
        return control.Repeat(jobs=order.jobs, within=order.within)
    return control.Rerun(jobs=order.jobs)


QUEUE_ACTIONS: frozenset[str] = frozenset(
    {"pause_queue", "stop", "skip", "move_up", "move_down", "rerun", "repeat", "rerun_bad", "clone"}
)
"""The actions of the registry that are methods here."""
