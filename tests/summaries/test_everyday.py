"""The summaries of `student`, `interactive`, `batch` and `consistency`, on recorded sessions and on odd ones."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.summaries import SESSIONS, read_state

from llmtui import events as ev
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.summaries.answered import answers_of
from llmtui.summaries.registry import job_summary, job_summary_lines
from llmtui.summaries.student import timing_text

KINDS = ("student", "interactive", "batch", "consistency")
S = 1_000_000_000


def session(kind, *answers, samples=(), status="done", **parameters):
    """A session of one job; each answer is ({figures}, {fields of the end}, {fields of the start}), each taking 1 s."""
    state = SessionState()
    events = [
        ev.JobQueued(t=1, job="j1", target="t", backend="b", model="m", workload="w", kind=kind, iteration=1, requests=0,
                     parameters=parameters),
        ev.JobStarted(t=2, job="j1"),
    ]  # fmt: skip
    for place, (given_figures, end, start) in enumerate(answers):
        name, begin = f"j1.{place + 1}", 2 * place * S
        usual = {"ttft_ns": S // 10, "e2e_ns": S, "tokens": 20, "decode_rate": 20.0, "tpot_ns": 5e7}
        events += [
            ev.RequestStarted(t=begin, request=name, job="j1", model="m", messages=(("user", "x"),), **start),
            ev.RequestSent(t=begin, request=name),
            ev.RequestFinished(
                t=begin + S, request=name, job="j1",
                **{"status": "done", "figures": ev.Figures(**{**usual, **given_figures}), **end},
            ),
        ]  # fmt: skip
    events += samples
    events += [ev.JobFinished(t=1000 * S, job="j1", status=status), ev.SessionFinished(t=1001 * S, outcome="completed")]
    apply_all(state, sorted(events, key=lambda event: event.t))
    return state


def lines(state):
    return job_summary_lines(state, state.jobs["j1"], whole=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_recorded_session_is_told_as_it_was(kind):
    state = read_state(kind)
    assert "\n".join(lines(state)) + "\n" == (SESSIONS / f"{kind}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_that_asked_nothing_has_nothing_to_say(kind):
    assert lines(session(kind)) == []


@pytest.mark.parametrize("kind", ["student", "interactive", "batch"])
def test_failed_requests_are_counted_and_leave_no_figures(kind):
    state = session(kind, ({}, {"status": "failed", "figures": ev.Figures(), "problem": "gone\x1b[2J"}, {}))
    told = lines(state)
    assert "0 of 1" in told[0]
    assert all(line.isprintable() or not line for line in told)


@pytest.mark.parametrize("kind", ["student", "interactive", "batch"])
def test_an_answer_without_figures_is_told_as_unknown(kind):
    nothing = {"ttft_ns": None, "e2e_ns": None, "tokens": None, "decode_rate": None, "tpot_ns": None}
    state = session(kind, (nothing, {}, {"category": "short", "task": "t-1"}))
    (table, *_) = job_summary(state, state.jobs["j1"]).tables
    assert "-" in table.rows[0]
    assert "1 of 1" in lines(state)[0]


# Pupils


def answer(category, place=1, figures=None, end=None):
    return figures or {}, end or {}, {"category": category, "task": f"{category}-{place}"}


def test_a_category_has_its_medians_and_all_have_theirs():
    state = session(
        "student",
        *(answer("short", n, {"ttft_ns": n * S // 10}) for n in (1, 2, 9)),
        answer("long", 1, {"ttft_ns": S}),
    )
    times, _ = job_summary(state, state.jobs["j1"]).tables
    assert [(row[0], row[1], row[2]) for row in times.rows] == [
        ("short", "3", "200 ms"),
        ("long", "1", "1.00 s"),
        ("all", "4", "550 ms"),
    ]


def test_the_servers_own_clock_comes_first_and_is_named():
    state = session("student", answer("short", 1, {"server_decode_rate": 40.0}), answer("short", 2))
    native, client = answers_of(state, state.jobs["j1"])
    assert (native.timing, native.rate, native.per_token_ns) == ("native", 40.0, 25e6)
    assert (client.timing, client.rate, client.per_token_ns) == ("client", 20.0, 50e6)
    assert timing_text([native, client]) == "1 native, 1 client"
    assert timing_text([native]) == "native"
    assert timing_text([]) == "-"


def test_answers_that_were_cut_off_are_counted():
    state = session("student", answer("short", 1, None, {"finish_reason": "length"}), answer("short", 2))
    assert "  1 of the answers were cut off at max_tokens" in lines(state)


def sample(second, **values):
    return ev.SampleTaken(t=round(second * S), values={key.replace("_", "."): value for key, value in values.items()})


def test_memory_and_processor_are_those_of_the_request():
    samples = [
        sample(-0.1, server_memory_private=1e9, server_memory_file=1e8, server_cpu=0.0, cpu_percent=1.0),
        sample(0.2, server_memory_private=2e9, server_memory_file=1e8, server_cpu=1.0, cpu_percent=50.0),
        ev.SelfMeasured(t=S // 2, engine_cpu=10.0, sampler_cpu=10.0),
        sample(0.6, server_memory_private=4e9, server_memory_file=1e8, server_cpu=2.0, cpu_percent=100.0),
        sample(0.8, server_memory_private=3e9, server_memory_file=1e8, server_cpu=1.5, cpu_percent=75.0),
        sample(1.2, server_memory_private=5e9, server_memory_file=1e8, server_cpu=9.0, cpu_percent=2.0),
    ]
    state = session("student", answer("short"), samples=samples)
    (found,) = answers_of(state, state.jobs["j1"])
    assert found.memory_of == "server"
    memory = (found.memory_before, found.memory_during, found.memory_after, found.memory_peak)
    assert memory == (1.1e9, 3.1e9, 5.1e9, 4.1e9)
    assert (found.cpu_server, found.cpu_client, found.cpu_both, found.cpu_system) == (1.5, 0.2, 1.7, 75.0)
    assert found.missing == {}
    assert "150 %" in job_summary(state, state.jobs["j1"]).tables[1].rows[0]


def test_the_machines_memory_stands_in_where_the_servers_can_not_be_read():
    state = session("student", answer("short"), samples=[sample(0.2, ram_used=7e9)])
    (found,) = answers_of(state, state.jobs["j1"])
    assert (found.memory_of, found.memory_during) == ("machine", 7e9)
    assert "memory of the machine" in job_summary(state, state.jobs["j1"]).tables[1].title


def test_what_is_not_known_has_its_reason():
    samples = [ev.SampleTaken(t=S // 5, values={"cpu.percent": 5.0}, missing={"server.cpu": "it runs elsewhere"})]
    state = session(
        "student", answer("short", 1, {"decode_rate": None, "missing": {"decode_rate": "one read"}}), samples=samples
    )
    (found,) = answers_of(state, state.jobs["j1"])
    assert found.missing["rate"] == found.missing["per_token_ns"] == "one read"
    assert found.missing["cpu_server"] == found.missing["cpu_both"] == "it runs elsewhere"
    assert "memory_before" in found.missing
    assert "cpu_system" not in found.missing
    assert "  missing cpu_server: it runs elsewhere" in lines(state)


# Documents


def document(prompt, slow=1.0):
    taken = slow * (prompt * 5 + 19 * 20) * 1e6
    figures = {"prompt_tokens": prompt, "ttft_ns": round(slow * prompt * 5e6), "e2e_ns": round(taken)}
    return figures, {}, {"task": f"document-{prompt}"}


def test_the_end_is_told_against_the_start():
    steady = lines(session("batch", *(document(200 + 7 * n) for n in range(30))))
    assert any("the last 10 took 1.00 times as long" in line and line.endswith("no sure difference") for line in steady)
    slower = lines(session("batch", *(document(200 + 7 * n, 2.0 if n >= 20 else 1 + n % 3 / 50) for n in range(30))))
    assert any("the last 10 took" in line and line.endswith(": slower") for line in slower)
    faster = lines(session("batch", *(document(200 + 7 * n, 2.0 if n < 10 else 1 + n % 3 / 50) for n in range(30))))
    assert any("the last 10 took" in line and line.endswith(": faster") for line in faster)


def test_one_document_alone_is_not_compared():
    told = lines(session("batch", document(200)))
    assert "  the end is not compared with the start: a side has no value" in told
    assert not any("SD" in line and "0.0" in line for line in told), "one time does not vary"


# The same prompt


def scored(*scores):
    state = session("consistency", *(({"tokens": 10 * (n + 1)}, {}, {}) for n in range(len(scores))))
    apply_all(
        state,
        [
            ev.AnswerScored(t=2000 * S, job="j1", request=f"j1.{n + 1}", task=group, category=group, score=score,
                            passed=same, detail="said \x1b[2J")
            for n, (group, score, same) in enumerate(scores)
        ],
    )  # fmt: skip
    return state


def test_each_temperature_has_its_shares_and_distances():
    state = scored(("t0", 0.9, True), ("t0", 0.9, True), ("t0", 0.6, False), ("t1", 1.0, True))
    (table,) = job_summary(state, state.jobs["j1"]).tables
    assert table.rows == (
        ("t0", "3", "2 (67 %)", "20.0 %", "40.0 %", "10 to 30", "10.0"),
        ("t1", "1", "-", "-", "-", "40 to 40", "-"),
    )
    assert all(line.isprintable() for line in lines(state) if line)


def test_scores_of_requests_that_the_log_does_not_have_are_no_trouble():
    state = scored(("t0", 0.9, True))
    state.requests.clear()
    assert job_summary(state, state.jobs["j1"]).tables[0].rows[0][5] == "-"


optional = st.none() | st.floats(0, 1e12)
figures = st.builds(
    ev.Figures,
    ttft_ns=st.none() | st.integers(0, 10**12),
    e2e_ns=st.none() | st.integers(0, 10**12),
    tokens=st.none() | st.integers(0, 5),
    prompt_tokens=st.none() | st.integers(0, 5),
    decode_rate=optional,
    server_decode_rate=optional,
    tpot_ns=optional,
    itl_cv=optional,
)


@pytest.mark.parametrize("kind", KINDS)
@given(st.lists(figures, max_size=6))
def test_no_figures_make_a_summary_fail(kind, found):
    state = session(kind, *((msgspec.structs.asdict(one), {}, {"category": "c"}) for one in found))
    assert all(isinstance(line, str) for line in lines(state))
