"""One request to one server: sent once, waited for so long, read up to so much, and what went wrong by its name.

Nothing is sent again here, no redirect is followed, and no library's own waiting is used.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, TypeVar

import httpx2

from jobs.core.errors import Refusal
from jobs.logic.endpoints.answers import NoAnswer, error_text
from jobs.logic.row import shown

T = TypeVar("T")

CONNECT_SECONDS = 10.0
MOST_BYTES = 16 << 20
"""Of an answer; a long one has some hundred kilobytes."""
KEY = re.compile(r"[\x21-\x7e]+")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
QUOTA = ("insufficient_quota", "billing", "credit balance", "payment")
"""In the words of a 429 that no waiting mends."""

AGAIN = {
    "no-connection": "nobody is there",
    "rate-limited": "429",
    "unavailable": "503, or 529",
    "timeout": "no whole answer in time",
    "reset": "the connection ended in the middle of an answer",
    "server-error": "500, 502, 504, 408",
    "not-json": "a page, as of a proxy",
    "empty-body": "status 200 and nothing",
    "cut-body": "JSON that ends too early, or is none",
    "no-object": "`null`, a list or a number",
    "error-object": "status 200 and an error",
    "no-choices": "an object without an answer",
}
"""Faults after which the same question may be answered."""
NOT_AGAIN = {
    "tls": "the certificate is not one to trust, or no TLS is spoken",
    "redirected": "the answer is at another address",
    "refused": "400, 401, 403, 404 ...",
    "quota": "429, and the account is used up",
    "too-large": "an answer beyond MOST_BYTES",
}
"""Faults that stay."""
ABOUT_THE_SERVER = frozenset({"no-connection", "rate-limited", "unavailable"})
"""Faults that are not the call's, so that the server is left alone for a while and the call has lost no try."""


class Fault(Exception):
    """Why a request had no answer; `name` is in AGAIN or NOT_AGAIN, `said` for a person, without secrets."""

    def __init__(self, name: str, said: str, retry_after: float | None = None, status: int | None = None) -> None:
        super().__init__(f"{name}: {said}")
        self.name, self.said, self.retry_after, self.status = name, said, retry_after, status

    @property
    def again(self) -> bool:
        return self.name in AGAIN


class Client:
    """One server. `url` goes up to and with `/v1`; `key` is the key itself, which no error says."""

    def __init__(self, url: str, key: str | None, timeout_seconds: float) -> None:
        self.url = url.rstrip("/")
        self._key, self._seconds = key, timeout_seconds
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        encrypted = self.url.startswith("https:")
        self._http = httpx2.AsyncClient(
            verify=encrypted,  # reading the machine's certificates takes long, and nothing is encrypted without
            headers=headers,
            timeout=httpx2.Timeout(timeout_seconds, connect=CONNECT_SECONDS, pool=None),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=60.0),
            follow_redirects=False,
            trust_env=httpx2.URL(self.url).host not in LOOPBACK,  # a proxy is for others' machines
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def post(self, path: str, body: bytes, read: Callable[[Any], T]) -> T:
        """What `read` makes of the answer's JSON, which may raise NoAnswer; raises Fault."""
        try:
            return read(await self._asked("POST", path, body))
        except NoAnswer as no:
            raise Fault(no.name, self._hidden(no.said)) from None

    async def get(self, path: str) -> Any:
        """The JSON of the answer; raises Fault."""
        return await self._asked("GET", path, None)

    async def _asked(self, method: str, path: str, body: bytes | None) -> Any:
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._http.stream(method, self.url + path, content=body) as response,
            ):
                return self._read(response, await _body(response))
        except TimeoutError:
            raise Fault("timeout", f"no whole answer within {self._seconds:g} s") from None
        except httpx2.HTTPError as error:
            raise Fault(*self._named(error)) from None

    def _read(self, response: httpx2.Response, body: bytes) -> Any:
        status = response.status_code
        if 300 <= status < 400:
            to = httpx2.URL(response.headers.get("location", "")).host or "another path"
            raise Fault("redirected", f"status {status} points to {to}; give that address as url", status=status)
        if status != HTTPStatus.OK:
            raise self._by_status(status, body, response.headers.get("retry-after"))
        if not body.strip():
            raise Fault("empty-body", "status 200 and an empty body")
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            kind = response.headers.get("content-type", "no content type").partition(";")[0]
            name = "cut-body" if body.lstrip()[:1] in b"{[" else "not-json"
            raise Fault(name, f"status 200, {kind}: {self._hidden(_text(body))}") from None

    def _by_status(self, status: int, body: bytes, retry_after: str | None) -> Fault:
        try:
            said = error_text(json.loads(body))
        except (ValueError, RecursionError):
            said = _text(body)
        words = f"status {status}: {self._hidden(said)}"
        if status == HTTPStatus.TOO_MANY_REQUESTS and any(word in _whole(body) for word in QUOTA):
            return Fault("quota", words, status=status)
        name = {429: "rate-limited", 503: "unavailable", 529: "unavailable", 408: "server-error"}.get(status)
        return Fault(name or ("server-error" if status >= 500 else "refused"), words, waiting(retry_after), status)

    def _named(self, error: httpx2.HTTPError) -> tuple[str, str]:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, ssl.SSLError):
            cause = cause.__cause__ or cause.__context__
        if isinstance(cause, ssl.SSLError):
            return "tls", shown(getattr(cause, "verify_message", "") or str(cause))
        said = self._hidden(str(error) or type(error).__name__)
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
            return "no-connection", said
        if isinstance(error, httpx2.TimeoutException):
            return "timeout", said
        if isinstance(error, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
            return "refused", said
        return "reset", said

    def _hidden(self, text: str) -> str:
        return shown(text.replace(self._key, "***") if self._key else text)


async def _body(response: httpx2.Response) -> bytes:
    pieces, size = [], 0
    async for piece in response.aiter_bytes():
        size += len(piece)
        if size > MOST_BYTES:
            raise Fault("too-large", f"an answer beyond {MOST_BYTES >> 20} MiB is not read")
        pieces.append(piece)
    return b"".join(pieces)


def waiting(retry_after: str | None) -> float | None:
    """Seconds of a Retry-After header, which is a number or an HTTP date (RFC 9110, 10.2.3); None for none."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def key_of(variable: str | None) -> str | None:
    """The key that an environment variable has; Refusal, which says no letter of it, where it has none."""
    if variable is None:
        return None
    key = os.environ.get(variable, "")
    if not key:
        raise Refusal(f"key: the environment variable {variable} is not set or empty; export it before the run")
    if not KEY.fullmatch(key):
        raise Refusal(f"key: what the environment variable {variable} has is no key: it holds blanks, line ends or "
                      "letters beyond ASCII")  # fmt: skip
    return key


def _text(body: bytes) -> str:
    return body[:2000].decode("utf-8", "replace")


def _whole(body: bytes) -> str:
    return body[:10_000].decode("utf-8", "replace").lower()
