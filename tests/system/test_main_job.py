"""The main job and its troubles, from the outside."""

import os
import re
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from support.command_line import LLMTUI, LONG, SHORT

from llmtui import events as ev
from llmtui.log.read import read_log
from llmtui.metrics.latency import Arrival, measure
from llmtui.testing.byte_server import Answer, ByteServer

pytestmark = pytest.mark.embedded


def header_of(llmtui):
    return read_log(llmtui.log()).header


def servers_started(llmtui):
    return [event.pid for event in read_log(llmtui.log()).events if isinstance(event, ev.ServerStarted)]


def test_a_plain_run_prints_text_and_results_and_exits_0(llmtui):
    result = llmtui("run", llmtui.suite(SHORT), "--plain")
    assert result.returncode == 0, result.stderr
    assert re.search(r"answer: .*Paris", result.stdout)
    table = result.stdout[result.stdout.index("job  workload") :]
    row = next(line for line in table.splitlines() if line.startswith("j1"))
    assert re.search(
        r"short #1 +[\d.]+ m?s +[\d.]+ +[\d.]+ +[\d.]+ ms\*? +\d+ server +[\d.]+ MiB +done +smollm2-135m +Q4_1$", row
    )
    log = read_log(llmtui.log())
    assert log.notices == []
    assert stat.S_IMODE(llmtui.log().stat().st_mode) == 0o600
    assert not any(Path(f"/proc/{pid}").exists() for pid in servers_started(llmtui))
    kinds = {type(event) for event in log.events}
    assert {ev.SampleTaken, ev.SelfMeasured, ev.ServerProcessesFound, ev.ModelLoaded, ev.SamplerStarted} <= kinds


def test_the_logged_figures_follow_from_the_logged_arrivals(llmtui):
    llmtui("run", llmtui.suite(SHORT), "--plain")
    events = read_log(llmtui.log()).events
    sent = {event.request: event for event in events if isinstance(event, ev.RequestSent)}
    for finished in (event for event in events if isinstance(event, ev.RequestFinished)):
        t0 = sent[finished.request].t
        arrivals = [
            Arrival(
                t0 + offset * 1000, len(text), batch.kind == "reasoning", batch.tokens[place] if batch.tokens else None
            )
            for batch in events
            if isinstance(batch, ev.TokensReceived) and batch.request == finished.request
            for place, (offset, text) in enumerate(zip(batch.offsets_us, batch.texts, strict=True))
        ]
        again = measure(
            t0, arrivals, usage=finished.usage, timings=finished.timings, finish_reason=finished.finish_reason
        )
        assert again.tokens == finished.figures.tokens
        assert again.ttft_ns == pytest.approx(finished.figures.ttft_ns, abs=1000)
        assert again.decode_rate == pytest.approx(finished.figures.decode_rate, rel=1e-3)
        assert len(arrivals) == finished.figures.chunks


def test_the_warm_up_is_in_the_log_and_not_in_the_results(llmtui):
    result = llmtui("run", llmtui.suite(SHORT), "--plain")
    finished = [event for event in read_log(llmtui.log()).events if isinstance(event, ev.RequestFinished)]
    assert [event.warmup for event in finished] == [True, False]
    assert result.stdout.count("  answer:") == 1


def test_a_session_replays_through_the_same_lines(llmtui):
    first = llmtui("run", llmtui.suite(SHORT), "--plain")
    again = llmtui("replay", "last", "--plain", "--speed", "max")
    assert again.returncode == 0
    told = first.stdout[: first.stdout.index("\nlog: ")].strip()
    assert again.stdout.strip() == told
    began = time.monotonic()
    assert llmtui("replay", "last", "--plain", "--speed", "4").returncode == 0
    assert time.monotonic() - began > read_log(llmtui.log()).events[-1].t / 4e9


def test_a_detached_run_can_be_attached_controlled_and_stopped(llmtui, gone):
    result = llmtui("run", llmtui.suite(LONG), "--detach")
    assert result.returncode == 0
    assert "llmtui attach" in result.stdout
    llmtui.wait_for_text('"ev":"tokens_received"')
    assert "running" in llmtui("sessions").stdout
    assert llmtui("ctl", "pause").stdout.startswith("paused")
    assert llmtui("ctl", "pause").returncode == 1
    assert "paused" in llmtui("ctl", "status").stdout
    assert llmtui("ctl", "resume").returncode == 0
    assert llmtui("ctl", "mark", "here").returncode == 0
    assert llmtui("ctl", "rerun", "j1").stdout.strip() == "queued as j3"
    assert llmtui("ctl", "skip").stdout.strip() == "j1 skipped"
    assert llmtui("ctl", "stop").returncode == 0
    assert gone(header_of(llmtui).pid)
    attached = llmtui("attach", "--plain")
    assert "marker: here" in attached.stdout
    assert "session stopped" in attached.stdout
    assert "stopped" in llmtui("sessions").stdout
    late = llmtui("ctl", "pause")
    assert late.returncode == 1
    assert "no engine runs for this session" in late.stderr
    assert gone(servers_started(llmtui)[0])


def test_ctrl_c_finishes_the_log_and_stops_what_was_started(llmtui, gone):
    run = subprocess.Popen(
        [*LLMTUI, "run", llmtui.suite(LONG), "--plain"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    llmtui.wait_for_text('"ev":"tokens_received"')
    run.send_signal(signal.SIGINT)
    output, errors = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "stopping" in errors
    assert "session stopped" in output
    assert gone(header_of(llmtui).pid)
    assert gone(servers_started(llmtui)[0])
    assert isinstance(read_log(llmtui.log()).events[-1], ev.SessionFinished)


def test_killing_the_viewer_leaves_the_run_going(llmtui):
    run = subprocess.Popen([*LLMTUI, "run", llmtui.suite(SHORT), "--plain"], stdout=subprocess.DEVNULL)
    llmtui.wait_for_text('"ev":"session_opened"')
    run.kill()
    run.wait()
    llmtui.wait_for_text('"ev":"session_finished"')
    events = read_log(llmtui.log()).events
    assert events[-1].outcome == "completed"
    assert [event.status for event in events if isinstance(event, ev.JobFinished)] == ["done"]


def lost_by_killing(llmtui, gone):
    """Kill an engine in mid-stream, and return for how many ns before that its log holds nothing."""
    llmtui("run", llmtui.suite(LONG), "--detach")
    llmtui.wait_for_text('"ev":"tokens_received"')
    time.sleep(0.5)
    header = header_of(llmtui)
    os.kill(header.pid, signal.SIGKILL)
    killed = time.monotonic_ns() - header.origin_ns
    assert gone(header.pid)
    return killed - max(event.t for event in read_log(llmtui.log()).events)


def test_killing_the_engine_costs_100_ms_at_most_and_is_told(llmtui, gone):
    # A busy machine may keep the engine, or the model, from running at all for longer: such a round says nothing.
    assert any(lost_by_killing(llmtui, gone) < 100_000_000 for _ in range(4))
    server = servers_started(llmtui)[0]
    assert re.search(r" cut ", llmtui("sessions").stdout)
    assert "cut off" in llmtui("sessions").stdout
    assert gone(server), "the server ends with the engine that started it"
    attached = llmtui("attach", "--plain")
    assert "ended without closing" in attached.stderr
    assert "go on with it by: llmtui resume " in attached.stderr
    assert attached.returncode == 1


def test_a_server_killed_in_mid_stream_fails_the_job_and_the_rest_goes_on(llmtui):
    llmtui("run", llmtui.suite(LONG), "--detach", "--set", "max_tokens=400")
    llmtui.wait_for_text('"warmup":true')
    llmtui.wait_for_text('"phase":"measuring"')
    llmtui.wait_for_text('"request":"j1.2","offsets_us"')
    os.kill(servers_started(llmtui)[0], signal.SIGKILL)
    llmtui.wait_for_text('"ev":"session_finished"', 80)
    events = read_log(llmtui.log()).events
    jobs = [event for event in events if isinstance(event, ev.JobFinished)]
    assert [job.status for job in jobs] == ["failed", "done"]
    assert "\n" not in jobs[0].reason
    failed = next(event for event in events if isinstance(event, ev.RequestFinished) and event.status == "failed")
    assert failed.figures.tokens > 0, "what came before is kept"
    assert len(servers_started(llmtui)) == 2


def test_a_server_that_was_not_started_is_not_stopped(llmtui, llamacpp_server):
    result = llmtui("run", llmtui.suite(SHORT), "--plain", "--url", llamacpp_server.url)
    assert result.returncode == 0, result.stdout
    assert Path(f"/proc/{llamacpp_server.pid}").exists()
    assert servers_started(llmtui) == []
    found = [event for event in read_log(llmtui.log()).events if isinstance(event, ev.ServerProcessesFound)]
    assert llamacpp_server.pid in {process.pid for event in found for process in event.processes}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "quik"], "there is no suite `quik`; did you mean `quick`?"),
        (["run", "quick", "--set", "max_tokns=3"], "did you mean `max_tokens`?"),
        (["run", "quick", "--set", "nonsense"], "--set takes KEY=VALUE"),
        (["run", "missing.yaml"], "there is no such suite file"),
        (["attach", "nothing"], "there are no sessions"),
        (["replay", "nothing.jsonl"], "there is no such file"),
        (["ctl", "pause"], "there are no sessions"),
        (["sessons"], "did you mean `llmtui sessions`?"),
    ],
)
def test_a_wrong_command_gets_one_sentence(llmtui, arguments, sentence):
    result = llmtui(*arguments)
    assert result.returncode != 0
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(llmtui.sessions.glob("*.jsonl")) if llmtui.sessions.exists() else True


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--url", "http://127.0.0.1:9"], "127.0.0.1:9"),
        (["-m", "smolm2"], "there is no model `smolm2`"),
        (["-m", "/nowhere/model.gguf"], "there is no such model file"),
    ],
)
def test_what_is_not_there_fails_the_job_with_a_sentence(llmtui, options, sentence):
    result = llmtui("run", llmtui.suite(SHORT), "--plain", *options)
    assert result.returncode == 1
    assert sentence in result.stdout
    assert "failed" in result.stdout
    assert isinstance(read_log(llmtui.log()).events[-1], ev.SessionFinished)


def test_a_context_that_is_too_small_fails_the_job_with_both_numbers(llmtui):
    result = llmtui(
        "run",
        llmtui.suite(SHORT),
        "--plain",
        "--set",
        "embedded.context=256",
        "--set",
        "prompts=[" + "word " * 600 + "]",
    )
    assert result.returncode == 1
    assert re.search(r"\b256\b", result.stdout)
    assert "context" in result.stdout


def test_the_api_key_is_used_and_never_written(llmtui, monkeypatch):
    seen = []

    def answer(request):
        seen.append(request.headers.get("authorization"))
        return Answer.json({"error": {"message": "bad key"}}, status=401)

    monkeypatch.setenv("LLMTUI_API_KEY", "sk-very-secret-0123456789")
    with ByteServer(answer) as server:
        result = llmtui("run", llmtui.suite(SHORT), "--plain", "--url", server.url)
    assert result.returncode == 1
    assert "Bearer sk-very-secret-0123456789" in seen
    everything = result.stdout + result.stderr + llmtui.log().read_text()
    everything += "".join(path.read_text() for path in llmtui.folder.rglob("*.txt"))
    assert "secret" not in everything
