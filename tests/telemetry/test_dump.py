import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from support.trees import as_ordinary_user, machine, machines, plant, replay, unpack, write

from llmtui.telemetry.base import KeptFile, link_end, listed, read_text, witnessed
from llmtui.telemetry.dump import record
from llmtui.telemetry.dump_archive import names_to_hide
from llmtui.telemetry.dump_archive import write as write_archive
from llmtui.telemetry.redaction import Redactor
from llmtui.telemetry.sample_lines import Watch

NOBODY = Redactor(None, ())
UUID = "1f3e5d7c-0a1b-4c2d-8e9f-001122334455"
CONTAINER = "06a4ced34dcdbf68797d2fe277ee4b8d06a4ced34dcdbf68797d2fe277ee4b8d"


def dumped(folder, this, redactor=NOBODY, **options):
    """Archive a machine as the command does, its counters moving between the looks; return the archive."""
    root = plant(folder / "machine", this.root)
    times_ns = iter((1_000_000_000, 3_000_000_000))
    with as_ordinary_user():
        recording = record(
            root, clock=times_ns.__next__, pause=lambda: plant(folder / "machine", this.later) and None, **options
        )
    write_archive(recording, folder / "dump.tar.gz", redactor)
    return folder / "dump.tar.gz"


def everything(archive):
    """All that an archive tells: names, targets of links and contents."""
    with tarfile.open(archive) as packed:
        parts = [
            part
            for member in packed
            for part in (
                member.name.encode(),
                member.linkname.encode(),
                packed.extractfile(member).read() if member.isfile() else b"",
            )
        ]
    return b"\n".join(parts)


@pytest.mark.parametrize("name", machines())
def test_a_replayed_archive_gives_the_same_readings(name, tmp_path):
    this = machine(name)
    recorded = unpack(dumped(tmp_path, this, Redactor("laptop", ["alice"])), tmp_path / "unpacked")
    assert recorded.values == this.values, "what the archive says of itself is what the machine gave"
    values, missing = replay(tmp_path / "unpacked", recorded)
    assert values == recorded.values
    assert missing == recorded.missing


def test_a_changed_archive_gives_other_readings(tmp_path):
    recorded = unpack(dumped(tmp_path, machine("ryzen")), tmp_path / "unpacked")
    (tmp_path / "unpacked/root/sys/class/hwmon/hwmon3/temp1_input").write_text("80000\n")
    values, _ = replay(tmp_path / "unpacked", recorded)
    assert values["cpu.temperature"] == 80.0
    assert values != recorded.values


def test_the_first_look_alone_serves_as_a_root(tmp_path):
    unpack(dumped(tmp_path, machine("strix-halo")), tmp_path / "unpacked")
    command = [sys.executable, "-m", "llmtui.telemetry.sampler", "--once", "--root", tmp_path / "unpacked/root"]
    result = subprocess.run(command, capture_output=True, timeout=60, check=True, stdin=subprocess.DEVNULL)
    assert b'"gpu.0.memory.used":27158118400' in result.stdout


def test_only_files_that_are_read_come_along(tmp_path):
    this = machine("ryzen")
    secret = {
        "etc/shadow": "root:x",
        "sys/class/dmi/id/product_serial": "S-1",
        "sys/class/hwmon/hwmon3/temp9_crit": "1",
    }
    archive = dumped(tmp_path, this._replace(root={**this.root, **secret}))
    with tarfile.open(archive) as packed:
        names = packed.getnames()
        assert packed.extractfile("root/sys/class/hwmon/hwmon3/temp9_crit").read() == b"", "listed, so its name only"
    assert "root/sys/class/hwmon/hwmon3/temp1_input" in names
    assert not [name for name in names if "shadow" in name or "serial" in name]
    assert b"README" in everything(archive)


def test_nothing_tells_who_or_which_machine_it_is(tmp_path):
    this = machine("ryzen")
    secrets = {
        "proc/sys/kernel/hostname": "treasure-box",
        "proc/self/cgroup": f"0::/alice.slice/docker-{CONTAINER}.scope/treasure-box",
        f"sys/fs/cgroup/alice.slice/docker-{CONTAINER}.scope/treasure-box/memory.max": 1 << 30,
        f"sys/fs/cgroup/alice.slice/docker-{CONTAINER}.scope/treasure-box/memory.current": 1 << 20,
        "sys/devices/pci0000:00/0000:03:00.0/unique_id": "1234567890123456",
        "sys/class/accel/accel0/device/uevent": f"DRIVER=intel_vpu\nMAC=aa:bb:cc:dd:ee:ff\nID={UUID}",
        "proc/cpuinfo": this.root["proc/cpuinfo"] + "Serial : 10000000c0ffee42\n",
    }
    secrets = {name: str(content) for name, content in secrets.items()}
    this = this._replace(root={**this.root, **secrets})
    hidden = ("treasure-box", "alice", CONTAINER, "1234567890123456", "aa:bb:cc:dd:ee:ff", UUID, "10000000c0ffee42")
    open_text = everything(dumped(tmp_path / "open", this, NOBODY)).decode()
    assert {"alice", "treasure-box"} <= {word for word in hidden if word in open_text}, (
        "control: names unknown, they show"
    )
    archive = dumped(tmp_path / "closed", this, Redactor("treasure-box", ["alice"]))
    text = everything(archive).decode()
    assert [word for word in hidden if word in text] == []
    recorded = unpack(archive, tmp_path / "unpacked")
    values, missing = replay(tmp_path / "unpacked", recorded)
    assert values == recorded.values
    assert missing == recorded.missing
    assert values["cgroup.memory.used"] == 1 << 20, "the stand-ins are the same in contents and in names of folders"


def test_a_watched_server_comes_along_without_its_secrets(tmp_path):
    stat = f"41 (llama-server) S 1 41 41 0 0 0 0 0 0 0 1000 500 0 0 20 0 1 0 500 {' 0' * 30}"
    arguments = ["/home/alice/llama-server", "--api-key", "sk-very-secret", "--port", "8080", "--host", "192.168.7.9"]
    files = {
        "proc/41/stat": stat,
        "proc/41/status": "Name:\tllama-server\nUid:\t1234\nRssAnon:\t 2048 kB\nRssFile:\t 4096 kB",
        "proc/41/cmdline": "\0".join(arguments),
        "proc/42/stat": stat.replace("41", "42").replace("llama-server", "diary"),
        "proc/42/cmdline": "diary\0--open\0my-letters.txt",
    }
    this = machine("empty-vm")
    this = this._replace(root={**this.root, **files})
    archive = dumped(tmp_path, this, Redactor("box", ["alice"]), watch=Watch(target="t", pid=41))
    text = everything(archive).decode()
    for secret in ("sk-very-secret", "alice", "192.168.7.9", "1234", "diary", "my-letters"):
        assert secret not in text
    assert "--api-key\0***\0--port\08080" in text
    recorded = unpack(archive, tmp_path / "unpacked")
    assert recorded.pids == (41,)
    values, _ = replay(tmp_path / "unpacked", recorded)
    assert values["server.memory.private"] == recorded.values["server.memory.private"] == 2048 * 1024


def test_the_command_writes_for_the_owner_only_and_replaces_nothing(tmp_path):
    target = tmp_path / "sensors.tar.gz"
    command = [sys.executable, "-m", "llmtui", "doctor", "--dump-sensors", target]
    done, again = (subprocess.run(command, capture_output=True, check=False, timeout=60) for _ in range(2))
    assert done.returncode == 0, done.stderr
    assert target.stat().st_mode & 0o777 == 0o600
    assert again.returncode == 1
    assert b"name another file" in again.stderr
    recorded = unpack(target, tmp_path / "unpacked")
    values, missing = replay(tmp_path / "unpacked", recorded)
    assert values.keys() == recorded.values.keys()
    assert values["ram.total"] == recorded.values["ram.total"]
    assert missing.keys() == recorded.missing.keys()
    assert os.uname().nodename.encode() not in (tmp_path / "unpacked/root/proc/sys/kernel/hostname").read_bytes()


def test_what_can_not_be_written_leaves_nothing_behind(tmp_path):
    recording = record(plant(tmp_path / "machine", machine("empty-vm").root), pause=lambda: None)
    broken = recording._replace(first={**recording.first, "/proc/broken": None})
    with pytest.raises(AttributeError):
        write_archive(broken, tmp_path / "x.tar.gz", NOBODY)
    assert not (tmp_path / "x.tar.gz").exists()


class Seen:
    def __init__(self):
        self.paths = []

    def read(self, path):
        self.paths.append(("read", path))

    def listed(self, folder):
        self.paths.append(("listed", folder))

    def followed(self, path):
        self.paths.append(("followed", path))


def test_every_door_tells_the_witness_and_none_after_it_left(tmp_path):
    root = write(tmp_path, {"a/b": 1})
    kept, seen = KeptFile(f"{root}/a/b"), Seen()
    kept.read()
    with witnessed(seen):
        kept.read()
        read_text(f"{root}/none")
        listed(f"{root}/a")
        link_end(f"{root}/a")
    kept.read()
    read_text(f"{root}/a/b")
    assert seen.paths == [
        ("read", f"{root}/a/b"),
        ("read", f"{root}/none"),
        ("listed", f"{root}/a"),
        ("followed", f"{root}/a"),
    ]


def test_the_sources_know_no_other_door():
    """Whoever opens a file past base.py would be missing in the archives."""
    telemetry = Path(__file__).parents[2] / "llmtui/telemetry"
    allowed = {"base.py", "dump.py", "dump_archive.py", "processes.py"}
    doors = ("open(", "os.listdir", "os.scandir", "readlink", "realpath", "read_bytes()", "iterdir")
    strays = [
        f"{path.name}: {door}"
        for path in telemetry.glob("*.py")
        if path.name not in allowed
        for door in doors
        if door in path.read_text()
    ]
    assert strays == []


def test_a_stand_in_keeps_the_shape_and_the_identity():
    redactor = Redactor("box.example.org", ["bob"])
    first = redactor.content("/x/information", f"GPU UUID: GPU-{UUID}".encode()).decode()
    assert first == "GPU UUID: GPU-00000000-0000-0000-0000-000000000001"
    assert redactor.path(f"/sys/{UUID}") == "/sys/00000000-0000-0000-0000-000000000001"
    assert redactor.content("/x/unique_id", b"77aa") == b"0002"
    assert redactor.content("/proc/stat", b"cpu 1234567890123456 0") == b"cpu 1234567890123456 0"
    assert redactor.content("/x/uevent", b"A=box\nB=boxes\nC=BOB") == b"A=host\nB=boxes\nC=user"
    assert redactor.path("/proc/bob/box") == "/proc/user/host"


def test_the_names_to_hide_are_those_of_this_machine(tmp_path):
    redactor = names_to_hide(write(tmp_path, {"proc/sys/kernel/hostname": "castle"}))
    assert redactor.text("a castle") == "a host"
