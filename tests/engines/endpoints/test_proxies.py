"""Which proxy a server is asked through, and that it is."""

from __future__ import annotations

import asyncio

import pytest

from jobs.engines.endpoints.client import Client, Fault
from jobs.engines.endpoints.proxies import proxy_for
from tests.scripted_server import ScriptedServer

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, *map(str.lower, NAMES)):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("http://judge.example/v1", {}, None),
        ("http://judge.example/v1", {"HTTP_PROXY": "http://p:1"}, "http://p:1"),
        ("https://judge.example/v1", {"HTTP_PROXY": "http://p:1"}, None),
        ("https://judge.example/v1", {"https_proxy": "p:1"}, "http://p:1"),
        ("https://judge.example/v1", {"ALL_PROXY": "http://p:1"}, "http://p:1"),
    ],
)
def test_by_the_scheme(
    url: str, environment: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy


@pytest.mark.parametrize(
    ("host", "no_proxy", "spared"),
    [
        ("judge.example", "*", True),
        ("judge.example", "other.example, judge.example", True),
        ("a.judge.example", "judge.example", True),
        ("a.judge.example", "*.judge.example", True),
        ("a.judge.example", ".JUDGE.example", True),
        ("thejudge.example", "judge.example", False),
        ("judge.example:8000", "judge.example:8000", True),
        ("judge.example:8001", "judge.example:8000", False),
        ("192.168.3.4", "192.168.0.0/16", True),
        ("192.169.3.4", "192.168.0.0/16", False),
        ("192.168.3.4:8000", "192.168.3.4:8000", True),
        ("[fd00::1]", "fd00::/8", True),
        ("[fd00::1]", "[fd00::1]", True),
        ("judge.example", " , ", False),
    ],
)
def test_servers_that_are_asked_straight(
    host: str, no_proxy: str, spared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://p:1")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert proxy_for(f"http://{host}/v1") == (None if spared else "http://p:1")


@pytest.mark.parametrize("host", ["judge.example", "127.0.0.1"])
def test_a_server_of_this_machine_is_asked_straight_another_one_through_the_proxy(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy is sent the whole address, which the scripted server knows no page of."""

    async def status() -> int | None:
        client = Client(f"http://{host}:{server.port}/v1", None, 20.0)
        try:
            await client.get("/models")
        except Fault as fault:
            return fault.status
        finally:
            await client.close()
        return 200

    with ScriptedServer() as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.port}")
        assert asyncio.run(status()) == (200 if host == "127.0.0.1" else 404)


def test_a_proxy_that_refuses_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def asked() -> Fault:
        server = await asyncio.start_server(refusing, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://someone:notforeyes@127.0.0.1:{port}")
        client = Client("https://judge.example/v1", None, 20.0)
        async with server:
            with pytest.raises(Fault) as told:
                await client.get("/models")
            await client.close()
        return told.value

    fault = asyncio.run(asked())
    assert "407" in fault.said
    assert "notforeyes" not in fault.said
