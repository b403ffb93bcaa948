import pytest

from llmtui.events import Usage
from llmtui.metrics.token_count import LONGEST_TOKEN, Arrival, Group, count_tokens, group


def arrivals(*times, characters=4, stated=None):
    return [Arrival(at, characters, False, stated[n] if stated else None) for n, at in enumerate(times)]


def counted(chunks, *, usage=None, tokenizer=None, seconds=1.0):
    notes = []
    return count_tokens(chunks, Usage(completion_tokens=usage), tokenizer, seconds, notes), notes


def test_the_best_basis_that_can_be_wins():
    chunks = arrivals(1, 2, 3)
    assert counted(chunks, usage=5, tokenizer=4) == ((5, "server"), [])
    assert counted(chunks, tokenizer=4) == ((4, "tokenizer"), [])
    assert counted(chunks) == ((3, "chunks"), [])
    assert counted(arrivals(1, 2, 3, stated=[1, 2, 7])) == ((7, "server"), [])


def test_no_text_has_no_count_but_what_the_server_says():
    assert counted([]) == ((None, None), [])
    assert counted([], usage=0) == ((0, "server"), [])
    assert counted([], usage=12) == ((12, "server"), [])
    assert counted([], usage=-1)[0] == (None, None)


def test_the_longest_tokens_are_believed_and_longer_ones_are_not():
    assert counted(arrivals(1, characters=LONGEST_TOKEN), usage=1)[0] == (1, "server")
    (tokens, basis), notes = counted(arrivals(1, characters=LONGEST_TOKEN + 1), usage=1)
    assert (tokens, basis) == (64, "estimated")
    assert len(notes) == 2


@pytest.mark.parametrize(("seconds", "believed"), [(0.001, False), (1.9, False), (2.1, True)])
def test_more_than_a_million_tokens_a_second_are_not_believed(seconds, believed):
    (_, basis), _ = counted(arrivals(1), usage=2_000_000, seconds=seconds)
    assert (basis == "server") is believed


def test_chunks_of_one_moment_are_one_group():
    groups, basis = group(arrivals(1, 1, 2), 3, "server", "stop", [])
    assert (groups, basis) == ([Group(1, 2.0), Group(2, 1.0)], "tokens")


def test_a_total_of_another_basis_leaves_running_counts_alone():
    notes = []
    groups, _ = group(arrivals(1, 2, stated=[5, 10]), 2, "chunks", None, notes)
    assert ([row.tokens for row in groups], notes) == ([1.0, 1.0], [])
    groups, _ = group(arrivals(1, 2, stated=[5, 10]), 10, "server", None, notes)
    assert ([row.tokens for row in groups], notes) == ([5.0, 5.0], [])


def test_fewer_tokens_than_chunks_are_shared_among_them():
    notes = []
    groups, basis = group(arrivals(1, 2, 3, 4), 2, "server", None, notes)
    assert ([row.tokens for row in groups], basis) == ([0.5] * 4, "chunks")
    assert "2 tokens but sent 4 chunks" in notes[0]
