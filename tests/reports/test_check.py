import pytest
from support.conversation import header, queued, request
from support.recorded_runs import STEADY, runs

from llmtui import events as ev
from llmtui.reports.check import check_data, check_text, exit_code, judge_rules
from llmtui.reports.compare import compare_sides
from llmtui.reports.differing import Side
from llmtui.reports.pairing import samples_of
from llmtui.reports.rules import parse_rule
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState


def state(*events):
    session = SessionState()
    apply_all(session, [header(), *events])
    return session


def checked(first, second, *rules):
    return held_against([first], second, *rules)


def held_against(baselines, second, *rules):
    new = Side("Z", "new", second, samples_of(second))
    bases = [Side("AB"[place], f"base{place + 1}", state, samples_of(state)) for place, state in enumerate(baselines)]
    reports = [compare_sides(base, new) for base in bases]
    return judge_rules(reports, [parse_rule(rule) for rule in rules]), reports


BASE = state(*runs(STEADY))


def by(factor, levels=STEADY):
    """The baseline's levels of TTFT, times a factor; the decode rate is divided by it."""
    return state(*runs([level * factor for level in levels]))


@pytest.mark.parametrize(
    ("factor", "rule", "outcome", "code"),
    [
        (1.3, "decode<-5%", "regression", 1),
        (1.3, "decode<-50%", "kept", 0),
        (1.3, "ttft>10%", "regression", 1),
        (1.3, "ttft>50%", "kept", 0),
        (1.0, "decode<-5%", "kept", 0),
        (0.5, "decode<-5%", "kept", 0),
        (0.5, "ttft>10%", "kept", 0),
        (1.05, "ttft>5%", "can't tell", 0),
        (1 / 0.95, "decode<-5%", "can't tell", 0),
        (1.0, "decode<5%", "regression", 1),
        (1.0, "prefill<-5%", "not compared", 2),
    ],
)
def test_only_an_interval_wholly_beyond_the_bound_fails(factor, rule, outcome, code):
    (result,), _report = checked(BASE, by(factor), rule)
    assert (result.outcome, exit_code([result])) == (outcome, code)
    assert exit_code([result], strict=True) == (1 if outcome == "can't tell" else code)


def test_a_wide_interval_fails_nothing_though_its_middle_lies_beyond():
    (result,), _report = checked(BASE, state(*runs([60.0, 400.0, 90.0, 300.0])), "ttft>10%")
    (judged,) = result.judgements
    assert judged.row.comparison.ratio.value > 1.1
    assert (result.outcome, "more iterations narrow it" in judged.sentence) == ("can't tell", True)


def test_three_values_of_a_side_fail_nothing():
    (result,), _report = checked(BASE, by(3.0, STEADY[:3]), "ttft>10%")
    assert result.outcome == "can't tell"
    assert "fewer than 4 of a side never convince" in result.judgements[0].sentence
    (result,), _report = checked(BASE, by(3.0, STEADY[:4]), "ttft>10%")
    assert result.outcome == "regression"


def test_the_gravest_workload_decides():
    second = state(*runs(STEADY), *runs([level * 2 for level in STEADY], first=6, workload="other"))
    first = state(*runs(STEADY), *runs(STEADY, first=6, workload="other"))
    (result,), report = checked(first, second, "ttft>10%")
    assert [judged.outcome for judged in result.judgements] == ["kept", "regression"]
    assert exit_code([result]) == 1
    lines = check_text([result], report)
    assert lines[0] == "ttft>10%: kept: `short` on smol: 100 ms -> 100 ms, +0.0 % (-1.1 to +1.2 %), 5 and 5 runs"
    assert lines[1].startswith("ttft>10%: regression: `other` on smol: 100")


def test_a_regression_counts_more_than_what_was_not_compared():
    results, _report = checked(BASE, by(1.3), "prefill<-5%", "ttft>10%")
    assert [result.outcome for result in results] == ["not compared", "regression"]
    assert exit_code(results) == 1
    assert exit_code(results[:1]) == 2
    results, _report = checked(BASE, by(1.0), "prefill<-5%", "ttft>10%")
    assert exit_code(results) == 2, "a rule that nothing stands behind is not kept"


def test_nothing_in_common_says_so():
    (result,), report = checked(BASE, state(*runs(STEADY, workload="other")), "ttft>10%")
    assert (result.outcome, result.reason) == ("not compared", "no workload is in both sessions")
    assert "ttft>10%: not compared: no workload is in both sessions" in check_text([result], report)


def test_other_lengths_of_answers_are_no_regression_of_e2e():
    def answers(tokens, e2e):
        events = []
        for place in range(1, 6):
            measured = ev.Figures(e2e_ns=e2e + place, tokens=tokens, tokens_basis="server", decode_rate=1.0)
            job = f"j{place}"
            events += [queued(job, iteration=place), ev.JobStarted(t=1, job=job)]
            events += [ev.RequestFinished(t=2, request=f"{job}.1", job=job, status="done", figures=measured)]
            events += [ev.RequestStarted(t=1, request=f"{job}.1", job=job, model="smol", messages=())]
        return state(*events)

    (result,), _report = checked(answers(8, 10**9), answers(80, 10**10), "e2e>10%")
    assert (result.outcome, exit_code([result])) == ("can't tell", 0)
    assert "answers of 8.00 tokens in A, 80.0 in Z" in result.judgements[0].sentence
    (control,), _report = checked(answers(8, 10**9), answers(8, 10**10), "e2e>10%")
    assert control.outcome == "regression"


def test_the_footnotes_say_what_the_verdict_rests_on():
    results, report = checked(BASE, by(1.3), "ttft>10%")
    text = "\n".join(check_text(results, report))
    assert ("geometric means" in text, "take turns instead" in text, "counts requests" in text) == (True, True, False)
    results, report = checked(BASE, by(1.0), "ttft>10%")
    assert "take turns instead" not in "\n".join(check_text(results, report))
    many = state(*(event for place in range(1, 3) for event in _run_of_three(place)))
    results, report = checked(many, many, "ttft>10%")
    assert "A side with fewer than 4 runs counts requests" in "\n".join(check_text(results, report))
    results, report = checked(BASE, by(1.0), "prefill<-5%")
    assert "medians" not in "\n".join(check_text(results, report))


def _run_of_three(place):
    job = f"j{place}"
    yield queued(job, iteration=place)
    yield ev.JobStarted(t=1, job=job)
    for number in range(3):
        yield from request(f"{job}.{number}", job=job, figures=ev.Figures(ttft_ns=10**8 + number * 10**6))


def test_plain_data_says_the_same():
    results, report = checked(BASE, by(1.3), "ttft>10%", "prefill<-5%")
    data = check_data(results, report, exit_code(results))
    assert (data["against"], data["session"], data["exit_code"]) == (["base1"], "new", 1)
    assert [rule["outcome"] for rule in data["rules"]] == ["regression", "not compared"]
    (row,) = data["rules"][0]["rows"][0]["against"]
    assert row["ratio"] == pytest.approx(1.3)
    assert 1.1 < row["ratio_low"] < row["ratio_high"]


# --- several baselines -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factors", "outcome", "code"),
    [
        ((1.0, 1.02), "regression", 1),
        ((1.0, 1.3), "kept", 0),
        ((1.3, 1.0), "kept", 0),
        ((1.0, 1.25), "kept", 0),
        ((1.0, 1.3 / 1.1), "can't tell", 0),
    ],
)
def test_a_regression_is_what_is_worse_than_every_baseline(factors, outcome, code):
    (result,), reports = held_against([by(factor) for factor in factors], by(1.3), "ttft>10%")
    assert (result.outcome, exit_code([result])) == (outcome, code)
    lines = check_text([result], reports)
    assert lines[0] == f"ttft>10%: {outcome}: `short` on smol, held against 2 baselines"
    assert lines[1].startswith("  against base1: ")
    assert any("worse than every one of them" in line for line in lines)
    assert [row["outcome"] for row in check_data([result], reports, code)["rules"][0]["rows"]] == [outcome]


def test_a_baseline_without_the_workload_does_not_excuse():
    other = state(*runs(STEADY, workload="other"))
    (result,), _reports = held_against([other, BASE], by(1.3), "ttft>10%")
    assert (result.outcome, exit_code([result])) == ("regression", 1)
    (result,), _reports = held_against([other, other], by(1.3), "ttft>10%")
    assert (result.outcome, exit_code([result])) == ("not compared", 2)


def test_strict_asks_the_outcome_over_all_baselines():
    (result,), _reports = held_against([by(1.3 / 1.1), by(1.3)], by(1.3), "ttft>10%")
    assert [judged.outcome for judged in result.judgements] == ["can't tell", "kept"]
    assert exit_code([result], strict=True) == 0
    (result,), _reports = held_against([by(1.3 / 1.1), BASE], by(1.3), "ttft>10%")
    assert exit_code([result], strict=True) == 1
