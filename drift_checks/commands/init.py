"""The first five minutes: find what a store holds, write it down, and review some records."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from drift_checks.commands.settings_options import add_settings, read_settings
from drift_checks.commands.stores import UNBOUNDED
from drift_checks.core.addresses import Location, ServerURL
from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import DB_PASSWORD
from drift_checks.core.text import visible
from drift_checks.settings.declarations import Settings, declared
from drift_checks.settings.ini_files import find_ini
from drift_checks.settings.ini_writing import Change, Line, plan, write

if TYPE_CHECKING:
    from drift_checks.operations.introduction.place import Vectors
    from drift_checks.operations.introduction.questions import Manner
    from drift_checks.stores.columns.detection import Detection


FIRST_SAMPLE = 20
# The verdict of a first review is news, and no failure of init.
_JUDGED = (0, 1, 75)
_GIVEN = ("As given to init.",)
_FOUND = ("db", "chroma", "collection", "table", "columns")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("path", metavar="PATH_OR_URL", help="the file with the records, or its folder")
    parser.add_argument("--yes", action="store_true", help="ask nothing: take what is likeliest")
    parser.add_argument("--dry-run", action="store_true", help="print what would be written, and change nothing")
    parser.add_argument("--no-review", action="store_true", help="do not review any records yet")
    parser.add_argument("--ini", metavar="FILE", help="file to write (default: the one that pytest reads here)")
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Inspect the store, write the settings, review some records; return the exit code."""
    from drift_checks.operations.introduction.page import line
    from drift_checks.operations.introduction.place import find_database, find_vectors

    settings = read_settings(arguments, os.environ, datetime.now(UTC))
    if settings.demo:
        raise SettingError("demo", "the demo needs no init", "run `python -m drift_checks --run-once --drift-demo`")
    db = find_database(arguments.path)
    found, vectors = _inspected(db, settings, find_vectors(db, settings), arguments)
    lines = list(_lines(db, settings, found, vectors))
    try:
        change = plan(Path.cwd(), lines, arguments.ini)
    except SettingError:
        _print(["", "Not written:", *_as_ini(lines)])
        raise
    if arguments.dry_run:
        _print(["", f"would be written to {change.path}:", *(f"  {written}" for written in change.lines)])
        return 0
    if change.lines or not change.exists:
        write(change)
    _print([line("settings", f"{change.path}: {_done(change)}"), ""])
    code = 0 if arguments.no_review else _reviewed(lines)
    _print(_next_steps(change, settings))
    return 0 if code in _JUDGED else code


def _inspected(
    db: Location, settings: Settings, vectors: Vectors | None, arguments: argparse.Namespace
) -> tuple[Detection, Vectors | None]:
    """Print what the store holds, and settle what is open."""
    from drift_checks.operations.introduction import page
    from drift_checks.operations.introduction.entries import connect_entries
    from drift_checks.operations.introduction.questions import choose_table, settle
    from drift_checks.stores.columns.looking import column_names, look_at
    from drift_checks.stores.engines.opening import open_records
    from drift_checks.stores.engines.snapshot import default_folder

    file = open_records(db, settings.snapshot_dir or default_folder(), settings.query_timeout)
    try:
        tables = [look_at(file, name) for name in column_names(file)]
        manner = _manner(arguments)
        found = choose_table(db, tables, settings, manner, _ask)
        given = dict(settings.columns)
        width = get_terminal_size().columns if sys.stdout.isatty() or os.environ.get("COLUMNS") else UNBOUNDED
        _print(page.found_lines(db, len(tables), found, given))
        _print(page.example_lines(found, given, width, redact=settings.redact))
        settled = settle(db, found, settings, manner, _ask)
        if vectors is not None:
            settled, vectors = connect_entries(file, settings, settled, vectors)
            _print(page.vector_lines(vectors, settled))
    finally:
        file.close()
    _print(page.missing_lines(settled, given, vectors))
    return settled, vectors


def _manner(arguments: argparse.Namespace) -> Manner:
    from drift_checks.operations.introduction.questions import Manner

    if arguments.yes:
        return Manner.ACCEPT
    return Manner.ASK if sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty() else Manner.REFUSE


def _ask(question: str) -> str:
    sys.stdout.write(visible(question))
    sys.stdout.flush()
    answer = sys.stdin.readline()
    if not answer:
        # Ctrl-D, or a terminal that was closed.
        raise KeyboardInterrupt
    return answer


def _lines(db: Location, settings: Settings, found: Detection, vectors: Vectors | None) -> Iterator[Line]:
    """Yield the settings to write: what was found, and what the user gave as options."""
    from drift_checks.stores.columns.detection import as_pairs

    about = "Paths are relative to this file's folder."
    if isinstance(db, ServerURL):
        about = f"Its password belongs in the variable {DB_PASSWORD}, or in a file that {DB_PASSWORD}_FILE names."
    yield Line("drift_db", _as_written(db), (f"The records. {about}",))
    if not found.table.is_file and found.table.name.lower() != Settings.table:
        yield Line("drift_table", found.table.name, ("The table with texts and categories.",))
    pairs = ",".join(filter(None, (settings.texts.get("columns", "").strip(), as_pairs(found.proposals))))
    if pairs:
        reasons = [f"{role}: {item.reason}" for role, item in found.proposals.items() if item.theirs.lower() != role]
        yield Line("drift_columns", pairs, tuple(map(visible, reasons)) or _GIVEN)
    if vectors is not None and (not vectors.problem or settings.chroma is not None):
        yield Line("drift_chroma", _as_written(vectors.place), ("The vectors of the texts.",))
        collection = vectors.collection or Settings.collection
        if collection != Settings.collection and "collection" not in settings.sources:
            yield Line("drift_collection", collection, ("The collection of this table.",))
    elif isinstance(db, Path) and vectors is not None and vectors.place in (db, db.parent):
        # A review would use the directory beside the records.
        yield Line("drift_chroma", "none", (visible(f"{vectors.place}: {vectors.problem}"),))
    for setting in declared():
        is_option = settings.sources.get(setting.key) == setting.option
        if is_option and (setting.key not in _FOUND or setting.key == "collection"):
            yield Line(setting.ini, " ".join(settings.texts[setting.key].split()), _GIVEN)


def _as_written(path: Location) -> str:
    if isinstance(path, ServerURL):
        return path.public
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _as_ini(lines: Iterable[Line]) -> Iterator[str]:
    for item in lines:
        yield f"  {item.key} = {item.value}"


def _done(change: Change) -> str:
    if not change.exists:
        return "written"
    return "these settings are added, and nothing else is changed" if change.lines else "has these settings already"


def _reviewed(lines: Iterable[Line]) -> int:
    """Review a few records with the settings as they are written, without alerts; return the exit code."""
    from drift_checks.commands.run_once import run as run_once

    names: Mapping[str, str] = {setting.ini: setting.option for setting in declared()}
    options = {names[item.key]: item.value for item in lines}
    options = {"--drift-sample-size": str(FIRST_SAMPLE), **options, "--drift-alerts": "none"}
    sys.stdout.flush()
    code = run_once([f"{option}={value}" for option, value in options.items()])
    _print([""])
    if code not in _JUDGED:
        _print([f"The settings are written, but this review ended with {code}: see above.", ""])
    return code


def _next_steps(change: Change, settings: Settings) -> Iterator[str]:
    name = shlex.quote(_as_written(change.path))
    chosen = "" if change.path == find_ini(Path.cwd()) else f" -c {name}"
    yield "next"
    steps = {
        "review": f"pytest{chosen} --pyargs drift_checks",
        "judge": f"python -m drift_checks judge{chosen} (to say who is right where store and reviewer disagree)",
        "schedule": f"python -m drift_checks install cron -c {name} (or systemd)",
        "alerts": f"set SLACK_WEBHOOK_URL, for example; then python -m drift_checks alert-test -c {name}",
        "settings": f"python -m drift_checks settings{chosen}",
    }
    if "reviewer" not in settings.sources:
        steps["reviewer"] = (
            "--drift-reviewer=package.module:name of your own classifier, or llm, in place of neighbours"
        )
    yield from (f"  {step:<10}{command}" for step, command in steps.items())


def _print(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{visible(printed)}\n" for printed in lines)
    sys.stdout.flush()
