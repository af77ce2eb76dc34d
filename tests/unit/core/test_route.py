"""Which proxy and certificates lead to an endpoint."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.errors import DriftError
from drift_checks.core.route import find_route

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir")
PROXY = "http://proxy:3128"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what the machine sets."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def proxy_of(url: str, monkeypatch: pytest.MonkeyPatch, **variables: str) -> str | None:
    """Return the proxy to a URL in an environment."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return find_route(url).proxy


@pytest.mark.parametrize(
    ("url", "variables", "proxy"),
    [
        ("http://host/v1", {}, None),
        ("http://host/v1", {"HTTP_PROXY": PROXY}, PROXY),
        ("http://host/v1", {"http_proxy": PROXY, "HTTP_PROXY": "http://other:1"}, PROXY),
        ("https://host/v1", {"HTTP_PROXY": PROXY}, None),
        ("https://host/v1", {"HTTPS_PROXY": PROXY, "ALL_PROXY": "socks5://other:1"}, PROXY),
        ("https://host/v1", {"ALL_PROXY": "socks5://proxy:1080"}, "socks5://proxy:1080"),
        ("https://host/v1", {"all_proxy": "socks5h://proxy:1080"}, "socks5://proxy:1080"),
        ("https://host/v1", {"HTTPS_PROXY": "proxy:3128"}, PROXY),
        ("https://host/v1", {"HTTPS_PROXY": ""}, None),
        ("https://host/v1", {"HTTPS_PROXY": "  ", "ALL_PROXY": PROXY}, PROXY),
        # Of other hosts.
        ("http://host/v1", {"HTTPS_PROXY": "http://[bad", "FTP_PROXY": "socks4://x"}, None),
    ],
)
def test_takes_the_proxy_of_this_address(
    url: str, variables: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of its scheme, else the one for all; in small letters first."""
    assert proxy_of(url, monkeypatch, **variables) == proxy


@pytest.mark.parametrize(
    ("host", "no_proxy", "is_bypassed"),
    [
        ("host.corp", "*", True),
        ("host.corp", "other, host.corp", True),
        ("host.corp", "HOST.CORP", True),
        ("host.corp", "corp", True),
        ("host.corp", ".corp", True),
        ("host.corp", "*.corp", True),
        ("host.corp.", "host.corp", True),
        ("host.corp", "http://host.corp/", True),
        ("host.corp", "host.corp:8000", True),
        ("host.corp", "host.corp:8001", False),
        ("host.corp", "ost.corp", False),
        ("host.corp", "", False),
        ("host.corp", ",, ,.", False),
        ("127.0.0.1", "127.0.0.1,localhost", True),
        ("127.0.0.1", "127.0.0.1:8000", True),
        ("127.0.0.1", "127.0.0.0/8", True),
        ("10.1.2.3", "10.0.0.0/8 192.168.0.0/16", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("127.0.0.1", "0.1", False),
        ("[::1]", "127.0.0.1,::1,fe80::/10", True),
        ("[::1]", "[::1]", True),
        ("[::1]", "[::1]:8000", True),
        ("[::1]", "[::1]:8001", False),
        ("[0:0::1]", "::1", True),
        ("[fe80::5]", "fe80::/10", True),
        ("[::2]", "::1", False),
        ("[::1]", "*", True),
    ],
)
def test_passes_by_the_proxy_for_what_no_proxy_covers(
    host: str, no_proxy: str, is_bypassed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then a proxy that cannot be used does no harm."""
    url = f"http://{host}:8000/v1"
    variables = {"HTTP_PROXY": "http://[bad" if is_bypassed else PROXY, "NO_PROXY": no_proxy}
    assert proxy_of(url, monkeypatch, **variables) == (None if is_bypassed else PROXY)


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "Z"))))
def test_any_no_proxy_is_read(no_proxy: str) -> None:
    """Entries that mean nothing cover nothing."""
    with pytest.MonkeyPatch.context() as patch:
        for url in ("http://[::1]:8000/v1", "http://host/v1"):
            assert proxy_of(url, patch, HTTP_PROXY=PROXY, NO_PROXY=no_proxy) in (None, PROXY)


@pytest.mark.parametrize(
    "value",
    ["http://[bad", "socks4://h:1", "ftp://h", "http://h:99999", "http://h:0", "ht tp://h", "http://ü"],
)
def test_refuses_a_proxy_that_is_none(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence names the variable, and not its value, which may hold a password."""
    with pytest.raises(DriftError, match="HTTP_PROXY") as refused:
        proxy_of("http://host/v1", monkeypatch, HTTP_PROXY=value)
    assert (refused.value.exit_code, value in str(refused.value)) == (4, False)


def test_takes_the_certificates_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, a folder or both; empty variables are none."""
    import certifi

    monkeypatch.setenv("SSL_CERT_FILE", "")
    assert find_route("https://host").tls is None
    monkeypatch.setenv("SSL_CERT_FILE", certifi.where())
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path}/missing:{tmp_path}")
    assert isinstance(find_route("https://host").tls, ssl.SSLContext)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
@pytest.mark.parametrize("content", [None, b"", b"\xff garbage", b"-----BEGIN CERTIFICATE-----\nx\n", "folder"])
def test_refuses_certificates_that_are_none(
    variable: str, content: bytes | str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing, empty, of another form, or a folder for a file and the reverse: the sentence names the variable."""
    path = tmp_path / "certificates"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "folder" and variable == "SSL_CERT_FILE":
        path.mkdir()
    monkeypatch.setenv(variable, str(path))
    with pytest.raises(DriftError, match=f"^{variable}: ") as refused:
        find_route("http://host")
    assert refused.value.exit_code == 4
