"""A command whose only job can't be run on this machine, as a person without Node.js sees it."""

import pytest

from llmtui import events as ev
from llmtui.log.read import read_log

pytestmark = pytest.mark.embedded


def test_a_run_that_can_not_be_judged_here_ends_at_once_with_a_code_of_its_own(llmtui):
    result = llmtui("run", "refactor", "--plain")
    assert result.returncode == 6, result.stdout + result.stderr
    assert "skipped" in result.stdout
    assert "llmtui doctor --fix refactor" in result.stdout or "pip install" in result.stdout
    told = {type(event) for event in read_log(llmtui.log()).events}
    assert ev.JobFinished in told
    assert not told & {ev.ServerStarted, ev.ModelLoaded, ev.RequestStarted}
