"""The watched server: finding its processes by port, id or command line, and adding up what its tree uses."""

import os
from collections.abc import Iterable

from llmtui.events import ServerProcess
from llmtui.telemetry.base import Growth, Missing, Readings, all_missing
from llmtui.telemetry.commands import is_forwarder, is_server, model_argument, names_port, redact_command
from llmtui.telemetry.processes import ProcessRow, ProcessTable, ProcessUse
from llmtui.telemetry.sample_lines import ServerProcesses, Watch

_KEYS = ("server.cpu", "server.memory.private", "server.memory.file", "server.processes")
_SEARCH_NS = 5_000_000_000
_LOOK_NS = 2_000_000_000
_NAME_LENGTH = 15
"""The kernel cuts names after so many characters."""
_NOBODY = "no server is watched"


class ServerWatch:
    """`server.cpu` in cores, `server.memory.private` and `.file` in bytes, `server.processes`, for one server's tree.

    A server that is not found is searched for every 5 s, its tree looked over every 2 s. Processor time of children
    that ended stays in the sum. Memory mapped from files is shared by processes of one kind that work for one model,
    so of those the largest counts.
    """

    def __init__(self, table: ProcessTable) -> None:
        self._table = table
        self._watch = Watch()
        self._roots: list[ProcessRow] = []
        self._members: dict[int, ProcessRow] = {}
        self._kinds: dict[int, tuple[str, str]] = {}
        self._seconds: dict[tuple[int, float], tuple[float, float]] = {}
        self._growth = Growth()
        self._search_due_ns = self._look_due_ns = 0
        self._why = _NOBODY
        self._told: ServerProcesses | None = None

    def watch(self, watch: Watch) -> None:
        """Watch this server from now on, instead of the last one."""
        self._watch = watch
        self._search_due_ns = 0
        self._told = None
        self._why = _NOBODY
        self._lose()

    @property
    def is_on(self) -> bool:
        """Whether there is a server to look for."""
        return bool(self._watch.pid or self._watch.pids or self._watch.port)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the tree, parents before children."""
        return tuple(self._members)

    def sample(self, now_ns: int) -> Readings:
        """Add up the tree now."""
        if self.is_on and not self._roots and now_ns >= self._search_due_ns:
            self._search_due_ns = now_ns + _SEARCH_NS
            self._search(now_ns)
        if self._roots and now_ns >= self._look_due_ns:
            self._look_due_ns = now_ns + _LOOK_NS
            self._look(now_ns)
        uses = {pid: use for pid, row in self._members.items() if (use := self._table.use(row)) is not None}
        if self._members and not uses:
            self._lose()
            self._why = "the server's processes ended"
        if not uses:
            return all_missing(_KEYS, self._why)
        return self._sum(uses, now_ns)

    def news(self) -> ServerProcesses | None:
        """Return the tree, or why it is not visible, when that changed since the last call."""
        if not self.is_on:
            return None
        if self._members:
            listed = tuple(self._describe(row) for row in self._members.values())
            now = ServerProcesses(target=self._watch.target, processes=listed)
        else:
            now = ServerProcesses(target=self._watch.target, missing=self._why)
        if now == self._told:
            return None
        self._told = now
        return now

    def _describe(self, row: ProcessRow) -> ServerProcess:
        arguments = self._table.arguments(row.pid)
        head = os.path.basename(arguments[0].split(None, 1)[0]) if arguments and arguments[0].strip() else ""  # noqa: PTH119 - pathlib costs a megabyte in the sampler
        name = head if len(row.name) >= _NAME_LENGTH and head.startswith(row.name) else row.name
        command = redact_command(arguments) or f"[{name}]"
        return ServerProcess(pid=row.pid, name=redact_command([name]), command=command, created=row.started)

    def _lose(self) -> None:
        self._roots = []
        self._members = {}
        self._kinds = {}
        self._seconds = {}
        self._growth = Growth()

    # --- finding -----------------------------------------------------------------------------------------------

    def _search(self, now_ns: int) -> None:
        watch = self._watch
        if watch.pid or watch.pids:
            pids = {*watch.pids, *((watch.pid,) if watch.pid else ())}
            self._roots = [row for pid in sorted(pids) if (row := self._table.row(pid)) is not None]
            self._why = f"no process {', '.join(map(str, sorted(pids)))} is visible here"
        elif watch.port:
            rows = self._table.rows(now_ns)
            found = self._table.listeners(watch.port)
            if isinstance(found, Missing):
                self._roots, self._why = self._by_command(rows, watch.port), found.reason
            elif not found:
                # Only a command line that names the port proves anything here: another server must not be taken for it.
                self._roots = self._by_command(rows, watch.port, naming_only=True)
                self._why = f"nobody listens on port {watch.port} here: the server runs in a container or elsewhere"
            else:
                self._roots, self._why = self._by_listeners(rows, found, watch.port)
        self._look_due_ns = now_ns

    def _by_listeners(self, rows: dict[int, ProcessRow], pids: set[int], port: int) -> tuple[list[ProcessRow], str]:
        """Of several processes that share the socket take those whose parent does not hold it too."""
        holders = [rows[pid] for pid in sorted(pids) if pid in rows]
        tops = [row for row in holders if row.parent not in pids]
        forwarders = [row.name for row in tops if is_forwarder(row.name)]
        if not forwarders:
            return tops, "the process on the port ended"
        if forwarders[0] in ("ssh", "autossh", "sshd"):
            return [], f"port {port} is a tunnel ({forwarders[0]}): the server runs on another machine"
        found = self._by_command(rows, port)
        return found, f"port {port} leads into a container ({forwarders[0]}), whose processes are not visible here"

    def _by_command(self, rows: dict[int, ProcessRow], port: int, *, naming_only: bool = False) -> list[ProcessRow]:
        """Known servers by their command line: those that name the port, else the only one there is."""
        commands = {pid: self._table.arguments(pid) for pid in rows if pid != os.getpid()}
        servers = [pid for pid, arguments in commands.items() if is_server(arguments)]
        tops = [pid for pid in servers if rows[pid].parent not in servers]
        naming = [pid for pid in servers if names_port(commands[pid], port)]
        chosen = naming or (tops if len(tops) == 1 and not naming_only else [])
        return [rows[pid] for pid in chosen if rows[pid].parent not in chosen]

    def _look(self, now_ns: int) -> None:
        """Collect the tree: roots, their descendants, and what the roots' own sessions still hold."""
        rows = self._table.rows(now_ns)
        children: dict[int, list[ProcessRow]] = {}
        for row in rows.values():
            children.setdefault(row.parent, []).append(row)
        roots = [row for row in self._roots if self._is_alive(row, rows)]
        if not roots:
            self._lose()
            self._why = "the server's processes ended"
            return
        leaders = {row.pid for row in roots if row.session == row.pid}
        # A worker whose parent ended was given to init; its session still names the server.
        orphans = [row for row in rows.values() if row.parent == 1 and row.session in leaders]
        members: dict[int, ProcessRow] = {}
        kept = [row for row in self._members.values() if self._is_alive(row, rows)]
        queue = [*roots, *orphans, *kept]
        while queue:
            row = queue.pop(0)
            if row.pid in members or row.pid == os.getpid():
                continue
            members[row.pid] = row
            queue += children.get(row.pid, [])
        self._members = members
        self._kinds = {pid: self._kinds.get(pid) or self._kind(row) for pid, row in members.items()}

    @staticmethod
    def _is_alive(row: ProcessRow, rows: dict[int, ProcessRow]) -> bool:
        """Say whether the id still means the same process; parent and name may have changed."""
        return row.pid in rows and rows[row.pid].started == row.started

    def _kind(self, row: ProcessRow) -> tuple[str, str]:
        return row.name.rstrip("0123456789"), model_argument(self._table.arguments(row.pid))

    # --- adding up ---------------------------------------------------------------------------------------------

    def _sum(self, uses: dict[int, ProcessUse], now_ns: int) -> Readings:
        for pid, use in uses.items():
            key = (pid, self._members[pid].started)
            # What a process used before it was first seen does not belong to this interval.
            first, _ = self._seconds.get(key, (use.seconds, 0.0))
            self._seconds[key] = (first, use.seconds)
        cores = self._growth.per_second(sum(last - first for first, last in self._seconds.values()), now_ns)
        readings: Readings = {
            "server.memory.private": sum(use.private for use in uses.values()),
            "server.memory.file": self._file_memory(uses),
            "server.processes": len(uses),
        }
        if cores is not None:
            readings["server.cpu"] = round(cores, 3)
        return readings

    def _file_memory(self, uses: dict[int, ProcessUse]) -> int:
        largest: dict[tuple[str, str], int] = {}
        for pid, use in uses.items():
            kind = self._kinds.get(pid, ("", ""))
            largest[kind] = max(largest.get(kind, 0), use.file)
        return sum(largest.values())


def gpu_memory(pids: Iterable[int], by_pid: dict[int, int], visible: Iterable[int]) -> "int | Missing":
    """Return the GPU memory of `pids`. The driver's ids are the host's; `visible` are the ids that exist here."""
    wanted = set(pids)
    mine = [size for pid, size in by_pid.items() if pid in wanted]
    if mine:
        return sum(mine)
    if by_pid and not set(by_pid) & set(visible):
        return Missing("the driver's process ids belong to another namespace (a container)")
    return 0 if by_pid else Missing("no process of the server uses the GPU")
