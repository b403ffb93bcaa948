import pytest

from llmtui.backends.problems import error_message, http_problem, stream_problem, transport_problem
from llmtui.backends.transport_errors import (
    ConnectError,
    ConnectionCutError,
    ConnectionLostError,
    ConnectTimeoutError,
    ForeignProtocolError,
    UnsendableRequestError,
)
from llmtui.backends.wire import WireError

URL = "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"code":400,"message":"no \'messages\'","type":"invalid_request_error"}}', "no 'messages'"),
        (b'{"error":"model \'nope\' not found"}', "model 'nope' not found"),
        (b'{"object":"error","message":"flat","type":"BadRequestError","param":null,"code":400}', "flat"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (
            b'{"detail":[{"type":"missing","loc":["body","model"],"msg":"Field required"}]}',
            "body.model: Field required",
        ),
        (b'{"error":"{\\"error\\":{\\"code\\":400,\\"message\\":\\"inner\\"}}"}', "inner"),
        (b'{"error":{"message":"LM Studio"},"message":"LM Studio"}', "LM Studio"),
        (b'{"error":"Input validation error","error_type":"validation"}', "Input validation error"),
        (b"Internal Server Error\n", "Internal Server Error"),
        (b"<html><head><title>502 Bad Gateway</title></head></html>", "502 Bad Gateway"),
        (b"<!doctype html><p>hello", "an HTML page"),
        (b"{not json", "{not json"),
        (b"", ""),
        (b"{}", ""),
        (b'{"error":null}', ""),
        (b'{"error":{"message":null}}', ""),
        (b"[]", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_rule_13_the_words_are_found_in_every_shape(body, message):
    assert error_message(body) == message


def test_nesting_without_end_is_given_up():
    body = "x"
    for _ in range(50):
        body = {"error": body}
    assert error_message(body) == ""
    assert error_message(b'{"error":' * 20 + b'"x"' + b"}" * 20) == ""


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b'{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}', "refused"),
        (403, b"", "refused"),
        (404, b'{"error":"model \'nope\' not found"}', "no_model"),
        (400, b'{"error":{"message":"model \'nope\' not found"}}', "no_model"),
        (
            404,
            b'{"error":{"message":"The model `x` does not exist.","type":"NotFoundError","param":"model"}}',
            "no_model",
        ),
        (404, b'{"error":{"message":"File Not Found","type":"not_found_error","code":404}}', "not_supported"),
        (400, b'{"error":{"message":"messages must be of type array"}}', "bad_request"),
        (404, b'{"detail":"Not Found"}', "not_supported"),
        (404, b"404 page not found", "not_supported"),
        (405, b"405 method not allowed", "not_supported"),
        (501, b'{"error":{"message":"This server does not support embeddings.","code":501}}', "not_supported"),
        (400, b'{"error":"\\"x\\" does not support thinking"}', "not_supported"),
        (
            400,
            (
                b'{"error":{"message":"request (3031 tokens) exceeds the available context size (2048 tokens)",'
                b'"type":"exceed_context_size_error","n_prompt_tokens":3031,"n_ctx":2048}}'
            ),
            "context_full",
        ),
        (
            400,
            (
                b'{"error":{"message":"This model\'s maximum context length is 512 tokens. However, you requested 900.",'
                b'"type":"BadRequestError","param":"input_tokens","code":400}}'
            ),
            "context_full",
        ),
        (
            422,
            b'{"error":"`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 9","error_type":"x"}',
            "context_full",
        ),
        (
            400,
            (
                b'{"error":"{\\"error\\":{\\"code\\":400,\\"message\\":\\"request (9 tokens) exceeds the available context'
                b' size\\",\\"type\\":\\"exceed_context_size_error\\"}}"}'
            ),
            "context_full",
        ),
        (400, b'{"error":"unexpected EOF"}', "bad_request"),
        (400, b"", "bad_request"),
        (422, b'{"detail":"Unexpected fields in the request: {\'top_k\'}"}', "bad_request"),
        (429, b'{"error":"Model is overloaded","error_type":"overloaded"}', "overloaded"),
        (503, b'{"error":{"message":"Loading model","type":"unavailable_error","code":503}}', "loading"),
        (503, b"no backend available", "overloaded"),
        (503, b"", "overloaded"),
        (424, b'{"error":"Request failed during generation","error_type":"generation"}', "server_error"),
        (500, b"Internal Server Error", "server_error"),
        (500, b'{"error":"option \\"num_ctx\\" must be of type integer"}', "bad_request"),
        (502, b"<html><title>502 Bad Gateway</title></html>", "server_error"),
        (307, b"", "bad_request"),
    ],
)
def test_rule_13_and_19_each_answer_has_its_kind_and_one_sentence(status, body, kind):
    problem = http_problem(status, body, url=URL, model="nope")
    assert (problem.kind, problem.status) == (kind, status)
    assert problem.sentence.startswith(URL + " ")
    assert problem.sentence.endswith(".")
    assert "\n" not in problem.sentence
    assert str(problem) == problem.sentence


def test_a_model_that_is_not_there_is_named():
    problem = http_problem(404, b'{"error":"model not found"}', url=URL, model="nope")
    assert "'nope'" in problem.sentence
    assert "that model" in http_problem(404, b'{"error":"model not found"}', url=URL).sentence


def test_the_servers_words_are_quoted_but_neither_in_full_length_nor_with_control_characters():
    problem = http_problem(500, ("\x1b[31mred\x07\nand\tlong " + "x" * 5000).encode(), url=URL)
    assert "\x1b" not in problem.sentence
    assert "red and long xxx" in problem.sentence
    assert len(problem.sentence) < 450


def test_a_key_that_the_server_repeats_is_not_repeated_again():
    body = b'{"error":{"message":"Incorrect API key provided: sk-0123456789abcdef. Find yours at home."}}'
    assert "sk-0123456789abcdef" in http_problem(401, body, url=URL).sentence
    hidden = http_problem(401, body, url=URL, secret="sk-0123456789abcdef").sentence
    assert "0123" not in hidden
    assert "***" in hidden
    assert (
        "sk-0"
        not in stream_problem({"error": "bad sk-0123456789abcdef"}, url=URL, secret="sk-0123456789abcdef").sentence
    )


def test_a_key_is_hidden_before_a_long_message_is_cut():
    key = "sk-" + "k" * 60
    sentence = http_problem(500, (b"x" * 270 + b" " + key.encode()), url=URL, secret=key).sentence
    assert "sk-" not in sentence


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"code": 500, "message": "boom", "type": "server_error"}},
        {"error": {"message": "boom", "type": "InternalServerError", "param": None, "code": 500}},
        {"error": {"object": "error", "message": "boom", "type": "x", "param": None, "code": 500}},
        {"object": "error", "message": "boom"},
        {"error": {"message": "boom"}, "message": "boom"},
        {"error": {"message": "boom", "http_status_code": 422}},
        {"error": "boom"},
        "boom",
        {"detail": "boom"},
    ],
)
def test_rule_12_an_error_in_mid_stream_is_one_of_the_server_in_every_shape(error):
    problem = stream_problem(error, url=URL)
    assert problem.kind == "server_error"
    assert "(boom)" in problem.sentence


def test_rule_12_an_error_in_mid_stream_may_say_more():
    full = {"error": {"message": "the request exceeds the available context size", "type": "exceed_context_size_error"}}
    assert stream_problem(full, url=URL).kind == "context_full"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectError("Connection refused"), "unreachable"),
        (ConnectTimeoutError("slow"), "unreachable"),
        (TimeoutError(), "timeout"),
        (ConnectionCutError("cut"), "disconnected"),
        (ConnectionLostError("reset"), "disconnected"),
        (ConnectionResetError(), "disconnected"),
        (ForeignProtocolError("illegal status line"), "malformed"),
        (WireError("no JSON"), "malformed"),
        (UnsendableRequestError("bad"), "bad_request"),
    ],
)
def test_a_failed_connection_has_its_kind(error, kind):
    problem = transport_problem(error, url=URL)
    assert problem.kind == kind
    assert problem.sentence.startswith(URL)
    assert problem.status is None
