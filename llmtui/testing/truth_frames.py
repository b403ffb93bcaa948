"""What the known-truth server sends: the frames of both protocols, put into HTTP chunks and cut into sends. Pure."""

import json
from functools import lru_cache
from typing import Any, NamedTuple

from llmtui.testing.truth_scenarios import MS, Api, Ending, Scenario, Step, plan_steps

Kind = str
TAIL_NS = 1 * MS
LAST_CHUNK = b"0\r\n\r\n"
CREATED = 1_767_225_600
ABSURD_CREATED = 11_013_494_400
AN_HOUR_NS = 3600 * 1_000_000_000
_CREATED_AT = "2026-01-01T00:00:00.000000000Z"
_ERROR = "the scenario breaks off here"


class PlannedSend(NamedTuple):
    """Bytes that go out in one send, counted from the request. `kind`: "reasoning", "answer", "none".

    `tokens` become whole with this send: a frame that is cut counts with its last piece.
    """

    offset_ns: int
    data: bytes
    tokens: int = 0
    kind: Kind = "none"


class PlannedAnswer(NamedTuple):
    """All sends of an answer, and what happens then: the connection is kept ("done", "error") or closed."""

    sends: tuple[PlannedSend, ...]
    ending: Ending


class Shape(NamedTuple):
    """Which of the protocols' forms an answer has. `bare`: plain completion, not a chat turn."""

    api: Api
    bare: bool
    stream: bool
    include_usage: bool
    prompt_tokens: int


@lru_cache(maxsize=256)
def plan_answer(scenario: Scenario, shape: Shape, model: str) -> PlannedAnswer:
    """Return what leaves for a request. Kept, so that the last of many requests at once is not late by the planning."""
    frames = _OpenAiFrames(scenario, shape, model) if shape.api == "openai" else _OllamaFrames(scenario, shape, model)
    steps = plan_steps(scenario)
    if shape.api == "openai" and shape.bare:  # which has no field for reasoning
        steps = [step._replace(kind="answer") if step.kind == "reasoning" else step for step in steps]
    if not shape.stream:
        return _whole_answer(frames, steps)
    head = http_head(200, frames.content_type)
    sends = [PlannedSend(0, head)] if shape.api == "openai" else []
    for step in steps:
        sends += _cut(step, frames.frame(step), scenario)
    if scenario.traits.ending == "error":
        last = sends.pop()
        sends.append(last._replace(data=last.data + LAST_CHUNK))
    elif scenario.traits.ending == "done":
        sends.append(PlannedSend(sends[-1].offset_ns + TAIL_NS, http_chunks(frames.tail(steps)) + LAST_CHUNK))
    if shape.api == "ollama":
        # Ollama's head comes with its first row.
        sends[0] = sends[0]._replace(data=head + sends[0].data)
    return PlannedAnswer(tuple(sends), scenario.traits.ending)


def http_head(status: int, content_type: str, length: int | None = None) -> bytes:
    """Return the head of an answer; without `length` its body comes in chunks."""
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    reason = {200: "OK", 400: "Bad Request", 404: "Not Found", 500: "Internal Server Error"}.get(status, "Error")
    return f"HTTP/1.1 {status} {reason}\r\nContent-Type: {content_type}\r\n{framing}\r\n\r\n".encode()


def http_chunks(frames: list[bytes]) -> bytes:
    """Return each frame as one HTTP chunk."""
    return b"".join(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames)


def page(value: Any, status: int = 200) -> bytes:
    """Return a whole answer: `value` as JSON, a string as text."""
    if isinstance(value, str):
        body, content_type = value.encode(), "text/plain; charset=utf-8"
    else:
        body, content_type = _json(value), "application/json"
    return http_head(status, content_type, len(body)) + body


def _whole_answer(frames: "_Frames", steps: list[Step]) -> PlannedAnswer:
    at = steps[-1].offset_ns
    ending = frames.scenario.traits.ending
    if ending == "closed":
        return PlannedAnswer((PlannedSend(at, b""),), ending)
    if ending == "error":
        return PlannedAnswer((PlannedSend(at, page(frames.error(), 500)),), ending)
    return PlannedAnswer((PlannedSend(at, page(frames.document(steps)), steps[-1].total, "answer"),), ending)


def _cut(step: Step, frame: bytes, scenario: Scenario) -> list[PlannedSend]:
    data = http_chunks([frame])
    kind = step.kind if step.tokens else "none"
    whole = PlannedSend(step.offset_ns, data, step.tokens, kind)
    cut = scenario.traits.cut
    if cut == "character" and step.tokens:
        # Between the first two bytes of the first character that has more than one.
        place = next((at for at, byte in enumerate(data) if byte >= 0x80), 0) + 1  # noqa: PLR2004 - ASCII ends there
        later = step.offset_ns + scenario.gap_ns // 4
        return [PlannedSend(step.offset_ns, data[:place]), whole._replace(offset_ns=later, data=data[place:])]
    if cut == "bytes":
        # The end of the HTTP chunk leaves with the frame's last byte: sent after it, a read of all would tell its time.
        last = len(data) - 3
        parts = [PlannedSend(step.offset_ns, data[at : at + 1]) for at in range(last)]
        return [*parts, whole._replace(data=data[last:])]
    return [whole]


class _Frames:
    """What both protocols have in common."""

    content_type = ""

    def __init__(self, scenario: Scenario, shape: Shape, model: str) -> None:
        self.scenario = scenario
        self.shape = shape
        self.model = model

    def frame(self, step: Step) -> bytes:
        raise NotImplementedError

    def tail(self, steps: list[Step]) -> list[bytes]:
        raise NotImplementedError

    def document(self, steps: list[Step]) -> dict[str, Any]:
        raise NotImplementedError

    def error(self) -> dict[str, Any]:
        raise NotImplementedError

    def text_of(self, steps: list[Step], kind: str) -> str:
        return "".join(step.text for step in steps if step.kind == kind)


class _OpenAiFrames(_Frames):
    content_type = "text/event-stream"

    def frame(self, step: Step) -> bytes:
        if step.kind == "comment":
            return self._lines(": keep-alive")
        if step.kind == "error":
            return self._event(self.error())
        first = step.total == step.tokens
        usage = {"usage": self._usage(step.total)} if self.scenario.traits.counters == "each" and step.tokens else {}
        return self._event(self._chunk(self._delta(step, first=first)) | usage)

    def tail(self, steps: list[Step]) -> list[bytes]:
        frames = [self._event(self._chunk({"text": ""} if self.shape.bare else {"delta": {}}, "stop"))]
        counters = self.scenario.traits.counters
        if self.shape.include_usage and counters != "none":
            frame = self._chunk({}) | {"choices": [], "usage": self._usage(steps[-1].total)}
            if counters == "warped":
                frame["timings"] = {"predicted_n": steps[-1].total, "predicted_ms": 1e-6, "prompt_ms": 3.6e6}
            frames.append(self._event(frame))
        return [*frames, self._lines("data: [DONE]")]

    def document(self, steps: list[Step]) -> dict[str, Any]:
        text = self.text_of(steps, "answer")
        if self.shape.bare:
            content: dict[str, Any] = {"text": text}
        else:
            message = {"role": "assistant", "content": text}
            if self.scenario.traits.reasoning:
                message[self.scenario.traits.reasoning] = self.text_of(steps, "reasoning")
            content = {"message": message}
        document = self._chunk(content, "stop") | {
            "object": "text_completion" if self.shape.bare else "chat.completion"
        }
        if self.scenario.traits.counters != "none":
            document["usage"] = self._usage(steps[-1].total)
        return document

    def error(self) -> dict[str, Any]:
        return {"error": {"message": _ERROR, "type": "InternalServerError", "param": None, "code": 500}}

    def _delta(self, step: Step, *, first: bool) -> dict[str, Any]:
        if self.shape.bare:
            return {"text": step.text}
        delta: dict[str, Any] = {"role": "assistant"} if step.kind == "role" or (first and step.tokens) else {}
        field = self.scenario.traits.reasoning if step.kind == "reasoning" else "content"
        return {"delta": delta if step.kind == "role" else delta | {field: step.text}}

    def _chunk(self, content: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return {
            "id": "chatcmpl-truth",
            "object": "text_completion" if self.shape.bare else "chat.completion.chunk",
            "created": ABSURD_CREATED if self.scenario.traits.counters == "warped" else CREATED,
            "model": self.model,
            "choices": [{"index": 0, "finish_reason": finish_reason, **content}],
        }

    def _usage(self, total: int) -> dict[str, Any]:
        counters = self.scenario.traits.counters
        if counters == "negative":
            return {"prompt_tokens": -self.shape.prompt_tokens, "completion_tokens": -total}
        stated = max(1, total // 2) if counters == "low" else total
        prompt = self.shape.prompt_tokens
        return {"prompt_tokens": prompt, "completion_tokens": stated, "total_tokens": prompt + stated}

    def _event(self, value: dict[str, Any]) -> bytes:
        return self._lines("data: " + _json(value).decode())

    def _lines(self, text: str) -> bytes:
        return (text + self.scenario.traits.newline * 2).encode()


class _OllamaFrames(_Frames):
    content_type = "application/x-ndjson"

    def frame(self, step: Step) -> bytes:
        if step.kind == "error":
            return _json(self.error()) + b"\n"
        row = self._row("", step.text) if step.kind == "reasoning" else self._row(step.text, "")
        return _json(row | {"done": False}) + b"\n"

    def tail(self, steps: list[Step]) -> list[bytes]:
        return [_json(self._row("", "") | self._end(steps)) + b"\n"]

    def document(self, steps: list[Step]) -> dict[str, Any]:
        return self._row(self.text_of(steps, "answer"), self.text_of(steps, "reasoning")) | self._end(steps)

    def error(self) -> dict[str, Any]:
        return {"error": _ERROR}

    def _row(self, text: str, thinking: str) -> dict[str, Any]:
        row: dict[str, Any] = {"model": self.model, "created_at": _CREATED_AT}
        reasoning = {"thinking": thinking} if thinking else {}
        if self.shape.bare:
            return row | {"response": text} | reasoning
        return row | {"message": {"role": "assistant", "content": text} | reasoning}

    def _end(self, steps: list[Step]) -> dict[str, Any]:
        texts = [step for step in steps if step.tokens]
        first_ns, last_ns, total = texts[0].offset_ns, texts[-1].offset_ns, texts[-1].total
        true = {
            "total_duration": last_ns,
            "load_duration": 1 * MS,
            "prompt_eval_count": self.shape.prompt_tokens,
            "prompt_eval_duration": first_ns,
            "eval_count": total,
            "eval_duration": last_ns - first_ns,
        }
        durations = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")
        changes: dict[str, dict[str, int]] = {
            "low": {"eval_count": max(1, total // 2)},
            "negative": {"prompt_eval_count": -self.shape.prompt_tokens, "eval_count": -total},
            "zero": dict.fromkeys(durations, 0),
            "warped": {"eval_duration": 1, "prompt_eval_duration": AN_HOUR_NS, "total_duration": 3 * AN_HOUR_NS},
        }
        counters = self.scenario.traits.counters
        stated = {} if counters == "none" else true | changes.get(counters, {})
        if counters == "negative":
            del stated["eval_duration"]
        return {"done": True, "done_reason": "stop"} | stated


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
