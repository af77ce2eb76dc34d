"""Resuming an interrupted run: its settings, its sample and its reviews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from drift_checks.core.errors import SettingError
from drift_checks.core.instants import format_instant
from drift_checks.core.plain import from_plain
from drift_checks.core.records import RecordId, Sample, Stratum
from drift_checks.core.text import printable
from drift_checks.reviews.journal import JOURNAL_FILE, RUN_ID, JournalContents, first_of_future, read_journal
from drift_checks.settings.declarations import Settings

# Changing one of these would mix two different runs.
_UNCHANGEABLE = (
    *("sample_size", "sample", "low_confidence_share", "low_confidence_below", "old_days", "baseline", "records"),
    *("columns", "taxonomy", "llm_base_url", "llm_model", "llm_prompt", "repeat", "decision", "judge"),
)
# These default to the current time and this machine, so the interrupted run's values replace the defaults.
_PINNED = ("seed", "as_of", "naive_timezone")


@dataclass(frozen=True)
class _Drawn:
    """The sample in a header."""

    records: list[tuple[RecordId, Stratum]]
    sizes: dict[Stratum, int]
    judged: list[Stratum]
    seed: int
    as_of: str
    naive_timezone: str
    chosen: bool
    unreadable: dict[str, int]
    notes: list[str]

    def __post_init__(self) -> None:
        """Refuse what no sample has."""
        if min((0, *self.sizes.values(), *self.unreadable.values())) < 0:
            raise ValueError("a number below 0")
        _instant(self.as_of)


@dataclass(frozen=True)
class _Header:
    """The first line of a journal."""

    run_id: str
    started: str
    settings: dict[str, str]
    sample: _Drawn

    def __post_init__(self) -> None:
        """Refuse an id that is not the name of a run's folder."""
        if not RUN_ID.fullmatch(self.run_id):
            raise ValueError(f"{self.run_id!r} is not a run's id")
        _instant(self.started)


@dataclass(frozen=True)
class Unfinished:
    """An interrupted run."""

    folder: Path
    journal: JournalContents

    @property
    def header(self) -> Mapping[str, Any]:
        """What the run reviews and how."""
        return self.journal.header or {}

    @property
    def run_id(self) -> str:
        """The run's id."""
        return str(self.header["run_id"])

    @property
    def started(self) -> datetime:
        """The time at which it began."""
        return datetime.fromisoformat(self.header["started"])

    @property
    def sample(self) -> Mapping[str, Any]:
        """Its sample in plain values."""
        return dict(self.header["sample"])

    def resumed(self, settings: Settings, reviewer: str) -> Settings:
        """Return the settings for the rest of the run.

        Raises:
            SettingError: A setting differs from that of the interrupted run.
        """
        current = _unchangeable(settings, reviewer)
        for key, value in self.header["settings"].items():
            if current.get(key) != value:
                raise self._changed(key, value, current.get(key))
        pinned: dict[str, Any] = {
            "seed": int(self.sample["seed"]),
            "as_of": datetime.fromisoformat(self.sample["as_of"]),
            "naive_timezone": self._zone(settings),
        }
        for key in _PINNED:
            if key in settings.sources and getattr(settings, key) != pinned[key]:
                raise self._changed(key, str(pinned[key]), str(getattr(settings, key)))
        return replace(settings, **pinned)

    def _zone(self, settings: Settings) -> ZoneInfo:
        name = self.sample["naive_timezone"]
        if settings.naive_timezone.key == name:
            # The machine's own zone may have a name that is unknown elsewhere.
            return settings.naive_timezone
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise self._changed("naive_timezone", name, settings.naive_timezone) from None

    def _changed(self, key: str, before: object, now: object) -> SettingError:
        return SettingError(
            "resume",
            f"run {self.run_id} began with {key.replace('_', '-')} {printable(before)}, but it is now {printable(now)}",
            "use the same value, or omit --drift-resume to start a new run",
        )


def header(settings: Settings, reviewer: str, run_id: str, started: datetime, sample: Sample) -> dict[str, Any]:
    """Return the first line of a run's journal, in plain values."""
    return {
        "run_id": run_id,
        "started": format_instant(started),
        "store": _store(settings),
        "settings": _unchangeable(settings, reviewer),
        "sample": {
            "records": [[record.id, str(record.stratum)] for record in sample.records],
            "sizes": {str(stratum): number for stratum, number in sample.sizes.items()},
            "judged": [str(stratum) for stratum in sample.judged],
            "seed": sample.seed,
            "as_of": format_instant(sample.as_of),
            "naive_timezone": sample.naive_timezone,
            "chosen": sample.chosen,
            "unreadable": dict(sample.unreadable),
            "notes": list(sample.notes),
        },
    }


def find_unfinished(settings: Settings) -> Unfinished:
    """Return the newest run of this store, which must have been interrupted.

    Raises:
        SettingError: The newest run finished, or there is none.
    """
    for folder in _newest_first(settings.reports):
        try:
            journal = read_journal(folder / JOURNAL_FILE)
        except OSError:
            continue
        if journal.header is None or journal.header.get("store") != _store(settings):
            continue
        refuse_damaged(folder / JOURNAL_FILE, journal.header)
        if journal.finished:
            raise SettingError(
                "resume",
                f"the newest run of this store, {journal.header['run_id']}, is finished",
                "omit --drift-resume to start a new run",
            )
        return Unfinished(folder, journal)
    raise SettingError(
        "resume",
        f"{settings.reports} holds no interrupted run of {settings.db}",
        "omit --drift-resume to start a new run, or name the folder of its reports with --drift-reports",
    )


def refuse_damaged(path: Path, found: Mapping[str, Any]) -> None:
    """Raise SettingError if a header is not one that a run writes: its values become a path and queries."""
    try:
        from_plain(_Header, found)
    except (ValueError, OverflowError) as error:
        raise SettingError(
            "resume",
            f"{path} is damaged ({printable(error, 200)})",
            "omit --drift-resume to start a new run",
        ) from None


def _instant(text: str) -> None:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    # Raises OverflowError beyond the calendar.
    moment.astimezone(UTC)


def _newest_first(reports: Path) -> list[Path]:
    # A run's folder is named by its time, with a leading dot while the run is in progress.
    folders = [path.parent for path in reports.glob(f"*/{JOURNAL_FILE}") if not path.parent.is_symlink()]
    future = first_of_future()

    def age(folder: Path) -> tuple[bool, str]:
        name = folder.name.removeprefix(".")
        return name < future, name

    return sorted(folders, key=age, reverse=True)


def _store(settings: Settings) -> list[str]:
    return [str(settings.db), settings.table, settings.collection]


def _unchangeable(settings: Settings, reviewer: str) -> dict[str, str]:
    return {"reviewer": reviewer, **{key: str(getattr(settings, key)) for key in _UNCHANGEABLE}}
