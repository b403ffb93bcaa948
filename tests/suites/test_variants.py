import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.documents import DocumentError
from llmtui.suites.schema import Generate, Limits, Load, Slo, Variant, Watch
from llmtui.suites.variants import balanced_order, fits, varied


def test_a_variant_changes_what_it_sets_and_nothing_else():
    spec = Load(prompts=("hi",), concurrency=(1, 2), slo=Slo(ttft_ms=5), name="chat")
    changed = varied(spec, Variant(name="v", set={"max_tokens": 7, "slo.ttft_ms": 9}))
    assert changed == Load(prompts=("hi",), concurrency=(1, 2), slo=Slo(ttft_ms=9), name="chat", max_tokens=7)
    assert varied(spec, Variant(name="same")) == spec


def test_options_of_a_backend_can_be_set_one_by_one():
    spec = Generate(prompts=("hi",), options={"num_ctx": 512})
    assert varied(spec, Variant(name="v", set={"options.num_gpu": 0})).options == {"num_ctx": 512, "num_gpu": 0}


def test_a_key_that_a_workload_does_not_have_is_for_others():
    watch = Watch(duration_s=3)
    variant = Variant(name="v", set={"max_tokens": 7})
    assert varied(watch, variant) == watch
    assert not fits(watch, "max_tokens")
    assert fits(watch, "duration_s")
    assert fits(Generate(prompts=()), "options.num_gpu")
    assert not hasattr(Limits, "max_tokens")


def test_a_value_of_the_wrong_kind_names_its_variant():
    with pytest.raises(DocumentError, match=r"^variant `long`: `max_tokens`: expected a whole number, got a text"):
        varied(Generate(prompts=("hi",)), Variant(name="long", set={"max_tokens": "many"}))
    with pytest.raises(DocumentError, match=r"^variant `long`: there is nothing at `x`"):
        varied(Generate(prompts=("hi",)), Variant(name="long", set={"prompts.x": "many"}))


def drift_of(order, count, rate):
    """What each variant of the same speed seems to cost on a machine that slows down by `rate` from run to run."""
    costs = [0.0] * count
    for place, variant in enumerate(turn for turns in order for turn in turns):
        costs[variant] += 100 + rate * place
    return costs


@given(st.integers(1, 10), st.integers(), st.floats(-5, 5))
def test_two_variants_go_so_that_a_linear_drift_cancels(pairs, seed, rate):
    order = balanced_order(2, 2 * pairs, seed)
    first, second = drift_of(order, 2, rate)
    assert first == pytest.approx(second)
    for place in range(0, len(order), 2):
        assert order[place] == order[place + 1][::-1], "ABBA or BAAB"


def test_a_fixed_order_would_not_cancel_it():
    first, second = drift_of([[0, 1]] * 4, 2, 1.0)
    assert second - first == 4.0


@given(st.integers(3, 7), st.integers(1, 4), st.integers())
def test_each_of_several_variants_stands_once_at_each_place(count, squares, seed):
    order = balanced_order(count, count * squares, seed)
    assert len(order) == count * squares
    for start in range(0, len(order), count):
        rows = order[start : start + count]
        assert all(sorted(row) == list(range(count)) for row in rows)
        assert all(sorted(column) == list(range(count)) for column in zip(*rows, strict=True))


@given(st.integers(1, 6), st.integers(0, 9), st.integers())
def test_the_same_seed_gives_the_same_order_for_any_number_of_rounds(count, rounds, seed):
    order = balanced_order(count, rounds, seed)
    assert order == balanced_order(count, rounds, seed) == balanced_order(count, rounds + 5, seed)[:rounds]
    assert all(sorted(turns) == list(range(count)) for turns in order)


@pytest.mark.parametrize("count", [2, 3])
def test_who_goes_first_is_drawn(count):
    firsts = {balanced_order(count, 1, seed)[0][0] for seed in range(40)}
    assert firsts == set(range(count))
    blocks = {tuple(map(tuple, balanced_order(count, 20, seed))) for seed in range(20)}
    assert len(blocks) > 1
