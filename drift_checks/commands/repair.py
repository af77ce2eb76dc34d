"""Plan the repair of wrong labels: writes scripts that give records the category that people judged to be right.

It only reads the store. The scripts change it once the user runs them.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from drift_checks.commands.arguments import from_one, full_path
from drift_checks.commands.settings_options import add_settings, read_settings
from drift_checks.commands.stores import UNBOUNDED
from drift_checks.core.addresses import ServerURL
from drift_checks.core.errors import NothingToReview
from drift_checks.core.text import count, printable, visible

if TYPE_CHECKING:
    from drift_checks.operations.repair.plan import Plan
    from drift_checks.reviews.preparation import Preparation
    from drift_checks.settings.declarations import Settings

_MOST_SHOWN = 40
_HASH = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--from-judgements", action="store_true", help="write a plan from what people judged")
    what.add_argument(
        "--status", action="store_true", help="say how many records of each plan have the judged category"
    )
    parser.add_argument(
        "--min-judges", metavar="N", type=from_one, default=1, help="judges who must agree about a record (default: 1)"
    )
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        type=full_path,
        help="the folder of the plan (default: repairs/TIME in the folder of reports)",
    )
    add_settings(parser, finds_ini=True)


def run(arguments: argparse.Namespace) -> int:
    """Write and show a plan, or say what became of the plans."""
    from drift_checks.reviews.preparation import Preparation

    now = datetime.now(UTC).replace(microsecond=0)
    settings = read_settings(arguments, os.environ, now)
    if settings.demo:
        from drift_checks.stores.demo.settings import demo_settings

        settings = demo_settings(settings)
    with closing(Preparation(settings, (Path.cwd(),), None, None)) as preparation:
        if arguments.status:
            lines = list(_status(preparation, arguments.output))
        else:
            lines = list(_planned(preparation, arguments, now))
    sys.stdout.writelines(f"{visible(line)}\n" for line in lines)
    return 0


def _status(preparation: Preparation, folder: Path | None) -> Iterator[str]:
    from drift_checks.operations.repair import FOLDER
    from drift_checks.operations.repair.effect import effect_of
    from drift_checks.operations.repair.plan import identity_of, plans_in

    folders = folder or preparation.settings.reports / FOLDER
    found = plans_in([folder] if folder else sorted(folders.glob("*/")), identity_of(preparation))
    if not found:
        raise NothingToReview(folders, "there is no plan for this store", "repair --from-judgements writes one")
    for place, plan in found:
        yield f"{printable(place, UNBOUNDED)}: {effect_of(plan, preparation.store).sentence}"


def _planned(preparation: Preparation, arguments: argparse.Namespace, now: datetime) -> Iterator[str]:
    from drift_checks.operations.repair import FOLDER
    from drift_checks.operations.repair.plan import identity_of, make_plan, write_plan
    from drift_checks.reviews.judgements.file import JudgementFile
    from drift_checks.reviews.judgements.judgement import Judged

    file = JudgementFile(preparation.settings.reports)
    content = file.read()
    if content.damaged:
        sys.stderr.write(f"{file.path}: {count(content.damaged, 'line')} cannot be read; the other judgements count\n")
    judged = Judged(content.judgements, identity_of(preparation))
    if not judged.all:
        raise NothingToReview(file.path, "no record of this store is judged", "judge some with drift-checks judge")
    plan, files = make_plan(preparation, judged, arguments.min_judges, now)
    if not plan.changes:
        raise NothingToReview(file.path, "no judgement asks for a change", "; ".join(_left_out(plan)))
    folder = arguments.output or preparation.settings.reports / FOLDER / f"{now:%Y%m%dT%H%M%SZ}"
    write_plan(folder, files)
    yield from _shown(plan)
    yield ""
    yield from _how_to_apply(folder, files, preparation.settings)


def _shown(plan: Plan) -> Iterator[str]:
    from rich.table import Table

    from drift_checks.commands.stores import drawn_lines

    table = Table(box=None, pad_edge=False)
    for name in ("record", "stored", "judged", "by", "text (SHA-256)"):
        table.add_column(name)
    for item in plan.changes[:_MOST_SHOWN]:
        judges = ", ".join(item.judges)
        cells = (item.record_id, item.old, item.new, judges, f"{item.text_hash[:_HASH]}…")
        table.add_row(*map(printable, cells))
    title = f"{count(len(plan.changes), 'record')} of {printable(plan.store.table)} to change; nothing is changed yet"
    yield from drawn_lines(title, table)
    if len(plan.changes) > _MOST_SHOWN:
        yield f"… and {len(plan.changes) - _MOST_SHOWN:,} more in plan.json"
    if left_out := list(_left_out(plan)):
        yield "left out"
        yield from (f"  {line}" for line in left_out)
    yield from (f"caution: {item}" for item in plan.cautions)


def _left_out(plan: Plan) -> Iterator[str]:
    for reason, ids in sorted(plan.left_out.items(), key=lambda item: -len(item[1])):
        yield f"{count(len(ids), 'record')}: {reason}"


def _how_to_apply(folder: Path, files: Mapping[str, str], settings: Settings) -> Iterator[str]:
    from drift_checks.operations.repair.chroma import SCRIPT
    from drift_checks.operations.repair.plan import APPLY, TABLE, UNDO

    yield f"plan    {', '.join(sorted(files))}"
    yield f"first   cd {shlex.quote(str(folder))}"
    if TABLE in files:
        yield f"apply   set the categories that {TABLE} lists in whatever makes {settings.db}"
    for word, name in (("apply", APPLY), ("undo", UNDO)):
        if name in files:
            yield f"{word:7} {_client(settings).format(name)}"
        if SCRIPT in files:
            undo = " --undo" if word == "undo" else ""
            yield f"{word:7} python {SCRIPT}{undo}   (with the application's version of chromadb)"
    yield "then    the next review says how many of these records have the judged category"


def _client(settings: Settings) -> str:
    """Return the command that runs a script on the store, with {} for the script's name."""
    from drift_checks.stores.engines.sources import is_sqlite

    db = settings.db
    if isinstance(db, ServerURL):
        if db.scheme == "postgresql":
            return f"psql --set=ON_ERROR_STOP=1 --dbname={_escaped(db)} --username=USER --file={{}}"
        port = f" --port={db.port}" if db.port else ""
        return f"mariadb --host={_escaped(db.host)}{port} --user=USER --password {_escaped(db.name)} < {{}}"
    assert db is not None
    program = "sqlite3" if is_sqlite(db) else "duckdb"
    return f"{program} -bail {_escaped(db)} < {{}}"


def _escaped(value: object) -> str:
    return shlex.quote(str(value)).replace("{", "{{").replace("}", "}}")
