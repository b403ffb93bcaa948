import pytest

from llmtui.metrics.advice import Candidate, cost_benefit, efficiency, recommendations
from llmtui.metrics.inference.intervals import Interval
from llmtui.metrics.ratings import Rating

GOOD, POOR, FAILED, UNKNOWN = (Rating(level, "its reason") for level in ("good", "poor", "failed", None))
KINDS = ("interactive", "long_context", "batch", "quality")


def model(name, ratings=GOOD, right=None, memory_of="server", **figures):
    ratings = ratings if isinstance(ratings, dict) else dict.fromkeys(KINDS, ratings)
    return Candidate(name, figures, {}, ratings, right, memory_of)


def advice(*models):
    return {found.use: found for found in recommendations(models)}


def test_the_efficiency_is_rate_by_context_by_memory():
    assert efficiency(model("a", decode_rate=20.0, usable_context=4096.0, memory=2e9)) == pytest.approx(20 * 4096 / 2)


@pytest.mark.parametrize("absent", ["decode_rate", "usable_context", "memory"])
def test_without_one_of_its_figures_there_is_no_efficiency(absent):
    figures = {"decode_rate": 20.0, "usable_context": 4096.0, "memory": 2e9}
    del figures[absent]
    assert efficiency(model("a", **figures)) is None
    assert efficiency(model("a", **{**figures, "memory": 0.0})) is None


def test_the_best_cost_benefit_is_100_and_the_others_are_shares_of_it():
    small = model("small", right_share=50.0, decode_rate=40.0, memory=1e9)
    large = model("large", right_share=90.0, decode_rate=10.0, memory=4e9)
    assert cost_benefit([small, large]) == {"small": 100.0, "large": pytest.approx(11.25)}


@pytest.mark.parametrize(
    ("models", "reason"),
    [
        ([model("a", right_share=50.0, decode_rate=4.0, memory=1e9)], "needs two"),
        ([model("a", right_share=50.0, decode_rate=4.0, memory=1e9), model("b")], "needs two"),
        (
            [
                model("a", right_share=50.0, decode_rate=4.0, memory=1e9),
                model("b", right_share=50.0, decode_rate=4.0, memory=1e9, memory_of="machine"),
            ],
            "not that of the same thing",
        ),
        ([model(name, right_share=0.0, decode_rate=4.0, memory=1e9) for name in "ab"], "right answer"),
    ],
)
def test_what_can_not_be_compared_has_no_cost_benefit(models, reason):
    assert reason in str(cost_benefit(models)["a"])


def test_a_model_without_a_figure_has_the_reason_in_its_place():
    benefits = cost_benefit([model("a", right_share=50.0, memory=1e9), model("b", decode_rate=1.0)])
    assert benefits == {"a": "tokens/s: not measured", "b": "right answers: not measured"}


def test_each_use_has_the_model_whose_figure_is_greatest():
    quick = model(
        "quick",
        interactive_rate=40.0,
        usable_context=4096.0,
        documents_hour=90.0,
        right_share=50.0,
        decode_rate=40.0,
        memory=1e9,
    )
    wise = model(
        "wise",
        interactive_rate=10.0,
        usable_context=32768.0,
        documents_hour=20.0,
        right_share=90.0,
        decode_rate=10.0,
        memory=4e9,
    )
    found = advice(quick, wise)
    chosen = {use: each.model for use, each in found.items()}
    assert chosen == {
        "interactive": "quick", "long context": "wise", "batch": "quick", "accuracy-critical": "wise", "overall": "quick",
    }  # fmt: skip
    assert found["interactive"].reason == (
        "40.0 tokens/s while somebody reads along, rated good; next is wise with 10.0"
    )
    assert found["overall"].reason == "100 points of cost-benefit; next is wise with 11.2"


def test_a_model_that_was_not_measured_is_never_recommended():
    found = advice(model("measured", interactive_rate=1.0), model("unknown", ratings={}))
    assert found["interactive"].model == "measured"
    assert found["interactive"].others == ("unknown: not considered, not measured",)
    nobody = advice(model("unknown", ratings={}))
    assert [each.model for each in nobody.values()] == [None] * 5
    assert [use for use, each in nobody.items() if each.measured] == ["overall"]
    assert nobody["batch"].reason == "llmtui run batch"
    assert advice()["interactive"].model is None


@pytest.mark.parametrize("rating", [POOR, FAILED, UNKNOWN])
def test_a_model_that_is_not_fit_is_not_recommended_however_fast(rating):
    found = advice(model("fast", rating, documents_hour=1e6), model("fit", documents_hour=1.0))
    assert found["batch"].model == "fit"
    assert found["batch"].others[0].startswith("fast: ")
    assert "its reason" in found["batch"].others[0]
    alone = advice(model("fast", rating, documents_hour=1e6))["batch"]
    assert (alone.model, alone.measured) == (None, True)


def test_of_equal_ones_the_second_figure_decides():
    slow = model("slow", usable_context=8192.0, loading_s=40.0)
    fast = model("fast", usable_context=8192.0, loading_s=4.0)
    found = advice(slow, fast)["long context"]
    assert found.model == "fast"
    assert found.reason.endswith("next is slow with 8192, which has the greater loading of the largest usable context")


@pytest.mark.parametrize(("low", "told"), [(70.0, True), (86.0, False)])
def test_right_answers_that_may_be_chance_say_so(low, told):
    one = model("one", right_share=90.0, right=Interval(low, 97.0, 0.95))
    other = model("other", right_share=80.0, right=Interval(65.0, 85.0, 0.95))
    assert ("show no difference" in advice(one, other)["accuracy-critical"].reason) is told
