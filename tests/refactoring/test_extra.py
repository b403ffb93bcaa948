"""Without the extra `refactor` everything else works, and the workload says what is missing."""

import subprocess
import sys

WITHOUT = "import sys; sys.modules['tree_sitter'] = None\n"
RUN = """
import asyncio
from llmtui.suites.schema import Refactor
from llmtui.workloads.registry import workload_for
outcome = asyncio.run(workload_for(Refactor(compiler="none")).run(Refactor(compiler="none"), None))
print(outcome.status, outcome.reason)
"""


def printed(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100).stdout


def test_the_job_is_skipped_and_says_what_to_install():
    told = printed(WITHOUT + RUN)
    assert told == "skipped the parser of TypeScript is not installed; run: pip install 'llmtui[refactor]'\n"


def test_the_doctor_says_so_too():
    told = printed(f"{WITHOUT}from llmtui.cli.doctor_refactor import readiness\nprint(readiness())")
    assert told.startswith("refactor: not ready, the parser of TypeScript is not installed; ")


def test_a_summary_and_a_suite_need_no_parser():
    code = (
        "import sys, llmtui.engine.process, llmtui.summaries.refactor, llmtui.workloads.refactor, llmtui.cli.doctor\n"
        "print([name for name in sys.modules if name.startswith('tree_sitter')])"
    )
    assert printed(code) == "[]\n"
    assert printed("import sys, llmtui.refactoring.scoring; print('tree_sitter' in sys.modules)") == "True\n"
