"""Messages sent with Apprise, to a local web server."""

from __future__ import annotations

import logging
import re
import sys
import time
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from drift_checks.alerts.channels.apprise_urls import AppriseUrl, split_urls
from drift_checks.alerts.channels.base import Deadline, NotDelivered
from drift_checks.alerts.message import Kind
from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import Secret
from drift_checks.report.verdict import Verdict
from tests.support.alert_messages import HOSTILE, LONG, hostile, many_changes, message
from tests.support.alert_server import HANG, AlertServer
from tests.support.mail_server import dripping_server
from tests.support.waiting import PATIENCE

SECRET = "sEcReTtOkEn"


PATH = f"/{SECRET}"


@pytest.fixture
def server() -> Iterator[AlertServer]:
    """A web service that accepts Apprise's own form, and that of ntfy."""
    with AlertServer().running() as running:
        running.always(PATH, (200, "{}"))
        running.always("/", (200, "{}"))
        yield running


def url(server: AlertServer, rest: str = "") -> str:
    """Return the service's address in Apprise's form."""
    return f"{server.address.replace('http://', f'json://user:{SECRET}@')}{PATH}{rest}"


def sent(server: AlertServer, **changes: Any) -> dict[str, Any]:
    """Send a message; return the document that arrives."""
    answer = AppriseUrl(Secret(url(server))).send(message(**changes), Deadline.after(PATIENCE))
    assert answer == "accepted by the service"
    return server.apprise[-1]


def test_a_message_arrives_with_title_and_text(server: AlertServer) -> None:
    """As the text part of a mail, without an attachment."""
    document = sent(server)
    assert document["title"].startswith("CRITICAL · risk.db · 30 of 50 agree")
    for part in ("60 % (46–72 %)", "agreement 90 % → 60 %", "12: financial → regulatory", "python -m drift_checks"):
        assert part in document["message"]
    assert not document.get("attachments")


@pytest.mark.parametrize(
    ("kind", "verdict", "type_"),
    [
        (Kind.CHANGE, Verdict.CRITICAL, "failure"),
        (Kind.CHANGE, Verdict.INCONCLUSIVE, "warning"),
        (Kind.RECOVERY, Verdict.OK, "success"),
        (Kind.RECOVERY, Verdict.WARNING, "success"),
        (Kind.TEST, Verdict.OK, "info"),
    ],
)
def test_the_type_says_how_bad_it_is(server: AlertServer, kind: Kind, verdict: Verdict, type_: str) -> None:
    """A recovery is a success whatever the verdict, and a test is neither good nor bad."""
    assert sent(server, kind=kind, verdict=verdict)["type"] == type_


@pytest.mark.parametrize("text", [HOSTILE, LONG, "@all " * 2000, "a\x00b\x1b[31m\u202e"])
def test_a_hostile_text_mentions_nobody_and_steers_nothing(server: AlertServer, text: str) -> None:
    """Whatever a service would make of it, and however long."""
    AppriseUrl(Secret(url(server))).send(hostile(text), Deadline.after(PATIENCE))
    title, body = server.apprise[0]["title"], server.apprise[0]["message"]
    assert not any(mark in title + body for mark in ("<!", "<@", "@all", "\x1b", "\u202e", "\x00", "\r"))
    assert (len(title) <= 150, len(body) <= 4000) == (True, True)


def test_changes_that_do_not_fit_are_counted(server: AlertServer) -> None:
    """The rest of the message is whole."""
    AppriseUrl(Secret(url(server))).send(many_changes(400), Deadline.after(PATIENCE))
    body = server.apprise[0]["message"]
    shown = body.count("is no longer acknowledged")
    assert 10 < shown < 100
    for expected in (f"… and {400 - shown} more changes", "Read the disagreements.", message().repeat):
        assert expected in body


def test_a_text_mentions_nobody(server: AlertServer) -> None:
    """But a mail address stays as it is."""
    words = ("@everyone", "@here", "@channel", "@all", "<@U123>", "<!here>", "<#C1>")
    shown = sent(server, changes=(f"by {' '.join(words)} or ann@example.com",))["message"]
    assert [word for word in words if word in shown] == []
    assert "ann@example.com" in shown


def test_a_refusal_is_reported_without_the_address(
    server: AlertServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """The library logs it, but nothing of that is seen at any level; afterwards it logs as usual."""
    server.always(PATH, (403, "no"))
    with caplog.at_level(logging.DEBUG), pytest.raises(NotDelivered, match="answered 403 Forbidden") as refused:
        AppriseUrl(Secret(url(server))).send(message(), Deadline.after(PATIENCE))
    rendered = "".join(traceback.format_exception(refused.value))
    captured = capfd.readouterr()
    assert SECRET not in rendered + caplog.text + captured.out + captured.err
    assert server.address.removeprefix("http://") not in rendered + caplog.text
    assert (refused.value.__cause__, refused.value.__context__) == (None, None)
    logging.getLogger("apprise").error("of somebody else")
    assert "of somebody else" in caplog.text


def test_a_success_after_a_failure_is_a_success(server: AlertServer) -> None:
    """The earlier status is forgotten."""
    channel = AppriseUrl(Secret(url(server)))
    server.then(PATH, (500, "no"), (200, "{}"))
    with pytest.raises(NotDelivered, match="answered 500"):
        channel.send(message(), Deadline.after(PATIENCE))
    assert channel.send(message(), Deadline.after(PATIENCE)) == "accepted by the service"


def test_a_service_that_is_gone_is_reported() -> None:
    """Without its address."""
    with AlertServer().running() as gone:
        address = url(gone)
    with pytest.raises(NotDelivered, match="connection refused: check DRIFT_APPRISE_URLS") as refused:
        AppriseUrl(Secret(address)).send(message(), Deadline.after(PATIENCE))
    assert SECRET not in str(refused.value)


def test_a_service_that_hangs_does_not_outlast_the_deadline(server: AlertServer) -> None:
    """Also if the URL allows it more time."""
    server.always(PATH, HANG)
    for rest in ("", "?rto=30"):
        started = time.monotonic()
        with pytest.raises(NotDelivered):
            AppriseUrl(Secret(url(server, rest))).send(message(), Deadline.after(0.7))
        assert time.monotonic() - started < PATIENCE


def test_a_service_that_drips_does_not_outlast_the_deadline() -> None:
    """Although something arrives all the time."""
    with dripping_server(b"HTTP/1.1 200 OK\r\nX-Long: ") as port:
        started = time.monotonic()
        with pytest.raises(NotDelivered, match="no answer in time"):
            AppriseUrl(Secret(f"json://127.0.0.1:{port}/")).send(message(), Deadline.after(0.7))
        assert time.monotonic() - started < PATIENCE


@pytest.mark.parametrize("rest", ["", "?cto=2.5", "?cto=2.5&RTO=3.5", "?overflow=split"])
def test_the_urls_own_limits_are_kept(server: AlertServer, rest: str) -> None:
    """Those that it omits are the program's: long texts are cut, not split."""
    channel = AppriseUrl(Secret(url(server, rest)))
    found = channel._service()
    channel._limit(found, Deadline.after(60))
    (plugin,) = found
    assert plugin.socket_connect_timeout == (2.5 if "cto" in rest else 5.0)
    assert plugin.socket_read_timeout == (3.5 if "RTO" in rest else 10.0)
    assert plugin.overflow_mode == ("split" if "overflow" in rest else "truncate")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (f"nothing://{SECRET}", "its schema is 'nothing'"),
        (SECRET, "it has no schema"),
        ("", "it has no schema"),
    ],
)
def test_a_url_that_apprise_does_not_support_is_refused_and_not_repeated(
    text: str, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor logged by the library."""
    with caplog.at_level(logging.DEBUG), pytest.raises(SettingError, match=named) as refused:
        AppriseUrl(Secret(text))
    assert "DRIFT_APPRISE_URLS" in str(refused.value)
    assert SECRET not in str(refused.value) + caplog.text


def test_without_the_library_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    expected = re.escape("pip install 'drift-checks[apprise]'")
    with pytest.raises(SettingError, match=expected):
        AppriseUrl(Secret("json://127.0.0.1/"))
    with pytest.raises(SettingError, match=expected):
        split_urls("json://127.0.0.1/")


def test_each_url_has_a_key_of_its_own() -> None:
    """The same from run to run, and no secret."""
    keys = [AppriseUrl(Secret(f"json://127.0.0.1/{path}")).key for path in ("a", "b", "a")]
    assert keys[0] == keys[2] != keys[1]
    assert all(re.fullmatch("apprise-[0-9a-f]{8}", key) for key in keys)


def test_a_dry_run_shows_title_and_text(server: AlertServer) -> None:
    """As they are sent, without the address."""
    document = sent(server)
    payload = AppriseUrl(Secret(url(server))).payload(message())
    assert payload.split("\n\n")[0] == document["title"]
    assert payload.split("\n\n", 1)[1].strip() == document["message"].strip()
    assert SECRET not in payload


@pytest.mark.parametrize("separator", [" ", ",", " \n,\t"])
def test_urls_are_separated_by_spaces_commas_or_lines(separator: str) -> None:
    """A comma within a URL belongs to it, and each URL counts once."""
    urls = ("mailto://a:b@example.com?to=x@example.com,y@example.com", "ntfy://topic", "json://127.0.0.1/a")
    assert split_urls(separator.join([*urls, urls[1]])) == urls


@pytest.mark.parametrize("text", ["", " , ", "topic", f"{SECRET} ntfy://topic"])
def test_a_text_that_does_not_begin_with_a_url_is_refused(text: str) -> None:
    """It would be ignored; it is not repeated."""
    with pytest.raises(SettingError, match="does not begin with a URL") as refused:
        split_urls(text)
    assert SECRET not in str(refused.value)
