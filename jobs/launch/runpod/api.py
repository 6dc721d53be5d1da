"""RunPod's REST API v2: one method per call, what is retried, and what an answer means.

A call ends in a value, in a Refusal or EnvironmentProblem that can be told as it is, or in NoAnswer: nothing usable
came back, and the call may have been carried out all the same. Calls that can be repeated are; a create is repeated
only after a 429, which turns a request away before it is looked at. Secrets are in no message.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
import tenacity
from pydantic import ValidationError

from jobs.core import terminal
from jobs.core.errors import EnvironmentProblem, Refusal
from jobs.launch.inside.own_pod import ADDRESS, AGENT
from jobs.launch.runpod.models import Answer, CreatePod, GpuType, GpuTypes, Pod, PodList, Problem, Volume

TRIES = 7
SHORTEST = 6
"""Characters of a value that is hidden: all that is shorter is in every text."""
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")

A = TypeVar("A", bound=Answer)
T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds."""

    connect: float
    answer: float
    create: float
    """For a create, which answers once the pod is placed: an answer missed here has to be searched for."""
    quiet: float
    """Without a line before a log stream is opened anew."""
    glance: float
    """For the last lines of a log, to see whether its job has ended."""
    retry_after: float
    """The longest Retry-After that is waited for."""


PATIENCE = Patience(connect=10, answer=30, create=120, quiet=45, glance=5, retry_after=900)


class NoAnswer(Exception):
    """Nothing usable came back. Whether the call was carried out is not known."""

    def __init__(self, said: str, seconds: float = 0.0) -> None:
        super().__init__(said)
        self.seconds = seconds
        """What its Retry-After names."""


class Quiet(NoAnswer):
    """A log stream is open and nothing is written."""


class Busy(Exception):
    """429: turned away before it was looked at."""

    def __init__(self, seconds: float) -> None:
        super().__init__("the rate limit was reached")
        self.seconds = seconds


class ApiRefusal(Refusal):
    """The API said no, in its own form."""

    def __init__(self, status: int, title: str, detail: str, errors: Sequence[str]) -> None:
        said = "; ".join([detail or title, *(pointed(error) for error in errors)])
        super().__init__(f"RunPod refused ({status} {title}): {said}")
        self.status, self.said = status, said


class RunPod:
    """A client with one key. `secrets` are other values that must never be shown."""

    def __init__(
        self,
        key: str,
        address: str = ADDRESS,
        secrets: Sequence[str] = (),
        patience: Patience = PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.patience, self.sleep = patience, sleep
        self._secrets = sorted((text for text in {key, *secrets} if len(text) >= SHORTEST), key=len, reverse=True)
        self.offset = timedelta()
        headers = {"Authorization": f"Bearer {key}", "User-Agent": AGENT, "Accept": "application/json"}
        self._http = httpx2.Client(base_url=address, headers=headers)

    def now(self) -> datetime:
        """The time by the service's clock, as of its last answer; by ours before that."""
        return datetime.now(UTC) + self.offset

    def hidden(self, text: str) -> str:
        """`text` with every secret that we know replaced."""
        for secret in self._secrets:
            text = text.replace(secret, "(secret)")
        return text

    def clean(self, text: str) -> str:
        """`text` without secrets and control characters, at most 400 characters."""
        return CONTROL.sub(" ", self.hidden(text))[:400].strip()

    def pods(self) -> list[Pod]:
        """Every pod of the account."""
        found: list[Pod] = []
        params: dict[str, str] = {}
        for _ in range(1000):
            page = self._surely(partial(self._read, PodList, "GET", "/v2/pods", params))
            found += page.pods
            if page.pagination is None or not page.pagination.nextCursor:
                return found
            params = {"cursor": page.pagination.nextCursor}
        raise EnvironmentProblem("RunPod's list of pods has no end")

    def pod(self, pod: str) -> Pod | None:
        """The pod, or None where there is none."""
        return self._surely(lambda: self.glance(pod))

    def glance(self, pod: str) -> Pod | None:
        """`pod()`, tried once; raises NoAnswer and Busy."""
        try:
            return self._read(Pod, "GET", f"/v2/pods/{quote(pod, safe='')}")
        except ApiRefusal as refusal:
            if refusal.status == 404:
                return None
            raise

    def gpus(self, count: int, cloud: str, least_cuda: str | None) -> list[GpuType]:
        """The catalog, with prices and what is free now for pods of `count` GPUs in `cloud`."""
        params = {"include": "AVAILABILITY", "product": "POD", "count": str(count), "cloud": cloud}
        if least_cuda:
            params["minCudaVersion"] = least_cuda
        return self._surely(lambda: self._read(GpuTypes, "GET", "/v2/catalog/gpus", params)).gpus

    def volume(self, volume: str) -> Volume:
        """A network volume; raises Refusal where the account has none of this id."""
        try:
            return self._surely(lambda: self._read(Volume, "GET", f"/v2/network-volumes/{quote(volume, safe='')}"))
        except ApiRefusal as refusal:
            if refusal.status == 404:
                raise Refusal(f"mounts.network.0.volumeId: there is no network volume {volume!r} here") from None
            raise

    def create(self, body: CreatePod) -> Pod:
        """Ask for a pod, once; raises NoAnswer where it may or may not have been made."""
        return self._repeated(
            lambda: self._read(Pod, "POST", "/v2/pods", body=body.body(), seconds=self.patience.create), Busy
        )

    def stop(self, pod: str) -> Pod | None:
        """Release the GPU and keep the container disk; None where the pod is gone."""
        path = f"/v2/pods/{quote(pod, safe='')}/action"
        try:
            return self._surely(lambda: self._read(Pod, "POST", path, body={"action": "stop"}))
        except ApiRefusal as refusal:
            if refusal.status not in (404, 409):
                raise
            found = self.pod(pod)
            if found is not None and found.status != "EXITED":
                raise
            return found

    def delete(self, pod: str) -> None:
        """Delete the pod for good; one that is gone already is a success."""

        def call() -> None:
            response = self._send("DELETE", f"/v2/pods/{quote(pod, safe='')}")
            if response.status_code != 204:  # such as the page of a network that wants a sign-in
                raise NoAnswer(f"DELETE: {response.status_code}, expected 204")

        try:
            self._surely(call)
        except ApiRefusal as refusal:
            if refusal.status != 404:
                raise

    @contextmanager
    def log_events(self, pod: str, tail: int, after: str | None, quiet: float) -> Iterator[Iterator[Any]]:
        """Server-sent events of a pod's log: `tail` lines back, or from the timestamp `after` on, as a line gave it.

        Raises NoAnswer where the connection breaks, and Quiet where nothing comes for `quiet` seconds, also while it
        is read.
        """
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
        params = {} if after else {"tail": str(tail)}
        path = f"/v2/pods/{quote(pod, safe='')}/logs"
        timeout = httpx2.Timeout(self.patience.answer, connect=self.patience.connect, read=quiet)
        try:
            with self._http.stream("GET", path, params=params, headers=headers, timeout=timeout) as response:
                if response.status_code != 200:
                    response.read()
                    self._judge(response)
                yield iter(httpx2.EventSource(response, max_event_size=2**26))
        except httpx2.ReadTimeout:
            raise Quiet(f"nothing for {quiet:g} s") from None
        except httpx2.HTTPError as error:
            raise NoAnswer(self.clean(f"{type(error).__name__}: {error}")) from None

    def _surely(self, call: Callable[[], T]) -> T:
        """Of a call that can be repeated: repeated, until it has an answer or it is of no use."""
        try:
            return self._repeated(call, Busy, NoAnswer)
        except NoAnswer as problem:
            if problem.seconds > self.patience.retry_after:
                raise EnvironmentProblem(too_long(problem.seconds, str(problem))) from None
            raise EnvironmentProblem(f"RunPod's API gave no usable answer in {TRIES} tries: {problem}") from None

    def _repeated(self, call: Callable[[], T], *reasons: type[Exception]) -> T:
        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            named = error.seconds if isinstance(error, Busy | NoAnswer) else 0.0
            return max(named, min(2.0 ** (state.attempt_number - 1), 30.0))

        def again(error: BaseException) -> bool:
            named = error.seconds if isinstance(error, NoAnswer) else 0.0
            return isinstance(error, reasons) and named <= self.patience.retry_after

        def tell(state: tenacity.RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            terminal.say(f"  {error}; again in {state.upcoming_sleep:.0f} s")

        try:
            return tenacity.Retrying(
                sleep=self.sleep,
                wait=wait,
                stop=tenacity.stop_after_attempt(TRIES),
                retry=tenacity.retry_if_exception(again),
                before_sleep=tell,
                reraise=True,
            )(call)
        except Busy:
            raise EnvironmentProblem(f"RunPod's rate limit still held after {TRIES} tries; try again later") from None

    def _read(
        self,
        model: type[A],
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        seconds: float | None = None,
    ) -> A:
        response = self._send(method, path, params, body, seconds)
        try:
            return model.model_validate_json(response.content)
        except ValidationError as error:
            wrong = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
            said = f"{method} {path}: {response.status_code} without a usable {wrong or model.__name__}"
            raise NoAnswer(self.clean(f"{said} ({response.headers.get('content-type', 'no content type')})")) from None

    def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        seconds: float | None = None,
    ) -> httpx2.Response:
        timeout = httpx2.Timeout(seconds or self.patience.answer, connect=self.patience.connect)
        try:
            response = self._http.request(method, path, params=params, json=body, timeout=timeout)
        except httpx2.HTTPError as error:
            raise NoAnswer(self.clean(f"{method} {path}: {type(error).__name__} {error}")) from None
        self._judge(response)
        return response

    def _judge(self, response: httpx2.Response) -> None:
        """Raise what an answer other than a success means."""
        status, said = response.status_code, f"{response.request.method} {response.request.url.path}"
        there, here = moment(response.headers.get("date")), datetime.now(UTC)
        self.offset = there - here if there else self.offset
        if response.is_success:
            return
        seconds = retry_after(response.headers.get("retry-after"), here + self.offset)
        if status == 429:
            if seconds > self.patience.retry_after:
                raise EnvironmentProblem(too_long(seconds, f"{said}: {status}"))
            raise Busy(seconds)
        problem = problem_of(response)
        if status == 408 or status >= 500 or not response.is_client_error or problem is None:
            kind = response.headers.get("content-type", "no content type")
            told = problem.detail or problem.title if problem else kind
            raise NoAnswer(self.clean(f"{said}: {status} ({told})"), seconds)
        if status == 401:
            raise Refusal(f"RunPod does not accept RUNPOD_API_KEY (401): {self.clean(problem.detail)}")
        if status == 402:
            raise EnvironmentProblem(
                f"the balance of the RunPod account does not allow this (402): {self.clean(problem.detail)}"
            )
        errors = [self.clean(error) for error in problem.errors[:10]]
        raise ApiRefusal(status, self.clean(problem.title), self.clean(problem.detail), errors)


def too_long(seconds: float, said: str) -> str:
    """What is told of a Retry-After that nobody sits out."""
    return f"RunPod asks to wait {seconds:.0f} s before the next call ({said})"


def problem_of(response: httpx2.Response) -> Problem | None:
    """The API's own error body; None for anything else, such as the HTML page of a proxy."""
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        return None
    return problem if problem.title or problem.detail else None


def moment(header: str | None) -> datetime | None:
    """A date as HTTP writes it; None for anything else."""
    try:
        found = parsedate_to_datetime(header or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def retry_after(header: str | None, now: datetime) -> float:
    """Seconds of a Retry-After, which names them or a date; 0 where it is missing or makes no sense."""
    if header and header.strip().isdecimal():
        return float(header)
    until = moment(header)
    return max(0.0, (until - now).total_seconds()) if until else 0.0


def pointed(error: str) -> str:
    """`$.gpu.count: ...` as `gpu.count: ...`, the key of runpod.yaml."""
    return re.sub(r"^\$\.?", "", error).lstrip(": ")


def key_of(environment: Mapping[str, str], name: str = "RUNPOD_API_KEY") -> str:
    """The key from the environment; raises Refusal that does not show it."""
    key = environment.get(name, "").strip()
    if not key:
        raise Refusal(f"{name} is not set: make a key in RunPod's console and put it in the environment")
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise Refusal(f"{name} holds characters that no key has")
    return key


def address_of(environment: Mapping[str, str]) -> str:
    """Where the API is: RunPod's, or a stand-in on this machine by KIWAME_RUNPOD_URL."""
    address = environment.get("KIWAME_RUNPOD_URL", ADDRESS).rstrip("/")
    url = urlsplit(address)
    safe = url.scheme == "https" or (url.scheme == "http" and url.hostname in ("127.0.0.1", "localhost"))
    if not safe or "@" in url.netloc:
        raise Refusal("KIWAME_RUNPOD_URL: expected https, or http on 127.0.0.1: the key would be sent in the clear")
    return address
