from support.trees import write

from llmtui.telemetry.cpu import CpuLoad

S = 1_000_000_000


def stat(user, idle, user0, idle0):
    return f"cpu  {user} 0 0 {idle} 0 0 0 0 0 0\ncpu0 {user0} 0 0 {idle0} 0 0 0 0 0 0\nintr 1"


def test_load_is_the_share_between_two_looks(tmp_path):
    root = write(tmp_path, {"proc/stat": stat(100, 900, 100, 900)})
    load = CpuLoad(root)
    load.sample(0)
    (tmp_path / "proc/stat").write_text(stat(150, 950, 175, 925))
    readings = load.sample(S)
    assert readings["cpu.percent"] == 50.0
    assert readings["cpu.core.0.percent"] == 75.0


def test_a_clock_that_stands_still_divides_by_nothing(tmp_path):
    root = write(tmp_path, {"proc/stat": stat(100, 900, 100, 900)})
    load = CpuLoad(root)
    load.sample(0)
    assert not isinstance(load.sample(S).get("cpu.percent"), float)
