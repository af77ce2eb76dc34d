"""The channels; nothing is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drift_checks.operations.doctor.channels import checks
from drift_checks.operations.doctor.check import Finding
from tests.support.doctoring import SLACK, findings_of, outcome, put, setup, statuses

KEY = "0123456789abcdef0123456789abcdef"


def channels(tmp_path: Path, environment: dict[str, str], **given: Any) -> dict[str, Finding]:
    """Return the findings about the channels, by name."""
    return findings_of(checks(setup(tmp_path, environment=environment, **given)))


def test_no_channel_is_a_warning(tmp_path: Path) -> None:
    """The remedy names the variables and the next step; so are alerts that are off, whatever secrets there are."""
    found = channels(tmp_path, {})
    assert statuses(found) == {"channels": "warning"}
    assert "SLACK_WEBHOOK_URL" in found["channels"].remedy
    assert "alert-test" in found["channels"].remedy
    off = channels(tmp_path, {"SLACK_WEBHOOK_URL": SLACK}, alerts=())
    assert outcome(off["channels"]) == ("warning", "alerts are off: nobody is alerted to a CRITICAL verdict")


def test_each_channel_is_built(tmp_path: Path) -> None:
    """Its secret is not shown."""
    found = channels(tmp_path, {"SLACK_WEBHOOK_URL": SLACK, "PAGERDUTY_API_KEY": KEY})
    assert statuses(found) == {"slack": "ok", "pagerduty": "ok", "delivery": "skipped", "report-url": "ok"}
    assert "alert-test" in found["delivery"].remedy
    assert "--drift-report-url" in found["report-url"].remedy
    assert "sEcReT" not in str(found)
    assert KEY not in str(found)


@pytest.mark.parametrize(
    ("name", "variable", "secret"),
    [
        ("slack", "SLACK_WEBHOOK_URL", "hunter2 is no address"),
        ("pagerduty", "PAGERDUTY_API_KEY", "hunter2 is no key"),
        ("email", "DRIFT_SMTP_URL", "hunter2"),
        ("apprise", "DRIFT_APPRISE_URLS", "unknown://hunter2"),
    ],
)
def test_an_unusable_secret_fails(tmp_path: Path, name: str, variable: str, secret: str) -> None:
    """The message does not show it; the other channels are checked all the same."""
    found = channels(tmp_path, {variable: secret, **({} if name == "slack" else {"SLACK_WEBHOOK_URL": SLACK})})
    assert found[name].status == "error"
    assert "hunter2" not in str(found)
    assert name == "slack" or found["slack"].status == "ok"


def test_a_missing_secret_fails(tmp_path: Path) -> None:
    """Of a channel that is named, or in a file that does not exist."""
    assert "SLACK_WEBHOOK_URL is not set" in channels(tmp_path, {}, alerts=("slack",))["slack"].message
    found = channels(tmp_path, {"SLACK_WEBHOOK_URL_FILE": str(tmp_path / "none")})
    assert found["slack"].status == "error"
    file = put(tmp_path / "none", f"{SLACK}\n", 0o600)
    assert channels(tmp_path, {"SLACK_WEBHOOK_URL_FILE": str(file)})["slack"].status == "ok"


def test_delivery_and_links_are_reported(tmp_path: Path) -> None:
    """A dry run is a warning, since nothing is ever sent."""
    given: dict[str, Any] = {"alert_dry_run": True, "report_url": "https://drift.example.com"}
    found = channels(tmp_path, {"SLACK_WEBHOOK_URL": SLACK}, **given)
    assert found["delivery"].status == "warning"
    assert outcome(found["report-url"]) == ("ok", "alerts link to https://drift.example.com")


@pytest.mark.parametrize(
    ("variable", "problem"),
    [("REQUESTS_CA_BUNDLE", "names /no/such.pem, which does not exist"), ("HTTPS_PROXY", "is not the address of a")],
)
def test_what_keeps_alerts_from_being_sent_is_a_warning(
    tmp_path: Path, variable: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as certificates or a proxy that cannot be used; the variable is named."""
    for name in ("https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "/no/such.pem" if variable == "REQUESTS_CA_BUNDLE" else "ftp://127.0.0.1")
    found = channels(tmp_path, {"SLACK_WEBHOOK_URL": SLACK})
    assert found["slack"].status == "warning"
    assert f"{variable} {problem}" in found["slack"].message
