"""How settings are read: the option wins over the variable, the variable over the ini file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from drift_checks.core.errors import SettingError, invalid_setting, nearest
from drift_checks.settings import kinds
from drift_checks.settings.declarations import (
    DATABASE_NAME,
    LLM,
    POINT,
    POPULATION,
    SEQUENTIAL,
    Setting,
    Settings,
    declared,
)

# Variables that share the prefix of the settings but carry secrets or serve the scripts.
OTHER_VARIABLES = ("DRIFT_SMTP_URL", "DRIFT_APPRISE_URLS", "DRIFT_LLM_API_KEY", "DRIFT_PYTHON", "DRIFT_VERDICT_FILE")


class Origin(NamedTuple):
    """A setting's text as a source gave it."""

    text: str
    source: str
    folder: Path


@dataclass(frozen=True)
class Sources:
    """Where settings are read from: options given, the environment, the ini file; and the two folders."""

    options: Mapping[str, str]
    environment: Mapping[str, str]
    ini: Mapping[str, str]
    folder: Path
    ini_file: Path | None = None

    def find(self, setting: Setting) -> Origin | None:
        """Return the setting's text from the source that wins, or None where no source gives it."""
        if (text := self.options.get(setting.ini)) is not None:
            return Origin(text, setting.option, self.folder)
        if text := self.environment.get(setting.variable):
            return Origin(text, f"the variable {setting.variable}", self.folder)
        if text := self.ini.get(setting.ini):
            folder = self.ini_file.parent if self.ini_file else self.folder
            return Origin(text.strip(), f"{setting.ini} in {self.ini_file or 'the ini file'}", folder)
        return None


def load(sources: Sources, now: datetime) -> Settings:
    """Read, check and freeze the settings.

    Raises:
        SettingError: A setting is unknown, impossible or at odds with another.
    """
    refuse_unknown(sources)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    texts: dict[str, str] = {}
    for setting in declared():
        if origin := sources.find(setting):
            values[setting.key] = parse(setting, origin)
            origins[setting.key] = origin.source
            texts[setting.key] = origin.text
    fill_defaults(values, origins, sources, now)
    settings = Settings(**values, sources=origins, texts=texts)
    refuse_combinations(settings)
    return settings


def parse(setting: Setting, origin: Origin) -> object:
    """Return the value that the text stands for.

    Raises:
        SettingError: The text is not of the setting's kind.
    """
    try:
        return setting.kind.parse(origin.text, origin.folder)
    except (ValueError, OverflowError) as error:
        wrong = str(error) if isinstance(error, kinds.UnknownWord) else None
        given, allowed = setting.kind.shown(origin.text), setting.kind.allowed
        raise invalid_setting(setting.name, origin.source, given, allowed, setting.kind.known(), wrong) from None


def refuse_unknown(sources: Sources) -> None:
    """Refuse ini keys that are no setting, and variables that look like a misspelt one.

    Raises:
        SettingError: Naming the key and the nearest setting.
    """
    keys = [setting.ini for setting in declared()]
    for key in sources.ini:
        if key not in keys:
            raise SettingError(
                sources.ini_file or "the ini file", f"{key} is not a setting", nearest(key, keys, "drift_")
            )
    variables = [setting.variable for setting in declared()]
    for variable in misspelt(sources.environment, variables):
        raise SettingError("the environment", f"{variable} is not a setting", nearest(variable, variables, "DRIFT_"))


def misspelt(environment: Mapping[str, str], variables: list[str]) -> Iterator[str]:
    """Yield variables close to a setting's; others with the prefix may be somebody else's."""
    known = {*variables, *OTHER_VARIABLES, *(f"{name}_FILE" for name in OTHER_VARIABLES)}
    for name in environment:
        if name.startswith("DRIFT_") and name not in known and nearest(name, variables, "DRIFT_", likeness=0.75):
            yield name


def fill_defaults(values: dict[str, Any], origins: dict[str, str], sources: Sources, now: datetime) -> None:
    """Add the defaults that depend on the moment, the machine or another setting."""
    if "chroma" not in values and (directory := sources.environment.get("CHROMA_PERSIST_PATH")):
        origin = Origin(directory, "the variable CHROMA_PERSIST_PATH", sources.folder)
        values["chroma"] = parse(next(setting for setting in declared() if setting.key == "chroma"), origin)
        origins["chroma"] = origin.source
    # os.path: where the folder may not be searched, there is nothing that can be used.
    if "db" not in values and "chroma" in values and os.path.exists(beside := values["chroma"] / DATABASE_NAME):  # noqa: PTH110
        values["db"] = beside
        origins["db"] = "the Chroma directory"
    values.setdefault("reports", sources.folder / "reports")
    values.setdefault("as_of", now.astimezone(UTC).replace(microsecond=0))
    values.setdefault("seed", int(values["as_of"].strftime("%Y%m%d")))
    if "naive_timezone" not in values:
        values["naive_timezone"] = machine_zone()


def machine_zone() -> ZoneInfo:
    """Return the machine's time zone.

    Raises:
        SettingError: The machine does not say which it is.
    """
    import tzlocal

    try:
        zone = tzlocal.get_localzone()
        return zone if zone.key else ZoneInfo("UTC")
    except Exception as error:
        raise SettingError(
            "naive-timezone",
            f"this machine's time zone cannot be told ({error})",
            "set it, as in --drift-naive-timezone UTC",
        ) from None


def refuse_combinations(settings: Settings) -> None:
    """Refuse settings that contradict each other.

    Raises:
        SettingError: Naming both and the remedy.
    """
    if settings.critical > settings.warn:
        raise SettingError(
            "critical",
            f"{settings.critical} lies above warn ({settings.warn})",
            "WARNING must come before CRITICAL: lower critical or raise warn",
        )
    if settings.judge == POPULATION and settings.decision == POINT and not settings.baseline:
        raise SettingError(
            "judge",
            "'population' needs the stratum that baseline draws, and baseline is 0",
            "allowed are a baseline from 1, or judge 'sample'",
        )
    if settings.decision == SEQUENTIAL and not 0 < settings.critical < 1:
        raise SettingError(
            "decision",
            f"'sequential' decides whether agreement lies below critical, which nothing does at {settings.critical:g}",
            "allowed is a critical between 0 and 1, or decision 'point'",
        )
    windows = settings.recent_days + settings.reference_days
    if windows + 2 > (settings.as_of - datetime.min.replace(tzinfo=UTC)).days:
        raise SettingError(
            "reference-days",
            f"{windows} days before {settings.as_of:%Y-%m-%d} (with recent-days) is before the first year",
            "allowed are fewer days",
        )
    if settings.old_days + 2 > (settings.as_of - datetime.min.replace(tzinfo=UTC)).days:
        raise SettingError(
            "old-days",
            f"{settings.old_days} days before {settings.as_of:%Y-%m-%d} is before the first year",
            "allowed are fewer days",
        )
    if settings.max_cost is not None and settings.reviewer == LLM and settings.llm_price is None:
        raise SettingError(
            "max-cost",
            "costs are counted by llm-price, which is not set",
            "give what a million tokens cost, in and out, as in --drift-llm-price 0.15,0.60",
        )
    if settings.demo and settings.write_back:
        raise SettingError("write-back", "the demo store is not written to", "leave one of write-back and demo away")
    stores = [name for name in ("db", "chroma") if settings.sources.get(name) == f"--drift-{name}"]
    if settings.demo and settings.sources["demo"] == "--drift-demo" and stores:
        raise SettingError(
            "demo", f"the demo store and --drift-{stores[0]} exclude each other", "leave one of the two away"
        )
