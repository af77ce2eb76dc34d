"""The newest run of each store in Prometheus' text format, for the node exporter's textfile collector."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from drift_checks.core.errors import ReportsError
from drift_checks.core.files import replace_file
from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import unicode
from drift_checks.report.history.recorded import RecordedCriterion, RecordedRun
from drift_checks.report.verdict import Verdict
from drift_checks.statistics.intervals import Interval
from drift_checks.stores.identity import StoreIdentity

if TYPE_CHECKING:
    from prometheus_client import Metric

PREFIX = "drift_checks_"
DEMO = "demo"
NUMBERS = {Verdict.OK: 0, Verdict.WARNING: 1, Verdict.CRITICAL: 2, Verdict.INCONCLUSIVE: 3}
HELP = {
    "verdict": "Verdict of the newest run: 0 OK, 1 WARNING, 2 CRITICAL, 3 INCONCLUSIVE.",
    "verdict_state": "1 if the verdict of the newest run is the one in the label verdict, else 0.",
    "exit_code": "Exit code of the newest run: 0 OK or WARNING, 1 CRITICAL, 75 INCONCLUSIVE.",
    "agreement_ratio": "Share of the reviewed records, without the baseline, on which store and reviewer agree.",
    "agreement_lower_ratio": "Lower end of the 95 % interval of the agreement in the sample.",
    "agreement_upper_ratio": "Upper end of the 95 % interval of the agreement in the sample.",
    "population_agreement_ratio": "Estimated share of the whole store on which store and reviewer agree.",
    "population_agreement_lower_ratio": "Lower end of the 95 % interval of the estimate of the whole store.",
    "population_agreement_upper_ratio": "Upper end of the 95 % interval of the estimate of the whole store.",
    "confidence_change": "Mean change of confidence from the store to the reviewer, from -1 to 1.",
    "reviewed_records": "Records of the sample, without the baseline, that the reviewer decided.",
    "agreed_records": "Reviewed records on which store and reviewer agree.",
    "disagreed_records": "Reviewed records on which store and reviewer disagree.",
    "sample_records": "Records in the sample, including the baseline.",
    "store_records": "Records in the store.",
    "store_vectors": "Vectors in the collection.",
    "criterion_verdict": "Verdict of a criterion that was measured: 0 OK, 1 WARNING, 2 CRITICAL, 3 INCONCLUSIVE.",
    "criterion_ratio": "Share of what a criterion measured that passed.",
    "criterion_lower_ratio": "Lower end of the 95 % interval of the criterion's share.",
    "criterion_upper_ratio": "Upper end of the 95 % interval of the criterion's share.",
    "criterion_effect": "Largest effect that a criterion measured: the larger, the worse.",
    "criterion_failed": "Records, or statistics, that failed a criterion that was measured.",
    "criterion_unmeasured": "Records, or statistics, that a criterion could not measure.",
    "criterion_warn_threshold": "A share below it is WARNING; of a criterion with an effect, an effect above it.",
    "criterion_critical_threshold": "A share below it is CRITICAL; of a criterion with an effect, an effect above it.",
    "run_calls": "Calls of the reviewer in the newest run.",
    "run_input_tokens": "Input tokens of all calls of the newest run.",
    "run_output_tokens": "Output tokens of all calls of the newest run.",
    "run_cost": "Cost of all calls of the newest run, in the currency of the prices that were set.",
    "run_duration_seconds": "How long the newest run took.",
    "run_start_timestamp_seconds": "When the newest run began, in seconds since the epoch.",
    "run_finish_timestamp_seconds": "When the newest run finished, in seconds since the epoch.",
    "alerts_undelivered": "Alerts of the store that are not delivered yet and will be tried again, by channel.",
    "run_info": "Always 1; the labels describe the newest run.",
}
# The number of undelivered alerts by store and channel.
Undelivered = Mapping[StoreIdentity, Mapping[str, int]]
_STORE = ("store", "table", "collection")
# The node exporter runs as another user.
_MODE = 0o644


class _Sample(NamedTuple):
    """A sample of a metric; without a value it is omitted."""

    metric: str
    value: float | None
    labels: Mapping[str, str | None] = {}


def metrics_text(runs: Sequence[RecordedRun], undelivered: Undelivered = {}) -> str:  # noqa: B006 - read only
    """Return the newest run of each store in Prometheus' text format, version 0.0.4, without unknown values.

    The runs are in any order; all demo runs count as runs of one store, `demo`.
    """
    from prometheus_client import CollectorRegistry, generate_latest

    # Not the global one, which also has metrics of this process.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(_families(_newest(runs), undelivered)))
    return generate_latest(registry).decode()


def write_metrics(path: Path, runs: Sequence[RecordedRun], undelivered: Undelivered = {}) -> None:  # noqa: B006
    """Write `metrics_text` to a file that everybody may read, atomically.

    Raises:
        ReportsError: It cannot be written; an existing file stays as it is.
    """
    try:
        replace_file(path, mask_secrets(metrics_text(runs, undelivered)).encode(), _MODE)
    except OSError as error:
        raise ReportsError(
            path,
            f"the metrics cannot be written there ({error.strerror})",
            "it must be a file in a writable folder with space left; or name another folder with --drift-reports",
        ) from None


class _Collected:
    """A collector of finished families, for the registry."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterator[Metric]:
        """Yield them."""
        yield from self._families


def _families(newest: Mapping[tuple[str, str, str], RecordedRun], undelivered: Undelivered) -> Iterable[Metric]:
    """Return the metrics of all stores, without empty ones."""
    from prometheus_client.core import GaugeMetricFamily

    families: dict[str, GaugeMetricFamily] = {}
    for store, run in newest.items():
        waiting = undelivered.get(run.store.identity, {}).items()
        alerts = (_Sample("alerts_undelivered", number, {"channel": channel}) for channel, number in waiting)
        for metric, value, labels in (*_samples(run), *alerts):
            if value is None or not isfinite(value):
                continue
            if metric not in families:
                families[metric] = GaugeMetricFamily(PREFIX + metric, HELP[metric], labels=[*_STORE, *labels])
            families[metric].add_metric([*store, *map(_label, labels.values())], value)
    return families.values()


def _newest(runs: Iterable[RecordedRun]) -> dict[tuple[str, str, str], RecordedRun]:
    newest: dict[tuple[str, str, str], RecordedRun] = {}
    for run in sorted(runs, key=lambda run: run.run_id):
        store = run.store
        db = DEMO if run.demo else store.db
        newest[_label(db), _label(store.table), _label(store.collection)] = run
    return newest


def _label(value: str | None) -> str:
    """Return the value as Unicode, which names of files may not be; empty for None, which means the same."""
    return "" if value is None else unicode(mask_secrets(value))


def _samples(run: RecordedRun) -> Iterator[_Sample]:
    yield _Sample("verdict", NUMBERS[run.verdict])
    for verdict in NUMBERS:
        yield _Sample("verdict_state", int(run.verdict is verdict), {"verdict": str(verdict)})
    yield _Sample("exit_code", run.exit_code)
    yield from _agreement(run)
    for criterion in run.criteria:
        yield from _criterion(criterion)
    yield from _effort(run)
    yield _Sample("run_info", 1, _info(run))


def _agreement(run: RecordedRun) -> Iterator[_Sample]:
    agreement, population = run.agreement, run.agreement.population
    yield from _with_bounds("agreement", agreement.rate, agreement.interval)
    if population is not None:
        yield from _with_bounds("population_agreement", population.rate, population.interval)
    yield _Sample("confidence_change", agreement.confidence_change)
    yield _Sample("reviewed_records", agreement.reviewed)
    yield _Sample("agreed_records", agreement.agreed)
    yield _Sample("disagreed_records", agreement.reviewed - agreement.agreed)
    yield _Sample("sample_records", run.sample.size)
    yield _Sample("store_records", run.store.records)
    yield _Sample("store_vectors", run.store.vectors)


def _criterion(criterion: RecordedCriterion) -> Iterator[_Sample]:
    labels = {"criterion": criterion.name}
    measured = criterion.passed + criterion.failed > 0
    yield _Sample("criterion_verdict", None if criterion.verdict is None else NUMBERS[criterion.verdict], labels)
    yield from _with_bounds("criterion", criterion.rate, criterion.interval, labels)
    yield _Sample("criterion_effect", criterion.value, labels)
    yield _Sample("criterion_failed", criterion.failed if measured else None, labels)
    yield _Sample("criterion_unmeasured", criterion.unmeasured, labels)
    yield _Sample("criterion_warn_threshold", criterion.warn, labels)
    yield _Sample("criterion_critical_threshold", criterion.critical, labels)


def _effort(run: RecordedRun) -> Iterator[_Sample]:
    reviewer = run.reviewer
    yield _Sample("run_calls", reviewer.calls)
    yield _Sample("run_input_tokens", reviewer.input_tokens)
    yield _Sample("run_output_tokens", reviewer.output_tokens)
    yield _Sample("run_cost", reviewer.cost)
    yield _Sample("run_duration_seconds", run.duration_seconds)
    yield _Sample("run_start_timestamp_seconds", run.started.timestamp())
    yield _Sample("run_finish_timestamp_seconds", run.finished.timestamp())


def _info(run: RecordedRun) -> dict[str, str | None]:
    return {
        "run_id": run.run_id,
        "reviewer": run.reviewer.name,
        "model": run.reviewer.model,
        "prompt": run.reviewer.prompt,
        "decision": run.decision,
        "judge": run.judge,
        **{name: run.store.versions.get(name) for name in ("model_version", "prompt_version", "embedding_model")},
    }


def _with_bounds(
    name: str, rate: float | None, interval: Interval | None, labels: Mapping[str, str | None] | None = None
) -> Iterator[_Sample]:
    lower, upper = interval or (None, None)
    yield _Sample(f"{name}_ratio", rate, labels or {})
    yield _Sample(f"{name}_lower_ratio", lower, labels or {})
    yield _Sample(f"{name}_upper_ratio", upper, labels or {})
