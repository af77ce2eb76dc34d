"""Two classifiers on the same records (`--a`, `--b`), or what changed between two past runs."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator

from drift_checks.commands.json_files import write_json
from drift_checks.commands.settings_options import add_settings
from drift_checks.commands.stores import existing_history, named_store, no_runs, reports_folder
from drift_checks.core.errors import DriftError, NothingToReview, nearest
from drift_checks.core.outcomes import VERSION_WORDS
from drift_checks.core.plain import to_json, to_plain
from drift_checks.core.text import count, percent, percent_range, printable
from drift_checks.report.changes import Changes, changes_between, distinguishable
from drift_checks.report.history.reading import HistoryView
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.run_differences import Difference, Labels, RecordDifference, Seen, record_differences

_LATEST, _PREVIOUS = "latest", "previous"
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
    if arguments.a or arguments.b:
        if arguments.runs:
            raise DriftError("RUN", "two runs and two classifiers exclude each other", "omit one of the two")
        from drift_checks.commands.compared_classifiers import compare_classifiers

        return compare_classifiers(arguments)
    if len(arguments.runs) != 2:
        raise DriftError(
            "arguments", "there is nothing to compare", "name two runs, or two classifiers with --a=NAME --b=NAME"
        )
    if arguments.fail_if_worse:
        raise DriftError("--fail-if-worse", "it compares two classifiers, not two runs", "add --b=NAME, or omit it")
    with existing_history(reports_folder(arguments.drift_reports)) as history:
        runs = _runs(history, arguments.drift_db)
        first, second = (_run_named(name, runs, history.path) for name in arguments.runs)
    if first.store.identity != second.store.identity:
        raise DriftError("arguments", "the two runs reviewed different stores", "name two runs of one store")
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


def _runs(history: HistoryView, db: str | None) -> list[RecordedRun]:
    """Return the runs, oldest first: of the store that is named, else of all."""
    path = None if db is None else named_store(db)
    found = [item for item in history.runs() if path in (None, item.store.db)]
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
        raise DriftError("arguments", f"{count(len(matches), 'run')} begin with {name!r}", "give more of the run's id")
    remedy = "`drift-checks history --format=csv` lists the ids"
    raise DriftError(
        "arguments", f"{name!r} is not a run in {path}", remedy, nearest(name, [item.run_id for item in runs])
    )


def _text(first: RecordedRun, second: RecordedRun, changes: Changes, found: list[RecordDifference]) -> Iterator[str]:
    for item in (first, second):
        yield f"{item.run_id}  {item.verdict}  {_agreement(item)}"
    for name, before, now in changes.criteria:
        yield f"{printable(name)}: {before} → {now}"
    for key, versions in changes.versions.items():
        yield f"{VERSION_WORDS[key]}: {' → '.join(distinguishable(*versions))}"
    for name, before_after in _changed_settings(first, second).items():
        yield f"setting {name}: {' → '.join(printable(value or 'not set') for value in before_after)}"
    shared = len(set(first.sample.record_ids) & set(second.sample.record_ids))
    yield f"{count(shared, 'record')} in both samples"
    counts = Counter(item.kind for item in found)
    yield ", ".join(f"{counts[kind]:,} {kind}" for kind in Difference if counts[kind]) or _NONE
    yield from _records(found)


def _changed_settings(first: RecordedRun, second: RecordedRun) -> dict[str, tuple[str | None, str | None]]:
    """Return the settings that differ, as each run recorded them."""
    pairs = {key: (first.settings.get(key), second.settings.get(key)) for key in {**first.settings, **second.settings}}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


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
    return _pair(item.now or item.before)


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
