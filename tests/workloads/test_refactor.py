import json
import sys
from pathlib import Path

import pytest

from llmtui.events import Figures
from llmtui.refactoring.fixtures import FIXTURES, fixture_of
from llmtui.refactoring.toolchain import PACKAGES, pinned_versions
from llmtui.suites.kinds.refactor import Refactor
from llmtui.workloads.base import Generation
from llmtui.workloads.refactor import RefactorWorkload
from llmtui.workloads.registry import workload_for

BY_PROMPT = {fixture_of(name).prompt: fixture_of(name) for name in FIXTURES}


class Bench:
    """Answers each prompt as `script` says: "expected", "input", "prose", "cut", or the kind of a problem."""

    def __init__(self, script):
        self.script = script
        self.sent = []
        self.scores = []
        self.told = []

    async def apart(self, work):
        return work()

    async def generate(self, messages, **options):
        self.sent.append((messages, options))
        fixture = BY_PROMPT[messages[-1][1]]
        said = self.script(fixture.name)
        texts = {"expected": fixture.expected, "cut": fixture.expected, "input": fixture.input}
        problem = said if said not in {*texts, "prose"} else None
        return Generation(
            status="failed" if problem else "done",
            text=f"```vue\n{texts[said]}```" if said in texts else "Sorry.",
            reasoning="",
            figures=Figures(),
            request=f"j1.{len(self.sent)}",
            finish_reason="length" if said == "cut" else "stop",
            problem=problem and f"it was {problem}",
            problem_kind=problem,
        )

    def answer_scored(self, request, **score):
        self.scores.append((request, score))

    def progress(self, phase, done, total, note=None):
        self.told.append((phase, done, total))


@pytest.fixture
def run(tmp_path):
    """Run the workload with a compiler that finds an error unless the script has `lang="ts"`."""
    folder = tmp_path / "tools"
    for package, version in pinned_versions().items():
        manifest = folder / "node_modules" / package / "package.json"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(json.dumps({"version": version}))
    node = tmp_path / "node"
    node.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\n"
        "if '--version' in sys.argv: sys.exit(print('v22.0.0'))\n"
        "if 'lang=\"ts\"' not in pathlib.Path('component.vue').read_text():\n"
        "    print('component.vue(1,1): error TS7006: no types')\n    sys.exit(2)\n"
    )
    node.chmod(0o755)

    async def run(script, *, has_node=True, **spec):
        bench = Bench(script)
        return bench, await workload(has_node=has_node).run(Refactor(**spec), bench)

    def workload(*, has_node):
        return RefactorWorkload(lambda: folder, str(node if has_node else tmp_path / "nowhere"), tmp_path)

    run.workload = workload
    run.folder = folder
    return run


def expected(_name):
    return "expected"


async def test_each_component_is_asked_for_once_and_its_answer_logged(run):
    bench, outcome = await run(expected, system="be exact")
    assert (outcome.status, outcome.passed) == ("done", True)
    assert [messages for messages, _ in bench.sent] == [(("system", "be exact"), ("user", each)) for each in BY_PROMPT]
    assert [request for request, _ in bench.scores] == ["j1.1", "j1.2", "j1.3"]
    assert [score["task"] for _, score in bench.scores] == list(FIXTURES)
    for _, score in bench.scores:
        assert (score["score"], score["passed"], score["detail"]) == (1, True, "structure 10 of 10; compiles")
        assert (score["parts"]["structure"], score["parts"]["compiles"]) == (10, 1)
    assert bench.told[-1] == ("measuring", 3, 3)


async def test_components_are_asked_for_in_the_same_way_each_time(run):
    bench, _ = await run(expected, quick=True)
    (options,) = [options for _, options in bench.sent]
    assert (options["temperature"], options["seed"]) == (0.0, 42)
    assert not options.get("unique")


async def test_a_quick_run_asks_for_the_first_component_alone(run):
    bench, _ = await run(expected, quick=True, fixtures=("task-list", "order-table"))
    assert [score["task"] for _, score in bench.scores] == ["task-list"]
    assert Refactor(quick=True).planned_requests == 1
    assert Refactor().planned_requests == 3


@pytest.mark.parametrize(("mark", "passed"), [(100, False), (7, False), (5, True), (0, True)])
async def test_a_component_below_the_pass_mark_fails_the_job(run, mark, passed):
    bench, outcome = await run(
        lambda name: "input" if name == "step-counter" else "expected",
        fixtures=("task-list", "step-counter"),
        pass_mark=mark,
    )
    assert [score["score"] for _, score in bench.scores] == [1, pytest.approx(0.06)]
    assert (outcome.status, outcome.passed) == ("done", passed)
    detail = bench.scores[1][1]["detail"]
    assert "line 1: no types (TS7006)" in detail
    kept = detail.partition("files kept in ")[2].partition(")")[0]
    assert (Path(kept) / "component.vue").is_file()


async def test_an_answer_without_a_component_is_scored_as_it_is(run):
    bench, outcome = await run(lambda _name: "prose", quick=True)
    assert (outcome.status, outcome.passed) == ("done", False)
    ((_, score),) = bench.scores
    assert (score["score"], score["parts"]["compiles"]) == (0, 0)
    assert "no component" in score["detail"]


async def test_an_answer_that_was_cut_off_says_so(run):
    bench, _ = await run(lambda _name: "cut", quick=True)
    assert bench.scores[0][1]["detail"].endswith("; the answer was cut off at max_tokens")


async def test_without_node_the_job_is_skipped_before_anything_is_asked(run):
    bench, outcome = await run(expected, has_node=False)
    assert (outcome.status, outcome.passed, bench.sent) == ("skipped", None, [])
    assert outcome.reason == (
        "Node.js is not installed; install version 20 or newer, then run: llmtui doctor --fix refactor; "
        "or leave it out by --set compiler=none"
    )


async def test_what_is_missing_is_known_before_the_job_begins(run):
    bench = Bench(expected)
    assert await run.workload(has_node=True).unfit(Refactor(), bench) is None
    assert "Node.js is not installed" in await run.workload(has_node=False).unfit(Refactor(), bench)
    assert await run.workload(has_node=False).unfit(Refactor(compiler="none"), bench) is None
    assert bench.sent == []


async def test_without_the_compiler_the_job_is_skipped_too(run):
    (run.folder / "node_modules" / PACKAGES[0] / "package.json").unlink()
    bench, outcome = await run(expected)
    assert (outcome.status, bench.sent) == ("skipped", [])
    assert "vue-tsc is not installed" in outcome.reason


async def test_the_structure_alone_needs_no_node(run):
    bench, outcome = await run(expected, has_node=False, compiler="none")
    assert (outcome.status, outcome.passed) == ("done", True)
    assert all("compiles" not in score["parts"] for _, score in bench.scores)


async def test_a_request_without_an_answer_leaves_no_verdict(run):
    bench, outcome = await run(lambda name: "truncated" if name == "task-list" else "expected")
    assert (outcome.status, outcome.passed) == ("failed", None)
    assert outcome.reason == "it was truncated (1 of 3 components got no answer)"
    assert len(bench.scores) == 2


async def test_what_every_request_would_meet_ends_it(run):
    bench, outcome = await run(lambda _name: "no_model")
    assert (outcome.status, len(bench.sent), bench.scores) == ("failed", 1, [])


def test_the_registry_has_it():
    assert type(workload_for(Refactor())) is RefactorWorkload
