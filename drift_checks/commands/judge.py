"""Judge who is right: shows disagreements and doubtful labels one at a time, and says how accurate both are."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from drift_checks.commands.arguments import from_one
from drift_checks.commands.judgement_files import FORMATS, read_judgements, write_judgements
from drift_checks.commands.settings_options import add_settings, read_settings
from drift_checks.commands.stores import existing_history, no_runs
from drift_checks.core.errors import NothingToReview, ReportsError, SettingError
from drift_checks.core.files import Claims
from drift_checks.core.text import count, printable, quoted, visible

if TYPE_CHECKING:
    from drift_checks.operations.judging.records import WaitingRecords
    from drift_checks.operations.judging.session import JudgingSession, Source
    from drift_checks.report.history.recorded import RecordedRun
    from drift_checks.report.waiting import Reviewed
    from drift_checks.reviews.preparation import Preparation
    from drift_checks.settings.declarations import Settings

CLAIMS = ".judging"
_WAITING = 100
_LAST_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--web", action="store_true", help="judge in a browser; only this machine can open the page")
    how_often = "print how often store and reviewer are right, and judge nothing"
    what.add_argument("--accuracy", action="store_true", help=how_often)
    what.add_argument("--export", metavar="FILE", help="write all judgements of the store to a file")
    what.add_argument("--import", dest="import_file", metavar="FILE", help="add the judgements of a file")
    parser.add_argument(
        "--waiting",
        metavar="N",
        nargs="?",
        type=from_one,
        const=_WAITING,
        help=f"with --export: write the first N records that wait instead (default {_WAITING})",
    )
    parser.add_argument(
        "--format", choices=FORMATS, help="format of that file (default: by its suffix, .csv or .jsonl)"
    )
    first = "show this record first; if you have judged it before, the new answer replaces the old one"
    parser.add_argument("--record", metavar="ID", help=first)
    parser.add_argument("--by", metavar="NAME", help="who judges (default: the user's name on this machine)")
    parser.add_argument("--named", action="store_true", help="show which category is the store's, and its evidence")
    parser.add_argument("--port", metavar="N", type=_port, default=0, help="port of --web (default: a free one)")
    add_settings(parser, finds_ini=True)


def run(arguments: argparse.Namespace) -> int:
    """Judge, or print, export or import judgements."""
    from drift_checks.operations.judging.records import WaitingRecords, settings_to_judge
    from drift_checks.reviews.judgements.file import JudgementFile
    from drift_checks.reviews.preparation import Preparation

    if arguments.waiting is not None and arguments.export is None:
        raise SettingError("--waiting", "it says what --export writes", "add --export=FILE, or leave it out")
    if arguments.record is not None and (arguments.accuracy or arguments.export or arguments.import_file):
        raise SettingError("--record", "it says what to judge", "leave out --accuracy, --export and --import")
    settings = _settings(arguments)
    runs = _runs(settings)
    file = JudgementFile(settings.reports)
    if damaged := file.read().damaged:
        sys.stderr.write(f"{file.path}: {count(damaged, 'line')} cannot be read; the other judgements count\n")
    with closing(Preparation(settings_to_judge(settings), (Path.cwd(),), None, None)) as preparation:
        records = WaitingRecords(runs, file, preparation)
        if arguments.import_file is not None:
            _print([read_judgements(arguments, records, _user())])
        elif arguments.export is not None:
            if arguments.waiting is not None:
                _refuse_redacted(settings)
            _print([write_judgements(arguments, preparation, records)])
        else:
            if not arguments.accuracy:
                _judge(arguments, preparation, records)
            _print(_summary(records.reviewed()))
    return 0


def _settings(arguments: argparse.Namespace) -> Settings:
    settings = read_settings(arguments, os.environ, datetime.now(UTC))
    if not settings.demo:
        return settings
    from drift_checks.stores.demo.settings import demo_settings

    return demo_settings(settings)


def _runs(settings: Settings) -> list[RecordedRun]:
    with existing_history(settings.reports, "--drift-reports") as history:
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


def _judge(arguments: argparse.Namespace, preparation: Preparation, records: WaitingRecords) -> None:
    from drift_checks.operations.judging.session import JudgingSession
    from drift_checks.operations.judging.terminal import Terminal, judge_all

    _refuse_redacted(preparation.settings)
    categories, folder = preparation.store.categories(), records.file.path.parent
    judge = printable(arguments.by) if arguments.by else _user()
    source = _source(arguments, records, judge)
    if not judge and not arguments.web:
        raise SettingError("--by", "the name of the judge is not known", "give it with --by=NAME")
    terminal = Terminal()
    if not (arguments.web or terminal.has_keys()):
        raise SettingError("stdin", "there is no terminal to read keys from", "use --web, or --export and --import")
    with _claims(folder / CLAIMS) as claims:

        def open_session(judge: str, owner: str = "") -> JudgingSession:
            clock = partial(datetime.now, UTC)
            return JudgingSession(source, records.file, claims, judge, clock, owner=owner, named=arguments.named)

        if arguments.web:
            _serve(arguments, records, open_session, categories, judge)
            return
        session = open_session(judge)
        if session.current is None:
            what = "all records that wait" if arguments.record is None else f"record {printable(arguments.record)}"
            raise NothingToReview(folder, f"others are judging {what}", "try again later")
        judge_all(session, terminal, categories)


def _source(arguments: argparse.Namespace, records: WaitingRecords, judge: str) -> Source:
    """Return where the records come from, unless there are none."""
    from drift_checks.operations.judging.records import PickedRecord

    if arguments.record is None:
        # Others may open the page, to whom contradictions return.
        if next(records.waiting(judge), None) is None and not (arguments.web and records.reviewed().conflicts()):
            raise NothingToReview(
                records.file.path.parent, "no record waits for a judgement", "the next run may find some"
            )
        return records
    item = records.reviewed().picked(arguments.record, judge)
    if item is None:
        problem = f"no run with the versions of the newest one reviewed record {quoted(arguments.record)}"
        raise SettingError("--record", problem, "review it first, or name another")
    if not records.unchanged([item]):
        problem = f"record {quoted(arguments.record)} is gone, or its category changed since it was reviewed"
        raise SettingError("--record", problem, "review it again first")
    return PickedRecord(records, arguments.record)


def _claims(path: Path) -> Claims:
    try:
        return Claims(path)
    except OSError as error:
        raise ReportsError(path, f"cannot be opened ({error.strerror})", "check its owner and mode") from None


def _serve(
    arguments: argparse.Namespace,
    records: WaitingRecords,
    open_session: Callable[[str, str], JudgingSession],
    categories: tuple[str, ...],
    judge: str,
) -> None:
    from drift_checks.operations.judging.site import JudgingSite
    from drift_checks.operations.judging.web import JudgingServer

    by = judge if arguments.by and judge else None
    site = JudgingSite(open_session, categories, lambda: [*_summary(records.reviewed())], by, suggested=judge)
    with JudgingServer(site, arguments.port) as server:
        _print(
            [
                f"Judge at {server.address}",
                "Only this machine can open it. Ctrl-C ends it; each answer is saved at once.",
            ]
        )
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            server.serve_forever()
        site.close()


def _summary(reviewed: Reviewed) -> Iterator[str]:
    from drift_checks.report.accuracy import accuracy_sentences, judges_sentence

    yield from accuracy_sentences(reviewed.reviews.accuracy())
    if sentence := judges_sentence(reviewed.judged, len(reviewed.conflicts())):
        yield sentence


def _refuse_redacted(settings: Settings) -> None:
    if settings.redact:
        raise SettingError("redact", "judging shows texts, which this setting keeps out of every output", "turn it off")


def _user() -> str:
    try:
        return printable(getpass.getuser())
    except (OSError, KeyError):
        return ""


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is invalid; it must be a whole number up to {_LAST_PORT}")
    return int(text)


def _print(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{visible(line)}\n" for line in lines)
