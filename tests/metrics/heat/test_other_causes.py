from llmtui.metrics.heat.evidence import Sample
from llmtui.metrics.heat.thermal_evidence import EvidenceWatch

SECOND = 1_000_000_000
MIB = float(1 << 20)
GIB = float(1 << 30)


def causes(samples, *, in_flight=True, missing=None, watch=None):
    """Take samples a second apart; return the words of other causes in each."""
    watch = watch or EvidenceWatch()
    found = []
    for place, values in enumerate(samples):
        last = place == len(samples) - 1
        one = watch.take(Sample(place * SECOND, values, (missing or {}) if last else {}), in_flight=in_flight)
        found.append([finding.words for finding in one.findings if finding.kind == "other"])
    return found


def test_swapping_counts_when_it_lasts():
    found = causes([{"swap.in.rate": 2 * MIB}] * 12)
    assert found[9] == []
    assert found[10] == ["memory was read back from swap"]
    assert not any(causes([{"swap.in.rate": 0.5 * MIB}] * 12))
    assert not any(causes(([{"swap.in.rate": 2 * MIB}] * 8 + [{"swap.in.rate": 0.0}]) * 3))


def test_major_faults_and_stolen_time_count_when_they_last():
    assert causes([{"memory.faults.rate": 110.0}] * 11)[-1] == [
        "weights were read from the disk again (major page faults)"
    ]
    assert not any(causes([{"memory.faults.rate": 90.0}] * 11))
    assert causes([{"cpu.steal": 11.0}] * 11)[-1] == ["the host gave the processor to other machines"]
    assert not any(causes([{"cpu.steal": 9.0}] * 11))


def test_memory_stalls_are_an_average_already():
    assert causes([{"pressure.memory.full": 6.0}]) == [["work stalled for lack of memory"]]
    assert causes([{"pressure.memory.full": 4.0}]) == [[]]


def test_the_quota_of_a_container():
    assert causes([{"cgroup.cpu.throttled": t} for t in (5.0, 5.0, 5.012)])[-1] == [
        "the container's CPU quota held processes back"
    ]
    assert not any(causes([{"cgroup.cpu.throttled": t} for t in (5.0, 5.0, 5.009)]))


def test_processes_killed_for_memory():
    assert causes([{"memory.kills": n} for n in (2.0, 3.0)])[-1] == ["the kernel killed a process for lack of memory"]
    assert not any(causes([{"memory.kills": 2.0}] * 3))


def test_gpu_memory_that_is_given_up():
    fallen = [{"gpu.0.memory.used": used * GIB} for used in (20, 20, 12, 12, 12)]
    assert causes(fallen)[-1] == ["GPU memory was given up: layers may run on the processor"]
    assert not any(causes(fallen[:-1])), "three readings have to agree"
    assert not any(causes(fallen, in_flight=False)), "a model that is unloaded between jobs"
    assert not any(causes([{"gpu.0.memory.used": used * GIB} for used in (20, 20, 17, 17, 17)]))
    shared = {"gpu.0.memory.total": 64 * GIB, "ram.total": 64 * GIB}
    assert not any(causes([values | shared for values in fallen])), "any program's memory"


def test_another_job_may_use_less_memory():
    watch = EvidenceWatch()
    causes([{"gpu.0.memory.used": 20 * GIB}] * 3, watch=watch)
    watch.restart()
    assert not any(causes([{"gpu.0.memory.used": 5 * GIB}] * 5, watch=watch))


def test_another_process_on_the_gpu():
    def taken(others):
        return [{"gpu.0.memory.used": (10 + more) * GIB, "server.memory.gpu": 9 * GIB} for more in others]

    assert causes(taken([0, 0, 4, 4, 4]))[-1] == ["another process took GPU memory"]
    assert not any(causes(taken([0, 0, 0.2, 0.2, 0.2])))
    assert not any(causes(taken([0, 0, 4, 0, 4])))
    growing = [{"gpu.0.memory.used": (10 + more) * GIB, "server.memory.gpu": (9 + more) * GIB} for more in (0, 4, 4, 4)]
    assert not any(causes(growing)), "the server's own"


def test_a_server_that_ended_under_load():
    gone = {"server.processes": "the server's processes ended"}
    assert causes([{"server.processes": 1.0}, {}], missing=gone)[-1] == ["the server's processes ended under load"]
    assert not any(causes([{"server.processes": 1.0}, {}], missing=gone, in_flight=False))
    assert not any(causes([{}, {}], missing=gone)), "it never was visible"
