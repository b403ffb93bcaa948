import pytest
from support.trees import write

from llmtui.telemetry.base import Missing
from llmtui.telemetry.cgroup import Cgroup, CgroupLoad, container_limits

TOP = "sys/fs/cgroup"
GIB = 1 << 30


def test_the_tightest_limit_of_all_levels_binds(tmp_path):
    group = Cgroup(
        write(
            tmp_path,
            {
                "proc/self/cgroup": "0::/a.slice/b.service",
                f"{TOP}/a.slice/memory.max": 4 * GIB,
                f"{TOP}/a.slice/cpu.max": "150000 100000",
                f"{TOP}/a.slice/b.service/memory.max": "max",
                f"{TOP}/a.slice/b.service/memory.high": 8 * GIB,
                f"{TOP}/a.slice/b.service/cpu.max": "400000 100000",
                f"{TOP}/a.slice/b.service/memory.current": GIB,
            },
        )
    )
    assert group.memory_limit() == 4 * GIB
    assert group.cpu_limit() == 1.5
    assert group.memory_used() == GIB


def test_version_1_states_no_limit_as_a_huge_number(tmp_path):
    files = {
        "proc/self/cgroup": "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n0::/",
        f"{TOP}/memory/memory.limit_in_bytes": 9223372036854771712,
        f"{TOP}/cpu/cpu.cfs_quota_us": -1,
        f"{TOP}/cpu/cpu.cfs_period_us": 100000,
    }
    group = Cgroup(write(tmp_path, files))
    assert (group.memory_limit(), group.cpu_limit()) == (None, None)
    write(tmp_path, {f"{TOP}/memory/memory.limit_in_bytes": GIB, f"{TOP}/cpu/cpu.cfs_quota_us": 50000})
    assert (group.memory_limit(), group.cpu_limit()) == (GIB, 0.5)


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"proc/self/cgroup": "0::/docker/abc"}, "docker"),
        ({"proc/self/cgroup": "0::/kubepods/pod1/abc"}, "kubernetes"),
        ({"proc/self/cgroup": "0::/", ".dockerenv": ""}, "docker"),
        ({"proc/self/cgroup": "0::/", "run/.containerenv": "engine=podman"}, "podman"),
    ],
)
def test_the_kind_of_a_container(tmp_path, files, kind):
    assert container_limits(write(tmp_path, files)).kind == kind


def test_outside_of_containers_and_limits_there_is_nothing_to_tell(tmp_path):
    root = write(tmp_path, {"proc/self/cgroup": "0::/user.slice"})
    assert container_limits(root) is None
    assert CgroupLoad(root).sample(0) == {
        "cgroup.memory.limit": Missing("no memory limit"),
        "cgroup.cpu.limit": Missing("no processor quota"),
    }


def test_the_time_held_back_is_read_and_followed_to_the_server(tmp_path):
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/me",
            "proc/77/cgroup": "0::/server",
            f"{TOP}/server/cpu.max": "200000 100000",
            f"{TOP}/server/cpu.stat": "usage_usec 5\nthrottled_usec 2500000",
        },
    )
    load = CgroupLoad(root)
    assert "cgroup.cpu.throttled" not in load.sample(0)
    load.follow(77)
    assert load.sample(0)["cgroup.cpu.limit"] == 2.0
    assert load.sample(0)["cgroup.cpu.throttled"] == 2.5


@pytest.mark.parametrize("limit", [-1, 0, "garbage", 1 << 62])
def test_what_can_be_no_limit_is_none(tmp_path, limit):
    root = write(
        tmp_path, {"proc/self/cgroup": "0::/a", f"{TOP}/a/memory.max": limit, f"{TOP}/a/cpu.max": f"{limit} 0"}
    )
    assert (Cgroup(root).memory_limit(), Cgroup(root).cpu_limit()) == (None, None)
