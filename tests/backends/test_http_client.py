"""What a client takes for a URL and a key, and what it says of itself."""

import pytest
from support.whole_answer import get

from llmtui.backends.http_client import HttpClient
from llmtui.testing.byte_server import Answer, ByteServer, Piece


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("", "/v1/models"),
        ("/", "/v1/models"),
        ("/behind/", "/behind/v1/models"),
        ("/über%20all", "/%C3%BCber%20all/v1/models"),
    ],
)
async def test_paths_are_joined_to_that_of_the_url(base, path):
    with ByteServer(Answer.json({})) as server:
        async with HttpClient(server.url + base) as client:
            await get(client, "/v1/models")
    assert server.requests[0].path == path


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://server:80", "server"),
        ("https://server:443/x", "server"),
        ("https://server:80", "server:80"),
        ("http://Server:8080", "server:8080"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_the_host_is_named_as_the_standard_wants_it(url, host):
    assert dict(HttpClient(url)._headers)["Host"] == host


async def test_a_server_s_cookies_are_not_sent_back():
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: who=me\r\nContent-Length: 0\r\n\r\n"
    with ByteServer(Answer((Piece(0, head),))) as server:
        async with HttpClient(server.url) as client:
            assert (await get(client)).head.headers["set-cookie"] == "who=me"
            await get(client)
    assert "cookie" not in server.requests[1].headers


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8080",
        "ftp://host",
        "http://",
        "http://[::1",
        "http://host:port",
        "http://a..b",
        "http://:80",
        "/v1",
    ],
)
def test_a_url_that_is_none_is_refused_in_one_sentence(url):
    with pytest.raises(ValueError, match=r"http://HOST:PORT\.$"):
        HttpClient(url)


def test_a_password_in_a_url_is_refused_without_repeating_it():
    with pytest.raises(ValueError, match="password") as caught:
        HttpClient("http://user:hunter2@host")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("key", ["sk-123\n", "sk-\x00", " sk-123", "schlüssel", "🦊"])
def test_a_key_that_no_header_can_carry_is_refused_without_repeating_it(key):
    with pytest.raises(ValueError, match="API key") as caught:
        HttpClient("http://host", api_key=key)
    assert key.strip() not in str(caught.value)


async def test_the_key_is_in_no_repr():
    async with HttpClient("http://host", api_key="sk-123") as client:
        assert "sk-123" not in repr(client)
