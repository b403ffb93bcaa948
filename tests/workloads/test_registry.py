import subprocess
import sys

from llmtui.refactoring.toolchain import FIX
from llmtui.suites.schema import AnyWorkload, Refactor
from llmtui.workloads.registry import _WORKLOADS, workload_for


class Bench:
    """All that a workload may call before its server is there."""

    async def apart(self, work):
        return work()


def spec_of(kind):
    return kind(**({"prompts": ("x",)} if "prompts" in kind.__struct_fields__ else {}))


def test_every_kind_of_the_schema_has_a_workload():
    assert set(_WORKLOADS) == set(AnyWorkload.__args__)
    for spec in map(spec_of, _WORKLOADS):
        assert callable(workload_for(spec).run)
        assert workload_for(spec) is workload_for(spec)


async def test_every_workload_says_beforehand_whether_it_can_be_run_here():
    """No compiler is installed in the folder of the tests, so one of them can't."""
    reasons = {kind: await workload_for(spec_of(kind)).unfit(spec_of(kind), Bench()) for kind in _WORKLOADS}
    assert {kind for kind, reason in reasons.items() if reason is not None} == {Refactor}
    assert FIX in reasons[Refactor] or "pip install" in reasons[Refactor]


def test_a_run_loads_only_the_workloads_that_it_needs():
    code = (
        "import sys, llmtui.engine.process, llmtui.suites.schema as s, llmtui.workloads.registry as r; "
        "r.workload_for(s.Generate(prompts=('x',))); "
        "print([m for m in ('load', 'stress', 'generate') if f'llmtui.workloads.{m}' in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "['generate']"
