import msgspec
import pytest
from support.conversation import MS, header, queued, request

from llmtui import events as ev
from llmtui.reports.compare import compare_sides, footnotes, verdict_text
from llmtui.reports.compare import report_text as table_text
from llmtui.reports.compare_data import report_data
from llmtui.reports.differing import Side
from llmtui.reports.pairing import samples_of
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState

STEADY = (100.0, 101.0, 99.0, 100.5, 99.5)


def figures(level, **changes):
    fields = {
        "ttft_ns": round(level * MS),
        "decode_rate": level,
        "itl_p50_ns": level * 1e5,
        "e2e_ns": round(level * 9e6),
    }
    missing = {"prefill_rate": "the server states no prefill time"}
    return ev.Figures(**{**fields, "tokens": 8, "tokens_basis": "server", "missing": missing, **changes})


def session(levels, *, opened=None, version="b1", memory=None, change=None, plan=None):
    """A session with one run for each level, which is its TTFT in ms and its decode rate in tokens/s."""
    server = ev.Server(url="http://127.0.0.1:1", kind="llamacpp", version=version)
    events = [header(**(opened or {})), ev.TargetResolved(t=0, target="embedded", url=server.url, server=server)]
    for place, level in enumerate(levels, start=1):
        job = f"j{place}"
        events += [queued(job, iteration=place, **(plan or {})), ev.JobStarted(t=place, job=job)]
        if memory:
            events.append(ev.SampleTaken(t=place, values={memory: level * 2**20}))
        events += request(f"{job}.1", job=job, figures=figures(level, **(change or {})))
        events.append(ev.JobFinished(t=place, job=job, status="done"))
    state = SessionState()
    apply_all(state, events)
    return state


def compared(a, b, **options):
    return compare_sides(Side("A", "one", a, samples_of(a)), Side("B", "two", b, samples_of(b)), **options)


def report_text(report):
    return [*table_text(report), *footnotes([report])]


def row(report, figure):
    (found,) = [row for row in report.rows if row.figure.name == figure]
    return found


def told(report, figure):
    return verdict_text(row(report, figure), report.margin)


def test_each_figure_is_judged_in_its_own_direction():
    report = compared(session(STEADY), session([level * 1.3 for level in STEADY]))
    assert told(report, "ttft") == "slower"
    assert told(report, "decode") == "faster"
    assert told(report, "itl") == "slower"
    assert told(report, "e2e") == "slower"
    assert told(report, "tokens") == "not judged"
    assert [r.figure.name for r in report.rows] == ["ttft", "decode", "itl", "e2e", "tokens"]
    assert row(report, "ttft").slower
    assert not row(report, "decode").slower


def test_the_same_session_twice_is_the_same_within_the_margin():
    report = compared(session(STEADY), session(STEADY), margin=0.05)
    assert told(report, "ttft") == "same within 5 %"
    assert report.notes == report.refused == ()


def test_too_few_runs_are_told_with_the_next_step():
    report = compared(session(STEADY[:2]), session([200.0, 202.0]))
    assert told(report, "ttft") == "can't tell: run 2 more"
    text = "\n".join(report_text(report))
    assert "fewer than 4 never convince" in text
    assert "--set iterations=N" in text
    assert "can't tell: run 3 more" in report_text(compared(session([1.0]), session([2.0])))[5]


def test_memory_is_less_or_more_and_never_slower():
    a, b = session(STEADY, memory="ram.used"), session([level * 2 for level in STEADY], memory="ram.used")
    assert told(compared(a, b), "memory") == "more"
    assert told(compared(b, a), "memory") == "less"
    assert not row(compared(a, b), "memory").slower


def test_memory_of_the_server_is_not_compared_with_that_of_the_machine():
    a, b = session(STEADY, memory="ram.used"), session(STEADY, memory="server.memory.private")
    report = compared(a, b)
    assert told(report, "memory") == "memory of the server in one run and of the whole machine in another"
    assert not row(report, "memory").judged


def test_a_figure_that_one_side_lacks_says_why_and_one_that_both_lack_is_left_out():
    b = session(STEADY, change={"prefill_rate": 500.0})
    assert told(compared(session(STEADY), b), "prefill") == "not in A: the server states no prefill time"
    both = compared(session(STEADY), session(STEADY))
    assert "prefill" not in [r.figure.name for r in both.rows]
    asked = compared(session(STEADY), session(STEADY), figures=("prefill",))
    assert told(asked, "prefill") == "not in A: the server states no prefill time"
    assert [r.figure.name for r in asked.rows] == ["prefill"]


def test_the_end_is_not_judged_when_the_answers_differ_in_length():
    report = compared(session(STEADY), session(STEADY, change={"tokens": 12}))
    assert told(report, "e2e") == "not judged: answers of 8.00 tokens in A, 12.0 in B"
    assert told(report, "ttft").startswith("same")
    assert told(compared(session(STEADY), session(STEADY)), "e2e").startswith("same")


def test_unlike_counts_are_told():
    text = "\n".join(report_text(compared(session(STEADY), session(STEADY, change={"tokens_basis": "estimated"}))))
    assert "note: `short`: tokens counted by server in A and by estimated in B" in text


def test_outliers_are_told_and_kept():
    report = compared(session([*STEADY, 100.2, 99.8, 400.0]), session(STEADY), figures=("ttft",))
    assert report.notes == ("`short` TTFT: 1 of 8 in A far off (400 ms), none left out",)
    assert row(report, "ttft").comparison.first.count == 8


def test_failed_requests_are_counted():
    a = session(STEADY)
    apply_all(a, request("j1.9", job="j1", status="failed"))
    assert "`short`: 1 failed in A, which no figure counts" in compared(a, session(STEADY)).notes


def test_requests_that_heat_slowed_are_counted():
    def heated(reasons):
        events = [header(), queued(), ev.JobStarted(t=1, job="j1")]
        told = {"gpu.0.percent": 99.0, "gpu.0.temperature": 84.0, "gpu.0.throttle.reasons": float(reasons)}
        events += [ev.SampleTaken(t=t * MS, values=told) for t in range(0, 1000, 500)]
        events += request("j1.1", figures=figures(100.0), start=600 * MS)
        events += [ev.SampleTaken(t=t * MS, values=told) for t in range(1000, 9000, 500)]
        state = SessionState()
        apply_all(state, [*events, ev.JobFinished(t=9000 * MS, job="j1", status="done")])
        return state

    assert "`short`: heat slowed 1 of 1 requests in B, none left out" in compared(heated(0), heated(0x20)).notes
    assert not any("heat" in note for note in compared(heated(0), heated(0)).notes)


def test_the_table_has_all_of_a_row():
    text = report_text(compared(session(STEADY), session([level * 1.3 for level in STEADY]), figures=("ttft",)))
    assert text[0] == "A: one, smol Q4_1 on embedded"
    assert text[1] == "B: two, smol Q4_1 on embedded"
    assert " ".join(text[3].split()) == "workload figure A n B n B/A 95 % interval p verdict"
    cells = text[5].split()
    assert cells[:8] == ["short", "TTFT", "100", "ms", "5", "130", "ms", "5"]
    assert cells[8] == "1.300"
    assert float(cells[9]) < 1.3 < float(cells[11])
    assert cells[-2:] == ["0.008", "slower"], "2 of the 252 ways to deal ten values"


def test_each_pair_of_setups_has_a_table_of_its_own():
    def two(level):
        events = [header()]
        for job, model in (("j1", "x"), ("j2", "y")):
            events += [queued(job, model=model), ev.JobStarted(t=1, job=job)]
            events += request(f"{job}.1", job=job, figures=figures(level))
        state = SessionState()
        apply_all(state, events)
        return state

    text = report_text(compared(two(1.0), two(2.0)))
    assert [line for line in text if line.startswith("A: ")] == [
        "A: one, x Q4_1 on embedded",
        "A: one, y Q4_1 on embedded",
    ]


def test_two_sessions_may_differ_by_the_machine_and_variants_of_one_do_not():
    def warned(report):
        return any("what else the machine did" in line for line in report_text(report))

    a, slower = session(STEADY), session([level * 1.3 for level in STEADY])
    assert warned(compared(a, slower))
    assert not warned(compared(a, session(STEADY))), "nothing differs"
    both = session([*STEADY, *(level * 1.3 for level in STEADY)])
    halves = samples_of(both, {"j1", "j2", "j3", "j4", "j5"}), samples_of(both, {"j6", "j7", "j8", "j9", "j10"})
    within = compare_sides(Side("A", "one", both, halves[0]), Side("B", "two", both, halves[1]))
    assert told(within, "ttft") == "slower"
    assert not warned(within)


def test_many_judged_figures_are_said_to_differ_by_chance_now_and_then():
    assert not any("1 in 20" in line for line in report_text(compared(session(STEADY), session(STEADY))))
    report = compared(session(STEADY, memory="ram.used"), session(STEADY, memory="ram.used"))
    assert "5 figures were judged; of equal ones about 1 in 20 comes out different by chance." in report_text(report)


def test_without_anything_comparable_there_are_only_the_reasons():
    a, b = session(STEADY, plan={"workload": "x"}), session(STEADY, plan={"workload": "y"})
    assert report_text(compared(a, b)) == ["not compared: only in A: `x`", "not compared: only in B: `y`"]


def test_plain_data_can_be_encoded_and_has_none_for_what_is_unknown():
    report = compared(session([100.0]), session(STEADY))
    data = msgspec.json.decode(msgspec.json.encode(report_data(report)))
    assert (data["a"], data["b"], data["margin"], data["level"]) == ("one", "two", 0.03, 0.95)
    ttft = data["rows"][0]
    assert (ttft["figure"], ttft["unit"], ttft["better"]) == ("ttft", "ns", "lower")
    assert (ttft["a"]["n"], ttft["a"]["median"], ttft["a"]["sd"]) == (1, 100 * MS, None)
    assert (ttft["ratio"], ttft["verdict"], ttft["more_runs"]) == (None, "can't tell", 3)
    tokens = next(r for r in data["rows"] if r["figure"] == "tokens")
    assert (tokens["verdict"], tokens["text"]) == (None, "not judged")


@pytest.mark.parametrize("count", [3, 4])
def test_requests_are_counted_only_while_runs_are_few(count):
    def several():
        events = [header()]
        for place in range(1, count + 1):
            job = f"j{place}"
            events += [queued(job, iteration=place), ev.JobStarted(t=place, job=job)]
            for number, level in enumerate(STEADY):
                events += request(f"{job}.{number}", job=job, figures=figures(level))
        state = SessionState()
        apply_all(state, events)
        return state

    report = compared(several(), several(), figures=("ttft",))
    assert row(report, "ttft").comparison.first.count == (15 if count == 3 else 4)
    assert any("single requests" in line for line in report_text(report)) is (count == 3)
