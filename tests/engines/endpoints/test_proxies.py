"""Which proxy a server is asked through, and that it is."""

from __future__ import annotations

import asyncio

import pytest

from jobs.core.errors import Refusal
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
    found = proxy_for(url)
    assert (found and found.address) == proxy
    assert found is None or found.variable in environment


@pytest.mark.parametrize(
    ("variable", "proxy"),
    [
        ("HTTPS_PROXY", "socks5://someone:notforeyes@p:1080"),
        ("ALL_PROXY", "socks5h://someone:notforeyes@p:1080"),
        ("all_proxy", "socks4://someone:notforeyes@p:1080"),
        ("https_proxy", "SOCKS5://someone:notfor/eyes@p:1080"),
    ],
)
def test_a_proxy_of_another_kind_is_refused_by_its_variable(
    variable: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(Refusal) as refused:
        proxy_for("https://judge.example/v1")
    said = str(refused.value)
    assert said.startswith(f"{variable}: p:1080 is a {proxy.partition(':')[0].lower()} proxy")
    assert "http://" in said
    assert "NO_PROXY=judge.example" in said
    assert "eyes" not in said
    monkeypatch.setenv("NO_PROXY", "judge.example")
    assert proxy_for("https://judge.example/v1") is None


@pytest.mark.parametrize("proxy", ["http://someone:notfor#eyes@p:1", "http://someone:notforeyes@p:port", "http://"])
def test_what_is_no_address_of_a_proxy_is_refused_without_its_password(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(Refusal, match="HTTPS_PROXY: is no address of a proxy") as refused:
        proxy_for("https://judge.example/v1")
    assert "eyes" not in str(refused.value)
    assert "notfor" not in str(refused.value)


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
        ("judge.example", "judge.example:80", True),
        ("judge.example", "judge.example:443", False),
        ("judge.example:443", "judge.example:80", False),
        ("a.judge.example", ".judge.example:80", True),
        ("192.168.3.4", "192.168.3.4:80", True),
        ("192.168.3.4", "192.168.3.4:443", False),
        ("192.168.3.4:8000", "192.168.0.0/16:8000", True),
        ("192.168.3.4:8001", "192.168.0.0/16:8000", False),
        ("[fd00::1]", "[fd00::1]:80", True),
        ("[fd00::1]", "[fd00::1]:443", False),
        ("judge.example", " , ", False),
    ],
)
def test_servers_that_are_asked_straight(
    host: str, no_proxy: str, spared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://p:1")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    found = proxy_for(f"http://{host}/v1")
    assert (found and found.address) == (None if spared else "http://p:1")


def test_the_port_of_a_url_without_one_is_its_schemes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://p:1")
    monkeypatch.setenv("NO_PROXY", "judge.example:443")
    assert proxy_for("https://judge.example/v1") is None
    assert proxy_for("https://judge.example:443/v1") is None
    assert proxy_for("http://judge.example/v1") is not None
    assert proxy_for("https://judge.example:8443/v1") is not None


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


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password_is_told_by_its_host_and_variable_and_not_asked_again(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async def asked() -> tuple[Fault, int]:
        server = await asyncio.start_server(refusing, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://someone:notforeyes@127.0.0.1:{port}")
        client = Client(f"{scheme}://judge.example/v1", None, 20.0)
        async with server:
            with pytest.raises(Fault) as told:
                await client.get("/models")
            await client.close()
        return told.value, port

    fault, port = asyncio.run(asked())
    assert (fault.name, fault.again) == ("proxy", False)
    assert f"the proxy 127.0.0.1:{port} of {scheme.upper()}_PROXY" in fault.said
    assert "407" in fault.said
    assert "notforeyes" not in fault.said
