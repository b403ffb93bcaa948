from support.trees import write

from llmtui.telemetry.base import FIRST_READING, Missing
from llmtui.telemetry.disk import DiskReads

S = 1_000_000_000


def stats(**sectors):
    return "\n".join(f"8 0 {name.replace('_', '-')} 10 0 {read} 0 0 0 0 0 0 0 0" for name, read in sectors.items())


def test_reads_are_added_over_whole_disks_only(tmp_path):
    block = {f"sys/block/{name}/size": 1 for name in ("sda", "nvme0n1", "dm-0", "md0", "loop0", "zram0", "sr0")}
    names = dict.fromkeys(("sda", "sda1", "nvme0n1", "nvme0n1p2", "dm_0", "md0", "loop0", "zram0", "sr0"), 0)
    probe = DiskReads(write(tmp_path, {**block, "proc/diskstats": stats(**names)}))
    assert probe.sample(0)["disk.read.rate"] == FIRST_READING
    write(tmp_path, {"proc/diskstats": stats(**dict.fromkeys(names, 1000))})
    assert probe.sample(S)["disk.read.rate"] == 2 * 1000 * 512


def test_a_disk_that_was_unplugged_gives_no_negative_rate(tmp_path):
    root = write(
        tmp_path, {"sys/block/sda/size": 1, "sys/block/sdb/size": 1, "proc/diskstats": stats(sda=100, sdb=9000)}
    )
    probe = DiskReads(root)
    probe.sample(0)
    write(tmp_path, {"proc/diskstats": stats(sda=200)})
    assert probe.sample(S)["disk.read.rate"] == FIRST_READING


def test_without_disks_there_is_a_reason(tmp_path):
    assert "no such file" in DiskReads(str(tmp_path)).sample(0)["disk.read.rate"].reason
    root = write(tmp_path, {"proc/diskstats": stats(loop0=5), "sys/block/loop0/size": 1})
    assert DiskReads(root).sample(0)["disk.read.rate"] == Missing("no local disk is visible here")
