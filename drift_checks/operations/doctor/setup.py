"""What is looked at: the settings, the variables, and the machine as far as it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from drift_checks.core.errors import DriftError
from drift_checks.operations.doctor.finding import NotChecked
from drift_checks.operations.schedule.paths import below
from drift_checks.settings.declarations import Settings
from drift_checks.stores.records import RecordStore
from drift_checks.stores.snapshot import default_folder
from drift_checks.stores.sqlite import SqliteFile


@dataclass(frozen=True)
class Setup:
    """What a review would find on this machine.

    Attributes:
        settings: As far as they can be used.
        environment: The variables of a scheduled review, as far as they are known.
        root: What stands for `/`.
        now: The moment.
        backups: Where backups are kept.
        folders: Where the user's own modules may lie.
        live: Whether the reviewer is asked once.
        thorough: Whether large stores are checked for damage as well.
        user: The number of the user who looks.
        hidden: The names of secrets that a schedule has, or may have, and this user may not read.
    """

    settings: Settings
    environment: Mapping[str, str]
    root: Path
    now: datetime
    backups: Path
    folders: tuple[Path, ...] = ()
    live: bool = False
    thorough: bool = False
    user: int = 0
    hidden: frozenset[str] = frozenset()

    def place(self, path: Path) -> Path:
        """Return where a path of the machine's is."""
        return below(self.root, path)

    @property
    def snapshots(self) -> Path:
        """Where private copies are made."""
        return self.settings.snapshot_dir or default_folder()

    @property
    def is_this_machine(self) -> bool:
        """Whether what runs on this machine says anything of what is looked at."""
        return self.root == Path("/")

    @cached_property
    def store(self) -> OpenedStore:
        """The records."""
        return OpenedStore(self.settings, self.snapshots)


class OpenedStore:
    """The table of records, opened by the first check; the others are not made where that failed.

    Args:
        settings: Which it is.
        snapshots: Where a private copy is made, if one is needed.
    """

    def __init__(self, settings: Settings, snapshots: Path) -> None:
        self._settings = settings
        self._snapshots = snapshots
        self._file: SqliteFile | None = None
        self._table: RecordStore | None = None
        self.records: int | None = None

    def open(self) -> RecordStore:
        """Open it and count the records.

        Raises:
            DriftError: It cannot be used.
        """
        assert self._settings.db is not None
        self._file = SqliteFile(self._settings.db, self._snapshots)
        self._table = RecordStore(self._file, self._settings.table, dict(self._settings.columns))
        self.records = self._table.count()
        return self._table

    @property
    def file(self) -> SqliteFile:
        """The SQLite file.

        Raises:
            NotChecked: It cannot be read.
        """
        if self._file is None:
            raise NotChecked("not known: the records cannot be read")
        return self._file

    @property
    def table(self) -> RecordStore:
        """The table.

        Raises:
            NotChecked: It cannot be read.
        """
        if self._table is None:
            raise NotChecked("not known: the records cannot be read")
        return self._table

    def counted(self) -> int:
        """Return how many records there are.

        Raises:
            NotChecked: They cannot be read.
        """
        if self.records is None:
            raise NotChecked("not known: the records cannot be read")
        return self.records

    def categories(self) -> tuple[str, ...]:
        """Return the categories in the store; none where it cannot be read."""
        try:
            return self.table.categories()
        except (DriftError, NotChecked):
            return ()

    def close(self) -> None:
        """Remove the private copy, if one was made."""
        if self._file is not None:
            self._file.close()
