"""How fast the disks are read: what a model's load waits for."""

from llmtui.telemetry.base import FIRST_READING, Growth, KeptFile, Missing, Readings, inside, listed, reason_of, under

_SECTOR = 512
"""/proc/diskstats counts in sectors of 512 bytes, whatever the disk's own sector is."""
_SECTORS_READ = 5
"""The place of the figure in a line of /proc/diskstats."""
_STACKED = (b"loop", b"ram", b"zram", b"dm-", b"md", b"sr", b"fd")
"""Devices that stand on others or in memory; counting them too would count the same bytes twice."""


class DiskReads:
    """`disk.read.rate` in bytes per second over all local disks."""

    def __init__(self, root: str = "/") -> None:
        self._root = root
        self._file = KeptFile(under(root, "/proc/diskstats"))
        self._growth = Growth()

    def sample(self, now_ns: int) -> Readings:
        """Read the counters and compare them with the last ones."""
        try:
            data = self._file.read_whole()
        except OSError as error:
            return {"disk.read.rate": Missing(reason_of(error, inside(self._root, self._file.path)))}
        disks = {name.encode() for name in listed(under(self._root, "/sys/block"))}
        sectors = 0
        found = False
        for line in data.split(b"\n"):
            fields = line.split()
            if len(fields) <= _SECTORS_READ:
                continue
            name, read = fields[2], fields[_SECTORS_READ]
            if name in disks and not name.startswith(_STACKED) and read.isdigit():
                found = True
                sectors += int(read)
        if not found:
            return {"disk.read.rate": Missing("no local disk is visible here")}
        rate = self._growth.per_second(sectors, now_ns)
        return {"disk.read.rate": FIRST_READING if rate is None else round(rate * _SECTOR)}
