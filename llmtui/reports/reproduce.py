"""The commands that measure a job again, and ask its first request again, as a shell takes them. Pure."""

import re
import shlex
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from llmtui import wording
from llmtui.documents import DocumentError
from llmtui.events import JobQueued, SessionOpened
from llmtui.settings import KEY_VARIABLE
from llmtui.state.points import point_name
from llmtui.state.session import Job, SessionState
from llmtui.suites.grid import sides_of
from llmtui.suites.levels import parallel_of
from llmtui.suites.paths import split_path
from llmtui.suites.plan import model_names, target_names
from llmtui.suites.reading import LEVELS, ONLY, read_suite
from llmtui.suites.schema import Suite

EMBEDDED = "embedded"
LONGEST_ARGUMENT = 100_000
"""Bytes of a body that are given to curl as an argument; Linux takes no argument above 128 KiB."""

KNOWN_PROMPT = "a server that keeps prompts may know this one by now, and then answers sooner"


class Command(NamedTuple):
    """A command line, or the reason why there is none; `notes` is what a reader should know."""

    text: str | None
    reason: str | None = None
    notes: tuple[str, ...] = ()


def run_command(state: SessionState, name: str, suite: str) -> Command:
    """Return the `llmtui run` that measures job `name` once more; `suite` is a path to the session's own suite."""
    job, header = state.jobs.get(name), state.header
    if job is None or job.plan is None:
        return Command(None, f"the log does not say what {name} is")
    if header is None:
        return Command(None, "the log has no header, so its suite is not known")
    try:
        overrides, differing = _overrides(header, job.plan)
    except DocumentError as error:
        return Command(None, f"its suite can't be run by this version of llmtui: {error}")
    arguments = ["llmtui", "run", suite, *_where(state, header, job.plan), "--workload", job.plan.workload]
    for key, value in overrides.items():
        arguments += ["--set", f"{key}={value}"]
    notes = (f"what differs from the job: {', '.join(differing)}",) if differing else ()
    return Command(" ".join(map(quoted, arguments)), None, notes)


def curl_command(
    state: SessionState, name: str, key_variable: Callable[[str], str] = lambda _url: KEY_VARIABLE
) -> Command:
    """Return the `curl` that sends the first measured request of job `name` as it was sent.

    An API key is an environment variable in it; `key_variable` names it for a server's URL.
    """
    job = state.jobs.get(name)
    if job is None or job.asked is None:
        watches = job is not None and job.plan is not None and job.plan.kind == "watch"
        return Command(None, "a job that watches sends no request" if watches else "no measured request was sent")
    asked, request = job.asked, state.requests.get(job.asked.request)
    if asked.url is None or asked.body is None:
        return Command(None, "the log does not have what was sent; sessions of today do")
    body = dict(asked.body)
    if "messages" in body and body["messages"] is None:
        if request is None or not request.messages:
            return Command(None, "the messages of the request are not in the log")
        body["messages"] = [{"role": role, "content": content} for role, content in request.messages]
    notes = [KNOWN_PROMPT]
    if _is_embedded(job):
        notes.append("the embedded server ended with its session; put the URL of one that runs in its place")
    variable = key_variable(asked.url)
    variable = variable if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable) else KEY_VARIABLE
    key = f' -H "Authorization: Bearer ${variable}"' if asked.keyed else ""
    return Command(_curl(asked.url, key, _json(body)), None, tuple(notes))


def command_lines(state: SessionState, name: str, run: Command, curl: Command) -> list[str]:
    """Return both commands of a job as lines of a shell script, with what is to be said of them as comments."""
    job = state.jobs[name]
    plan = job.plan
    title = f"{name} {plan.workload} #{plan.iteration} on {plan.model} at {plan.target}" if plan else name
    request = f" ({job.asked.request})" if job.asked is not None else ""
    return [
        _comment(title),
        *_script(run, "it can't be run again"),
        _comment(f"its first measured request{request}"),
        *_script(curl, "it can't be sent again"),
    ]


def _script(command: Command, without: str) -> Iterator[str]:
    for note in command.notes:
        yield _comment(f"note: {note}")
    yield _comment(f"{without}: {command.reason}") if command.text is None else command.text


def _comment(text: str) -> str:
    return f"# {wording.visible(text)}"


def quoted(text: str) -> str:
    """Return `text` as one word for a shell, in which nothing acts on the terminal that shows it."""
    if text.isprintable():
        return shlex.quote(text)
    escaped = (
        c if c.isprintable() and c not in "\\'" else "".join(f"\\{byte:03o}" for byte in c.encode("utf-8", "replace"))
        for c in text
    )
    return f"$'{''.join(escaped)}'"


def _curl(url: str, key: str, body: str) -> str:
    # A long body is sent without asking first whether it may come: a server that does not answer that costs a second.
    start = f"curl -sSN {quoted(url)} -H 'Content-Type: application/json' -H Expect:{key}"
    if len(body.encode()) > LONGEST_ARGUMENT:
        return f"printf %s {quoted(body)} | {start} --data-binary @-"
    return f"{start} -d {quoted(body)}"


def _json(value: Any) -> str:
    """Return JSON with the bytes that a backend sends, but for characters that no terminal can show: as escapes."""
    text = msgspec.json.encode(value).decode()
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _is_embedded(job: Job) -> bool:
    return job.plan is not None and _embedded_target(job.plan.target)


def _embedded_target(target: str) -> bool:
    return re.match(rf"{EMBEDDED}($|[:\[])", target) is not None


def _embedded_settings(suite: Suite, plan: JobQueued) -> dict[str, Any]:
    """Return what the variant, or the point of a grid, changes about the embedded server."""
    names = {plan.variant, point_name(plan.point)}
    return next((side.embedded for side in sides_of(suite) if side.name in names), {})


def _where(state: SessionState, header: SessionOpened, plan: JobQueued) -> list[str]:
    """Return the arguments that name the job's server and model."""
    if len(plan.models) > 1:
        places = {place.target: None for place in plan.models if "://" in place.target}
        servers = [part for url in places for part in ("--url", url)]
        return servers + [part for place in plan.models for part in ("--model", place.model)]
    if not _embedded_target(plan.target):
        target = state.targets.get(plan.target)
        url = plan.target if "://" in plan.target else target.url if target else ""
        return [*(["--url", url] if "://" in url else []), *(["--model", plan.model] if plan.model != "-" else [])]
    suite = _suite(header, header.overrides)
    names = model_names(msgspec.structs.replace(suite, models=header.models) if header.models else suite)
    setting = point_name(_embedded_settings(suite, plan))
    named = plan.target.removesuffix(f"[{setting}]" if setting else "").partition(":")[2]
    model = named or (names[0] if len(names) == 1 else None)
    elsewhere = header.urls or target_names(suite) != (EMBEDDED,)
    return [*(["--url", EMBEDDED] if elsewhere else []), *(["--model", model] if model else [])]


def _overrides(header: SessionOpened, plan: JobQueued) -> tuple[dict[str, str], list[str]]:
    """Return what `--set` must say for the job alone, and what it can't bring about."""
    whole = _suite(header, header.overrides)
    # What was set in workloads comes from the job's own parameters: a key may belong to another workload of the suite.
    given = {key: value for key, value in header.overrides.items() if split_path(key)[0] in Suite.__struct_fields__}
    given |= {
        "iterations": "1",
        **({"variants": "[]"} if whole.variants else {}),
        **({"grid": "{}"} if whole.grid else {}),
    }
    given |= {f"{EMBEDDED}.{key}": _json(value) for key, value in _embedded_settings(whole, plan).items()}
    if {"kind", *LEVELS} & set(_differing(_alone(header, given, plan), plan)):
        given |= {key: _json(plan.parameters[key]) for key in LEVELS if plan.parameters.get(key)}
    differing = _differing(_alone(header, given, plan), plan)
    given |= {key: _json(plan.parameters[key]) for key in differing if key != "kind"}
    alone = _alone(header, given, plan)
    if _embedded_target(plan.target) and parallel_of(whole) != parallel_of(alone) and whole.embedded.parallel is None:
        given["embedded.parallel"] = str(parallel_of(whole))
    return given, [*_differing(alone, plan), *(["other workloads of this name"] if len(alone.workloads) > 1 else [])]


def _differing(suite: Suite, plan: JobQueued) -> list[str]:
    """Return the parameters of the job that differ from those of the suite's only workload."""
    # By way of JSON, as the log has them.
    own = msgspec.json.decode(msgspec.json.encode(suite.workloads[0]))
    return [key for key, value in plan.parameters.items() if key != "name" and (key not in own or own[key] != value)]


def _alone(header: SessionOpened, overrides: dict[str, str], plan: JobQueued) -> Suite:
    return _suite(header, {**overrides, ONLY: plan.workload})


def _suite(header: SessionOpened, overrides: dict[str, str]) -> Suite:
    return read_suite(header.suite, "the session's suite", overrides)
