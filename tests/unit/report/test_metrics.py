"""The newest runs in Prometheus' text format, and the file that they are written to."""

from __future__ import annotations

import json
import os
import resource
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from drift_checks.core.errors import ReportsError
from drift_checks.report.document import drift_document
from drift_checks.report.history.recorded import RecordedCriterion, RecordedRun, recorded_run
from drift_checks.report.metrics import HELP, PREFIX, metrics_text, write_metrics
from drift_checks.report.verdict import Verdict
from drift_checks.statistics.intervals import Estimate
from drift_checks.stores.identity import StoreIdentity
from tests.support.histories import altered, criterion
from tests.support.reports import report, reviewed

STORE = StoreIdentity("/data/risk_classifications.db", "risk_classifications", "risk_classifications")
SHARE = criterion("agreement", Verdict.WARNING, passed=40, failed=10, unmeasured=3, rate=0.8, interval=(0.67, 0.89))
EFFECT = criterion("class_mix", Verdict.OK, passed=1, value=0.04, warn=0.1, critical=0.25)
UNMEASURED = criterion("trend", None, unmeasured=1)
OWN_LABELS = {"store", "table", "collection"}
VERSIONS = {"model_version": "gpt-4o-mini", "prompt_version": "v3", "embedding_model": "bge-m3"}

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def run(number: int = 1, **changed: Any) -> RecordedRun:
    """Return the run of a day as read from its report.json, changed as given."""
    day = f"202601{number:02}T020000Z-abc123"
    written = drift_document(report(reviewed(40, 10), run_id=day, started=f"2026-01-{number:02}T02:00:00Z"))
    return altered(recorded_run(json.loads(json.dumps(written))), **changed)


def full() -> RecordedRun:
    """Return a run without unknown values."""
    used = {"input_tokens": 25_000, "output_tokens": 3_000, "cost": 0.12}
    return run(
        store={"versions": VERSIONS},
        reviewer={"model": "gpt-5-nano", "prompt": "classify-1", **used},
        agreement={"population": Estimate(0.9, (0.85, 0.95)), "confidence_change": -0.02},
        criteria=(SHARE, EFFECT, UNMEASURED),
    )


def series(text: str) -> Series:
    """Return the text's series by name and labels, as read by a parser."""
    read = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    found = {(item.name.removeprefix(PREFIX), frozenset(item.labels.items())): item.value for item in read}
    assert len(found) == len(read), "a series is there twice"
    return found


def of_store(text: str, **labels: str) -> dict[str, float]:
    """Return the values by name of the series that have exactly these labels beside the store's."""
    wanted = set(labels.items())
    return {name: value for (name, found), value in series(text).items() if others(found) == wanted}


def others(labels: frozenset[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the labels without those that every series has."""
    return {(name, value) for name, value in labels if name not in OWN_LABELS}


def stores(text: str) -> dict[str, float]:
    """Return when the run of each store began, by its label."""
    found = series(text)
    return {dict(labels)["store"]: value for (name, labels), value in found.items() if name.startswith("run_start")}


@given(st.permutations([1, 2, 3]))
def test_the_newest_run_of_a_store_counts(days: list[int]) -> None:
    """Whatever their order."""
    begun = datetime(2026, 1, 3, 2, tzinfo=UTC).timestamp()
    assert stores(metrics_text([run(day) for day in days])) == {STORE.db: begun}


def test_each_store_has_its_series() -> None:
    """Even if only the table or the collection differs."""
    identities = [STORE, STORE._replace(db="/b.db"), STORE._replace(table="b"), STORE._replace(collection="b")]
    found = series(metrics_text([run(store=identity._asdict()) for identity in identities]))
    labels = [dict(labels) for name, labels in found if name == "verdict"]
    assert [tuple(item[name] for name in ("store", "table", "collection")) for item in labels] == identities


def test_runs_of_the_demo_are_one_store() -> None:
    """Wherever each of them is."""
    runs = [run(day, demo=True, store={"db": f"/cache/{day}.db"}) for day in (2, 1)]
    assert stores(metrics_text(runs)) == {"demo": datetime(2026, 1, 2, 2, tzinfo=UTC).timestamp()}


def test_a_run_without_unknown_values_has_every_metric() -> None:
    """HELP explains those and no others."""
    assert {name for name, _ in series(metrics_text([full()], {full().store.identity: {"slack": 0}}))} == set(HELP)


def test_the_figures_of_a_run_are_its_own() -> None:
    """In base units: seconds, shares from 0 to 1."""
    begun = datetime(2026, 1, 1, 2, tzinfo=UTC).timestamp()
    interval = run().agreement.interval
    assert interval is not None
    assert of_store(metrics_text([full()])) == {
        "verdict": 1,
        "exit_code": 0,
        "agreement_ratio": 0.8,
        "agreement_lower_ratio": interval[0],
        "agreement_upper_ratio": interval[1],
        "population_agreement_ratio": 0.9,
        "population_agreement_lower_ratio": 0.85,
        "population_agreement_upper_ratio": 0.95,
        "confidence_change": -0.02,
        "reviewed_records": 50,
        "agreed_records": 40,
        "disagreed_records": 10,
        "sample_records": 3,
        "store_records": 1000,
        "store_vectors": 1000,
        "run_calls": 60,
        "run_input_tokens": 25_000,
        "run_output_tokens": 3_000,
        "run_cost": 0.12,
        "run_duration_seconds": 3.21,
        "run_start_timestamp_seconds": begun,
        "run_finish_timestamp_seconds": begun + 3.21,
    }


@pytest.mark.parametrize(("verdict", "number"), [("OK", 0), ("WARNING", 1), ("CRITICAL", 2), ("INCONCLUSIVE", 3)])
def test_a_verdict_is_a_number_and_a_state(verdict: str, number: int) -> None:
    """One of the four states is 1."""
    text = metrics_text([run(verdict=Verdict(verdict))])
    states = {item: of_store(text, verdict=item)["verdict_state"] for item in Verdict}
    assert of_store(text)["verdict"] == number
    assert states == {item: float(item == verdict) for item in Verdict}


@pytest.mark.parametrize(
    ("criterion", "figures"),
    [
        (SHARE, {"verdict": 1, "ratio": 0.8, "lower_ratio": 0.67, "upper_ratio": 0.89, "failed": 10, "unmeasured": 3}),
        (EFFECT, {"verdict": 0, "effect": 0.04, "failed": 0, "unmeasured": 0}),
        (UNMEASURED, {"unmeasured": 1}),
    ],
    ids=["share", "effect", "unmeasured"],
)
def test_a_criterion_has_its_figures(criterion: RecordedCriterion, figures: dict[str, float]) -> None:
    """None that was not measured, and its thresholds in any case."""
    thresholds = {"warn_threshold": criterion.warn, "critical_threshold": criterion.critical}
    found = of_store(metrics_text([full()]), criterion=criterion.name)
    assert found == {f"criterion_{name}": value for name, value in (figures | thresholds).items()}


def test_unknown_values_are_absent() -> None:
    """Neither 0 nor NaN, which would both be drawn."""
    unknown = run(
        store={"vectors": None},
        agreement=dict.fromkeys(("rate", "interval", "population", "confidence_change")),
        criteria=(replace(SHARE, critical=None, warn=None),),
    )
    missing = set(HELP) - {name for name, _ in series(metrics_text([unknown]))}
    assert missing == {
        "store_vectors",
        *(f"{kind}agreement_{end}ratio" for kind in ("", "population_") for end in ("", "lower_", "upper_")),
        *("confidence_change", "run_input_tokens", "run_output_tokens", "run_cost", "alerts_undelivered"),
        *("criterion_effect", "criterion_warn_threshold", "criterion_critical_threshold"),
    }


def test_waiting_alerts_are_counted_by_channel() -> None:
    """Only those of the store; a channel without any has 0."""
    waiting = {run().store.identity: {"slack": 2, "email": 0}, STORE._replace(db="/data/other.db"): {"slack": 9}}
    text = metrics_text([run()], waiting)
    assert [of_store(text, channel=name)["alerts_undelivered"] for name in ("slack", "email")] == [2, 0]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_absent(value: float) -> None:
    """A user's own criterion may return them."""
    text = metrics_text([run(criteria=(replace(EFFECT, value=value),))])
    assert "criterion_effect" not in of_store(text, criterion=EFFECT.name)


def test_the_labels_of_info_describe_the_run() -> None:
    """An unknown value is empty, which means absent."""
    text = metrics_text([altered(full(), reviewer={"prompt": None})])
    (labels,) = [others(labels) for name, labels in series(text) if name == "run_info"]
    assert dict(labels) == {
        "run_id": "20260101T020000Z-abc123",
        "reviewer": "neighbours",
        "model": "gpt-5-nano",
        "prompt": "",
        "decision": "point",
        "judge": "sample",
        **VERSIONS,
    }


@given(st.text(st.characters(exclude_categories=())))
@example('"\\\n\r\udcff')
def test_any_label_is_read_as_it_was(name: str) -> None:
    """Quotes, backslashes and line ends; bytes that are not text are written out."""
    stored = {"db": name, "table": name, "collection": name}
    text = metrics_text([run(store=stored, reviewer={"model": name}, criteria=(replace(SHARE, name=name),))])
    spelt = name.encode("utf-8", "backslashreplace").decode()
    labels = [dict(labels) for _, labels in series(text)]
    assert {item["store"] for item in labels} == {spelt}
    assert {item["criterion"] for item in labels if "criterion" in item} == {spelt}
    assert {item["model"] for item in labels if "model" in item} == {spelt}


def test_without_runs_the_text_is_empty() -> None:
    """It has nothing about the process that writes it."""
    assert metrics_text([]) == ""


def test_the_exporters_user_may_read_the_file(tmp_path: Path) -> None:
    """Whatever the umask, and whatever mode the file had."""
    path = tmp_path / "metrics.prom"
    path.touch(mode=0o600)
    before = os.umask(0o077)
    try:
        write_metrics(path, [run()])
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_the_file_is_replaced_atomically(tmp_path: Path) -> None:
    """Who reads the old one goes on reading it; what a killed run left is removed."""
    path = tmp_path / "metrics.prom"
    write_metrics(path, [run()])
    (tmp_path / ".metrics.prom.tmp").write_text("half of")
    with path.open(encoding="utf-8") as reader:
        write_metrics(path, [run(), run(2)])
        assert reader.read() == metrics_text([run()])
    assert path.read_text(encoding="utf-8") == metrics_text([run(2)])
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """With the remedy; a folder stays, and a missing one is not created."""
    path = tmp_path / "metrics.prom"
    path.mkdir()
    with pytest.raises(ReportsError, match=r"metrics\.prom: .* cannot be written there \(Is a directory\); it"):
        write_metrics(path, [run()])
    with pytest.raises(ReportsError, match="No such file or directory"):
        write_metrics(tmp_path / "nowhere" / "metrics.prom", [run()])
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """A limit on the size of files acts like a full disk."""
    path = tmp_path / "metrics.prom"
    path.write_text("of yesterday")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(ReportsError, match="File too large"):
            write_metrics(path, [run()])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (path.read_text(), list(tmp_path.iterdir())) == ("of yesterday", [path])
