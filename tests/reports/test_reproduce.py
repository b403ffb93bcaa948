import json
import shlex
import subprocess
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conversation import MS, header, queued, request

from llmtui import events as ev
from llmtui.reports.reproduce import Command, command_lines, curl_command, quoted, run_command
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.suites.grid import embedded_servers
from llmtui.suites.plan import PlannedTarget, plan_jobs
from llmtui.suites.reading import read_suite

URL = "http://127.0.0.1:8080"
SUITE = """
name: two
targets: [embedded]
workloads:
  - {kind: generate, name: short, prompts: [hi], max_tokens: 8}
  - {kind: load, prompts: [hi, ho], concurrency: [1, 4], slo: {ttft_ms: 100}}
  - {kind: stress, name: heat}
"""
VARIED = (
    SUITE.replace("kind: stress", "kind: watch")
    + """
variants:
  - {name: a, set: {max_tokens: 4}}
  - {name: b, set: {temperature: null, stop: ["x y", "it's"]}}
"""
)


GRID = (
    SUITE
    + """
grid: {temperature: [0, 0.8], embedded.threads: [1, 2]}
"""
)


def session(text, overrides=None, target=URL, **head):
    """The queue of a suite as the engine would log it."""
    suite = read_suite(text, "suite", overrides)
    server = ev.Server(url=target, kind="openai", models=(ev.Model(id="m"),))
    events = [
        header(suite=text, overrides=overrides or {}, **head),
        ev.TargetResolved(t=0, target=target, url=target, server=server),
    ]
    for number, plan in enumerate(plan_jobs(suite, [PlannedTarget(target, server)]), 1):
        parameters = msgspec.json.decode(msgspec.json.encode(plan.workload))
        kind = plan.workload.__struct_config__.tag
        events.append(queued(f"j{number}", target=target, model="m", workload=plan.name, kind=kind, variant=plan.variant, load=plan.load, parameters=parameters))  # fmt: skip
    return folded(events)


def folded(events):
    state = SessionState()
    apply_all(state, events)
    return state


def overrides_of(command):
    words = shlex.split(command.text)
    assert words[:3] == ["llmtui", "run", "/s/two.yaml"]
    given = dict(word.split("=", 1) for flag, word in pairwise(words) if flag == "--set")
    return given | {"workload": words[words.index("--workload") + 1]}


def after(command, flag):
    words = shlex.split(command.text)
    return [word for name, word in pairwise(words) if name == flag]


# --- llmtui run ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "overrides"),
    [
        (SUITE, {}),
        (SUITE, {"max_tokens": "32", "iterations": "3", "limits.stall_s": "7"}),
        (SUITE, {"streams": "2", "duration": "90s"}),
        (SUITE, {"concurrency": "[2, 8]"}),
        (SUITE, {"rate": "[0.5, 2]", "requests": "9"}),
        (VARIED, {}),
        (VARIED, {"rate": "3", "max_tokens": "5"}),
    ],
)
def test_the_command_plans_the_one_job_with_the_same_parameters(text, overrides):
    state = session(text, overrides)
    assert len(state.jobs) > 2
    server = ev.Server(url=URL, kind="openai", models=(ev.Model(id="m"),))
    whole = read_suite(text, "suite", overrides)
    for name, job in state.jobs.items():
        command = run_command(state, name, "/s/two.yaml")
        assert (command.reason, command.notes) == (None, ())
        alone = read_suite(text, "suite", overrides_of(command))
        (plan,) = plan_jobs(alone, [PlannedTarget(URL, server)])
        assert msgspec.json.decode(msgspec.json.encode(plan.workload)) == {**job.plan.parameters, "name": plan.name}
        assert (plan.name, plan.load) == (job.plan.workload, job.plan.load)
        assert (alone.limits, alone.warmup) == (whole.limits, whole.warmup)
        assert (after(command, "--url"), after(command, "--model")) == ([URL], ["m"])


def test_a_clone_of_the_user_is_told_by_its_parameters():
    state = session(SUITE)
    plan = state.jobs["j1"].plan
    changed = {**plan.parameters, "max_tokens": 64, "options": {"top_k": 1}, "system": 'say "no"\nand: stop'}
    state.jobs["j1"].plan = msgspec.structs.replace(plan, parameters=changed, variant="max_tokens=64")
    given = overrides_of(run_command(state, "j1", "/s/two.yaml"))
    (workload,) = read_suite(SUITE, "suite", given).workloads
    assert (workload.max_tokens, workload.options, workload.system) == (64, {"top_k": 1}, 'say "no"\nand: stop')


@pytest.mark.parametrize(
    ("target", "urls", "models", "url", "model"),
    [
        ("embedded", (), (), [], []),
        ("embedded", ("embedded", URL), (), ["embedded"], []),
        ("embedded", (), ("small",), [], ["small"]),
        ("embedded:big", (), ("small", "big"), [], ["big"]),
        ("http://box:1/v1", ("http://box:1/v1",), (), ["http://box:1/v1"], ["m"]),
    ],
)
def test_server_and_model_are_those_of_the_job(target, urls, models, url, model):
    command = run_command(session(SUITE, target=target, urls=urls, models=models), "j1", "/s/two.yaml")
    assert (after(command, "--url"), after(command, "--model")) == (url, model)


def test_the_embedded_server_gets_as_many_slots_as_it_had():
    state = session(SUITE, target="embedded")
    first = next(name for name, job in state.jobs.items() if job.plan.load == ev.OfferedLoad(concurrency=1))
    assert overrides_of(run_command(state, first, "/s/two.yaml"))["embedded.parallel"] == "4"
    last = next(name for name, job in state.jobs.items() if job.plan.load == ev.OfferedLoad(concurrency=4))
    assert "embedded.parallel" not in overrides_of(run_command(state, last, "/s/two.yaml"))


def test_a_point_of_a_grid_keeps_its_own_server_and_values():
    suite = read_suite(GRID, "suite")
    targets = []
    for wanted in embedded_servers(suite):
        name = f"embedded[{wanted.setting}]"
        server = ev.Server(url="embedded", kind="embedded", models=(ev.Model(id="m"),))
        targets.append(PlannedTarget(name, server, None, ("m",), wanted.setting))
    plans = plan_jobs(suite, targets)
    assert {plan.target for plan in plans} == {"embedded[threads=1]", "embedded[threads=2]"}
    for plan in plans:
        parameters = msgspec.json.decode(msgspec.json.encode(plan.workload))
        job = queued(target=plan.target, workload=plan.name, kind=plan.workload.__struct_config__.tag, variant=plan.variant, point=plan.point, load=plan.load, parameters=parameters)  # fmt: skip
        command = run_command(folded([header(suite=GRID), job]), "j1", "/s/two.yaml")
        assert (command.reason, command.notes) == (None, ())
        assert (after(command, "--url"), after(command, "--model")) == ([], [])
        alone = read_suite(GRID, "suite", overrides_of(command))
        assert (alone.grid, f"embedded[threads={alone.embedded.threads}]") == ({}, plan.target)
        assert getattr(alone.workloads[0], "temperature", None) == parameters.get("temperature")


def test_what_can_not_be_run_says_why():
    state = session(SUITE)
    assert run_command(state, "j99", "s").reason == "the log does not say what j99 is"
    plan = state.jobs["j1"].plan
    state.jobs["j1"].plan = msgspec.structs.replace(plan, parameters={**plan.parameters, "warp": 9})
    assert "--set warp=9: no such key" in run_command(state, "j1", "s").reason
    state.jobs["j1"].plan = msgspec.structs.replace(plan, workload="gone")
    assert "no such workload; it has short, load 2, heat" in run_command(state, "j1", "s").reason
    assert (
        "can't be run by this version" in run_command(folded([header(suite="# imported"), queued()]), "j1", "s").reason
    )
    assert "no header" in run_command(folded([queued()]), "j1", "s").reason


def test_two_workloads_of_one_name_are_said():
    state = session(SUITE.replace("name: heat", "name: short"))
    assert run_command(state, "j1", "s").notes == ("what differs from the job: other workloads of this name",)


# --- curl ----------------------------------------------------------------------------------------------------------


def asked(body, *, keyed=False, text="hi", url=f"{URL}/v1/chat/completions", **plan):
    first, sent, *rest = request("j1.2")
    first = msgspec.structs.replace(first, messages=(("system", "be brief"), ("user", text)))
    sent = msgspec.structs.replace(sent, url=url, body=body, keyed=keyed)
    warm = request("j1.1", warmup=True)
    warm[1] = msgspec.structs.replace(warm[1], url="http://wrong", body={"messages": None})
    return folded([header(), queued(**plan), ev.JobStarted(t=1, job="j1"), *warm, first, sent, *rest, *request("j1.3", start=90 * MS)])  # fmt: skip


def sent_by(command):
    """What a shell would give to curl: the arguments, and the body."""
    script = command.text.replace("curl ", 'printf "%s\\0" ', 1)
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True, env={"PATH": "/usr/bin:/bin", "LLMTUI_API_KEY": "k3y", "BOX": "b0x"})  # fmt: skip
    words = done.stdout.decode().split("\0")[:-1]
    return words, words[words.index("-d") + 1]


def test_the_body_is_that_of_the_first_measured_request_word_for_word():
    body = {"model": "m", "messages": None, "stream": True, "max_tokens": 8}
    words, sent = sent_by(curl_command(asked(body), "j1"))
    assert words[1] == f"{URL}/v1/chat/completions"
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]
    assert sent == msgspec.json.encode({**body, "messages": messages}).decode()
    assert not any("Authorization" in word for word in words)


@given(st.text())
def test_any_prompt_comes_out_of_the_shell_as_it_went_in_and_acts_on_no_terminal(text):
    command = curl_command(asked({"messages": None, "model": "m"}, text=text), "j1")
    assert command.text.isprintable()
    _, sent = sent_by(command)
    assert json.loads(sent)["messages"][1]["content"] == text


def test_the_key_is_a_variable_and_never_itself():
    state = asked({"messages": None}, keyed=True)
    command = curl_command(state, "j1")
    assert '-H "Authorization: Bearer $LLMTUI_API_KEY"' in command.text
    assert "Authorization: Bearer k3y" in sent_by(command)[0]
    assert "Authorization: Bearer b0x" in sent_by(curl_command(state, "j1", lambda _url: "BOX"))[0]
    assert "$LLMTUI_API_KEY" in curl_command(state, "j1", lambda _url: "$(reboot)").text


def test_a_body_that_is_too_long_for_an_argument_goes_through_a_pipe(tmp_path):
    text = "it's long " * 30_000
    command = curl_command(asked({"messages": None}, text=text), "j1")
    script = tmp_path / "ask.sh"
    script.write_text(command.text.replace("| curl ", "| cat #"))
    done = subprocess.run(["sh", script], capture_output=True, check=True)
    assert json.loads(done.stdout)["messages"][1]["content"] == text


def test_a_body_without_our_messages_stays_as_it_was_sent():
    body = {"messages": [{"role": "user", "content": "from an option"}]}
    assert json.loads(sent_by(curl_command(asked(body), "j1"))[1]) == body


def test_what_can_not_be_sent_says_why():
    state = asked({"messages": None})
    assert curl_command(state, "j9").reason == "no measured request was sent"
    watching = folded([header(), queued(kind="watch")])
    assert curl_command(watching, "j1").reason == "a job that watches sends no request"
    older = folded([header(), queued(), ev.JobStarted(t=1, job="j1"), *request("j1.1")])
    assert "does not have what was sent" in curl_command(older, "j1").reason
    state.requests["j1.2"].messages = ()
    assert curl_command(state, "j1").reason == "the messages of the request are not in the log"


def test_the_embedded_server_is_said_to_be_gone():
    notes = curl_command(asked({"messages": None}, target="embedded"), "j1").notes
    assert any("embedded server ended" in note for note in notes)
    assert not any("embedded" in note for note in curl_command(asked({"messages": None}, target=URL), "j1").notes)


# --- words ---------------------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_word_is_one_word_of_a_shell_and_printable(text):
    word = quoted(text)
    assert word.isprintable()
    assert subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True).stdout == text.encode()


def test_the_lines_are_a_script_whatever_the_names_are():
    state = folded([header(), queued(workload="x\nrm -rf /\x1b[2J", model="m\r$(x)")])
    lines = command_lines(state, "j1", Command(None, "gone\nfor good"), Command("true", None, ("mind\nthis",)))
    assert all(line.startswith("# ") or line == "true" for line in lines)
    assert all(line.isprintable() for line in lines)
