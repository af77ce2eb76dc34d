"""Who would be told; nothing is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drift_checks.operations.doctor.channels import checks
from drift_checks.operations.doctor.finding import Finding
from tests.support.doctoring import SLACK, found, put, said, setup

KEY = "0123456789abcdef0123456789abcdef"


def looked_at(tmp_path: Path, environment: dict[str, str], **given: Any) -> dict[str, Finding]:
    """Return what is found of the channels, by name."""
    return found(checks(setup(tmp_path, environment=environment, **given)))


def test_no_channel_is_a_warning(tmp_path: Path) -> None:
    """The remedy names the variables, and the next step."""
    told = looked_at(tmp_path, {})
    assert {name: str(line.status) for name, line in told.items()} == {"channels": "warning"}
    assert "SLACK_WEBHOOK_URL" in told["channels"].remedy
    assert "alert-test" in told["channels"].remedy


def test_alerts_that_are_switched_off_are_a_warning(tmp_path: Path) -> None:
    """Whatever secrets there are."""
    told = looked_at(tmp_path, {"SLACK_WEBHOOK_URL": SLACK}, alerts=())
    assert said(told["channels"]) == ("warning", "alerts are switched off: nobody is told of a CRITICAL")


def test_each_channel_is_built(tmp_path: Path) -> None:
    """With the test as the next step, and without its secret."""
    told = looked_at(tmp_path, {"SLACK_WEBHOOK_URL": SLACK, "PAGERDUTY_API_KEY": KEY})
    assert {name: str(line.status) for name, line in told.items()} == {
        "slack": "ok",
        "pagerduty": "ok",
        "delivery": "skipped",
        "report-url": "ok",
    }
    assert "alert-test" in told["delivery"].remedy
    assert "--drift-report-url" in told["report-url"].remedy
    assert "sEcReT" not in str(told)
    assert KEY not in str(told)


@pytest.mark.parametrize(
    ("name", "variable", "secret"),
    [
        ("slack", "SLACK_WEBHOOK_URL", "hunter2 is no address"),
        ("pagerduty", "PAGERDUTY_API_KEY", "hunter2 is no key"),
        ("email", "DRIFT_SMTP_URL", "hunter2"),
        ("apprise", "DRIFT_APPRISE_URLS", "unknown://hunter2"),
    ],
)
def test_a_secret_that_cannot_be_used_is_a_cross(tmp_path: Path, name: str, variable: str, secret: str) -> None:
    """In a sentence without it; the other channels are looked at all the same."""
    told = looked_at(tmp_path, {variable: secret, **({} if name == "slack" else {"SLACK_WEBHOOK_URL": SLACK})})
    assert str(told[name].status) == "error"
    assert "hunter2" not in str(told)
    assert name == "slack" or str(told["slack"].status) == "ok"


def test_a_channel_that_is_named_without_a_secret_is_a_cross(tmp_path: Path) -> None:
    """With the variable that is missing."""
    told = looked_at(tmp_path, {}, alerts=("slack",))
    assert (str(told["slack"].status), "SLACK_WEBHOOK_URL is not set" in told["slack"].message) == ("error", True)


def test_a_secret_in_a_file_that_is_not_there_is_a_cross(tmp_path: Path) -> None:
    """It is not taken for none."""
    told = looked_at(tmp_path, {"SLACK_WEBHOOK_URL_FILE": str(tmp_path / "none")})
    assert str(told["slack"].status) == "error"


def test_a_secret_in_a_file_is_read(tmp_path: Path) -> None:
    """As a review reads it."""
    file = put(tmp_path / "webhook", f"{SLACK}\n", 0o600)
    assert str(looked_at(tmp_path, {"SLACK_WEBHOOK_URL_FILE": str(file)})["slack"].status) == "ok"


def test_a_dry_run_is_a_warning(tmp_path: Path) -> None:
    """Nothing is ever sent."""
    told = looked_at(tmp_path, {"SLACK_WEBHOOK_URL": SLACK}, alert_dry_run=True)
    assert said(told["delivery"])[0] == "warning"


def test_where_reports_are_published_is_told(tmp_path: Path) -> None:
    """Alerts link to it."""
    told = looked_at(tmp_path, {"SLACK_WEBHOOK_URL": SLACK}, report_url="https://drift.example.com")
    assert said(told["report-url"]) == ("ok", "alerts link to https://drift.example.com")
