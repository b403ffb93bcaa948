"""Which workload runs which part of a suite."""

from typing import Any

from llmtui.suites.schema import Generate, Load, Stress, Watch
from llmtui.suites.schema import Workload as WorkloadSpec
from llmtui.workloads.base import Workload
from llmtui.workloads.generate import GenerateWorkload
from llmtui.workloads.load import LoadWorkload
from llmtui.workloads.stress import StressWorkload
from llmtui.workloads.watch import WatchWorkload

_WORKLOADS: dict[type[WorkloadSpec], Workload[Any]] = {
    Generate: GenerateWorkload(),
    Load: LoadWorkload(),
    Stress: StressWorkload(),
    Watch: WatchWorkload(),
}


def workload_for(spec: WorkloadSpec) -> Workload[Any]:
    """Return the workload that runs `spec`; every kind of the schema has one."""
    return _WORKLOADS[type(spec)]
