"""Restore a backup to its original location, or elsewhere."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from drift_checks.commands.arguments import full_path
from drift_checks.commands.signals import ended_by_signals
from drift_checks.commands.stores import UNBOUNDED
from drift_checks.core.instants import format_instant
from drift_checks.core.text import count, printable, readable_size

if TYPE_CHECKING:
    from drift_checks.operations.backup.manifest import Manifest
    from drift_checks.operations.backup.placement import Targets
    from drift_checks.operations.backup.restoration import Restored


# Not a text, which argparse would convert to a path.
_ORIGINAL = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "archive", metavar="ARCHIVE", type=full_path, help="the backup; stop the application before you restore it"
    )
    parser.add_argument(
        "--to-db",
        metavar="FILE",
        type=full_path,
        help="where to restore the SQLite file (default: its original path; see --to-chroma)",
    )
    parser.add_argument(
        "--to-chroma",
        metavar="DIR",
        type=full_path,
        help="where to restore the Chroma directory (default: its original path; if only one of --to-db and --to-chroma"
        " is given, the other is not restored)",
    )
    parser.add_argument(
        "--history",
        metavar="DIR",
        type=full_path,
        nargs="?",
        const=_ORIGINAL,
        help="also restore the history and the judgements, into this folder of reports (default: the original one)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="verify the backup and print what would be written, but write nothing"
    )
    parser.add_argument(
        "--force", action="store_true", help="move existing files to NAME.before-restore-TIME instead of refusing"
    )


def run(arguments: argparse.Namespace) -> int:
    """Restore the backup, or print what that would do."""
    # The overview of the subcommands does not need SQLAlchemy and NumPy.
    from drift_checks.operations.backup.archive import manifest_of
    from drift_checks.operations.backup.restoration import rehearse, restore

    now = datetime.now(UTC)
    archive: Path = arguments.archive
    targets = _targets(arguments, manifest_of(archive))
    if arguments.dry_run:
        found = rehearse(archive, targets, now)
        lines = [*_lines(archive, found, "would be restored", "would be moved to"), *_refusal(found, arguments.force)]
    else:
        with ended_by_signals(f"{archive}: interrupted; nothing was changed"):
            found = restore(archive, targets, arguments.force, now)
        lines = _lines(archive, found, "restored", "was moved to")
    sys.stdout.writelines(f"{printable(line, UNBOUNDED)}\n" for line in lines)
    return 0


def _targets(arguments: argparse.Namespace, manifest: Manifest) -> Targets:
    from drift_checks.operations.backup.placement import Targets

    origins = manifest.sources
    db, chroma, reports = arguments.to_db, arguments.to_chroma, arguments.history
    if db is None and chroma is None:
        db = Path(origins.db)
        chroma = None if origins.chroma is None else Path(origins.chroma)
    if reports is _ORIGINAL:
        # If the backup has none, restoring refuses.
        history = origins.history or origins.history_journal or origins.judgements
        reports = Path.cwd() if history is None else Path(history).parent
    return Targets(db, chroma, reports)


def _lines(archive: Path, found: Restored, done: str, moved: str) -> list[str]:
    from drift_checks.operations.backup.placement import sizes_of

    manifest = found.manifest
    vectors = "" if manifest.counts.vectors is None else f", {count(manifest.counts.vectors, 'vector')}"
    sizes = sizes_of(manifest, found.placed)
    return [
        f"{archive}: made at {format_instant(manifest.created)}, {count(manifest.counts.records, 'record')}{vectors};"
        " all digests match",
        *(f"{source} {moved} {target}" for source, target in found.moved.items()),
        *(f"{item.path} {done}: {readable_size(size)}" for item, size in sizes.items()),
    ]


def _refusal(found: Restored, force: bool) -> list[str]:
    return ["this would be refused without --force, because files exist already"] if found.moved and not force else []
