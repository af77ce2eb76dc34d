"""Findings: a check that fails is a fact about the store, and no failed test to pytest and its plugins.

So nothing that reacts to failed tests stops the run at a finding or runs it again: `-x`, `--stepwise`, `--reruns`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import FrameType, TracebackType

import pytest

from drift_checks.core.outcomes import Outcome, Result
from drift_checks.core.records import RecordId
from drift_checks.report.run import RunReport
from drift_checks.report.verdict import Verdict

# The attribute of a report that stands for a criterion, not for a test.
STANDS_FOR = "drift_stands_for"
_FAILED_BEFORE = "cache/lastfailed"
_WORST_FIRST = (Result.BROKEN, Result.FAILED, Result.UNMEASURED, Result.PASSED, Result.NOT_NEEDED)


def is_finding(error: BaseException | None, item: pytest.Item) -> bool:
    """Whether the error is an assertion of the check, or of a helper that it called.

    What a fixture or a signal handler raises meanwhile is not: a timeout fails the test with `pytest.fail`.
    """
    if not isinstance(error, AssertionError | pytest.fail.Exception) or isinstance(error, pytest.xfail.Exception):
        return False
    before, is_inside = None, False
    for frame in _frames(error.__traceback__):
        is_inside |= frame.f_code.co_filename in _files(item)
        is_fixture = frame.f_globals.get("__name__") == "_pytest.fixtures"
        if is_inside and (is_fixture or _is_signal_handler(frame, before)):
            return False
        before = frame
    return is_inside


def first_line(error: object) -> str:
    """Return the first line of what an error says that is not blank."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "")


def one_per_record(outcomes: Iterable[Outcome], records: Sequence[RecordId]) -> list[Outcome]:
    """Return one outcome per criterion and record, and per other check: the worst, in the order of the sample."""
    found: dict[tuple[str, object, str], Outcome] = {}
    for outcome in outcomes:
        key = (outcome.criterion, outcome.record_id, "" if outcome.record_id is not None else outcome.check)
        other = found.setdefault(key, outcome)
        found[key] = min(other, outcome, key=lambda item: _WORST_FIRST.index(item.result))
    places = {key: place for place, key in enumerate(records)}
    return sorted(found.values(), key=lambda item: places.get(item.record_id, -1))  # type: ignore[arg-type]


def critical_reports(report: RunReport) -> Iterator[pytest.TestReport]:
    """Yield a failed report for each criterion that made the verdict CRITICAL: for `--junitxml` and the like."""
    for result in report.criteria if report.verdict is Verdict.CRITICAL else ():
        name = result.criterion.name
        if result.counts_as is Verdict.CRITICAL:
            file = next(item.check for item in report.outcomes if item.criterion == name).partition("::")[0]
            for when in ("call", "teardown"):
                failed = when == "call"
                made = pytest.TestReport(
                    nodeid=f"{file}::{name}",
                    location=(file, None, name),
                    keywords={},
                    outcome="failed" if failed else "passed",
                    longrepr=f"{Verdict.CRITICAL}: {result.message}" if failed else None,
                    when=when,
                )
                setattr(made, STANDS_FOR, name)
                yield made


def remember(config: pytest.Config, outcomes: Iterable[Outcome], stand_ins: Iterable[str]) -> None:
    """Note findings as failed for `--lf` and `--ff`, in place of the reports that stand for criteria."""
    cache: pytest.Cache | None = getattr(config, "cache", None)
    if cache is not None:
        left_out = set(stand_ins)
        before = {key: True for key in cache.get(_FAILED_BEFORE, {}) if key not in left_out}
        cache.set(_FAILED_BEFORE, before | {item.check: True for item in outcomes if item.result is Result.FAILED})


def _frames(traceback: TracebackType | None) -> Iterator[FrameType]:
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def _files(item: pytest.Item) -> set[str]:
    code = getattr(getattr(item, "function", None), "__code__", None)
    return {str(item.path), *([code.co_filename] if code else [])}


def _is_signal_handler(frame: FrameType, before: FrameType | None) -> bool:
    """Whether the frame was passed the one that it interrupted."""
    arguments = frame.f_code.co_varnames[: frame.f_code.co_argcount]
    return before is not None and any(frame.f_locals.get(name) is before for name in arguments)
