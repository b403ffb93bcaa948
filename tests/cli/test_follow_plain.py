import pytest
from support.conversation import MS, header, queued, request

from llmtui import events as ev
from llmtui.cli.follow_plain import (
    EXIT_ALL_SKIPPED,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    follow_plain,
)
from llmtui.log.encode import encode_line

HERE = {"status": "skipped", "reason": "Node.js is not installed"}
BY_USER = {"status": "skipped", "reason": "skipped by the user", "cause": "user"}
DONE = {"status": "done"}
NOT_PASSED = {"status": "done", "passed": False}
OVERHEATED = {"status": "failed", "reason": "too hot", "cause": "overheated"}


@pytest.fixture
def follow(tmp_path):
    """Follow a session whose jobs ended in these ways to its end; return the exit code."""

    def follow(*ends, outcome="completed"):
        events = [header(), *(queued(f"j{n}") for n in range(1, len(ends) + 1))]
        for n, end in enumerate(ends, start=1):
            events.append(ev.JobStarted(t=n * 1000 * MS, job=f"j{n}"))
            if end["status"] == "done":
                events += request(f"j{n}.1", job=f"j{n}", start=n * 1000 * MS)
            events.append(ev.JobFinished(t=(n * 1000 + 500) * MS, job=f"j{n}", **end))
        events.append(ev.SessionFinished(t=99_000 * MS, outcome=outcome))
        path = tmp_path / "20261121-100000-ended-0001.jsonl"
        path.write_bytes(b"".join(map(encode_line, events)))
        return follow_plain(path)

    return follow


@pytest.mark.parametrize("ends", [[HERE], [HERE, HERE], [HERE, BY_USER]])
def test_a_run_of_which_nothing_could_be_run_says_so(follow, capsys, ends):
    assert follow(*ends) == EXIT_ALL_SKIPPED
    assert "Node.js is not installed" in capsys.readouterr().out


@pytest.mark.parametrize("ends", [[], [DONE], [HERE, DONE], [BY_USER], [BY_USER, DONE]])
def test_a_run_that_measured_something_or_was_skipped_by_the_user_is_a_success(follow, ends):
    assert follow(*ends) == 0


@pytest.mark.parametrize(
    ("ends", "outcome", "code"),
    [
        ([HERE, NOT_PASSED], "completed", EXIT_FAILED),
        ([BY_USER, OVERHEATED], "completed", 3),
        ([HERE], "stopped", EXIT_INTERRUPTED),
        ([HERE], "failed", EXIT_FAILED),
    ],
)
def test_what_went_wrong_otherwise_goes_before(follow, ends, outcome, code):
    assert follow(*ends, outcome=outcome) == code
