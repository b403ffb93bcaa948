"""A relay on the loopback that passes HTTP on to a server and keeps each request that it saw."""

import socket
import threading
from contextlib import closing, suppress
from urllib.parse import urlsplit

from llmtui.testing.truth_requests import HttpRequest, take_request


class Relay:
    """Listens at `url` while it is open; `requests` holds what came, in the order in which it was whole."""

    def __init__(self, url, port=0):
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", port))
        self._clients: list[socket.socket] = []
        self._lock = threading.Lock()
        self.requests: list[HttpRequest] = []
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_error):
        # Closing alone would not wake the thread that waits in accept.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def end(self):
        """Go away as a server does that is killed: nobody listens any more, and what was open is cut."""
        self.__exit__()
        for client in self._clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def posted(self, path):
        """Return the requests that were posted there so far."""
        with self._lock:
            return [one for one in self.requests if one.method == "POST" and one.path == path]

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._clients.append(client)
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client):
        with closing(client), closing(socket.create_connection(self._server)) as server:
            back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
            back.start()
            inbox = bytearray()
            with suppress(OSError):
                while data := client.recv(65536):
                    inbox += data
                    while (request := take_request(inbox)) is not None:
                        with self._lock:
                            self.requests.append(request)
                    server.sendall(data)
                server.shutdown(socket.SHUT_WR)
            back.join(10)

    @staticmethod
    def _copy(source, target):
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
