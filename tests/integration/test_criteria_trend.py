"""Agreement against the store's own past runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.drifting import (
    DriftingStore,
    answering,
    check_only,
    disagreeing,
    keep_runs,
    statistic,
    two_windows,
    write_store,
)
from tests.support.session_runs import Review, run_in

# Of 200 records each: about seven in ten agree, as they do now.
STEADY = (140, 143, 138, 141, 139, 142, 137, 140, 144, 139, 141, 140, 138, 142, 140)
SLIDING = (190, 188, 191, 189, 190, 192, 187, 190, 191, 189, 180, 172, 164, 156, 148)
OTHERS: list[dict[str, Any]] = [
    *({"store": store} for store in ({"db": "/elsewhere/other.db"}, {"table": "others"}, {"collection": "others"})),
    *({"reviewer": reviewer} for reviewer in ({"name": "neighbours"}, {"prompt": "version 2"})),
    *({"decision": "sequential"}, {"partial": True}, {"verdict": "INCONCLUSIVE"}),
]


@dataclass(frozen=True)
class Reviewed:
    """A store, and the document that a whole review of it left."""

    store: DriftingStore
    document: dict[str, Any]


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Reviewed:
    """A store with which the reviewer agrees on seven of ten records."""
    folder = tmp_path_factory.mktemp("trend")
    rows = [disagreeing(row) if place * 7 % 10 < 3 else row for place, row in enumerate(two_windows())]
    store = write_store(folder / "store", rows)
    return Reviewed(store, run_in(folder, *store.options, *answering(folder)).document)


def trend(review: Review, reviewed: Reviewed, *options: str) -> dict[str, Any]:
    """Return what the criterion comes to, with the past runs that are there."""
    return check_only(review, reviewed.store, "trend", *options).criterion("trend")


def test_slide_is_a_warning(review: Review, reviewed: Reviewed) -> None:
    """From 95 % to 70 %, night after night."""
    keep_runs(review.folder / "reports", reviewed.document, SLIDING)
    found = trend(review, reviewed)
    assert (found["verdict"], found["value"] > found["warn"]) == ("WARNING", True)
    # The ten earlier runs give the centre, and this run is the sixteenth.
    details = statistic(found, "trend")
    assert (details["details"]["centre"], details["number"]) == (pytest.approx(sum(SLIDING[:10]) / 2000), 16)


def test_store_whose_normal_is_low_does_not_slide(review: Review, reviewed: Reviewed) -> None:
    """Seven of ten agree as ever; twelve runs are enough."""
    keep_runs(review.folder / "reports", reviewed.document, STEADY[:12])
    assert trend(review, reviewed)["verdict"] == "OK"


def test_too_few_runs_are_no_basis(review: Review, reviewed: Reviewed) -> None:
    """However they slid, 11 are too few, and the report says so."""
    keep_runs(review.folder / "reports", reviewed.document, SLIDING[:11])
    found = trend(review, reviewed)
    assert (found["verdict"], "needs 12 past runs by the same reviewer, found 11" in found["message"]) == (None, True)


@pytest.mark.slow
def test_runs_that_were_really_made_are_the_past(review: Review, reviewed: Reviewed) -> None:
    """A whole review counts, once although `latest` points to it, and a part of one does not."""
    review(*reviewed.store.options, *answering(review.folder))
    trend(review, reviewed)
    assert "found 1" in trend(review, reviewed, "--drift-seed=2")["message"]


def test_runs_that_cannot_be_compared_are_skipped(review: Review, reviewed: Reviewed) -> None:
    """Of another store, reviewer, prompt or rule, of a part of the checks, or of an outage."""
    for place, changed in enumerate(OTHERS):
        keep_runs(review.folder / "reports", reviewed.document, SLIDING, year=2001 + place, **changed)
    assert "found 0" in trend(review, reviewed)["message"]


def test_reports_that_cannot_be_read_are_skipped(review: Review, reviewed: Reviewed) -> None:
    """A damaged file hides no other run."""
    reports = review.folder / "reports"
    keep_runs(reports, reviewed.document, STEADY)
    for place, damage in enumerate(("{", '{"drift": {"run_id": "x"}}')):
        (reports / f"20250101T00000{place}Z-abc123" / "report.json").write_text(damage, encoding="utf-8")
    found = trend(review, reviewed)
    assert (found["verdict"], statistic(found, "trend")["number"]) == ("OK", 14)


def test_records_that_were_named_are_no_draw(review: Review, reviewed: Reviewed) -> None:
    """What the user chose cannot be compared with past runs."""
    keep_runs(review.folder / "reports", reviewed.document, SLIDING)
    found = trend(review, reviewed, "--drift-records=1,2,3")
    assert (found["verdict"], "not a random sample that is comparable" in found["message"]) == (None, True)


def test_past_of_fewer_runs_than_a_normal_needs_says_so(review: Review, reviewed: Reviewed) -> None:
    """However few the settings allow, ten runs are needed to tell what is normal."""
    keep_runs(review.folder / "reports", reviewed.document, STEADY[:5])
    found = trend(review, reviewed, "--drift-least=trend=3")
    assert (found["verdict"], "too few past runs" in found["message"]) == (None, True)
