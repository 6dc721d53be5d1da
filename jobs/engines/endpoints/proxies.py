"""The proxy that a server is asked through, as the machine's environment says it.

HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, in either case, and NO_PROXY as curl reads it: names with their subdomains,
addresses, networks (`192.168.0.0/16`), a port behind any of them, `*` for all.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies

import yarl

from jobs.core.errors import Refusal
from jobs.logic.row import shown

PORTS = {"http": 80, "https": 443}
"""Of an address that says none."""
ENTRY = re.compile(r"(\[[^\]]*\](?:/\d+)?|[^:]*)(?::([0-9]{0,5}))?")
"""Of NO_PROXY: a name, address or network, and a port. An IPv6 address without brackets has none."""


@dataclass(frozen=True)
class Proxy:
    """`address` may have a password and is for no message."""

    address: str
    variable: str
    """Of the environment, as it is spelled there."""

    @property
    def host(self) -> str:
        """With its port."""
        return shown(self.address.rpartition("://")[2].rpartition("@")[2].partition("/")[0])


def proxy_for(url: str) -> Proxy | None:
    """None where the server is asked straight. Raises Refusal for a proxy that nobody can be asked through."""
    parts, found = urlsplit(url), getproxies()
    key = parts.scheme if found.get(parts.scheme) else "all"
    address, host = found.get(key), parts.hostname or ""
    if not address or spared(host, parts.port or PORTS.get(parts.scheme), found.get("no", "")):
        return None
    told = [name for name, value in os.environ.items() if name.lower() == f"{key}_proxy" and value == address]
    proxy = Proxy(address if "://" in address else f"http://{address}", next(iter(told), f"{key}_proxy".upper()))
    _require_http(proxy, host)
    return proxy


def _require_http(proxy: Proxy, host: str) -> None:
    way_out = f"set it to an HTTP proxy (http://HOST:PORT), or NO_PROXY={host} to ask {host} without one"
    scheme = proxy.address.partition("://")[0].lower()
    if scheme not in PORTS:
        raise Refusal(f"{proxy.variable}: {proxy.host} is a {shown(scheme)} proxy, and only HTTP proxies can be asked "
                      f"through; {way_out}")  # fmt: skip
    try:
        there = bool(yarl.URL(proxy.address).host)
    except ValueError:
        there = False
    if not there:
        raise Refusal(f"{proxy.variable}: is no address of a proxy; write marks in its name and password as %XX, or "
                      f"{way_out}")  # fmt: skip


def spared(host: str, port: int | None, no_proxy: str) -> bool:
    """Whether NO_PROXY names the server."""
    return any(_names(entry.strip().lower(), host.lower(), port) for entry in no_proxy.split(",") if entry.strip())


def _names(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    entry = entry.rpartition("://")[2]
    parted = ENTRY.fullmatch(entry)
    name, only = (parted[1], parted[2]) if parted else (entry, None)
    if only and int(only) != port:
        return False
    name = re.sub(r"[\[\]]", "", name)
    try:
        address = ip_address(host)
    except ValueError:
        name = name.removeprefix("*").removeprefix(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        return address in ip_network(name, strict=False)
    except ValueError:
        return False
