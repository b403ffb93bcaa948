from llmtui.selftest.rows import (
    earliest,
    gaps,
    late,
    longest_gap,
    stamps,
    ttft_errors,
    word,
    worst_rate,
    worst_time,
    worst_ttft,
)

MS = 1_000_000


def test_a_percentile_of_errors():
    row = late("x", "stamp p50", [1.0, 2.0, 3.0], 2, 50)
    assert (row.error, row.verdict) == (2.0, "ok")
    assert late("x", "stamp p50", [1.0, 2.1, 3.0], 2, 50).verdict == "FAILED"
    assert late("x", "stamp max", [1.0, 99.0], None, 100).verdict == "ok"


def test_without_values_there_is_nothing_to_pass():
    row = late("x", "stamp p99", [], 2, 99)
    assert (row.error, row.verdict, row.timing) == (None, "FAILED", False)


def test_the_earliest_of_errors():
    assert earliest("x", "stamp earliest", [5.0, 3.0], 2).error == 0
    assert earliest("x", "stamp earliest", [5.0, -1.5, -1.0], 2).error == 1.5
    assert earliest("x", "stamp earliest", [5.0, -2.5], 2).verdict == "FAILED"
    assert earliest("x", "stamp earliest", [], 2).verdict == "FAILED"


def test_words_and_counts():
    assert word("x", "requests", 2, 2).verdict == "ok"
    assert word("x", "requests", 2, 3).verdict == "FAILED"
    assert not word("x", "requests", 2, 3).timing


def test_a_missing_figure_is_the_worst(pair):
    row = worst_ttft("x", "TTFT", [pair(ttft_ns=900 * MS), pair(ttft_ns=None), pair()], MS)
    assert (row.measured, row.error, row.verdict, row.timing) == (None, None, "FAILED", False)
    assert worst_rate("x", [pair(decode_rate=None), pair(decode_rate=3.0)], 1.0).measured is None


def test_a_figure_where_the_truth_has_none_fails(pair):
    row = worst_time([pair()], lambda _pair: None, lambda figures: figures.ttft_ns, MS)
    assert row.verdict == "FAILED"


def test_strain_is_a_share_of_the_bound(pair):
    row = worst_ttft("x", "TTFT", [pair(ttft_ns=100 * MS + 500_000)], MS)
    assert row.strain == 0.5
    assert word("x", "requests", 2, 3).strain == 0


def test_what_all_pairs_give(pair):
    pairs = [pair(late_ns=10_000), pair(late_ns=20_000, ttft_ns=None)]
    assert sorted(set(stamps(pairs))) == [10_000, 20_000]
    assert len(gaps(pairs)) == 18
    assert len(ttft_errors(pairs)) == 1
    assert longest_gap(pairs[0]) == 10 * MS
