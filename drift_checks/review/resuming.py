"""Taking up a run that was broken off: what it was told to do, what it drew, and what it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from drift_checks.core.errors import SettingError
from drift_checks.core.instants import format_instant
from drift_checks.core.records import Sample
from drift_checks.review.journal import NAME, Journaled, read_journal
from drift_checks.settings.declarations import Settings

# Changing one of these in the middle of a run would make two runs of it.
_SAME = (
    *("sample_size", "low_confidence_share", "low_confidence_below", "old_days", "baseline", "records", "columns"),
    *("taxonomy", "llm_base_url", "llm_model", "llm_prompt", "repeat", "decision", "judge"),
)
# These default to the moment and the machine, so they are taken over where they are not given.
_TAKEN_OVER = ("seed", "as_of", "naive_timezone")


@dataclass(frozen=True)
class Unfinished:
    """A run that was broken off.

    Attributes:
        folder: Where it wrote.
        journaled: What it wrote.
    """

    folder: Path
    journaled: Journaled

    @property
    def begun(self) -> Mapping[str, Any]:
        """What it was told to do and drew."""
        return self.journaled.begun or {}

    @property
    def run_id(self) -> str:
        """The run's id."""
        return str(self.begun["run_id"])

    @property
    def started(self) -> datetime:
        """When it began."""
        return datetime.fromisoformat(self.begun["started"])

    @property
    def sample(self) -> Mapping[str, Any]:
        """What it drew, in plain values."""
        drawn: Mapping[str, Any] = self.begun["sample"]
        return drawn

    def resumed(self, settings: Settings, reviewer: str) -> Settings:
        """Return the settings with which it goes on.

        Args:
            settings: What the run that goes on was told to do.
            reviewer: The name of its reviewer.

        Raises:
            SettingError: They are at odds with those that it began with.
        """
        began, now = self.begun["settings"], _compared(settings, reviewer)
        for key, value in began.items():
            if now.get(key) != value:
                raise self._refuse(key, value, now.get(key))
        pinned: dict[str, Any] = {
            "seed": int(self.sample["seed"]),
            "as_of": datetime.fromisoformat(self.sample["as_of"]),
            "naive_timezone": self._zone(settings),
        }
        for key in _TAKEN_OVER:
            if key in settings.sources and getattr(settings, key) != pinned[key]:
                raise self._refuse(key, str(pinned[key]), str(getattr(settings, key)))
        return replace(settings, **pinned)

    def _zone(self, settings: Settings) -> ZoneInfo:
        name = self.sample["naive_timezone"]
        if settings.naive_timezone.key == name:
            # A machine's own zone may have no name that others know.
            return settings.naive_timezone
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise self._refuse("naive_timezone", name, settings.naive_timezone) from None

    def _refuse(self, key: str, began: object, now: object) -> SettingError:
        return SettingError(
            "resume",
            f"run {self.run_id} was begun with {key.replace('_', '-')} {began}, and this is given {now}",
            "give the same, or leave --drift-resume away to begin anew",
        )


def header(settings: Settings, reviewer: str, run_id: str, started: datetime, sample: Sample) -> dict[str, Any]:
    """Return what a journal begins with, in plain values."""
    return {
        "run_id": run_id,
        "started": format_instant(started),
        "store": _store(settings),
        "settings": _compared(settings, reviewer),
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
    """Return the newest run of this store, which must have been broken off.

    Raises:
        SettingError: It was not, or there is none.
    """
    for folder in _newest_first(settings.reports):
        try:
            journaled = read_journal(folder / NAME)
        except OSError:
            continue
        if journaled.begun is None or journaled.begun.get("store") != _store(settings):
            continue
        if journaled.finished:
            raise SettingError(
                "resume",
                f"the newest run of this store, {journaled.begun['run_id']}, came to an end",
                "leave --drift-resume away to begin anew",
            )
        return Unfinished(folder, journaled)
    raise SettingError(
        "resume",
        f"{settings.reports} holds no run of {settings.db} that was broken off",
        "leave --drift-resume away to begin anew, or name the folder it wrote to with --drift-reports",
    )


def _newest_first(reports: Path) -> Iterator[Path]:
    # A run's folder bears its time; while the run is under way, with a dot before it.
    found = [path.parent for path in reports.glob(f"*/{NAME}") if not path.parent.is_symlink()]
    yield from sorted(found, key=lambda folder: folder.name.removeprefix("."), reverse=True)


def _store(settings: Settings) -> list[str]:
    return [str(settings.db), settings.table, settings.collection]


def _compared(settings: Settings, reviewer: str) -> dict[str, str]:
    return {"reviewer": reviewer, **{key: str(getattr(settings, key)) for key in _SAME}}
