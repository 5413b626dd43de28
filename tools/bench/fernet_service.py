"""Fernet behind a Unix socket: what the key service replaces, to be measured beside it (`cargo xtask bench keyd`).

Usage: fernet_service.py SOCKET

One request per line, one line of answer, any number of requests on a connection, a thread for each connection:

    {"operation": "encrypt", "data": BASE64}  ->  {"token": TEXT}
    {"operation": "decrypt", "token": TEXT}   ->  {"data": BASE64}
    anything else                             ->  {"error": TEXT}

The key is a new one and lives as long as the process. There is no policy and no audit log.
"""

import base64
import json
import socketserver
import sys

from cryptography.fernet import Fernet, InvalidToken

FERNET = Fernet(Fernet.generate_key())


def answer(line: bytes) -> dict[str, str]:
    """What one request gives."""
    try:
        request = json.loads(line)
        if request["operation"] == "encrypt":
            data = base64.b64decode(request["data"], validate=True)
            return {"token": FERNET.encrypt(data).decode("ascii")}
        if request["operation"] == "decrypt":
            data = FERNET.decrypt(request["token"])
            return {"data": base64.b64encode(data).decode("ascii")}
        return {"error": "unknown operation"}
    except InvalidToken:
        return {"error": "the token does not open"}
    except (KeyError, TypeError, ValueError) as error:
        return {"error": f"not a request: {error}"}


class Connection(socketserver.StreamRequestHandler):
    """One client."""

    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(json.dumps(answer(line)).encode("ascii") + b"\n")


class Server(socketserver.ThreadingUnixStreamServer):
    """All clients."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that leaves before its answer is no error.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: fernet_service.py SOCKET")
    with Server(sys.argv[1], Connection) as server:
        server.serve_forever()
