"""The nights since which agreement is different."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drift_checks.core.plain import to_plain
from drift_checks.report.change_points import agreement_changes, change_in_words, with_agreement_changes
from drift_checks.report.document import drift_document
from drift_checks.report.history.agreement_change import AgreementChange
from drift_checks.report.history.recorded import RecordedRun, recorded_run
from drift_checks.report.page.html import render
from drift_checks.report.summary import summarise
from tests.support.histories import night, run
from tests.support.reports import report, reviewed

# A little more and less than 93 %, then 79 %.
USUAL, LOWER = (47, 46, 48, 45), (40, 39, 38, 41)
CHANGED = 20
CHANGE = AgreementChange(
    run_id=night(2),
    started=datetime(2026, 10, 12, 2, tzinfo=UTC),
    earliest=datetime(2026, 10, 10, 2, tzinfo=UTC),
    latest=datetime(2026, 10, 14, 2, tzinfo=UTC),
    before=0.93,
    after=0.81,
    p_value=0.001,
)


def nightly(number: int, **changed: Any) -> RecordedRun:
    """Return the run of a night with its own draw; agreement falls on night 20."""
    run_id = night(number)
    agreed = (USUAL if number < CHANGED else LOWER)[number % 4]
    as_of = f"{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}T02:00:00Z"
    usual: dict[str, Any] = {"agreed": agreed, "seed": number, "as_of": as_of}
    return run(run_id, **(usual | changed))


def nights(number: int = 30, since: int = CHANGED, before: Any = None, **changed: Any) -> list[RecordedRun]:
    """Return runs of which those from the night `since` on are changed as given, and the others as `before`."""
    return [nightly(place, **(changed if place >= since else before or {})) for place in range(number)]


def found(runs: list[RecordedRun]) -> AgreementChange:
    """Return the only change."""
    (change,) = agreement_changes(runs, 0.01)
    return change


def test_night_of_a_fall_is_named_with_the_agreement_before_and_since() -> None:
    """And with the first and last night that it may have been."""
    change = found(nights())
    assert (change.run_id, f"{change.started:%Y-%m-%d}") == (night(CHANGED), "2026-01-30")
    assert (change.before, change.after) == (0.93, 0.79)
    assert change.earliest <= change.started <= change.latest
    assert change.versions == {}


@pytest.mark.parametrize(
    ("before", "after", "name", "versions"),
    [
        (
            {"store_versions": {"model_version": "v1"}},
            {"store_versions": {"model_version": "v2"}},
            "model_version",
            ("v1", "v2"),
        ),
        ({"model": "m-1"}, {"model": "m-2"}, "reviewer_model", ("m-1", "m-2")),
        ({"prompt": "p-1"}, {"prompt": "p-2"}, "reviewer_prompt", ("p-1", "p-2")),
        ({}, {"settings": {"sample-size": "200 (pytest.ini)"}}, "sample-size", ("50", "200")),
    ],
)
def test_version_that_changed_that_night_is_named(
    before: dict[str, Any], after: dict[str, Any], name: str, versions: tuple[str, str]
) -> None:
    """Of the store or the reviewer, or a setting of the sample."""
    change = found(nights(before=before, **after))
    assert (change.versions, change.same_night) == ({name: versions}, True)


def test_version_that_changed_on_another_night_of_the_interval_is_named() -> None:
    """As when agreement hardly fell on the first night of a version; not one that changed long before."""
    runs = nights(since=CHANGED - 1, before={"prompt": "p-1"}, prompt="p-2")
    runs[CHANGED - 1] = nightly(CHANGED - 1, agreed=44, prompt="p-2")
    change = found(runs)
    assert (change.run_id, change.earliest) == (night(CHANGED), runs[CHANGED - 1].started)
    assert (change.versions, change.same_night) == ({"reviewer_prompt": ("p-1", "p-2")}, False)
    assert found(nights(since=5, before={"prompt": "p-1"}, prompt="p-2")).versions == {}


@pytest.mark.parametrize(
    "changed",
    [
        {"reviewer": "llm"},
        {"decision": "sequential"},
        {"agreed": 5, "unmeasured": 400},
        {"seed": 7, "as_of": "2026-01-10T09:00:00Z"},
    ],
)
def test_runs_that_cannot_be_compared_are_left_out(changed: dict[str, Any]) -> None:
    """Those of another reviewer or rule, without a verdict, or with the same draw as a later one."""
    runs = [nightly(number, agreed=47) for number in range(20)]
    others = [nightly(number, **{"agreed": 20, **changed}) for number in range(20, 30)]
    last = nightly(30, agreed=47, **{key: changed[key] for key in changed.keys() & {"seed", "as_of"}})
    assert agreement_changes([*runs, *others, last], 0.01) == ()


def test_few_nights_show_no_change() -> None:
    """However far agreement falls."""
    assert agreement_changes([nightly(number, agreed=5 if number > 6 else 50) for number in range(9)], 0.01) == ()
    assert agreement_changes([], 0.01) == ()


def test_this_run_is_one_of_the_nights() -> None:
    """Unless it is partial: then its agreement is that of a part."""
    past = tuple(nightly(number) for number in range(CHANGED + 3))
    facts: dict[str, Any] = {"run_id": night(99), "started": "2026-04-19T02:00:00Z", "seed": 99}
    whole = replace(report(reviewed(39, 11), **facts), past=past)
    (change,) = with_agreement_changes(whole).agreement_changes
    assert change.run_id == night(CHANGED)
    assert change.after == pytest.approx((40 + 39 + 38 + 39) / 200)
    partial = replace(report(reviewed(39, 11), **facts, partial=True), past=past)
    assert with_agreement_changes(partial).agreement_changes == ()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"versions": {"model_version": ("v1", "v2")}},
            "agreement in the sample fell from 93 % to 81 % on 2026-10-12 (between 2026-10-10 and 2026-10-14);"
            " changed that night: model of the store v1 → v2",
        ),
        (
            {"before": 0.81, "after": 0.93, "earliest": CHANGE.started, "latest": CHANGE.started},
            "agreement in the sample rose from 81 % to 93 % on 2026-10-12; no version changed then",
        ),
        (
            {"versions": {"reviewer_prompt": ("p1", "p2"), "sample-size": ("50", "200")}, "same_night": False},
            "agreement in the sample fell from 93 % to 81 % on 2026-10-12 (between 2026-10-10 and 2026-10-14);"
            " changed in that time: prompt of the reviewer p1 → p2, setting sample-size 50 → 200",
        ),
    ],
)
def test_sentence_names_the_night_and_what_changed(changed: dict[str, Any], sentence: str) -> None:
    """With the days in UTC."""
    assert change_in_words(replace(CHANGE, **changed)) == sentence


def test_summary_page_and_document_have_the_change() -> None:
    """Without one, they do not mention any."""
    changed = replace(report(reviewed(40, 10)), past=(nightly(0),), agreement_changes=(CHANGE,))
    sentence = change_in_words(CHANGE)
    assert f"            {sentence}" in summarise(changed, Path("index.html"))
    page = render(changed)
    assert "Agreement changed" in page
    assert page.count("fell from 93\N{NO-BREAK SPACE}% to 81\N{NO-BREAK SPACE}%") >= 2
    written = json.loads(json.dumps(drift_document(changed)))
    assert written["agreement_changes"][0]["started"] == "2026-10-12T02:00:00Z"
    assert recorded_run(written).agreement_changes == (CHANGE,)
    assert json.loads(json.dumps(to_plain(recorded_run(written)))) == written
    assert "Agreement changed" not in render(replace(changed, agreement_changes=()))
