"""How an HTTP server is reached: the proxy and the certificates that the environment names for this one address."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from drift_checks.core.errors import SettingError

_PORTS = {"http": 80, "https": 443}
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
_CERT_FILE, _CERT_DIR = "SSL_CERT_FILE", "SSL_CERT_DIR"


@dataclass(frozen=True)
class Route:
    """How to reach a server; None is no proxy, or the certificates that httpx ships.

    `proxy` may hold a password, `proxy_name` is the variable that it comes from.
    """

    proxy: str | None
    proxy_name: str
    tls: ssl.SSLContext | None


def find_route(url: str) -> Route:
    """Return the route to an HTTP URL that the environment asks for.

    Raises:
        SettingError: A variable that concerns this URL cannot be used.
    """
    tls = _certificates()
    scheme, host, port = _parts(url)
    proxies = getproxies()
    found = next((name for name in (scheme, "all") if proxies.get(name, "").strip()), None)
    if found is None or _is_bypassed(host, port, proxies.get("no", "")):
        return Route(None, "", tls)
    name = _variable(f"{found}_proxy", os.environ)
    return Route(_proxy_url(proxies[found].strip(), name), name, tls)


def _parts(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS[parts.scheme]


def _variable(name: str, environment: Mapping[str, str]) -> str:
    """Return the name as it is written in the environment; the machine's own settings have none."""
    return next((written for written in (name, name.upper()) if environment.get(written)), name.upper())


def _proxy_url(value: str, name: str) -> str:
    url = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme.lower() in _PROXY_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        # The value may hold a password.
        raise SettingError(
            name, "it is not the URL of a proxy", "it must be as http://host:3128 or socks5://host:1080, or be unset"
        )
    # The host's name is resolved by the proxy in either case, and older versions of httpx know only one of them.
    return url.replace("socks5h://", "socks5://", 1)


def _is_bypassed(host: str, port: int, no_proxy: str) -> bool:
    """Whether an entry of NO_PROXY covers the host: `*`, a name, its domain, an address or a network."""
    return any(_covers(entry, host.lower(), port) for entry in no_proxy.lower().replace(",", " ").split())


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    name, wanted = _entry_parts(entry.rsplit("://", maxsplit=1)[-1].rstrip("/") if "://" in entry else entry)
    if wanted is not None and wanted != port:
        return False
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        name = name.removeprefix("*").strip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        return address in ip_network(name, strict=False)
    except (ValueError, TypeError):
        return False


def _entry_parts(entry: str) -> tuple[str, int | None]:
    """Return the host and the port of an entry; an IPv6 address with a port is in brackets."""
    if entry.startswith("["):
        name, _, port = entry[1:].partition("]")
        return name, int(port[1:]) if port[1:].isdecimal() else None
    name, _, port = entry.rpartition(":")
    return (name, int(port)) if name and ":" not in name and port.isdecimal() else (entry, None)


def _certificates() -> ssl.SSLContext | None:
    file, folders = os.environ.get(_CERT_FILE), os.environ.get(_CERT_DIR)
    if not file and not folders:
        return None
    if folders and not any(Path(folder).is_dir() for folder in folders.split(os.pathsep)):
        raise SettingError(_CERT_DIR, f"there is no folder {folders}", "it must hold certificates, or be unset")
    try:
        return ssl.create_default_context(cafile=file or None, capath=folders or None)
    except (OSError, ValueError) as error:
        reason = "it holds no certificate" if isinstance(error, ssl.SSLError | ValueError) else error.strerror
        raise SettingError(
            _CERT_FILE if file else _CERT_DIR,
            f"{file or folders} cannot be read ({reason})",
            "it must be a file of certificates in PEM format, or be unset",
        ) from None
