"""Two classifiers on the same records (`--a`, `--b`), or what changed between two past runs."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator

from drift_checks.commands.settings_options import add_settings
from drift_checks.commands.stores import existing_history, reports_folder
from drift_checks.core.errors import DriftError, NothingToReview, nearest
from drift_checks.core.plain import to_json, to_plain
from drift_checks.core.text import count, percent, percent_range, printable
from drift_checks.report.history.recorded import RecordedDisagreement, RecordedRun
from drift_checks.report.run_differences import Difference, RecordDifference, record_differences

_LATEST, _PREVIOUS = "latest", "previous"


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
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the differences; return the exit code."""
    if arguments.a or arguments.b:
        if arguments.runs:
            raise DriftError("RUN", "two runs and two classifiers exclude each other", "omit one of the two")
        from drift_checks.commands.compared_classifiers import compare_classifiers

        return compare_classifiers(arguments)
    if len(arguments.runs) != 2:
        raise DriftError("compare", "nothing to compare", "name two runs, or two classifiers with --a=NAME --b=NAME")
    with existing_history(reports_folder(arguments.drift_reports)) as history:
        runs = history.runs()
        first, second = (_run_named(name, runs, history.path) for name in arguments.runs)
    if first.store.identity != second.store.identity:
        raise DriftError("compare", "the two runs reviewed different stores", "name two runs of one store")
    found = record_differences(first, second)
    lines = [_json(first, second, found)] if arguments.format == "json" else _text(first, second, found)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


def _margin(text: str) -> float:
    try:
        margin = float(text)
    except ValueError:
        margin = -1
    if not 0 < margin < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is invalid; it must be a share above 0 and below 1, such as 0.03")
    return margin


def _run_named(name: str, runs: list[RecordedRun], path: object) -> RecordedRun:
    if name in (_LATEST, _PREVIOUS):
        place = 1 if name == _LATEST else 2
        if len(runs) < place:
            raise NothingToReview(path, f"there is no {name} run in it")
        return runs[-place]
    matches = [item for item in runs if item.run_id.startswith(name)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise DriftError("compare", f"{count(len(matches), 'run')} begin with {name!r}", "give more of the run's id")
    remedy = "`drift-checks history --format=csv` lists the ids"
    raise DriftError(
        "compare", f"{name!r} is not a run in {path}", remedy, nearest(name, [item.run_id for item in runs])
    )


def _text(first: RecordedRun, second: RecordedRun, found: list[RecordDifference]) -> Iterator[str]:
    for item in (first, second):
        yield f"{item.run_id}  {item.verdict}  {_agreement(item)}"
    shared = len(set(first.sample.record_ids) & set(second.sample.record_ids))
    yield f"{count(shared, 'record')} in both samples"
    counts = Counter(item.kind for item in found)
    yield ", ".join(f"{counts[kind]} {kind}" for kind in Difference if counts[kind]) or "no record disagrees in either"
    for run_, name in ((first, "first"), (second, "second")):
        if missing := run_.reviewer.failed + run_.reviewer.not_asked:
            yield f"the {name} run did not review {count(missing, 'record')}; new and gone may include some of them"
    yield from _records(found)


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


def _pair(disagreement: RecordedDisagreement | None) -> str:
    assert disagreement is not None
    return f"stored {printable(disagreement.stored)}, reviewed {printable(disagreement.reviewed)}"


def _agreement(item: RecordedRun) -> str:
    measured = item.agreement.judged(item.judge)
    if measured is None:
        return "agreement not measured"
    return f"agreement {percent(measured.rate)} ({percent_range(*measured.interval)})"


def _json(first: RecordedRun, second: RecordedRun, found: list[RecordDifference]) -> str:
    return to_json(to_plain({"runs": [first.run_id, second.run_id], "records": found}), indent=1)
