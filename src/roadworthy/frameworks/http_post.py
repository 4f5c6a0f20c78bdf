"""Posts JSON to an address that a user names, and keeps the user's secrets out of every message."""

import base64
import http.client
import json
import os
import re
import time
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from roadworthy.core.errors import InputError

TOKEN = "ROADWORTHY_TOKEN"  # the environment variable that holds a bearer token
TIMEOUT = 60.0  # seconds to connect, and for the whole answer
LARGEST = 32 * 1024**2  # bytes of an answer
PAUSES = (0.25, 0.75, 2.0)  # seconds before each further try
LONGEST_PAUSE = 30.0  # seconds that a server may ask for
PASSING = (429, 502, 503, 504)  # these speak of the server, not of what was sent
KEPT = "%!$&'()*+,;=:@/~-._"  # characters that stay as they are in a path


class Unreachable(Exception):  # noqa: N818 - what is asked makes no difference to it
    """No answer of use came, whatever was sent; the message says what to do."""


class Refused(Exception):  # noqa: N818 - another request may be taken
    """The server answered, but not with JSON; the message says what it did."""


def is_address(text: str) -> bool:
    """Say whether a text starts like an address on a network, `scheme://`."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None


def without_secrets(text: str) -> str:
    """Leave out of an address what may be secret: user, password, query and fragment."""
    if not is_address(text):
        return text
    try:
        parts = urlsplit(text)
        return f"{parts.scheme}://{_host(parts)}{quote(parts.path, KEPT)}"
    except ValueError:  # what cannot be read may hold a password anywhere
        return f"{text.partition('://')[0]}://…"


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    return (f"[{host}]" if ":" in host else host) + (f":{parts.port}" if parts.port else "")


class Post:
    """Sends JSON to one address and reads JSON back, trying again when the server is busy.

    User and password in the address are sent as they are for a login; without them, the bearer
    token in `ROADWORTHY_TOKEN` is. A redirection to another host would hand both over: refused.

    Args:
        address: `http://…` or `https://…`.

    Raises:
        InputError: it is no such address.
    """

    def __init__(self, address: str) -> None:
        self.name = without_secrets(address)
        try:
            parts = urlsplit(address)
            host = _host(parts).encode("idna").decode()
        except ValueError:
            raise InputError(
                f"{self.name} is no address that can be read: write special characters in the "
                "user name and password as %XX"
            ) from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(
                f"{self.name} is no address of an endpoint: give http://… or https://…"
            )
        query = quote(parts.query, KEPT + "?")
        self._url = f"{parts.scheme}://{host}{quote(parts.path or '/', KEPT)}"
        self._url += f"?{query}" if query else ""
        self._secrets = [parts.query, query, *(value for _, value in parse_qsl(parts.query))]
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        self._log_in(parts)
        self._opener = build_opener(_SameHost)

    def _log_in(self, parts: SplitResult) -> None:
        token = os.environ.get(TOKEN, "").strip()
        if parts.username:
            user, password = unquote(parts.username), unquote(parts.password or "")
            code = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._headers["Authorization"] = f"Basic {code}"
            self._secrets += [user, password, code]
        elif token:
            if not (token.isascii() and token.isprintable()):
                raise InputError(f"{TOKEN} holds characters that no token has: set it again")
            self._headers["Authorization"] = f"Bearer {token}"
            self._secrets.append(token)

    def __call__(self, content: Any) -> Any:
        """Send a value and give the one that comes back.

        Raises:
            Unreachable: no server answered, or only to say that it could not.
            Refused: it answered with an error, or with something other than JSON.
        """
        body = json.dumps(content).encode()
        for pause in (*PAUSES, None):
            wait = 0.0
            try:
                status, kind, text, wait = self._send(body)
            except (OSError, http.client.HTTPException) as error:
                status, trouble = 0, f"cannot be reached{self._why(error)}"
            else:
                trouble = f"answers with HTTP {status}{self._quote(text)}"
            if status not in (0, 500, *PASSING):
                break
            if pause is not None:
                time.sleep(max(pause, min(wait, LONGEST_PAUSE)))
        if status in (0, *PASSING):
            tries = 1 + len(PAUSES)
            raise Unreachable(
                f"{self.name} {trouble}, {tries} times: check the address, and that the server is "
                "running"
            )
        if not 200 <= status < 300:
            raise Refused(trouble + _ADVICE.get(status, ""))
        return self._parse(text, kind)

    def _send(self, body: bytes) -> tuple[int, str, bytes, float]:
        """Give the status, type and text of an answer, and the seconds to wait that it asks for."""
        request = Request(self._url, body, self._headers, method="POST")
        try:
            response = self._opener.open(request, timeout=TIMEOUT)
        except HTTPError as error:
            response = error
        with response:
            asked = response.headers.get("Retry-After", "")
            wait = float(asked) if asked.isdecimal() and len(asked) < 6 else 0.0
            return response.status, response.headers.get_content_type(), self._read(response), wait

    def _read(self, response: Any) -> bytes:
        end, text = time.monotonic() + TIMEOUT, bytearray()
        while part := response.read1(65536):
            text += part
            if len(text) > LARGEST:
                raise Unreachable(
                    f"{self.name} answers with more than {LARGEST >> 20} MiB: give an address that "
                    "answers with one row of scores, or one label, per input"
                )
            if time.monotonic() > end:
                raise TimeoutError(f"the answer takes longer than {TIMEOUT:.0f} s")
        if response.length:  # bytes that were announced and did not come
            raise ConnectionError("the answer was cut off")
        return bytes(text)

    def _parse(self, text: bytes, kind: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            page = "; give the address that predicts, not that of a page" if "html" in kind else ""
            raise Refused(
                f"answers with {kind} that is not JSON{self._quote(text)}{page}"
            ) from None

    def _why(self, error: Exception) -> str:
        reason = error.reason if isinstance(error, URLError) else error
        return self._quote((str(reason) or type(reason).__name__).encode(), "({})")

    def _quote(self, text: bytes, form: str = "{!r}") -> str:
        """Quote the start of what a server says, unless it repeats a secret."""
        words = " ".join(text[:10_000].decode(errors="replace").split())
        if not words or any(secret and secret in words for secret in self._secrets):
            return ""
        return " " + form.format(words[:160])


_ADVICE = {
    401: f": set the environment variable {TOKEN} to a bearer token",
    403: f": set the environment variable {TOKEN} to a token that may use it",
    404: ": check the path of the address",
    405: ": check the path of the address, which takes no POST",
}


class _SameHost(HTTPRedirectHandler):
    """Follows a redirection within a server, as the POST that it was."""

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if (old.scheme, _host(old)) != (new.scheme, _host(new)):
            fp.close()
            raise Unreachable(
                f"{without_secrets(req.full_url)} redirects to another server, "
                f"{without_secrets(newurl)}: if you trust that, give its address instead"
            )
        return Request(newurl, req.data, req.headers, method="POST")
