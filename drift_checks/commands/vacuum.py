"""Vacuum the history of the reports, and optionally the application's database."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from drift_checks.commands.settings_options import add_settings, read_settings
from drift_checks.commands.stores import UNBOUNDED
from drift_checks.core.addresses import ServerURL
from drift_checks.core.errors import DriftError, ReportsError, SettingError, StoreError
from drift_checks.core.text import printable, readable_size
from drift_checks.report.folder import ReportsFolder
from drift_checks.report.history.reading import NAME as HISTORY
from drift_checks.settings.declarations import Settings

if TYPE_CHECKING:
    from drift_checks.operations.backup.vacuum import Sizes


_HISTORY_REMEDY = "if it is damaged, the next run makes a new one from the reports that are kept"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--application",
        action="store_true",
        help="also vacuum the application's SQLite file; the application cannot write to it meanwhile",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print how much space would be freed, and change nothing"
    )
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Vacuum the databases."""
    settings = read_settings(arguments, os.environ, datetime.now(UTC))
    application = _application(settings) if arguments.application else None
    history = settings.reports / HISTORY
    lines = []
    if not os.path.exists(history):  # noqa: PTH110 - False without search permission
        lines.append(f"{history}: there is no history yet")
    else:
        with _locked(settings.reports, arguments.dry_run):
            lines.append(_vacuumed(history, ReportsError, _HISTORY_REMEDY, arguments.dry_run, settings.snapshot_dir))
    if not settings.quiet:
        _print(lines)
    if application is not None:
        remedy = "restore it from a backup if it is damaged"
        line = _vacuumed(application, StoreError, remedy, arguments.dry_run, settings.snapshot_dir)
        if not settings.quiet:
            _print([line])
    return 0


def _application(settings: Settings) -> Path:
    from drift_checks.stores.engines.sources import require_sqlite
    from drift_checks.stores.engines.sqlite import refuse_unreadable

    if settings.demo or settings.db is None:
        raise SettingError("db", "--application needs a SQLite file", "name it with --drift-db=FILE")
    if isinstance(settings.db, ServerURL):
        problem = f"{settings.db} is a database server, which compacts its tables itself (autovacuum, OPTIMIZE TABLE)"
        raise SettingError("--application", problem, "omit it")
    path = require_sqlite(settings.db, "--application")
    refuse_unreadable(path)
    # SQLite keeps its journals beside the target of a link.
    return path.resolve()


def _vacuumed(path: Path, kind: type[DriftError], remedy: str, dry_run: bool, snapshot_dir: Path | None) -> str:
    # The overview of the subcommands does not need SQLAlchemy and NumPy.
    from drift_checks.operations.backup.vacuum import examine, vacuum

    def wrong(problem: str) -> DriftError:
        return kind(path, problem, remedy)

    if dry_run:
        return _line(path, examine(path, wrong, snapshot_dir), "would be")
    return _line(path, vacuum(path, wrong), "is")


def _line(path: Path, sizes: Sizes, now: str) -> str:
    return (
        f"{path}: was {readable_size(sizes.before)}, of which {readable_size(sizes.free)} were unused; {now}"
        f" {readable_size(sizes.after)}, and vacuuming needs up to {readable_size(sizes.needed)} of free space"
    )


@contextmanager
def _locked(reports: Path, dry_run: bool) -> Iterator[None]:
    """Hold the lock of the reports as a run does, unless nothing will be changed."""
    if dry_run:
        yield
        return
    folder = ReportsFolder(reports)
    try:
        yield
    finally:
        folder.release()


def _print(lines: list[str]) -> None:
    sys.stdout.writelines(f"{printable(line, UNBOUNDED)}\n" for line in lines)
