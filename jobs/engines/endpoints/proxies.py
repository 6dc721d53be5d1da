"""The proxy that a server is asked through, as the machine's environment says it.

HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, in either case, and NO_PROXY as curl reads it: names with their subdomains,
addresses, networks (`192.168.0.0/16`), a port behind any of them, `*` for all.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies


def proxy_for(url: str) -> str | None:
    """Its address; None where the server is asked straight."""
    parts, found = urlsplit(url), getproxies()
    proxy = found.get(parts.scheme) or found.get("all")
    if not proxy or spared(parts.hostname or "", parts.port, found.get("no", "")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def spared(host: str, port: int | None, no_proxy: str) -> bool:
    """Whether NO_PROXY names the server."""
    return any(_names(entry.strip().lower(), host.lower(), port) for entry in no_proxy.split(",") if entry.strip())


def _names(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    entry = entry.rpartition("://")[2]
    try:
        address = ip_address(host)
    except ValueError:
        name, _, only = entry.partition(":")
        name = name.removeprefix("*").removeprefix(".")
        return bool(name) and only in ("", str(port)) and (host == name or host.endswith(f".{name}"))
    try:
        return address in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        name, _, only = entry.rpartition(":")
        return only == str(port) and name.strip("[]") == host
