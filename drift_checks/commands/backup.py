"""Back up the store and the history of the reports, even while the application writes."""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from drift_checks.commands.arguments import from_one, full_path
from drift_checks.commands.settings_options import add_settings, read_settings
from drift_checks.commands.signals import ended_by_signals
from drift_checks.commands.stores import UNBOUNDED
from drift_checks.core.addresses import ServerURL
from drift_checks.core.errors import SettingError
from drift_checks.core.text import count, printable, readable_size
from drift_checks.settings.declarations import Settings
from drift_checks.stores.identity import StoreIdentity

if TYPE_CHECKING:
    from drift_checks.operations.backup.creation import Backup, BackupSource


_KEPT = 14


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--to", metavar="DIR", required=True, type=full_path, help="folder of backups, created if it is missing"
    )
    parser.add_argument(
        "--keep",
        metavar="N",
        type=from_one,
        default=_KEPT,
        help=f"number of backups of this store to keep there; older ones are removed (default: {_KEPT})",
    )
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Make the backup."""
    # The overview of the subcommands does not need SQLAlchemy and NumPy.
    from drift_checks.operations.backup.creation import back_up

    begun, now = time.monotonic(), datetime.now(UTC).replace(microsecond=0)
    settings = read_settings(arguments, os.environ, now)
    folder: Path = arguments.to
    with ended_by_signals(f"{folder}: interrupted; no backup was made"):
        made = back_up(_source(settings), folder, arguments.keep, now)
    for warning in made.warnings:
        sys.stderr.write(f"{printable(warning, UNBOUNDED)}\n")
    if not settings.quiet:
        sys.stdout.writelines(f"{line}\n" for line in _lines(made, settings, arguments.keep, time.monotonic() - begun))
    return 0


def _source(settings: Settings) -> BackupSource:
    from drift_checks.operations.backup.creation import BackupSource
    from drift_checks.stores.engines.snapshot import default_folder
    from drift_checks.stores.engines.sources import require_sqlite
    from drift_checks.stores.vectors.catalogue import CollectionName

    if settings.demo:
        raise SettingError("demo", "the demo store needs no backup, because it can be created again", "omit demo")
    if settings.db is None:
        raise SettingError(
            "db",
            "no store is configured",
            "name the SQLite file with --drift-db=FILE, and the Chroma directory, if any, with --drift-chroma=DIR",
        )
    if isinstance(settings.db, ServerURL):
        raise SettingError(
            "db",
            f"{settings.db} is a database server, which has backups of its own, such as those of pg_dump or"
            " mariadb-dump",
            f"for the history of the reviews, copy {settings.reports}",
        )
    return BackupSource(
        db=require_sqlite(settings.db, "a backup"),
        chroma=settings.chroma if isinstance(settings.chroma, Path) else None,
        collection=CollectionName(settings.collection, settings.chroma_tenant, settings.chroma_database),
        identity=StoreIdentity(str(settings.db), settings.table, settings.collection),
        columns=dict(settings.columns),
        reports=settings.reports,
        snapshot_dir=settings.snapshot_dir or default_folder(),
    )


def _lines(made: Backup, settings: Settings, keep: int, seconds: float) -> list[str]:
    counts = made.manifest.counts
    vectors = "no Chroma directory" if counts.vectors is None else count(counts.vectors, "vector")
    if isinstance(settings.chroma, ServerURL):
        vectors = f"no vectors (back up {settings.chroma} itself)"
    history = "" if counts.runs is None else f", {count(counts.runs, 'run')} of the history"
    return [
        f"{printable(made.path, UNBOUNDED)}: {readable_size(made.size)}, {count(counts.records, 'record')},"
        f" {vectors}{history}, verified, in {seconds:.1f} s",
        *(f"removed {printable(path, UNBOUNDED)}: {keep} are kept" for path in made.removed),
    ]
