"""The nights since which agreement is different, and the version that changed then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from drift_checks.core.outcomes import VERSION_WORDS
from drift_checks.core.text import percent
from drift_checks.report.changes import distinguishable, versions_of
from drift_checks.report.document import record
from drift_checks.report.history.agreement_change import AgreementChange
from drift_checks.report.history.past import draw_of
from drift_checks.report.history.recorded import RecordedRun, setting_value
from drift_checks.report.run import RunReport
from drift_checks.report.verdict import Verdict
from drift_checks.settings.declarations import SEQUENTIAL, declared

# Fewer cannot show a change at the default error-rate.
_FEWEST_NIGHTS = 10
# They decide which records are drawn.
_SAMPLING = ("where", "sample", "sample-size", "low-confidence-share", "low-confidence-below", "old-days")


def with_agreement_changes(report: RunReport) -> RunReport:
    """Return the report with the nights since which agreement is different; a partial run is compared with none."""
    facts = report.facts
    if facts.partial or facts.chosen:
        return report
    found = agreement_changes([*report.past, record(report)], facts.error_rate)
    return replace(report, agreement_changes=found)


def agreement_changes(runs: Sequence[RecordedRun], level: float) -> tuple[AgreementChange, ...]:
    """Return the nights since which agreement in the sample is different, given all runs of a store, oldest first.

    Only runs that drew their sample for the same decision as the newest, by the reviewer of the same name, are
    compared; of those with the same seed and day, which draw the same records, only the last.
    """
    nights = list({draw_of(run): run for run in runs if _is_comparable(run, runs[-1])}.values())
    if len(nights) < _FEWEST_NIGHTS:
        return ()
    from drift_checks.statistics.change_points import change_points
    from drift_checks.statistics.control_chart import RunRate

    nights.sort(key=lambda run: run.run_id)
    changed = list(_changed_versions(nights))
    found = []
    for point in change_points([RunRate(run.agreement.agreed, run.agreement.reviewed) for run in nights], level):
        first, last = point.interval
        around = {name: values for night in changed[first : last + 1] for name, values in night.items()}
        found.append(
            AgreementChange(
                run_id=nights[point.night].run_id,
                started=nights[point.night].started,
                earliest=nights[first].started,
                latest=nights[last].started,
                before=point.before,
                after=point.after,
                p_value=point.p_value,
                versions=changed[point.night] or around,
                same_night=bool(changed[point.night]),
            )
        )
    return tuple(found)


def change_in_words(change: AgreementChange) -> str:
    """Return a sentence with the night, the agreement before and since, and the versions that changed."""
    direction = "fell" if change.after < change.before else "rose"
    rates = f"from {percent(change.before)} to {percent(change.after)}"
    earliest, latest = _day(change.earliest), _day(change.latest)
    between = "" if earliest == latest else f" (between {earliest} and {latest})"
    return f"agreement in the sample {direction} {rates} on {_day(change.started)}{between}; {_cause(change)}"


def _cause(change: AgreementChange) -> str:
    if not change.versions:
        return "no version changed then"
    changed = [
        f"{VERSION_WORDS.get(name, f'setting {name}')} {' → '.join(distinguishable(*values))}"
        for name, values in change.versions.items()
    ]
    return f"changed {'that night' if change.same_night else 'in that time'}: {', '.join(changed)}"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def _is_comparable(run: RecordedRun, newest: RecordedRun) -> bool:
    # Only a sequential decision draws other records for another `judge`.
    drawn_alike = run.decision == newest.decision and (run.decision != SEQUENTIAL or run.judge == newest.judge)
    judged = run.verdict is not Verdict.INCONCLUSIVE and run.agreement.reviewed > 0
    return run.reviewer.name == newest.reviewer.name and drawn_alike and judged


def _changed_versions(runs: Sequence[RecordedRun]) -> Iterator[dict[str, tuple[str, str]]]:
    """Yield for each run which versions and settings of the sample differ from the last known ones before it."""
    known: dict[str, str] = {}
    for run in runs:
        now = {**versions_of(run), **_sampling(run.settings)}
        yield {name: (known[name], value) for name, value in now.items() if known.get(name, value) != value}
        known |= now


def _sampling(recorded: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that decide which records are drawn; only those that were set are recorded."""
    defaults = {setting.name: str(setting.default) for setting in declared() if setting.name in _SAMPLING}
    given = {name: setting_value(recorded[name]) for name in defaults if name in recorded}
    return defaults | given
