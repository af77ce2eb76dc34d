"""A backup put back in its place, or elsewhere."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from drift_checks.commands.interrupting import ended_by_signals
from drift_checks.instants import format_instant
from drift_checks.reporting.phrases import count, printable

if TYPE_CHECKING:
    from drift_checks.care.manifest import Manifest
    from drift_checks.care.placing import Targets
    from drift_checks.care.restoring import Restored

NAME = "restore"
HELP = "restore a backup: verified first, all of it or nothing, and nothing that is there is lost"

_FROM = ""
_LONGEST = 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("archive", metavar="ARCHIVE", help="the backup; end the application before it is restored")
    parser.add_argument(
        "--to-db", metavar="FILE", help="where the SQLite file goes (default: where it came from; see --to-chroma)"
    )
    parser.add_argument(
        "--to-chroma",
        metavar="DIR",
        help="where the Chroma directory goes (default: where it came from; where one of --to-db and --to-chroma is"
        " given, the other is left out)",
    )
    parser.add_argument(
        "--history",
        metavar="DIR",
        nargs="?",
        const=_FROM,
        help="restore the history of the reports too, into this folder of reports (default: where it came from)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="verify the backup, say what would be written, write nothing"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="move what is there aside, to NAME.before-restore-TIME, in place of refusing",
    )


def run(arguments: argparse.Namespace) -> int:
    """Restore the backup, or say what that would do.

    Raises:
        ArchiveError: It is no sound backup, or cannot be restored there; all is as it was.
        RunInProgress: Another program has what is to be replaced.
    """
    # Overviews of the subcommands need neither SQLAlchemy nor NumPy.
    from drift_checks.care.archive import manifest_of
    from drift_checks.care.restoring import rehearse, restore

    now = datetime.now(UTC)
    archive = _path(arguments.archive)
    targets = _targets(arguments, manifest_of(archive))
    if arguments.dry_run:
        found = rehearse(archive, targets, now)
        lines = [*_lines(archive, found, "would be restored", "would be moved to"), *_refusal(found, arguments.force)]
    else:
        with ended_by_signals(f"{archive}: interrupted; all is as it was"):
            found = restore(archive, targets, arguments.force, now)
        lines = _lines(archive, found, "restored", "was moved to")
    sys.stdout.writelines(f"{printable(line, _LONGEST)}\n" for line in lines)
    return 0


def _targets(arguments: argparse.Namespace, manifest: Manifest) -> Targets:
    from drift_checks.care.placing import Targets

    origins = manifest.origins
    if arguments.to_db is None and arguments.to_chroma is None:
        db: Path | None = Path(origins.db)
        chroma = None if origins.chroma is None else Path(origins.chroma)
    else:
        db, chroma = (None if text is None else _path(text) for text in (arguments.to_db, arguments.to_chroma))
    reports = None if arguments.history is None else _path(arguments.history)
    if arguments.history == _FROM and origins.history is not None:
        reports = Path(origins.history).parent
    return Targets(db, chroma, reports)


def _lines(archive: Path, found: Restored, done: str, moved: str) -> list[str]:
    from drift_checks.care.room import readable_size

    manifest = found.manifest
    vectors = "" if manifest.counts.vectors is None else f", {count(manifest.counts.vectors, 'vector')}"
    sizes = {
        item: sum(facts.size for name, facts in manifest.members.items() if f"{name}/".startswith(f"{item.member}/"))
        for item in found.placed
    }
    return [
        f"{archive}: of {format_instant(manifest.created)}, {count(manifest.counts.records, 'record')}{vectors}; every"
        " digest holds",
        *(f"{source} {moved} {target}" for source, target in found.moved.items()),
        *(f"{item.path} {done}: {readable_size(size)}" for item, size in sizes.items()),
    ]


def _refusal(found: Restored, force: bool) -> list[str]:
    return (
        ["without --force this would be refused, since something is there already"] if found.moved and not force else []
    )


def _path(text: str) -> Path:
    return Path.cwd() / Path(text).expanduser()
