import subprocess
import sys

from llmtui.suites.schema import AnyWorkload
from llmtui.workloads.registry import _WORKLOADS, workload_for


def test_every_kind_of_the_schema_has_a_workload():
    assert set(_WORKLOADS) == set(AnyWorkload.__args__)
    for kind in _WORKLOADS:
        spec = kind(**({"prompts": ("x",)} if "prompts" in kind.__struct_fields__ else {}))
        assert callable(workload_for(spec).run)
        assert workload_for(spec) is workload_for(spec)


def test_a_run_loads_only_the_workloads_that_it_needs():
    code = (
        "import sys, llmtui.engine.process, llmtui.suites.schema as s, llmtui.workloads.registry as r; "
        "r.workload_for(s.Generate(prompts=('x',))); "
        "print([m for m in ('load', 'stress', 'generate') if f'llmtui.workloads.{m}' in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "['generate']"
