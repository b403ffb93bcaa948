"""What can go wrong between this client and a server below the statuses of HTTP."""


class TransportError(Exception):
    """No answer came, or not all of it; the text says why and holds no key."""


class ConnectError(TransportError):
    """No connection came about."""


class ConnectTimeoutError(ConnectError):
    """The server did not take the connection in time."""


class ConnectionLostError(TransportError):
    """The connection was reset before the answer was whole."""


class ConnectionCutError(ConnectionLostError):
    """The server closed the connection before its answer was whole."""


class ForeignProtocolError(TransportError):
    """What came is no HTTP/1.1 as it should be."""


class UnsendableRequestError(TransportError):
    """HTTP/1.1 has no form for the request."""
