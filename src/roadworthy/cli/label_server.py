import secrets
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from roadworthy.core.errors import InputError

HOST = "127.0.0.1"  # nobody outside this machine is served
MOST_BYTES = 10_000  # of an answer
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
POLICY += "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'"


class LabelServer(ThreadingHTTPServer):
    """Serves one page on this machine, and takes the answers that it sends.

    Its address holds a secret word, and requests under another host's name are refused: pages of
    strangers in the same browser can neither read the rows nor answer.

    Args:
        page: gives the page as it is now.
        answer: takes a row's number and its label; raises InputError where they do not fit.
        port: 0 takes any that is free.
    """

    daemon_threads = True

    def __init__(
        self, page: Callable[[], str], answer: Callable[[int, str], None], port: int = 0
    ) -> None:
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise InputError(f"cannot serve on port {port}: {error.strerror}") from None
        self.page = page
        self.answer = answer
        self.word = secrets.token_urlsafe(16)

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/{self.word}/"


class _Answer(msgspec.Struct):
    row: int
    label: str


class _Handler(BaseHTTPRequestHandler):
    server: LabelServer

    def do_GET(self) -> None:
        if not self._is_ours(""):
            return
        self._reply(HTTPStatus.OK, self.server.page(), "text/html; charset=utf-8")

    def do_POST(self) -> None:
        if not self._is_ours("answer"):
            return
        try:
            size = int(self.headers.get("Content-Length", ""))
            if not 0 < size <= MOST_BYTES:
                raise ValueError(size)
            given = msgspec.json.decode(self.rfile.read(size), type=_Answer)
            self.server.answer(given.row, given.label)
        except InputError as error:
            self._reply(HTTPStatus.BAD_REQUEST, str(error))
        except (ValueError, msgspec.MsgspecError):
            self._reply(HTTPStatus.BAD_REQUEST, "an answer is a row and a label")
        else:
            self._reply(HTTPStatus.OK, "saved")

    def _is_ours(self, name: str) -> bool:
        """Refuse what is not asked by the page itself."""
        host = f"{HOST}:{self.server.server_port}"
        if self.headers.get("Host") == host and self.path == f"/{self.server.word}/{name}":
            return True
        self._reply(HTTPStatus.NOT_FOUND, "there is nothing here")
        return False

    def _reply(self, status: HTTPStatus, text: str, kind: str = "text/plain") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing: the terminal shows what matters."""
