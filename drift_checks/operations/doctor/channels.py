"""Who would be told, and whether the channels can be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from drift_checks.alerts.configuration import SECRETS, configured_channels
from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import find_secret
from drift_checks.operations.doctor.finding import Check, Said, left_out, right, warned
from drift_checks.operations.doctor.setup import Setup
from drift_checks.settings.declarations import Settings
from drift_checks.settings.pairs import CHANNELS

GROUP = "alerts"
_NEEDS = ("alerts", "pagerduty_url", "pagerduty_severities", "email_to", "email_from")
_TEST = "python -m drift_checks alert-test sends a marked test to each"


def checks(setup: Setup) -> list[Check]:
    """Return the checks of the channels."""
    settings, environment = setup.settings, setup.environment
    names = [name for name in settings.alerts or CHANNELS if settings.alerts or _has_secret(name, environment)]
    if settings.alerts == () or not names:
        return [Check(GROUP, "channels", lambda: _none(settings, setup.hidden), ("alerts",))]
    return [
        *(Check(GROUP, name, partial(_built, name, setup), _NEEDS) for name in names),
        Check(GROUP, "delivery", lambda: _delivery(settings), ("alert_dry_run",)),
        Check(GROUP, "report-url", lambda: _report_url(settings.report_url), ("report_url",)),
    ]


def _has_secret(name: str, environment: Mapping[str, str]) -> bool:
    try:
        return find_secret([SECRETS[name]], environment, several_lines=True) is not None
    except SettingError:
        # It is there, and cannot be used: that is for the check to say.
        return True


def _none(settings: Settings, hidden: frozenset[str]) -> Said:
    remedy = f"set one of {', '.join(SECRETS.values())}, each also as NAME_FILE; then {_TEST}"
    if settings.alerts == ():
        return warned("alerts are switched off: nobody is told of a CRITICAL", "leave the setting alerts away")
    if hidden:
        return left_out("not known: this user may not read the schedule's credentials; root may", _TEST)
    return warned("no channel is configured: nobody is told of a CRITICAL", remedy)


def _built(name: str, setup: Setup) -> Said:
    if SECRETS[name] in setup.hidden:
        return left_out(f"not known: this user may not read the schedule's {SECRETS[name]}; root may")
    built = configured_channels(replace(setup.settings, alerts=(name,)), setup.environment)
    return right("it can be sent to" if len(built) == 1 else f"each of its {len(built)} addresses can be sent to")


def _delivery(settings: Settings) -> Said:
    if settings.alert_dry_run:
        return warned("alert-dry-run is on: nothing is ever sent", "leave it away once the channels are as they should")
    return left_out("nothing is sent by this check", _TEST)


def _report_url(url: str | None) -> Said:
    if url is None:
        return right("not set: alerts name the report by its path", "--drift-report-url makes it a link in each alert")
    return right(f"alerts link to {url}")
