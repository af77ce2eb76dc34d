"""Channels and policy as the settings and the secrets configure them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from drift_checks.alerts.configuration import SECRETS, configured_channels, policy_of, usable_channels
from drift_checks.core.errors import SettingError
from drift_checks.report.verdict import Verdict
from tests.support.doctoring import SLACK, settings

OK, WARNING, CRITICAL, INCONCLUSIVE = Verdict.OK, Verdict.WARNING, Verdict.CRITICAL, Verdict.INCONCLUSIVE
ALL = {
    "SLACK_WEBHOOK_URL": SLACK,
    "PAGERDUTY_API_KEY": "0123456789abcdef0123456789abcdef",
    "DRIFT_SMTP_URL": "smtp://localhost?to=ann@example.com",
    "DRIFT_APPRISE_URLS": "json://127.0.0.1/a ntfy://topic",
}


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, ["slack", "pagerduty", "email", "apprise", "apprise"]),
        ({"alerts": ("email", "slack")}, ["email", "slack"]),
        ({"alerts": ()}, []),
    ],
)
def test_channels_are_those_named_or_all_that_have_a_secret(given: dict[str, Any], names: list[str]) -> None:
    """Each URL of Apprise is a channel of its own."""
    assert [channel.name for channel in configured_channels(settings(**given), ALL)] == names
    assert configured_channels(settings(), {}) == ()


def test_a_channel_without_its_secret_is_refused_only_if_it_is_named() -> None:
    """With the variable that is missing; other channels can still be used."""
    named = settings(alerts=("slack", "email"))
    with pytest.raises(SettingError, match="DRIFT_SMTP_URL is not set"):
        configured_channels(named, {"SLACK_WEBHOOK_URL": SLACK})
    channels, (fault,) = usable_channels(named, {"SLACK_WEBHOOK_URL": SLACK})
    assert ([channel.name for channel in channels], fault.what) == (["slack"], "alerts")
    assert set(SECRETS.values()) == set(ALL)


def test_the_policy_is_that_of_the_settings() -> None:
    """By default everything but OK is sent, and a confirmed CRITICAL and an outage are paged."""
    default = policy_of(settings())
    assert default.alert_on["slack"] == default.alert_on["email"] == (WARNING, CRITICAL, INCONCLUSIVE)
    assert (default.realert, default.always_page) == (timedelta(hours=20), False)
    assert default.severities == {CRITICAL: "critical", INCONCLUSIVE: "warning"}
    chosen = policy_of(
        settings(
            alert_on=(("slack", ("CRITICAL",)), ("all", ("WARNING", "CRITICAL"))),
            pagerduty_severities=(("WARNING", "info"), ("INCONCLUSIVE", "off")),
            realert_hours=5.0,
            page_when="always",
        )
    )
    assert (chosen.alert_on["slack"], chosen.alert_on["email"]) == ((CRITICAL,), (WARNING, CRITICAL))
    assert (chosen.realert, chosen.always_page) == (timedelta(hours=5), True)
    assert chosen.severities == {CRITICAL: "critical", WARNING: "info"}
