import pytest
from support.conversation import header
from support.scripted import Sink

from llmtui import events as ev
from llmtui.engine.orders import Orders
from llmtui.engine.queue import JobQueue
from llmtui.engine.recorder import Recorder
from llmtui.engine.repetition import Repetition
from llmtui.engine.rest import SessionRest
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.suites.plan import JobPlan
from llmtui.suites.schema import Embedded, Generate, Suite
from llmtui.workloads.base import Outcome

SUITE = Suite(name="s", workloads=(Generate(prompts=("x",)),))


class Queue:
    """Four jobs, of which the first one runs."""

    def __init__(self, suite=SUITE, count=4, **changes):
        self.sink = Sink()
        self.queue = JobQueue(Recorder(self.sink))
        for number in range(count):
            self.queue.add(plan(f"w{number + 1}", **changes))
        self.running = self.queue.take()
        self.orders = Orders(self.queue, Repetition(self.queue, Recorder(self.sink)), "s1", suite)

    def order(self):
        return [job.id for job in self.queue]

    def orders_of_readers(self):
        """The order of the queue as the log tells it: to whoever watches, and to whoever goes on with the session."""
        state, rest = SessionState(), SessionRest()
        apply_all(state, [header(), *self.sink.events])
        rest.take([header(), *self.sink.events])
        assert state.misfits == 0
        return list(state.jobs), [job.id for job in rest.left(SUITE, []).jobs]


def plan(name, **changes):
    fields = {"target": "t", "backend": "b", "model": "m", "quantization": None, "iteration": 1, "requests": 1}
    return JobPlan(**{**fields, "name": name, "workload": Generate(prompts=("x",)), **changes})


@pytest.mark.parametrize(
    ("job", "steps", "order", "said"),
    [
        ("j3", -1, ["j1", "j3", "j2", "j4"], "j3 is number 1 of 3 that wait"),
        ("j2", 1, ["j1", "j3", "j2", "j4"], "j2 is number 2 of 3 that wait"),
        ("j2", 2, ["j1", "j3", "j4", "j2"], "j2 is number 3 of 3 that wait"),
        ("j4", -9, ["j1", "j4", "j2", "j3"], "j4 is number 1 of 3 that wait"),
    ],
)
def test_a_job_that_waits_moves_and_all_readers_of_the_log_see_the_same_order(job, steps, order, said):
    made = Queue()
    assert made.orders.move(job, steps) == (True, said)
    assert made.order() == order
    assert made.orders_of_readers() == (order, order)


@pytest.mark.parametrize(
    ("job", "steps", "sentence"),
    [
        ("j1", 1, "j1 is running; only a job that waits can be moved"),
        ("j2", -1, "j2 is the first of those that wait"),
        ("j4", 1, "j4 is the last of those that wait"),
        ("j9", 1, "there is no job j9"),
    ],
)
def test_what_can_not_be_moved_says_why_and_is_not_in_the_log(job, steps, sentence):
    made = Queue()
    assert made.orders.move(job, steps) == (False, sentence)
    assert made.sink.of(ev.JobMoved) == []


def test_moving_passes_over_what_has_ended():
    made = Queue()
    made.queue.finish(made.queue.find("j3"), Outcome(status="skipped", reason="skipped"))
    assert made.orders.move("j4", -1)[0]
    assert made.order() == ["j1", "j4", "j2", "j3"]
    assert made.orders.move("j4", 1)[0]
    assert [job for job in made.order() if job != "j3"] == ["j1", "j2", "j4"]
    made.queue.finish(made.running, Outcome())
    assert made.queue.take().id == "j2", "the order is the one in which they run"


def test_a_clone_has_the_change_in_its_parameters_and_in_its_name():
    made = Queue()
    assert made.orders.clone("j2", {"max_tokens": "64"}) == (True, "j2 with max_tokens=64 queued as j5")
    told = made.sink.events[-1]
    assert (told.clone_of, told.variant, told.parameters["max_tokens"]) == ("j2", "max_tokens=64", 64)
    assert (told.workload, told.iteration) == ("w2", 1)
    assert made.orders.clone("j2", {"max_tokens": "64"})[0]
    assert made.sink.events[-1].iteration == 2, "the same change again is another iteration"
    assert made.orders.rerun(["j5"])[0]
    assert made.sink.events[-1].iteration == 3


@pytest.mark.parametrize(
    ("job", "changes", "sentence"),
    [
        ("j9", {"max_tokens": "64"}, "there is no job j9"),
        ("j1", {"max_token": "64"}, "did you mean `max_tokens`"),
        ("j1", {"max_tokens": "-1"}, "it must be at least 1"),
        ("j1", {}, "name what is to be changed"),
    ],
)
def test_a_clone_that_is_not_right_says_why_and_queues_nothing(job, changes, sentence):
    made = Queue()
    done, said = made.orders.clone(job, changes)
    assert not done
    assert sentence in said
    assert len(made.queue) == 4


def test_more_requests_than_the_embedded_server_takes_at_once_are_queued_with_a_warning():
    for slots, warned in ((2, True), (4, False)):
        suite = Suite(name="s", workloads=SUITE.workloads, embedded=Embedded(parallel=slots))
        done, said = Queue(suite, backend="embedded").orders.clone("j1", {"concurrency": "4"})
        assert done
        assert ("takes 2 at once" in said) == warned
    assert "at once" not in Queue(backend="ollama").orders.clone("j1", {"concurrency": "4"})[1]


def test_a_job_whose_server_is_not_there_is_not_queued_again_and_the_others_are():
    made = Queue()
    made.queue.add(plan("lost", problem="nobody listens"))
    done, said = made.orders.rerun(["j2", "j5"])
    assert done
    assert said == "queued as j6; j5 can't run in this session: nobody listens; once it can: llmtui rerun s1 j5"
    assert made.orders.rerun(["j5"])[0] is False
    assert made.orders.clone("j5", {"max_tokens": "64"})[0] is False
    assert len(made.queue) == 6
