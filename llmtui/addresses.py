"""Addresses of servers as people write them."""

from urllib.parse import urlsplit


def normalise_url(text: str) -> str:
    """Return the base URL that `text` means: "host:port" and a path that ends in "/v1" will do.

    `ValueError` with one sentence, which never repeats a password.
    """
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
        wrong_port = port == 0
    except ValueError:
        # Of a host that is none, or a port that is no number or too large.
        host, port, parts = None, None, urlsplit("")
        wrong_port = True
    if parts.username is not None or parts.password is not None:
        raise ValueError("The URL of a server must not hold a user or password: give the API key instead.")
    if (
        parts.scheme not in {"http", "https"}
        or not host
        or wrong_port
        or parts.query
        or parts.fragment
        or any(map(str.isspace, text))
    ):
        shown = text.rpartition("@")[2]
        raise ValueError(
            f"{shown!r} is no URL of a server: write HOST:PORT or http://HOST:PORT, with a port up to 65535."
        )
    place = f"[{host}]" if ":" in host else host
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{place}{f':{port}' if port else ''}{path}"
