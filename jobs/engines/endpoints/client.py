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
from urllib.parse import urlsplit

import aiohttp

from jobs.core.errors import Refusal
from jobs.engines.endpoints.proxies import Proxy, proxy_for
from jobs.logic.endpoints.answers import NoAnswer, error_text
from jobs.logic.row import shown

T = TypeVar("T")

CONNECT_SECONDS = 10.0
KEPT_SECONDS = 60.0
"""An idle connection."""
HEADER_BYTES = 64 << 10
"""Of one line of an answer's head."""
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
    "tls": "the certificate is not one to trust, or no TLS was ever spoken",
    "proxy": "407: the proxy wants a name and password",
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
    """One server. `url` goes up to and with `/v1`; `key` is the key itself, which no error says.

    Raises Refusal where the environment names a proxy of another kind than HTTP.
    """

    def __init__(self, url: str, key: str | None, timeout_seconds: float) -> None:
        self.url = url.rstrip("/")
        self._key, self._seconds = key, timeout_seconds
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        others = urlsplit(self.url).hostname not in LOOPBACK  # a proxy is for others' machines
        self._proxy = proxy_for(self.url) if others else None
        self._has_answered = False
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_SECONDS, ssl=_trusted(self.url, others)),
            headers=headers,
            timeout=aiohttp.ClientTimeout(sock_connect=CONNECT_SECONDS),  # the whole has `asyncio.timeout`
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            trust_env=False,  # it reads passwords of ~/.netrc too, before every request
        )

    async def close(self) -> None:
        await self._http.close()

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
        proxy = None if self._proxy is None else self._proxy.address
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._http.request(method, self.url + path, data=body, allow_redirects=False, proxy=proxy) as response,
            ):
                self._has_answered = True
                return self._read(response, await _body(response))
        except aiohttp.ClientError as error:
            late = isinstance(error, aiohttp.ConnectionTimeoutError)
            if late and not self._has_answered and await self._silent():
                raise Fault("tls", f"connected, and no TLS was spoken within {CONNECT_SECONDS:g} s") from None
            raise Fault(*self._named(error)) from None
        except TimeoutError:
            raise Fault("timeout", f"no whole answer within {self._seconds:g} s") from None

    def _read(self, response: aiohttp.ClientResponse, body: bytes) -> Any:
        status = response.status
        if 300 <= status < 400:
            to = urlsplit(response.headers.get("location", "")).hostname or "another path"
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
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and self._proxy is not None:
            return Fault(*_wants_password(self._proxy), status=status)
        if status == HTTPStatus.TOO_MANY_REQUESTS and any(word in _whole(body) for word in QUOTA):
            return Fault("quota", words, status=status)
        name = {429: "rate-limited", 503: "unavailable", 529: "unavailable", 408: "server-error"}.get(status)
        return Fault(name or ("server-error" if status >= 500 else "refused"), words, waiting(retry_after), status)

    async def _silent(self) -> bool:
        """After a timeout of an encrypted connection: whether somebody is there, who then does not speak TLS."""
        parts = urlsplit(self.url)
        if parts.scheme != "https" or self._proxy is not None:
            return False
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(parts.hostname, parts.port or 443)
        except OSError:
            return False
        writer.close()
        return True

    def _named(self, error: aiohttp.ClientError) -> tuple[str, str]:
        cause: BaseException | None = error
        # aiohttp's errors are SSL errors too, and say more than what is wrong.
        while cause is not None and (isinstance(cause, aiohttp.ClientError) or not isinstance(cause, ssl.SSLError)):
            cause = cause.__cause__ or cause.__context__
        if isinstance(cause, ssl.SSLError):
            return "tls", shown(getattr(cause, "verify_message", "") or str(cause))
        if isinstance(error, aiohttp.ClientHttpProxyError):  # its own text has the proxy's address, password and all
            if error.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and self._proxy is not None:
                return _wants_password(self._proxy)
            return "no-connection", self._hidden(f"the proxy says {error.status} {error.message}")
        said = self._hidden(str(error) or type(error).__name__)
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            return "no-connection", said
        if isinstance(error, aiohttp.ServerTimeoutError):
            return "timeout", said
        if isinstance(error, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
            return "refused", said
        return "reset", said

    def _hidden(self, text: str) -> str:
        return shown(text.replace(self._key, "***") if self._key else text)


def _wants_password(proxy: Proxy) -> tuple[str, str]:
    return "proxy", (f"the proxy {proxy.host} of {proxy.variable} wants a name and password, or others (status 407); "
                     "give them there, as in http://NAME:PASSWORD@HOST:PORT")  # fmt: skip


async def _body(response: aiohttp.ClientResponse) -> bytes:
    pieces, size = [], 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > MOST_BYTES:
            raise Fault("too-large", f"an answer beyond {MOST_BYTES >> 20} MiB is not read")
        pieces.append(piece)
    return b"".join(pieces)


def _trusted(url: str, others: bool) -> ssl.SSLContext | bool:
    """Whose certificates are believed: the machine's, or for `others` those that SSL_CERT_FILE or SSL_CERT_DIR name.

    Reading them takes long, and nothing is encrypted without `https:`.
    """
    if not url.startswith("https:"):
        return True
    import httpx2

    return httpx2.create_ssl_context(trust_env=others)


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
