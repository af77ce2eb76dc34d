"""Reading settings: an option overrides the variable, which overrides the ini file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from drift_checks.core.addresses import ServerURL, know_pgpass
from drift_checks.core.errors import SettingError, invalid_setting, nearest
from drift_checks.core.secrets import CHROMA_BASIC, CHROMA_TOKEN, DB_PASSWORD, find_secret
from drift_checks.settings import kinds
from drift_checks.settings.declarations import (
    ACCURACY,
    CHROMA_DATABASE,
    DATABASE_FOLDER,
    DATABASE_NAME,
    LLM,
    SEQUENTIAL,
    Setting,
    Settings,
    declared,
)

# Variables with the prefix of the settings that hold secrets or serve the scripts.
OTHER_VARIABLES = (
    *("DRIFT_SMTP_URL", "DRIFT_APPRISE_URLS", "DRIFT_LLM_API_KEY", DB_PASSWORD, CHROMA_TOKEN, CHROMA_BASIC),
    *("DRIFT_PYTHON", "DRIFT_VERDICT_FILE"),
)

# Where chromadb's client for Chroma Cloud finds them; those in a directory have other names.
_CLOUD_VARIABLES = {"chroma_tenant": "CHROMA_TENANT", "chroma_database": "CHROMA_DATABASE"}


class Origin(NamedTuple):
    """The text of a setting, its source, and the folder that relative paths start from.

    A source `may_hold_secrets` if others see it neither in a list of processes nor in a repository.
    """

    text: str
    source: str
    folder: Path
    may_hold_secrets: bool = False


@dataclass(frozen=True)
class Sources:
    """Everything that settings are read from: options (by ini key), variables, the ini file, and the current folder.

    With `in_program`, the options are arguments of a function.
    """

    options: Mapping[str, str]
    environment: Mapping[str, str]
    ini: Mapping[str, str]
    folder: Path
    ini_file: Path | None = None
    in_program: bool = False

    def find(self, setting: Setting) -> Origin | None:
        """Return the text of the setting from the source with the highest priority, or None if it is not set."""
        if (text := self.options.get(setting.ini)) is not None:
            return Origin(text, setting.option, self.folder, self.in_program)
        if text := self.environment.get(setting.variable):
            return Origin(text, f"the variable {setting.variable}", self.folder, may_hold_secrets=True)
        if text := self.ini.get(setting.ini):
            folder = self.ini_file.parent if self.ini_file else self.folder
            return Origin(text.strip(), f"{setting.ini} in {self.ini_file or 'the ini file'}", folder)
        variable = _CLOUD_VARIABLES.get(setting.key, "")
        if (text := self.environment.get(variable)) and self._names_server():
            return Origin(text, f"the variable {variable}", self.folder)
        return None

    def _names_server(self) -> bool:
        chroma = self.find(next(setting for setting in declared() if setting.key == "chroma"))
        return chroma is not None and "://" in chroma.text


def load(sources: Sources, now: datetime) -> Settings:
    """Read and check the settings; raise SettingError if one is unknown or invalid, or contradicts another."""
    refuse_unknown(sources)
    found = {setting: origin for setting in declared() if (origin := sources.find(setting))}
    values: dict[str, Any] = {setting.key: parse(setting, origin) for setting, origin in found.items()}
    origins = {setting.key: origin.source for setting, origin in found.items()}
    fill_defaults(values, origins, sources, now)
    texts = {setting.key: text_of(values[setting.key], origin) for setting, origin in found.items()}
    settings = Settings(**values, sources=origins, texts=texts)
    refuse_combinations(settings)
    return settings


def parse(setting: Setting, origin: Origin) -> object:
    """Return the value of a setting's text; raise SettingError if it is invalid."""
    try:
        value = setting.kind.parse(origin.text, origin.folder)
    except (ValueError, OverflowError) as error:
        wrong = str(error) if isinstance(error, kinds.UnknownWord) else None
        hint = str(error) if isinstance(error, kinds.Mistaken) else ""
        kind, received = setting.kind, setting.kind.shown(origin.text)
        raise invalid_setting(setting.name, origin.source, received, kind.allowed, kind.known(), wrong, hint) from None
    if isinstance(value, ServerURL) and not origin.may_hold_secrets:
        _refuse_secrets(value, setting, origin)
    return value


def _refuse_secrets(url: ServerURL, setting: Setting, origin: Origin) -> None:
    """Raise SettingError if the URL holds a secret that a list of processes or a repository would show."""
    if url.password is None and not url.secret_keys:
        return
    held = "a password" if url.password is not None else f"a secret, {url.secret_keys[0]}"
    problem = f"{url.public!r} (from {origin.source}) holds {held}, where others may see it"
    remedy = f"set the whole URL in the variable {setting.variable}"
    variable = f"{CHROMA_BASIC} to user:password" if setting.key == "chroma" else DB_PASSWORD
    alone = "" if url.secret_keys else f"leave it out and set the variable {variable}"
    raise SettingError(setting.name, problem, f"{alone}, or {remedy}" if alone else remedy)


def text_of(value: object, origin: Origin) -> str:
    """Return how a value was written, without the secrets in it."""
    return value.public if isinstance(value, ServerURL) else origin.text


def refuse_unknown(sources: Sources) -> None:
    """Raise SettingError for an unknown ini key, or a variable that looks like a misspelt setting."""
    keys = [setting.ini for setting in declared()]
    for key in sources.ini:
        if key not in keys:
            what, closest = sources.ini_file or "the ini file", nearest(key, keys, "drift_")
            raise SettingError(what, f"{key} is not a setting", closest)
    variables = [setting.variable for setting in declared()]
    known = {*variables, *OTHER_VARIABLES, *(f"{name}_FILE" for name in OTHER_VARIABLES)}
    for name in sources.environment:
        # Variables that are not similar to a setting's may belong to other programs.
        closest = nearest(name, [*variables, DB_PASSWORD], "DRIFT_", likeness=0.75) if name.startswith("DRIFT_") else ""
        if closest and name not in known:
            raise SettingError("the environment", f"{name} is not a setting", closest)


def fill_defaults(values: dict[str, Any], origins: dict[str, str], sources: Sources, now: datetime) -> None:
    """Add the defaults that depend on the time, the machine or another setting."""
    if "chroma" not in values and (directory := sources.environment.get("CHROMA_PERSIST_PATH")):
        origin = Origin(directory, "the variable CHROMA_PERSIST_PATH", sources.folder, may_hold_secrets=True)
        values["chroma"] = parse(next(setting for setting in declared() if setting.key == "chroma"), origin)
        origins["chroma"] = origin.source
    _find_records(values, origins, sources.folder / DATABASE_FOLDER)
    if isinstance(values.get("db"), ServerURL):
        values["db"] = with_password(values["db"], sources.environment)
    _find_vectors(values, origins)
    values.setdefault("reports", sources.folder / "reports")
    values.setdefault("as_of", now.astimezone(UTC).replace(microsecond=0))
    values.setdefault("seed", int(values["as_of"].strftime("%Y%m%d")))
    if "naive_timezone" not in values:
        values["naive_timezone"] = machine_zone()


def with_password(url: ServerURL, environment: Mapping[str, str]) -> ServerURL:
    """Return the URL of a database with the password from the environment, if it has none itself.

    Raises:
        SettingError: The file of the password cannot be read, or is empty.
    """
    if url.password is not None:
        return url
    know_pgpass(environment)
    password = find_secret([DB_PASSWORD], environment)
    return url if password is None else url.with_password(password)


def _find_records(values: dict[str, Any], origins: dict[str, str], folder: Path) -> None:
    """Set `db`, if it is not set, to the application's file in the Chroma directory, else in the folder."""
    places = {"the Chroma directory": values.get("chroma"), f"the folder {DATABASE_FOLDER}": folder}
    for source, place in places.items():
        if "db" not in values and isinstance(place, Path) and _exists(place / DATABASE_NAME):
            values["db"], origins["db"] = place / DATABASE_NAME, source


def _find_vectors(values: dict[str, Any], origins: dict[str, str]) -> None:
    """Set `chroma`, if it is not set, to the folder of the records if that is a Chroma directory."""
    db = values.get("db")
    if "chroma" in values or not isinstance(db, Path):
        return
    folder = next((folder for folder in (db, db.parent) if _exists(folder / CHROMA_DATABASE)), None)
    if folder is not None:
        values["chroma"], origins["chroma"] = folder, "the folder of the records"


def _exists(path: Path) -> bool:
    # Unlike Path.exists, it returns False for a folder without search permission.
    return os.path.exists(path)  # noqa: PTH110


def machine_zone() -> ZoneInfo:
    """Return the machine's time zone; raise SettingError if it cannot be determined."""
    import tzlocal

    try:
        zone = tzlocal.get_localzone()
        return zone if zone.key else ZoneInfo("UTC")
    except Exception as error:
        raise SettingError(
            "naive-timezone",
            f"this machine's time zone cannot be determined ({error})",
            "set it, as in --drift-naive-timezone=UTC",
        ) from None


def refuse_combinations(settings: Settings) -> None:
    """Raise SettingError if two settings contradict each other."""
    for check in (_refuse_thresholds, _refuse_concurrency, _refuse_spans, _refuse_exclusive):
        check(settings)


def _refuse_thresholds(settings: Settings) -> None:
    if settings.critical > settings.warn:
        raise SettingError(
            "critical", f"{settings.critical} is above warn ({settings.warn})", "lower critical, or raise warn"
        )
    if settings.decision == SEQUENTIAL and not 0 < settings.critical < 1:
        raise SettingError(
            "decision",
            f"'sequential' tests whether agreement is below critical, which is impossible at {settings.critical:g}",
            "set critical to a number between 0 and 1, or decision to 'point'",
        )
    if settings.decision == SEQUENTIAL and settings.judge == ACCURACY:
        raise SettingError(
            "judge",
            "accuracy cannot be estimated from reviews that stop when the evidence decides",
            "set decision to 'point', or judge to 'population'",
        )
    if settings.max_cost is not None and LLM in settings.reviewers and settings.llm_price is None:
        raise SettingError(
            "max-cost",
            "costs are computed from llm-price, which is not set",
            "set the price of a million input and output tokens, as in --drift-llm-price=0.15,0.60",
        )
    if settings.max_cost is not None and (other := next((name for name in settings.reviewers if "=" in name), None)):
        raise SettingError(
            "max-cost", f"the cost of {other} is not known, because llm-price is that of llm-model", "use max-calls"
        )


def _refuse_concurrency(settings: Settings) -> None:
    is_set = "concurrency" in settings.sources and "concurrency_max" in settings.sources
    if is_set and settings.concurrency > settings.concurrency_max:
        raise SettingError(
            "concurrency-max",
            f"{settings.concurrency_max} is below concurrency ({settings.concurrency}), where a run starts",
            "raise concurrency-max, or lower concurrency",
        )


def _refuse_spans(settings: Settings) -> None:
    """Refuse spans of days that start before the year 1, with a margin for time zones."""
    available = (settings.as_of - datetime.min.replace(tzinfo=UTC)).days - 2
    windows = settings.recent_days + settings.reference_days
    spans = {"reference-days": (windows, " (recent-days included)"), "old-days": (settings.old_days, "")}
    for name, (days, note) in spans.items():
        if days > available:
            problem = f"{days} days before {settings.as_of:%Y-%m-%d}{note} is before the year 1"
            raise SettingError(name, problem, "set fewer days")


def _refuse_exclusive(settings: Settings) -> None:
    if settings.demo and settings.write_back:
        raise SettingError("write-back", "nothing is ever written to the demo store", "omit write-back or demo")
    stores = [name for name in ("db", "chroma") if settings.sources.get(name) == f"--drift-{name}"]
    if settings.demo and settings.sources["demo"] == "--drift-demo" and stores:
        raise SettingError("demo", f"the demo store and --drift-{stores[0]} exclude each other", "omit one of the two")
