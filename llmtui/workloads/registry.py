"""Which workload runs which part of a suite; each is loaded when it is first needed."""

from functools import cache
from importlib import import_module
from typing import Any

from llmtui.suites.kinds.comparing import CompareModels
from llmtui.suites.kinds.everyday import Batch, Consistency, Interactive, Student
from llmtui.suites.schema import Generate, Load, LongContext, Quality, Refactor, Report, Stress, Sweep, Watch
from llmtui.suites.schema import Workload as WorkloadSpec
from llmtui.workloads.base import Workload

_WORKLOADS: dict[type[WorkloadSpec], tuple[str, str]] = {
    Generate: ("generate", "GenerateWorkload"),
    Load: ("load", "LoadWorkload"),
    LongContext: ("long_context", "LongContextWorkload"),
    Stress: ("stress", "StressWorkload"),
    Quality: ("quality", "QualityWorkload"),
    CompareModels: ("compare_models", "CompareModelsWorkload"),
    Refactor: ("refactor", "RefactorWorkload"),
    Report: ("report", "ReportWorkload"),
    Sweep: ("sweep", "SweepWorkload"),
    Student: ("student", "StudentWorkload"),
    Interactive: ("interactive", "InteractiveWorkload"),
    Batch: ("batch", "BatchWorkload"),
    Consistency: ("consistency", "ConsistencyWorkload"),
    Watch: ("watch", "WatchWorkload"),
}
"""The module of each kind in this package, and the class in it."""


def workload_for(spec: WorkloadSpec) -> Workload[Any]:
    """Return the workload that runs `spec`; every kind of the schema has one."""
    return _loaded(type(spec))


@cache
def _loaded(kind: type[WorkloadSpec]) -> Workload[Any]:
    module, name = _WORKLOADS[kind]
    workload: Workload[Any] = getattr(import_module(f"llmtui.workloads.{module}"), name)()
    return workload
