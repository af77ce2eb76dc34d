"""Judge who is right: shows disagreements and doubtful labels one at a time, and says how accurate both are."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from drift_checks.commands.settings_options import add_settings, read_settings
from drift_checks.commands.stores import existing_history, no_runs
from drift_checks.core.errors import NothingToReview, SettingError
from drift_checks.core.files import Claims, read_text, replace_file
from drift_checks.core.records import RecordId, as_text
from drift_checks.core.text import count, visible

if TYPE_CHECKING:
    from drift_checks.operations.judging.session import ReadRecord
    from drift_checks.report.history.recorded import RecordedRun
    from drift_checks.report.waiting import Reviewed, Waiting
    from drift_checks.reviews.judgements.file import JudgementFile
    from drift_checks.reviews.judgements.judgement import Judged
    from drift_checks.reviews.preparation import Preparation
    from drift_checks.settings.declarations import Settings

_FORMATS = ("csv", "jsonl", "argilla", "label-studio")
CLAIMS = ".judging"
_MODE = 0o640


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--accuracy", action="store_true", help="print what the judgements say, and judge nothing")
    what.add_argument("--export", metavar="FILE", help="write all judgements of the store to a file")
    what.add_argument("--import", dest="import_file", metavar="FILE", help="add the judgements of a file")
    parser.add_argument("--format", choices=_FORMATS, default="jsonl", help="format of that file (default: jsonl)")
    parser.add_argument("--by", metavar="NAME", help="who judges (default: the user's name on this machine)")
    parser.add_argument("--named", action="store_true", help="show which category is the store's, and its evidence")
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Judge, or print, export or import judgements."""
    from drift_checks.report.accuracy import of_present_texts
    from drift_checks.report.waiting import Reviewed
    from drift_checks.reviews.judgements.file import JudgementFile
    from drift_checks.reviews.judgements.judgement import Judged
    from drift_checks.reviews.preparation import Preparation

    settings = read_settings(arguments, os.environ, datetime.now(UTC))
    judge = (arguments.by or getpass.getuser()).strip()
    runs = _runs(settings)
    file = JudgementFile(settings.reports)
    content = file.read()
    if content.damaged:
        sys.stderr.write(f"{file.path}: {count(content.damaged, 'line')} cannot be read and left out\n")
    judged = Judged(content.judgements, runs[-1].store.identity)
    if arguments.import_file is not None:
        _import(arguments, Reviewed(runs, judged), file, judge)
        return 0
    with closing(Preparation(settings, (Path.cwd(),), None, None)) as preparation:
        if arguments.export is not None:
            _export(arguments, preparation, judged)
            return 0
        store = preparation.store
        if not arguments.accuracy:
            _judge(arguments, preparation, Reviewed(runs, of_present_texts(judged, store)), file, judge)
            judged = Judged(file.read().judgements, runs[-1].store.identity)
        _print(_summary(Reviewed(runs, of_present_texts(judged, store))))
    return 0


def _runs(settings: Settings) -> list[RecordedRun]:
    with existing_history(settings.reports) as history:
        known = history.stores()
        wanted = str(settings.db) if settings.db is not None else None
        found = [store for store in known if wanted is None or store.db == wanted]
        if not found:
            raise no_runs(history, wanted)
        if len(found) > 1:
            found = [
                store for store in found if (store.table, store.collection) == (settings.table, settings.collection)
            ]
        if len(found) != 1:
            names = "; ".join(sorted(store.db for store in known))
            raise SettingError(history.path, "has runs of several stores", f"name one with --drift-db: {names}")
        return history.runs(found[0])


def _judge(
    arguments: argparse.Namespace, preparation: Preparation, reviewed: Reviewed, file: JudgementFile, judge: str
) -> None:
    from drift_checks.operations.judging.session import JudgingSession
    from drift_checks.operations.judging.terminal import Terminal, judge_all

    if preparation.settings.redact:
        raise SettingError("redact", "judging shows texts, which this setting keeps out of every output", "turn it off")
    store = preparation.store
    with Claims(file.path.with_name(CLAIMS)) as claims:
        session = JudgingSession(
            reviewed.waiting(judge),
            partial(_read, preparation),
            lambda key: claims.take(str(key)),
            file,
            judge,
            lambda: datetime.now(UTC),
            named=arguments.named,
        )
        if session.current is None:
            raise NothingToReview(file.path.parent, "no record waits for a judgement", "the next run may find some")
        judge_all(session, Terminal(), store.categories())


def _read(preparation: Preparation, item: Waiting) -> ReadRecord | None:
    from drift_checks.operations.judging.session import ReadRecord

    store = preparation.store
    ids = [item.record_id, *(key for _, key in item.near)]
    wanted = ("id", "text", "category", *(["evidence"] if store.has("evidence") else []))
    rows = store.read(partial(store.rows, ids=ids, only=wanted))
    row = rows.get(item.record_id)
    if row is None:
        return None
    near = tuple((category, as_text(rows[key]["text"])) for category, key in item.near if key in rows)
    return ReadRecord(as_text(row["text"]), as_text(row["category"]), as_text(row.get("evidence")), near)


def _export(arguments: argparse.Namespace, preparation: Preparation, judged: Judged) -> None:
    from drift_checks.reviews.judgements.formats import WRITERS

    ids: list[RecordId] = list(dict.fromkeys(item.record_id for item in judged.all))
    store, texts = preparation.store, {}
    if not preparation.settings.redact:
        rows = store.read(partial(store.rows, ids=ids, only=("id", "text")))
        texts = {key: as_text(row["text"]) for key, row in rows.items()}
    path = Path.cwd() / Path(arguments.export).expanduser()
    try:
        replace_file(path, WRITERS[arguments.format](judged.all, texts).encode(), _MODE)
    except OSError as error:
        raise SettingError("--export", f"{path} cannot be written ({error.strerror})", "name another file") from None
    _print([f"{count(len(judged.all), 'judgement')} written to {path}"])


def _import(arguments: argparse.Namespace, reviewed: Reviewed, file: JudgementFile, judge: str) -> None:
    from drift_checks.reviews.judgements.formats import READERS, Defaults

    path = Path.cwd() / Path(arguments.import_file).expanduser()
    defaults = Defaults(reviewed.newest.store.identity, judge, datetime.now(UTC))
    try:
        found = READERS[arguments.format](read_text(path, "utf-8-sig"), defaults)
    except OSError as error:
        raise SettingError("--import", f"{path} cannot be read ({error.strerror})") from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        why = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        form = f"it must be {arguments.format}, as --export writes it"
        raise SettingError("--import", f"{path} holds no judgements that can be read ({why})", form) from None
    # Not by time, which not every format carries.
    known = {item.content for item in reviewed.judged.all}
    new = [item for item in found if item.content not in known]
    if new:
        file.add(new)
    already = f"; {len(found) - len(new):,} were there already" if len(new) < len(found) else ""
    _print([f"{count(len(new), 'judgement')} added to {file.path}{already}"])


def _summary(reviewed: Reviewed) -> Iterator[str]:
    from drift_checks.report.accuracy import accuracy_sentences, judges_sentence

    yield from accuracy_sentences(reviewed.reviews.accuracy())
    if sentence := judges_sentence(reviewed.judged, len(reviewed.conflicts())):
        yield sentence


def _print(lines: Iterator[str] | list[str]) -> None:
    sys.stdout.writelines(f"{visible(line)}\n" for line in lines)
