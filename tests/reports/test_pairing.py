import pytest
from support.conversation import header, queued, request

from llmtui import events as ev
from llmtui.reports.pairing import pair_up, samples_of, unlike
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState


def session(*jobs):
    """A session with these jobs, each with one measured request and a warm-up; `jobs` are changes of the plan."""
    state, events = SessionState(), [header()]
    for place, changes in enumerate(jobs, start=1):
        job = f"j{place}"
        events += [queued(job, **changes), ev.JobStarted(t=1, job=job)]
        events += [*request(f"{job}.1", job=job, warmup=True), *request(f"{job}.2", job=job)]
        events.append(ev.JobFinished(t=2, job=job, status="done"))
    apply_all(state, events)
    return state


def paired(first, second):
    result = pair_up(samples_of(first), samples_of(second))
    return [(pair.first.setup, pair.second.setup) for pair in result.pairs], list(result.refused)


def names(found):
    return [(a.model, b.model) for a, b in found]


def test_iterations_are_runs_of_one_sample_and_warm_ups_stay_out():
    (sample,) = samples_of(session({"iteration": 1}, {"iteration": 2}))
    assert [run.result.job for run in sample.runs] == ["j1", "j2"]
    assert [len(run.figures) for run in sample.runs] == [1, 1]


def test_jobs_and_variants_are_chosen():
    state = session({"variant": "base"}, {"variant": "fast"}, {"variant": "base"})
    assert [s.setup.variant for s in samples_of(state)] == ["base", "fast"]
    assert [run.result.job for s in samples_of(state, variant="base") for run in s.runs] == ["j1", "j3"]
    assert [run.result.job for s in samples_of(state, {"j2", "j3"}) for run in s.runs] == ["j2", "j3"]


def test_a_job_that_measured_nothing_is_no_run():
    state = SessionState()
    apply_all(state, [header(), queued(), ev.JobStarted(t=1, job="j1"), *request("j1.1", status="failed")])
    assert samples_of(state) == []


def test_the_same_setup_is_paired_first_whatever_the_order():
    a = session({"model": "x"}, {"model": "y"})
    b = session({"model": "y"}, {"model": "x"})
    found, refused = paired(a, b)
    assert names(found) == [("x", "x"), ("y", "y")]
    assert refused == []


def test_another_address_of_the_target_does_not_matter():
    found, _ = paired(session({"target": "http://one"}), session({"target": "http://two"}))
    assert len(found) == 1


@pytest.mark.parametrize("change", [{"model": "other"}, {"quantization": "Q8_0"}, {"variant": "v"}, {"target": "t"}])
def test_one_setup_on_each_side_is_paired_however_it_differs(change):
    found, refused = paired(session({}), session(change))
    assert len(found) == 1
    assert refused == []


def test_different_models_are_not_paired_where_there_were_several():
    found, refused = paired(session({"model": "x"}, {"model": "y"}), session({"model": "x"}, {"model": "z"}))
    assert names(found) == [("x", "x")]
    assert len(refused) == 2
    assert "y Q4_1 on embedded, has no one partner; choose the jobs, here A:j2" in refused[0]
    assert "B:j2" in refused[1]


def test_what_could_be_either_is_left_to_the_user():
    found, refused = paired(session({"target": "one"}, {"target": "two"}), session({"target": "three"}))
    assert found == []
    assert len(refused) == 3


def test_unlike_parameters_are_refused_with_what_differs():
    a = session({"parameters": {"max_tokens": 64, "prompts": ["x" * 80], "name": "short", "stop": None}})
    b = session({"parameters": {"max_tokens": 128, "prompts": ["y" * 80], "name": "other", "seed": 1}})
    found, (sentence,) = paired(a, b)
    assert found == []
    assert sentence == (
        "`short` is not the same on both sides: max_tokens is 64 in A and 128 in B, prompts differs, "
        "seed is not set in A and 1 in B"
    )


def test_variants_may_differ_and_say_how():
    a = session({"variant": "base", "parameters": {"max_tokens": 64}})
    b = session({"variant": "long", "parameters": {"max_tokens": 128}})
    result = pair_up(samples_of(a), samples_of(b))
    assert result.refused == ()
    assert result.pairs[0].note == "`short` differs by its variant: max_tokens is 64 in A and 128 in B"


def test_equal_parameters_go_together_when_a_name_was_used_twice():
    a = session({"parameters": {"max_tokens": 1}}, {"parameters": {"max_tokens": 2}})
    b = session({"parameters": {"max_tokens": 2}}, {"parameters": {"max_tokens": 3}})
    result = pair_up(samples_of(a), samples_of(b))
    assert [pair.first.parameters for pair in result.pairs] == [{"max_tokens": 2}]
    assert result.refused == ("`short` is not the same on both sides: max_tokens is 1 in A and 3 in B",)


def test_workloads_of_one_side_are_named_once():
    a = session({"workload": "one"}, {"workload": "both"}, {"workload": "two"})
    result = pair_up(samples_of(a), samples_of(session({"workload": "both"})))
    assert len(result.pairs) == 1
    assert result.refused == ("only in A: `one`, `two`",)


def loaded(*levels):
    """A session whose one job held these levels of load, with two requests due in each window and one outside."""
    state, events = SessionState(), [header(), queued(kind="load"), ev.JobStarted(t=0, job="j1")]
    for step, level in enumerate(levels, start=1):
        for place, due in enumerate((100, 200, 9999)):
            name = f"j1.{step}.{place}"
            events += [
                ev.RequestStarted(t=step * 10_000 + due, request=name, job="j1", model="smol", messages=(), step=step),
                ev.RequestFinished(
                    t=step * 10_000 + due + 50, request=name, job="j1", status="done", figures=ev.Figures(ttft_ns=due)
                ),
            ]
        events.append(
            ev.StepFinished(
                t=step * 10_000 + 9999,
                job="j1",
                step=step,
                load=ev.OfferedLoad(concurrency=level),
                window_start=step * 10_000,
                window_end=step * 10_000 + 500,
                requests=2,
                token_rate=50.0 * level,
            )
        )
    apply_all(state, events)
    return state


def test_levels_of_a_load_are_compared_one_by_one():
    result = pair_up(samples_of(loaded(1, 4)), samples_of(loaded(4, 8)))
    ((title, first, second),) = [(pair.first.title, pair.first.runs, pair.second.runs) for pair in result.pairs]
    assert title == "short C=4"
    assert [run.step.finished.load.concurrency for run in (*first, *second)] == [4, 4]
    assert first[0].step.ttft.count == 2, "the request after the window stays out"
    assert result.refused == ("only in A: `short C=1`", "only in B: `short C=8`")


def test_differences_are_told_without_what_could_act_on_a_terminal():
    assert unlike({"stop": ["\x1b[2J"]}, {"stop": []}) == 'stop is ["\\u001b[2J"] in A and [] in B'
    assert unlike({"a": 1}, {"a": 1}) is None
