"""Runs llmtui and its peers against the known-truth server, one after the other, and prints them side by side.

Run by `make bench-peers`; name tools to run only those: `make bench-peers ARGS="llmtui servebench"`. The first run of a
tool installs it under the user's cache. Figures are of this machine and this moment.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from llmtui.places import cache_folder
from llmtui.selftest.children import SelftestError, truth_server
from llmtui.testing.truth_record import read_truth
from peers import aiperf, guidellm, homebench, llama_benchy, llmtui_itself, ollama_profiler, servebench
from peers.cost import Cost, run_measured
from peers.install import programs_of, size_of
from peers.shape import CASES, REQUESTS, Case, Order, Peer, PeerError, true_figures
from peers.table import Install, Outcome, render

PEERS = tuple(
    module.PEER for module in (llmtui_itself, servebench, llama_benchy, homebench, ollama_profiler, aiperf, guidellm)
)
LIMIT_S = 180.0
LONGER = 4
"""A run of so many times the requests shows what one more costs, without the start of the program."""


def main(names: Sequence[str]) -> int:
    """Run the tools that were named, or all. Returns 2 for a name that is none, 1 when llmtui itself failed."""
    unknown = sorted(set(names) - {peer.name for peer in PEERS})
    if unknown:
        print(
            f"no such tool: {', '.join(unknown)}; there are {', '.join(peer.name for peer in PEERS)}", file=sys.stderr
        )
        return 2
    installs: list[Install] = []
    outcomes: list[Outcome] = []
    for peer in PEERS:
        if names and peer.name not in names:
            continue
        install, found = run_peer(peer, cache_folder())
        installs.append(install)
        outcomes += found
    print(render(installs, outcomes))
    problems = [*((row.peer, row.problem) for row in installs), *((row.peer, row.problem) for row in outcomes)]
    return int(any(peer == "llmtui" and problem for peer, problem in problems))


def run_peer(peer: Peer, cache: Path) -> tuple[Install, list[Outcome]]:
    """Install a peer and run it in each case that it has a protocol for. Its troubles are in what is returned."""
    print(f"{peer.name} ...", file=sys.stderr, flush=True)
    try:
        programs = programs_of(peer, cache)
    except PeerError as error:
        return Install(peer.name, None, {}, str(error)), []
    outcomes = []
    for case in (case for case in CASES if case.api in peer.apis):
        print(f"  {case.title}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="llmtui-peer-") as folder:
            outcomes.append(run_case(peer, case, programs, Path(folder)))
        if case.scenario == "plain" and not outcomes[-1].problem:
            with tempfile.TemporaryDirectory(prefix="llmtui-peer-") as folder:
                longer = run_case(peer, case, programs, Path(folder), LONGER * REQUESTS)
            outcomes[-1] = outcomes[-1]._replace(further_s=cpu_of_further(outcomes[-1], longer))
    return Install(peer.name, size_of(programs), dict(peer.silent)), outcomes


def cpu_of_further(outcome: Outcome, longer: Outcome) -> float | None:
    """Return the CPU seconds of one more request, from two runs of which one is longer; None where one failed."""
    if outcome.cpu_s is None or longer.cpu_s is None or longer.requests <= outcome.requests:
        return None
    return (longer.cpu_s - outcome.cpu_s) / (longer.requests - outcome.requests)


def run_case(peer: Peer, case: Case, programs: Path, folder: Path, requests: int = REQUESTS) -> Outcome:
    """Run a peer once against a server of its own."""
    try:
        with truth_server(folder, [case.model]) as server:
            order = Order(case, server.urls[case.api], programs, folder, requests)
            peer.prepare(order)
            cost = run_measured(peer.command(order), environ_of(peer, order), folder, LIMIT_S)
        records = [record for record in read_truth(server.file) if record.model.partition(":")[0] == case.model]
        _require_whole_run(cost, len(records), requests, folder)
        reported = peer.read(order)
    except (PeerError, SelftestError, OSError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        known = isinstance(error, PeerError | SelftestError)
        problem = str(error) if known else f"its result is not as expected: {type(error).__name__}: {error}"
        return Outcome(peer.name, case, problem=problem)
    start_s = (min(record.received_ns for record in records) - cost.began_ns) / 1e9
    true = true_figures(records, peer.average)
    return Outcome(peer.name, case, true, reported, len(records), start_s, cost.cpu_s, cost.peak)


def _require_whole_run(cost: Cost, sent: int, requests: int, folder: Path) -> None:
    if cost.timed_out:
        raise PeerError(f"it was not done after {LIMIT_S:.0f} s")
    if cost.code != 0:
        raise PeerError(f"it ended with status {cost.code}: {_last_line(folder / 'output.txt')}")
    if sent < requests:
        raise PeerError(f"it sent {sent} of {requests} requests")


def environ_of(peer: Peer, order: Order) -> dict[str, str]:
    """Return the variables of a run: a home of its own, no colours, and no reports to anybody."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("LLMTUI_", "HF_", "XDG_"))},
        "HOME": str(order.folder),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        **peer.environ(order),
    }


def _last_line(path: Path) -> str:
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
