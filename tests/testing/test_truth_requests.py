import json

import pytest

from llmtui.testing.truth_requests import BadRequestError, Generation, HttpRequest, Responder, take_request


def raw(body=b"{}", *, method="POST", path="/v1/models", headers=""):
    return f"{method} {path}?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def post(responder, path, body):
    return responder.respond(HttpRequest("POST", path, {}, json.dumps(body).encode()))


def status_of(answer):
    return int(answer.split(b" ")[1])


def body_of(answer):
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def test_requests_are_cut_out_one_after_another():
    inbox = bytearray(raw(b'{"a":1}') + raw(b"", method="GET") + b"POST /half")
    first = take_request(inbox)
    assert (first.method, first.path, first.body) == ("POST", "/v1/models", b'{"a":1}')
    assert take_request(inbox).method == "GET"
    assert take_request(inbox) is None
    assert bytes(inbox) == b"POST /half"


def test_a_body_is_waited_for():
    data = raw(b'{"a":1}')
    for length in range(len(data)):
        assert take_request(bytearray(data[:length])) is None
    assert take_request(bytearray(data)) is not None


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"x" * (16 * 1024 * 1024 + 1),
    ],
)
def test_what_is_no_request_is_refused(data):
    with pytest.raises(BadRequestError):
        take_request(bytearray(data))


def test_a_connection_is_kept_unless_the_client_says_otherwise():
    assert take_request(bytearray(raw())).keeps
    assert not take_request(bytearray(raw(headers="Connection: close\r\n"))).keeps


def test_each_port_lists_its_own_scenarios_and_the_named_models():
    openai = Responder("openai", ["plain+tokens=3"])
    ids = [row["id"] for row in body_of(openai.respond(HttpRequest("GET", "/v1/models", {}, b"")))["data"]]
    assert "plain+tokens=3" in ids
    assert "role" in ids
    assert "thinking" not in ids
    ollama = Responder("ollama")
    names = [row["name"] for row in body_of(ollama.respond(HttpRequest("GET", "/api/tags", {}, b"")))["models"]]
    assert "thinking:latest" in names
    assert "role:latest" not in names


def test_a_request_for_tokens_carries_its_mark_and_its_limit():
    messages = [{"role": "user", "content": "[12ab]\nhello"}]
    found = post(
        Responder("openai"),
        "/v1/chat/completions",
        {"model": "plain", "messages": messages, "max_tokens": 5, "stream": True},
    )
    assert isinstance(found, Generation)
    assert (found.mark, found.scenario.tokens, found.model) == ("[12ab]", 5, "plain")
    assert len(found.answer.sends) == 7
    found = post(
        Responder("ollama"), "/api/generate", {"model": "plain:latest", "prompt": "hi", "options": {"num_predict": 2}}
    )
    assert (found.mark, found.scenario.tokens) == ("hi", 2)


def test_usage_only_when_asked_for():
    bodies = [
        b"".join(
            send.data
            for send in post(
                Responder("openai"), "/v1/completions", {"model": "plain", "prompt": "x", "stream": True, **more}
            ).answer.sends
        )
        for more in ({}, {"stream_options": {"include_usage": True}})
    ]
    assert [b'"usage"' in body for body in bodies] == [False, True]


def test_ollama_loads_and_unloads():
    ollama = Responder("ollama")

    def loaded():
        return [row["name"] for row in body_of(ollama.respond(HttpRequest("GET", "/api/ps", {}, b"")))["models"]]

    assert loaded() == []
    assert body_of(post(ollama, "/api/generate", {"model": "plain"}))["done_reason"] == "load"
    assert loaded() == ["plain:latest"]
    assert body_of(post(ollama, "/api/generate", {"model": "plain:latest", "keep_alive": 0}))["done_reason"] == "unload"
    assert loaded() == []
    post(ollama, "/api/chat", {"model": "stall", "messages": [{"role": "user", "content": "x"}]})
    assert loaded() == ["stall:latest"]


@pytest.mark.parametrize(
    ("api", "path", "body", "status"),
    [
        ("openai", "/v1/chat/completions", {"model": "nope"}, 404),
        ("openai", "/v1/chat/completions", {"model": "thinking"}, 404),
        ("openai", "/v1/chat/completions", {}, 400),
        ("openai", "/v1/chat/completions", [1], 400),
        ("openai", "/api/chat", {"model": "plain"}, 404),
        ("ollama", "/api/chat", {"model": "role"}, 404),
        ("ollama", "/api/chat", {}, 400),
        ("ollama", "/v1/chat/completions", {"model": "plain"}, 404),
    ],
)
def test_what_can_not_be_answered_is_refused(api, path, body, status):
    assert status_of(post(Responder(api), path, body)) == status


def test_pages_that_are_not_there():
    assert status_of(Responder("openai").respond(HttpRequest("GET", "/api/version", {}, b""))) == 404
    assert status_of(Responder("ollama").respond(HttpRequest("GET", "/props", {}, b""))) == 404
