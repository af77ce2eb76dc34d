"""The channels: who would be alerted, and whether their settings are usable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from drift_checks.alerts.configuration import SECRETS, configured_channels
from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import find_secret
from drift_checks.operations.doctor.check import Check, CheckResult, passed, skipped, warning
from drift_checks.operations.doctor.setup import Setup
from drift_checks.settings.declarations import Settings
from drift_checks.settings.pairs import CHANNELS

GROUP = "alerts"
_NEEDS = ("alerts", "pagerduty_url", "pagerduty_severities", "email_to", "email_from")
_TEST = "python -m drift_checks alert-test sends a test message to each channel"


def checks(setup: Setup) -> list[Check]:
    """Return the checks of the channels."""
    settings, environment = setup.settings, setup.environment
    names = [name for name in settings.alerts or CHANNELS if settings.alerts or _has_secret(name, environment)]
    if settings.alerts == () or not names:
        return [Check("channels", lambda: _no_channel(settings, setup.hidden), ("alerts",))]
    return [
        *(Check(name, partial(_channel, name, setup), _NEEDS) for name in names),
        Check("delivery", lambda: _delivery(settings), ("alert_dry_run",)),
        Check("report-url", lambda: _report_url(settings.report_url), ("report_url",)),
    ]


def _has_secret(name: str, environment: Mapping[str, str]) -> bool:
    try:
        return find_secret([SECRETS[name]], environment, several_lines=True) is not None
    except SettingError:
        # There is one, and it is unusable: its own check reports that.
        return True


def _no_channel(settings: Settings, hidden: frozenset[str]) -> CheckResult:
    if settings.alerts == ():
        return warning("alerts are off: nobody is alerted to a CRITICAL verdict", "omit the setting alerts")
    if hidden:
        return skipped("unknown: only root may read the credentials of the schedule", _TEST)
    return warning(
        "no channel is configured: nobody is alerted to a CRITICAL verdict",
        f"set one of {', '.join(SECRETS.values())}, each also as NAME_FILE; then {_TEST}",
    )


def _channel(name: str, setup: Setup) -> CheckResult:
    if SECRETS[name] in setup.hidden:
        return skipped(f"unknown: only root may read the schedule's {SECRETS[name]}")
    built = configured_channels(replace(setup.settings, alerts=(name,)), setup.environment)
    if obstacle := next(filter(None, (channel.obstacle() for channel in built)), ""):
        return warning(obstacle, "correct or remove the variable")
    return passed("configured" if len(built) == 1 else f"{len(built)} addresses are configured")


def _delivery(settings: Settings) -> CheckResult:
    if settings.alert_dry_run:
        return warning("alert-dry-run is on: nothing is ever sent", "omit it once the channels are set up")
    return skipped("this check sends nothing", _TEST)


def _report_url(url: str | None) -> CheckResult:
    if url is None:
        return passed("not set: alerts give the report's path", "--drift-report-url makes it a link in each alert")
    return passed(f"alerts link to {url}")
