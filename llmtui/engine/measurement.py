"""One request while it runs: its stream is stamped and logged, and its trouble becomes a sentence."""

from contextlib import aclosing
from typing import Any, Literal

from msgspec.structs import replace

from llmtui.backends.base import Backend, BackendError, Chunk, End, GenerationRequest, Sent
from llmtui.engine.batching import TokenBatcher
from llmtui.engine.recorder import Recorder
from llmtui.events import Figures, RequestSent, RequestStatus
from llmtui.metrics.latency import Arrival, measure
from llmtui.workloads.base import Generation


class Measurement:
    """What is known of one request while it runs and after."""

    def __init__(self, recorder: Recorder, request: str, due_ns: int) -> None:
        self._recorder = recorder
        self.request = request
        self.due_ns = due_ns
        self.sent: Sent | None = None
        self.end: End | None = None
        self.problem: str | None = None
        self.problem_kind: str | None = None
        self.tokenizer_count: int | None = None
        self._chunks: list[Chunk] = []

    @property
    def sent_ns(self) -> int | None:
        """When it was sent, since the session's origin; None while it was not."""
        return self._recorder.since_origin(self.sent.at_ns) if self.sent is not None else None

    @property
    def arrivals_ns(self) -> tuple[int, ...]:
        """When each chunk came, since the session's origin."""
        return tuple(self._recorder.since_origin(chunk.at_ns) for chunk in self._chunks)

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(chunk.text for chunk in self._chunks if not chunk.reasoning)

    @property
    def reasoning(self) -> str:
        """The reasoning so far."""
        return "".join(chunk.text for chunk in self._chunks if chunk.reasoning)

    @property
    def uncounted(self) -> bool:
        """Whether text came and the server gave no count for it."""
        usage = self.end.usage if self.end else None
        return bool(self._chunks) and self._chunks[-1].tokens is None and not (usage and usage.completion_tokens)

    async def run(self, backend: Backend, request: GenerationRequest) -> None:
        """Stream the request; a `BackendError` ends up in `problem`."""
        batcher: TokenBatcher | None = None
        try:
            async with aclosing(backend.stream(request)) as items:  # type: ignore[type-var]
                async for item in items:
                    if isinstance(item, Chunk):
                        self._chunks.append(item)
                        if batcher is not None:
                            batcher.add(item)
                    elif isinstance(item, Sent):
                        self.sent = item
                        batcher = TokenBatcher(self._recorder, self.request, item.at_ns)
                        t = self._recorder.since_origin(item.at_ns)
                        stamps: Literal["kernel", "process"] = "kernel" if item.kernel_stamps else "process"
                        self._recorder.record(
                            RequestSent(
                                t=t,
                                request=self.request,
                                connect_ns=item.connect_ns,
                                stamps=stamps,
                                url=item.posted.url if item.posted else None,
                                body=_without_messages(item.posted.body, request) if item.posted else None,
                                keyed=item.posted is not None and item.posted.keyed,
                            )
                        )
                    else:
                        self.end = item
        except BackendError as error:
            self.problem, self.problem_kind = error.sentence, error.kind
        finally:
            if batcher is not None:
                batcher.flush()

    def generation(self, status: RequestStatus) -> Generation:
        """Return the request as it went, ended now."""
        end = self.end
        return Generation(
            status=status,
            text=self.text,
            reasoning=self.reasoning,
            figures=self.figures(),
            request=self.request,
            due_ns=self.due_ns,
            sent_ns=self.sent_ns,
            ended_ns=self._recorder.now(),
            arrivals_ns=self.arrivals_ns,
            usage=end.usage if end else None,
            timings=end.timings if end else None,
            finish_reason=end.finish_reason if end else None,
            problem=self.problem,
            problem_kind=self.problem_kind,
        )

    def figures(self) -> Figures:
        """Return the figures of what came."""
        end = self.end
        figures = measure(
            self.sent.at_ns if self.sent else 0,
            [Arrival(chunk.at_ns, len(chunk.text), chunk.reasoning, chunk.tokens) for chunk in self._chunks],
            connect_ns=self.sent.connect_ns if self.sent else None,
            usage=end.usage if end else None,
            timings=end.timings if end else None,
            tokenizer_count=self.tokenizer_count,
            finish_reason=end.finish_reason if end else None,
        )
        # What the backend has to say of its figures stands beside them.
        return replace(figures, notes=(*figures.notes, *end.notes)) if end and end.notes else figures


def logged_options(request: GenerationRequest) -> dict[str, Any]:
    """Return the sampling parameters of a request as they stand in the log."""
    options: dict[str, Any] = {"max_tokens": request.max_tokens, **request.options}
    if request.temperature is not None:
        options["temperature"] = request.temperature
    if request.seed is not None:
        options["seed"] = request.seed
    if request.stop:
        options["stop"] = list(request.stop)
    return options


def _without_messages(body: dict[str, Any], request: GenerationRequest) -> dict[str, Any]:
    """Return what was posted with null for the messages: they are most of it, and in the log already."""
    ours = [{"role": role, "content": content} for role, content in request.messages]
    return body | {"messages": None} if ours and body.get("messages") == ours else body
