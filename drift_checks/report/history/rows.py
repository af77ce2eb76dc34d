"""A recorded run as rows of the history's tables, and back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from drift_checks.report.history.recorded import RecordedCriterion, RecordedDisagreement, RecordedRun, StoreIdentity
from drift_checks.report.verdict import Verdict
from drift_checks.statistics.intervals import Estimate, Interval

Row = Mapping[str, Any] | sqlite3.Row


def bound(value: Any) -> Any:
    """Return the value as SQLite takes it: text that is no Unicode as bytes."""
    if not isinstance(value, str):
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
    return str(value)


def instant(moment: datetime) -> str:
    """Return the moment as text that sorts as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def run_row(run: RecordedRun) -> dict[str, Any]:
    """Return the run's row, but for its criteria and disagreements."""
    lower, upper = run.interval or (None, None)
    population = run.population
    population_lower, population_upper = population.interval if population else (None, None)
    return _bound(
        run_id=run.run_id,
        started=instant(run.started),
        finished=instant(run.finished),
        duration_seconds=run.duration_seconds,
        verdict=str(run.verdict),
        exit_code=run.exit_code,
        demo=run.demo,
        db=run.store.db,
        table_name=run.store.table,
        collection=run.store.collection,
        records=run.records,
        vectors=run.vectors,
        versions=json.dumps(dict(run.versions)),
        sample_size=run.sample_size,
        seed=str(run.seed),
        as_of=run.as_of,
        reviewer=run.reviewer,
        model=run.model,
        prompt=run.prompt,
        decision=run.decision,
        judge=run.judge,
        agreed=run.agreed,
        reviewed=run.reviewed,
        rate=run.rate,
        interval_lower=lower,
        interval_upper=upper,
        population_rate=population.rate if population else None,
        population_lower=population_lower,
        population_upper=population_upper,
        confidence_change=run.confidence_change,
        calls=run.calls,
        input_tokens=run.input_tokens,
        output_tokens=run.output_tokens,
        cost=run.cost,
    )


def criterion_row(run: RecordedRun, position: int) -> dict[str, Any]:
    """Return the row of the run's criterion at this position."""
    item = run.criteria[position]
    lower, upper = item.interval or (None, None)
    return _bound(
        run_id=run.run_id,
        position=position,
        name=item.name,
        verdict=None if item.verdict is None else str(item.verdict),
        passed=item.passed,
        failed=item.failed,
        unmeasured=item.unmeasured,
        not_needed=item.not_needed,
        rate=item.rate,
        interval_lower=lower,
        interval_upper=upper,
        value=item.value,
        warn=item.warn,
        critical=item.critical,
        message=item.message,
    )


def disagreement_row(run: RecordedRun, position: int) -> dict[str, Any]:
    """Return the row of the run's disagreement at this position."""
    return _bound(run_id=run.run_id, position=position, **vars(run.disagreements[position]))


def run_of(row: Row, criteria: Iterable[Row], disagreements: Iterable[Row]) -> RecordedRun:
    """Return the run that the rows tell of.

    Raises:
        KeyError, TypeError, ValueError: They are not as they were written.
    """
    values = read(row)
    population, bounds = values.pop("population_rate"), _interval(values, "population")
    store = StoreIdentity(values.pop("db"), values.pop("table_name"), values.pop("collection"))
    return RecordedRun(
        started=datetime.fromisoformat(values.pop("started")),
        finished=datetime.fromisoformat(values.pop("finished")),
        verdict=Verdict(values.pop("verdict")),
        demo=bool(values.pop("demo")),
        store=store,
        versions=json.loads(values.pop("versions")),
        seed=int(values.pop("seed")),
        interval=_interval(values, "interval"),
        population=None if population is None or bounds is None else Estimate(population, bounds),
        criteria=tuple(_criterion(item) for item in criteria),
        disagreements=tuple(_disagreement(item) for item in disagreements),
        **{name: value for name, value in values.items() if name in RecordedRun.__dataclass_fields__},
    )


def _criterion(row: Row) -> RecordedCriterion:
    values = read(row)
    verdict, interval = values.pop("verdict"), _interval(values, "interval")
    return RecordedCriterion(
        verdict=None if verdict is None else Verdict(verdict),
        interval=interval,
        **{name: value for name, value in values.items() if name in RecordedCriterion.__dataclass_fields__},
    )


def _disagreement(row: Row) -> RecordedDisagreement:
    values = read(row)
    return RecordedDisagreement(**{name: values[name] for name in RecordedDisagreement.__dataclass_fields__})


def _interval(values: dict[str, Any], prefix: str) -> Interval | None:
    lower, upper = values.pop(f"{prefix}_lower"), values.pop(f"{prefix}_upper")
    return None if lower is None or upper is None else (lower, upper)


def _bound(**values: Any) -> dict[str, Any]:
    return {name: bound(value) for name, value in values.items()}


def read(row: Row) -> dict[str, Any]:
    """Return a row's values by name, text that is kept as bytes as text."""
    return {
        name: row[name].decode("utf-8", "surrogatepass") if isinstance(row[name], bytes) else row[name]
        for name in row.keys()  # noqa: SIM118 - sqlite3.Row iterates over its values
    }
