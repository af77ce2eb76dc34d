"""What the checks look at: the settings, the variables, the store and the machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from drift_checks.core.errors import DriftError
from drift_checks.operations.doctor.check import NotChecked
from drift_checks.operations.doctor.installed import InstalledSchedule
from drift_checks.operations.schedule.paths import BACKUPS, below
from drift_checks.settings.declarations import Settings
from drift_checks.settings.usable import Configured
from drift_checks.stores.columns.completion import completed
from drift_checks.stores.engines.base import RecordFile
from drift_checks.stores.engines.opening import open_records
from drift_checks.stores.engines.snapshot import default_folder
from drift_checks.stores.engines.sources import is_sqlite
from drift_checks.stores.engines.sqlite import Access, SqliteFile
from drift_checks.stores.records import RecordStore
from drift_checks.stores.vectors.connecting import connected
from drift_checks.stores.vectors.opening import VectorPlace

Known = TypeVar("Known")


@dataclass(frozen=True)
class DoctorOptions:
    """The options of the command, and the user's id; `root` stands for `/`."""

    root: Path = Path("/")
    backups: Path | None = None
    live: bool = False
    thorough: bool = False
    user: int = field(default_factory=os.geteuid)


@dataclass(frozen=True)
class Setup:
    """What a review would find on this machine.

    The environment is that of a scheduled review, as far as it is known. The user's own modules may be in `folders`.
    `hidden` are the names of secrets that a schedule has, or may have, and this user cannot read.
    """

    configured: Configured
    environment: Mapping[str, str]
    options: DoctorOptions
    now: datetime
    folders: tuple[Path, ...] = ()
    hidden: frozenset[str] = frozenset()

    @property
    def settings(self) -> Settings:
        """The usable settings; defaults in place of the others."""
        return self.configured.settings

    def place(self, path: Path) -> Path:
        """Return a path of the machine below the root."""
        return below(self.options.root, path)

    @property
    def backups(self) -> Path:
        """The folder of backups."""
        return self.options.backups or self.place(BACKUPS)

    @property
    def snapshots(self) -> Path:
        """The folder of private copies."""
        return self.settings.snapshot_dir or default_folder()

    @property
    def vector_place(self) -> VectorPlace | None:
        """Where the vectors are; None without Chroma."""
        return VectorPlace.of(self.settings, self.snapshots, self.environment)

    @property
    def is_this_machine(self) -> bool:
        """Whether running processes belong to the machine that is checked."""
        return self.options.root == Path("/")

    @cached_property
    def schedule(self) -> InstalledSchedule:
        """The installed schedule."""
        return InstalledSchedule(self.options.root, self.now)

    def refuse_unless_sqlite(self) -> None:
        """Raise NotChecked for records that no backup is made of."""
        if self.settings.db is not None and not is_sqlite(self.settings.db):
            raise NotChecked("does not apply: the records are not in a SQLite file")

    @cached_property
    def store(self) -> OpenedStore:
        """The records."""
        return OpenedStore(self.settings, self.snapshots)


class OpenedStore:
    """The table of records, opened by the first check; if that fails, the others are skipped."""

    def __init__(self, settings: Settings, snapshots: Path) -> None:
        self._settings = settings
        self._snapshots = snapshots
        self._file: RecordFile | None = None
        self._table: RecordStore | None = None
        self._records: int | None = None

    def open(self) -> RecordStore:
        """Open the table and count its records; raise DriftError if the store is unusable."""
        assert self._settings.db is not None
        self._file = open_records(self._settings.db, self._snapshots, self._settings.query_timeout)
        done = completed(self._settings, self._file)
        settings = done.settings
        self._table = RecordStore(self._file, settings.table, dict(settings.columns), settings.where)
        if (found := connected(done, self._table, self._snapshots).settings) is not settings:
            self._table = RecordStore(self._file, found.table, dict(found.columns), found.where)
        self._records = self._table.count()
        return self._table

    def refuse_unread(self) -> None:
        """Raise NotChecked if the records cannot be read."""
        _known(self._table)

    @property
    def is_open(self) -> bool:
        """Whether the records were opened and counted."""
        return self._records is not None

    @property
    def file(self) -> RecordFile:
        """What holds the records; raises NotChecked if it cannot be read."""
        return _known(self._file)

    @property
    def sqlite(self) -> SqliteFile:
        """The SQLite file; raises NotChecked if the records are in another kind of file, or cannot be read."""
        if not isinstance(self.file, SqliteFile):
            raise NotChecked("does not apply: the records are not in a SQLite file")
        return self.file

    @property
    def is_copied(self) -> bool:
        """Whether a review reads a private copy; raises NotChecked if the records cannot be read."""
        return (
            self.file.access() is Access.COPIED if isinstance(self.file, SqliteFile) else self.file.row_id is not None
        )

    @property
    def table(self) -> RecordStore:
        """The table; raises NotChecked if it cannot be read."""
        return _known(self._table)

    @property
    def records(self) -> int:
        """The number of records; raises NotChecked if they cannot be read."""
        return _known(self._records)

    def categories(self) -> tuple[str, ...]:
        """Return the categories in the store; none if it cannot be read."""
        try:
            return self.table.categories()
        except (DriftError, NotChecked):
            return ()

    def close(self) -> None:
        """Remove the private copy, if one was made."""
        if self._file is not None:
            self._file.close()


def _known(value: Known | None) -> Known:
    if value is None:
        raise NotChecked("unknown: the records cannot be read")
    return value
