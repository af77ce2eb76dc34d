"""The configured channels, and the policy, from settings and secrets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from drift_checks.alerts.channels.base import Channel
from drift_checks.alerts.policy import Policy
from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import Secret, find_secret
from drift_checks.report.verdict import Verdict
from drift_checks.settings.declarations import ALWAYS, Settings
from drift_checks.settings.pairs import ALERT_VERDICTS, ALL_CHANNELS, CHANNELS, PAGERDUTY, paged

# The variable with each channel's secret, also as NAME_FILE or as a credential of the service manager.
SECRETS = {
    "slack": "SLACK_WEBHOOK_URL",
    PAGERDUTY: "PAGERDUTY_API_KEY",
    "email": "DRIFT_SMTP_URL",
    "apprise": "DRIFT_APPRISE_URLS",
}
_PAGED = {"CRITICAL": "critical", "INCONCLUSIVE": "warning", "WARNING": "off"}


def configured_channels(settings: Settings, environment: Mapping[str, str]) -> tuple[Channel, ...]:
    """Return the channels: those that `alerts` names, or all whose secret is in the environment.

    Raises:
        SettingError: A named channel has no secret, or a secret cannot be used.
    """
    return tuple(channel for name in _names(settings) for channel in _channels(name, settings, environment))


def usable_channels(
    settings: Settings, environment: Mapping[str, str]
) -> tuple[tuple[Channel, ...], tuple[SettingError, ...]]:
    """Return the channels that can be used, and why others cannot: one broken channel must not silence the others."""
    found: list[Channel] = []
    faults: list[SettingError] = []
    for name in _names(settings):
        try:
            found += _channels(name, settings, environment)
        except SettingError as error:
            faults.append(error)
    return tuple(found), tuple(faults)


def policy_of(settings: Settings) -> Policy:
    """Return the policy that the settings describe."""
    chosen = dict(settings.alert_on)
    common = chosen.get(ALL_CHANNELS, ALERT_VERDICTS)
    return Policy(
        alert_on={name: tuple(map(Verdict, chosen.get(name, common))) for name in CHANNELS},
        realert=timedelta(hours=settings.realert_hours),
        always_page=settings.page_when == ALWAYS,
        severities=_severities(settings),
    )


def _severities(settings: Settings) -> dict[Verdict, str]:
    chosen = paged(settings.pagerduty_severities, _PAGED)
    return {Verdict(verdict): severity for verdict, severity in chosen.items()}


def _names(settings: Settings) -> tuple[str, ...]:
    return CHANNELS if settings.alerts is None else settings.alerts


def _channels(name: str, settings: Settings, environment: Mapping[str, str]) -> list[Channel]:
    """Return the channels of a name, none if it has no secret and is not named; libraries are loaded only here."""
    secret = find_secret([SECRETS[name]], environment, several_lines=name == "apprise")
    if secret is None:
        if settings.alerts is None:
            return []
        raise SettingError(
            "alerts",
            f"{name!r} is named (from {settings.sources['alerts']}), but {SECRETS[name]} is not set",
            f"set {SECRETS[name]} or {SECRETS[name]}_FILE, or omit {name}",
        )
    if name == "slack":
        from drift_checks.alerts.channels.slack import Slack

        return [Slack(secret)]
    if name == PAGERDUTY:
        from drift_checks.alerts.channels.pagerduty import PagerDuty

        return [PagerDuty(secret, settings.pagerduty_url, _severities(settings))]
    if name == "email":
        from drift_checks.alerts.channels.email import Email

        return [Email(secret, settings.email_to, settings.email_from)]
    from drift_checks.alerts.channels.apprise_urls import AppriseUrl, split_urls

    return [AppriseUrl(Secret(url)) for url in split_urls(secret.reveal())]
