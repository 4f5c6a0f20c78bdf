"""Servers on this machine that answer as a test says."""

import json
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def serving(answer):
    """Give the address of a server.

    Args:
        answer: takes the request's JSON and its handler (for path and headers); gives what to send
            as JSON, or a status, a type and bytes, or those and headers. A key that it misses is
            answered with status 400.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                given = answer(content, self)
            except KeyError as error:
                given = 400, "text/plain", f"there is no {error}".encode()
            status, kind, text, *more = (
                given
                if isinstance(given, tuple)
                else (200, "application/json", json.dumps(given).encode())
            )
            self.send_response(status)
            headers = {"Content-Type": kind, "Content-Length": str(len(text))}
            for name, value in (headers | dict(*more)).items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(ConnectionError):  # the client waits no longer
                self.wfile.write(text)

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/predict"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
