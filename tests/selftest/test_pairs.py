import msgspec
from support.conversation import header

from llmtui.events import Figures, RequestFinished, RequestSent, RequestStarted, TokensReceived
from llmtui.selftest.pairs import join, read_requests

MS = 1_000_000
ORIGIN = 5_000 * MS


def events(name="j1.1", *, mark="[a]", model="plain", sent=20 * MS, offsets=(1000, 2000, 3500), warmup=False):
    text = f"{mark}\nhello"
    return [
        RequestStarted(t=sent - MS, request=name, job="j1", model=model, messages=(("user", text),), warmup=warmup),
        RequestSent(t=sent, request=name),
        TokensReceived(t=0, request=name, offsets_us=offsets[:2], texts=("a", "b")),
        TokensReceived(t=0, request=name, offsets_us=offsets[2:], texts=("c",)),
        RequestFinished(t=0, request=name, job="j1", status="done", warmup=warmup, figures=Figures(chunks=3)),
    ]


def test_moments_of_the_log_become_moments_of_the_clock():
    (request,) = read_requests([header(origin_ns=ORIGIN), *events()])
    assert request.sent_ns == ORIGIN + 20 * MS
    assert request.due_ns == ORIGIN + 19 * MS
    assert request.arrivals == tuple(ORIGIN + 20 * MS + offset for offset in (1 * MS, 2 * MS, 3_500_000))
    assert (request.mark, request.model, request.warmup) == ("[a]", "plain", False)


def test_a_request_that_was_never_sent_or_never_ended_is_left_out():
    started, _sent, _one, _two, finished = events()
    assert read_requests([header(), started, finished]) == []
    assert read_requests([header(), *events()[:-1]]) == []


def test_requests_find_their_own_truth(pair):
    logged = read_requests([header(), *events("j1.1", mark="[a]"), *events("j1.2", mark="[b]")])
    records = [pair(model="plain", mark=mark).truth for mark in ("[b]", "[a]", "[c]")]
    pairs = join(logged, records)
    assert [(found.logged.mark, found.truth.mark) for found in pairs] == [("[a]", "[a]"), ("[b]", "[b]")]
    assert join(logged, [pair(model="other", mark="[a]").truth]) == []


def test_errors_are_differences_of_arrivals_and_sends(pair):
    found = pair(late_ns=50_000, extra_late=(70_000, 40_000))
    assert found.stamp_errors == [70_000, 40_000, *[50_000] * 8]
    assert found.gap_errors == [30_000, 10_000, *[0] * 7]


def test_chunks_that_do_not_match_the_pieces_have_no_errors(pair):
    found = pair()
    short = found._replace(logged=found.logged._replace(arrivals=found.logged.arrivals[:-1]))
    assert short.stamp_errors is None
    assert short.gap_errors == []


def test_the_true_figures(pair):
    found = pair(pieces=((100, 2, "reasoning"), (120, 4, "answer"), (140, 4, "answer")))
    assert found.true_ttft_ns == 100 * MS
    assert found.true_ttft_answer_ns == 120 * MS
    assert found.true_rate == 8 / 0.04
    assert found.true_tokens == 10
    assert found.true_gaps == [5 * MS] * 8


def test_one_piece_has_no_rate_and_no_gaps(pair):
    found = pair()
    alone = found._replace(truth=msgspec.structs.replace(found.truth, sends=found.truth.sends[:2]))
    assert alone.true_rate is None
    assert alone.true_gaps == []
    nothing = found._replace(truth=msgspec.structs.replace(found.truth, sends=()))
    assert nothing.true_rate is nothing.true_ttft_ns is nothing.true_ttft_answer_ns is None


def test_a_send_that_was_interrupted_left_within_its_time(pair):
    found = pair(late_ns=50_000, extra_late=(50_000, 3_000_000, 50_000))
    # Its place among all sends, of which the first holds no text.
    sure = found._replace(truth=msgspec.structs.replace(found.truth, interrupted=((2, 2_900_000),)))
    assert found.stamp_errors[:3] == [50_000, 3_000_000, 50_000]
    assert sure.stamp_errors[:3] == [50_000, 100_000, 50_000]
    longer = found._replace(truth=msgspec.structs.replace(found.truth, interrupted=((2, 9_000_000),)))
    assert longer.stamp_errors[1] == 0
    assert (found.doubt_ns(), sure.doubt_ns(), sure.doubt_ns("reasoning")) == (0, 0, 0)


def test_the_first_piece_in_doubt_puts_ttft_in_doubt(pair):
    found = pair(late_ns=3_000_000)
    assert found.ttft_error_ns == 3_100_000
    doubted = found._replace(truth=msgspec.structs.replace(found.truth, interrupted=((1, 2_500_000),)))
    assert doubted.ttft_error_ns == 600_000
    assert doubted.doubt_ns("answer") == 2_500_000
    early = pair(ttft_ns=99 * MS)
    assert early._replace(truth=doubted.truth).ttft_error_ns == -1 * MS


def test_a_rate_is_held_against_the_time_in_which_first_and_last_piece_really_left(pair):
    # Nine tokens in 90 ms, of which the last one comes 10 ms late: 90 rather than 100 tok/s.
    slow = pair(pieces=tuple((100 + 10 * place, 1, "answer") for place in range(10)), decode_rate=90.0)
    assert slow.rate_error == 10.0

    def doubted(place, took_ns):
        truth = msgspec.structs.replace(slow.truth, interrupted=((place, took_ns),))
        return slow._replace(truth=truth).rate_error

    assert doubted(10, 10 * MS) == 0, "the last may have left up to 10 ms later"
    assert round(doubted(10, 5 * MS), 3) == round((9 / 0.095 - 90.0), 3)
    assert doubted(1, 10 * MS) == 10.0, "a first one that left later makes the rate higher, not lower"
    assert doubted(5, 10 * MS) == 10.0, "one in the middle changes nothing"
    fast = pair(decode_rate=112.5)
    truth = msgspec.structs.replace(fast.truth, interrupted=((1, 10 * MS),))
    assert (fast.rate_error, fast._replace(truth=truth).rate_error) == (12.5, 0)
    assert pair(decode_rate=None).rate_error is None
