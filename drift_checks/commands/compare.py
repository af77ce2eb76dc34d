"""Two classifiers on the same records (`--a`, `--b`), or what changed between two past runs."""

from __future__ import annotations

import argparse
import sys
from ast import literal_eval
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress

from drift_checks.commands.json_files import write_json
from drift_checks.commands.settings_options import add_settings
from drift_checks.commands.stores import existing_history, named_store, no_runs, reports_folder
from drift_checks.core.errors import DriftError, NothingToReview, nearest
from drift_checks.core.outcomes import VERSION_WORDS
from drift_checks.core.plain import to_json, to_plain
from drift_checks.core.text import count, percent, percent_range, printable
from drift_checks.report.changes import Changes, changes_between, distinguishable
from drift_checks.report.history.reading import HistoryView
from drift_checks.report.history.recorded import RecordedRun, setting_value
from drift_checks.report.run_differences import Difference, Labels, RecordDifference, Seen, record_differences
from drift_checks.settings.declarations import declared

_LATEST, _PREVIOUS = "latest", "previous"
_COUNTED = (Difference.ONLY_FIRST, Difference.ONLY_SECOND)
_LONGEST_REASON = 250
_NONE = "no record disagrees in either"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    help_text = "each by its id or the beginning of it, as in `history --format=csv`; `latest`, or `previous`"
    parser.add_argument("runs", metavar="RUN", nargs="*", help=f"two runs; {help_text}")
    side = "a reviewer, llm=MODEL, or a setting, as in llm-prompt=FILE; may be repeated (default: as configured)"
    parser.add_argument("--a", metavar="WORD", action="append", help=f"the classifier in use: {side}")
    parser.add_argument("--b", metavar="WORD", action="append", help="the one to compare with it")
    parser.add_argument(
        "--margin", type=_margin, default=0.03, help="a difference of agreement that does not matter (default 0.03)"
    )
    parser.add_argument(
        "--fail-if-worse", action="store_true", help="exit with 1 if B is worse, and with 75 if that is not decided"
    )
    parser.add_argument("--json", metavar="FILE", help="also write what was found to a file, as JSON")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="output format (default: text)")
    add_settings(parser, finds_ini=True)


def run(arguments: argparse.Namespace) -> int:
    """Print the differences; return the exit code."""
    if arguments.drift_demo and not (arguments.a or arguments.b or arguments.runs):
        from drift_checks.stores.demo.classifier import NAME

        arguments.b = [NAME]
    if arguments.a or arguments.b:
        if arguments.runs:
            raise DriftError("RUN", "two runs and two classifiers exclude each other", "omit one of the two")
        from drift_checks.commands.compared_classifiers import compare_classifiers

        return compare_classifiers(arguments)
    if len(arguments.runs) != 2:
        raise DriftError(
            "RUN", "name two runs, as in `compare previous latest`, or a classifier to compare, with --b=NAME"
        )
    if arguments.fail_if_worse:
        raise DriftError("--fail-if-worse", "it compares two classifiers, not two runs", "add --b=NAME, or omit it")
    with existing_history(reports_folder(arguments.drift_reports), "--drift-reports") as history:
        runs = _runs(history, arguments.drift_db, demo=bool(arguments.drift_demo))
        first, second = (_run_named(name, runs, history.path) for name in arguments.runs)
    if first.store.identity != second.store.identity:
        raise DriftError("RUN", "the two runs reviewed different stores", "name two runs of one store")
    _print(first, second, arguments)
    return 0


def _print(first: RecordedRun, second: RecordedRun, arguments: argparse.Namespace) -> None:
    found = record_differences(Seen.by(first), Seen.by(second))
    changes = changes_between(first, second)
    written = to_json(to_plain(_document(first, second, changes, found)), indent=1)
    write_json(arguments.json, written)
    lines = [written] if arguments.format == "json" else _text(first, second, changes, found)
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _margin(text: str) -> float:
    try:
        margin = float(text)
    except ValueError:
        margin = -1
    if not 0 < margin < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is invalid; it must be a share above 0 and below 1, such as 0.03")
    return margin


def _runs(history: HistoryView, db: str | None, *, demo: bool) -> list[RecordedRun]:
    """Return the runs, oldest first: of the demo, of the store that is named, else of all."""
    path = None if db is None or demo else named_store(db)
    found = [item for item in history.runs() if path in (None, item.store.db) and item.demo >= demo]
    if not found:
        raise no_runs(history, path)
    return found


def _run_named(name: str, runs: list[RecordedRun], path: object) -> RecordedRun:
    if name in (_LATEST, _PREVIOUS):
        # The run before the newest is one of the same store.
        of_store = [item for item in runs if item.store.identity == runs[-1].store.identity]
        place = 1 if name == _LATEST else 2
        if len(of_store) < place:
            raise NothingToReview(path, f"there is no {name} run of {runs[-1].store.db} in it")
        return of_store[-place]
    matches = [item for item in runs if item.run_id.startswith(name)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise DriftError("RUN", f"the ids of {len(matches):,} runs begin with {name!r}", "give more of the id")
    remedy = "`drift-checks history --format=csv` lists the ids"
    raise DriftError(path, f"there is no run {name!r} in it", remedy, nearest(name, [item.run_id for item in runs]))


def _text(first: RecordedRun, second: RecordedRun, changes: Changes, found: list[RecordDifference]) -> Iterator[str]:
    for item in (first, second):
        yield f"{item.run_id}  {item.verdict}  {_agreement(item)}"
    for name, before, now in changes.criteria:
        yield f"{printable(name)}: {before} → {now}"
    for key, versions in changes.versions.items():
        yield f"{VERSION_WORDS[key]}: {' → '.join(distinguishable(*versions))}"
    for name, values in _changed_settings(first, second).items():
        yield f"setting {name}: {' → '.join(distinguishable(*map(_setting_in_words, values)))}"
    shared = len(set(first.sample.record_ids) & set(second.sample.record_ids))
    yield f"{count(shared, 'record')} in both samples"
    counts = Counter(item.kind for item in found)
    yield ", ".join(f"{counts[kind]:,} {kind}" for kind in Difference if counts[kind]) or _NONE
    yield from _records(item for item in found if item.kind not in _COUNTED)
    if any(counts[kind] for kind in _COUNTED):
        yield "\nthe records in one sample only are not listed here; --format=json lists them"


def _changed_settings(first: RecordedRun, second: RecordedRun) -> dict[str, tuple[str | None, str | None]]:
    """Return the settings whose values differ, wherever they come from; None if it was not set."""
    defaults = {setting.name: str(setting.default) for setting in declared()}
    found = {}
    for name in {**first.settings, **second.settings}:
        values = [setting_value(run.settings[name]) if name in run.settings else None for run in (first, second)]
        if len({defaults.get(name) if value is None else value for value in values}) > 1:
            found[name] = values[0], values[1]
    return found


def _setting_in_words(value: str | None) -> str:
    """Return a recorded value without Python's notation, such as that of tuples."""
    if value is None:
        return "not set"
    with suppress(ValueError, SyntaxError):
        items = literal_eval(value)
        if isinstance(items, tuple):
            return (
                ", ".join("=".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in items)
                or "none"
            )
    return value


def _records(found: Iterable[RecordDifference]) -> Iterator[str]:
    kind = None
    for item in found:
        if item.kind is not kind:
            kind = item.kind
            yield f"\n{kind}:"
        yield f"  {printable(item.record_id)}  {_labels(item)}"


def _labels(item: RecordDifference) -> str:
    if item.kind is Difference.CHANGED:
        return f"{_pair(item.before)}, now {_pair(item.now)}"
    before = "; before: " if item.kind is Difference.REOPENED else ": "
    why = f"{before}{printable(item.why, _LONGEST_REASON)}" if item.why else ""
    return f"{_pair(item.now or item.before)}{why}"


def _pair(labels: Labels | None) -> str:
    assert labels is not None
    return f"stored {printable(labels.stored)}, reviewed {printable(labels.reviewed)}"


def _agreement(item: RecordedRun) -> str:
    measured = item.agreement.judged(item.judge)
    if measured is None:
        return "agreement not measured"
    return f"agreement {percent(measured.rate)} ({percent_range(*measured.interval)})"


def _document(
    first: RecordedRun, second: RecordedRun, changes: Changes, found: list[RecordDifference]
) -> dict[str, object]:
    return {
        "runs": [first.run_id, second.run_id],
        "verdicts": [first.verdict, second.verdict],
        "criteria": {name: [before, now] for name, before, now in changes.criteria},
        "versions": changes.versions,
        "settings": _changed_settings(first, second),
        "records": found,
    }
