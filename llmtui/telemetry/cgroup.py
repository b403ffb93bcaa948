"""What the surrounding control group (a container, a systemd slice) allows, and how often it held a process back.

A processor quota that is used up slows a server just as heat does, so it is counted as a cause of its own.
"""

from llmtui.events import ContainerLimits
from llmtui.telemetry.base import Missing, Readings, is_there, number, read_number, read_text, under

_MOUNT = "/sys/fs/cgroup"
_NO_LIMIT = 1 << 60
"""Version 1 states "no limit" as the largest multiple of the page size."""
_KINDS = (("docker", "docker"), ("libpod", "podman"), ("kubepods", "kubernetes"), ("lxc", "lxc"), ("machine", "nspawn"))


class Cgroup:
    """The folders that bind one process (`pid`, or "self"), from its own group up to the top, in both versions."""

    def __init__(self, root: str = "/", pid: int | str = "self") -> None:
        self._root = root
        table = read_text(under(root, f"/proc/{pid}/cgroup")) or ""
        self.path = ""
        self.unified: list[str] = []
        self.memory: list[str] = []
        self.cpu: list[str] = []
        for line in table.splitlines():
            _, controllers, path = [*line.split(":", 2), "", ""][:3]
            self.path = max(self.path, path, key=len)
            names = controllers.split(",")
            if not controllers:
                self.unified = self._levels("", path)
            elif "memory" in names:
                self.memory = self._levels("/memory", path)
            elif "cpu" in names:
                self.cpu = self._levels("/cpu", path)

    def _levels(self, controller: str, path: str) -> list[str]:
        """Inside a container the table may name the host's path, of which only the end, or nothing, exists here."""
        parts = [part for part in path.split("/") if part and part != ".."]
        top = under(self._root, _MOUNT + controller)
        return ["/".join([top, *parts[:count]]) for count in range(len(parts), -1, -1)]

    def memory_limit(self) -> int | None:
        """Return the tightest limit of memory in bytes, None when there is none."""
        limits = [read_number(f"{level}/{name}") for level in self.unified for name in ("memory.max", "memory.high")]
        limits += [read_number(f"{level}/memory.limit_in_bytes") for level in self.memory]
        return min((limit for limit in limits if limit is not None and 0 < limit < _NO_LIMIT), default=None)

    def memory_used(self) -> int | None:
        """Return what the innermost group uses in bytes, file cache included."""
        used = [read_number(f"{level}/memory.current") for level in self.unified]
        used += [read_number(f"{level}/memory.usage_in_bytes") for level in self.memory]
        return next((size for size in used if size is not None), None)

    def cpu_limit(self) -> float | None:
        """Return the tightest processor quota in cores, None when there is none."""
        limits = []
        for level in self.unified:
            quota, _, period = (read_text(f"{level}/cpu.max") or "max").partition(" ")
            limits.append((number(quota), number(period)))
        limits += [
            (read_number(f"{level}/cpu.cfs_quota_us"), read_number(f"{level}/cpu.cfs_period_us")) for level in self.cpu
        ]
        return min((quota / period for quota, period in limits if quota and period and quota > 0), default=None)

    def throttled(self) -> float | None:
        """Return the seconds for which groups with a quota were held back so far; None when nothing counts them."""
        total = None
        for level in (*self.unified, *self.cpu):
            for line in (read_text(f"{level}/cpu.stat") or "").splitlines():
                name, _, value = line.partition(" ")
                scale = {"throttled_usec": 1e6, "throttled_time": 1e9}.get(name)
                if scale is not None and value.isdigit():
                    total = (total or 0.0) + int(value) / scale
        return total


def container_limits(root: str = "/") -> ContainerLimits | None:
    """Return what binds this process; None outside of containers and limits."""
    group = Cgroup(root)
    memory, cpus = group.memory_limit(), group.cpu_limit()
    kind = _container_kind(root, group.path)
    if kind is None and memory is None and cpus is None:
        return None
    return ContainerLimits(kind=kind or "control group", cpus=cpus, memory=memory)


def _container_kind(root: str, path: str) -> str | None:
    if read_text(under(root, "/run/.containerenv")) is not None:
        return "podman"
    for word, kind in _KINDS:
        if word in path:
            return kind
    # The file is empty: its presence is the sign.
    return "docker" if is_there(under(root, "/.dockerenv")) else None


class CgroupLoad:
    """Use of what the control group allows: `cgroup.memory.used`, `.limit`, `cgroup.cpu.limit`, `cgroup.cpu.throttled`.

    It looks at the sampler's own group until `follow` names the server, which may live in another container.
    """

    def __init__(self, root: str = "/") -> None:
        self._root = root
        self._group = Cgroup(root)

    def follow(self, pid: int | str) -> None:
        """Look at the group of this process from now on."""
        self._group = Cgroup(self._root, pid)

    def sample(self, now_ns: int) -> Readings:
        """Read limits and use now; limits can be changed while a container runs."""
        del now_ns
        group = self._group
        readings: Readings = {}
        limit = group.memory_limit()
        if limit is None:
            readings["cgroup.memory.limit"] = Missing("no memory limit")
        else:
            readings["cgroup.memory.limit"] = limit
            used = group.memory_used()
            readings["cgroup.memory.used"] = Missing("the control group does not tell") if used is None else used
        cpus = group.cpu_limit()
        if cpus is None:
            readings["cgroup.cpu.limit"] = Missing("no processor quota")
        else:
            readings["cgroup.cpu.limit"] = round(cpus, 3)
            throttled = group.throttled()
            if throttled is not None:
                readings["cgroup.cpu.throttled"] = round(throttled, 3)
        return readings
