from llmtui.selftest.cases import STREAMS, all_cases, make_case
from llmtui.testing.truth_scenarios import SCENARIOS, read_scenario


def test_every_scenario_runs_over_every_protocol_in_which_it_has_a_meaning():
    found = {(case.api, read_scenario(case.model).name) for case in all_cases()}
    assert found == {(api, name) for name, traits in SCENARIOS.items() for api in traits.apis if name != "flood"}
    assert len({case.name for case in all_cases()}) == len(all_cases())


def test_what_a_server_leaves_out_or_gets_wrong_is_counted_in_chunks():
    bases = {case.name: case.basis for case in all_cases()}
    in_chunks = {name for name, basis in bases.items() if basis == "chunks"}
    names = {"nousage", "negative", "error", "early_close"}
    assert in_chunks == {f"{api} {name}" for api in ("openai", "ollama") for name in names}


def test_only_answers_that_break_off_have_a_problem():
    assert make_case("openai", "error").problem == "server_error"
    assert make_case("ollama", "early_close").problem == "disconnected"
    assert make_case("openai", "plain").problem is None


def test_bursts_are_long_enough_for_the_bound_of_the_rate():
    scenario = next(read_scenario(case.model) for case in all_cases() if "speculative" in case.name)
    assert 4 / scenario.tokens < 0.01


def test_streams_have_models_of_their_own():
    assert len({case.model for case in STREAMS}) == len(STREAMS)
