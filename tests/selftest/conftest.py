"""Made-up truth and figures: a request that was sent at a known time, and stamped as late as the test wants."""

from itertools import pairwise

import pytest

from llmtui.events import Figures, RequestFinished, Usage
from llmtui.selftest.pairs import LoggedRequest, Pair
from llmtui.testing.truth_record import TruthRecord

MS = 1_000_000
RECEIVED = 1_000 * MS


def make_pair(
    *,
    model="plain+tokens=10",
    api="openai",
    pieces=tuple((100 + 10 * place, 1, "answer") for place in range(10)),
    late_ns=50_000,
    extra_late=(),
    way_ns=100_000,
    status="done",
    problem_kind=None,
    basis="server",
    mark="[m]",
    due_before_ns=0,
    **changes,
):
    """Return a pair of what was sent at `pieces` (ms, tokens, kind), and figures that are right but for `changes`."""
    sends = tuple((RECEIVED + ms * MS, tokens, kind) for ms, tokens, kind in pieces)
    truth = TruthRecord(
        model=model,
        api=api,
        number=1,
        connection=1,
        mark=mark,
        received_ns=RECEIVED,
        sends=((RECEIVED, 0, "none"), *sends),
        late_ns=0,
        ended_ns=sends[-1][0],
        ending="done",
    )
    late = [*extra_late, *[late_ns] * (len(sends) - len(extra_late))]
    arrivals = tuple(at + add for (at, _, _), add in zip(sends, late, strict=True))
    sent = RECEIVED - way_ns
    first_answer = next((at for at, (_, _, kind) in zip(arrivals, sends, strict=True) if kind == "answer"), None)
    tokens = sum(count for _, count, _ in sends)
    right = {
        "ttft_ns": arrivals[0] - sent,
        "ttft_answer_ns": None if first_answer is None else first_answer - sent,
        "tokens": tokens if basis == "server" else len(sends),
        "tokens_basis": basis,
        "chunks": len(sends),
        "decode_rate": (tokens - sends[0][1]) * 1e9 / (arrivals[-1] - arrivals[0]),
        "itl_p50_ns": 10.0 * MS,
        "itl_max_ns": max(later - earlier for earlier, later in pairwise(arrivals)),
        "server_decode_rate": 100.0 if api == "ollama" else None,
    }
    finished = RequestFinished(
        t=0,
        request="j1.1",
        job="j1",
        status=status,
        problem_kind=problem_kind,
        usage=Usage(completion_tokens=tokens),
        figures=Figures(**{**right, **changes}),
    )
    logged = LoggedRequest(model, mark, False, sent - due_before_ns, sent, arrivals, finished)
    return Pair(truth, logged)


@pytest.fixture
def pair():
    return make_pair
