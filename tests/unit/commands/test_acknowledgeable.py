"""What can be acknowledged, and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.commands.acknowledgeable import MOST_DAYS, read_until
from drift_checks.core.errors import SettingError
from drift_checks.report.verdict import Verdict
from tests.support.histories import NIGHTS
from tests.unit.commands.test_acknowledge import MADE, acknowledge, found, kept, refused
from tests.unit.commands.test_commands import keep


@pytest.mark.parametrize("record_id", [12, "12", "a b", "-7", -7])
def test_an_id_keeps_its_kind(tmp_path: Path, record_id: int | str) -> None:
    """A number stays a number and text stays text, though they look alike on the command line."""
    keep(tmp_path, found(record_id))
    assert acknowledge(tmp_path, f"--record={record_id}", *MADE) == 0
    (item,) = kept(tmp_path)
    assert (item.record_id, type(item.record_id)) == (record_id, type(record_id))


@pytest.mark.parametrize("word", ["12", "12-fraud"])
def test_a_record_may_be_named_as_its_checks_are(tmp_path: Path, word: str) -> None:
    """By its id, or by its id and category, as in a node id."""
    keep(tmp_path, found(12, 13))
    assert acknowledge(tmp_path, word, *MADE) == 0
    assert [item.record_id for item in kept(tmp_path)] == [12]


def test_the_newest_run_with_the_disagreement_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not only the newest, since a record is not drawn each night."""
    first = found(12)
    pair = replace(first.disagreements[0], reviewed="other")
    keep(tmp_path, replace(first, disagreements=(pair,)), found(12, night=1), found(13, night=2))
    assert acknowledge(tmp_path, "12", *MADE) == 0
    assert kept(tmp_path)[0].reviewed == "loan"
    assert NIGHTS[1] in capsys.readouterr().out


@pytest.mark.parametrize(("option", "of_record"), [("", True), ("--record", True), ("--criterion", False)])
def test_a_name_of_both_is_a_record_by_default(tmp_path: Path, option: str, of_record: bool) -> None:
    """A plain word is looked up among the newest run's disagreements first."""
    keep(tmp_path, found("agreement"))
    assert acknowledge(tmp_path, *([option] if option else []), "agreement", *MADE) == 0
    assert (kept(tmp_path)[0].record_id is not None) is of_record


def test_a_failed_criterion_goes_before_a_record_of_an_earlier_run(tmp_path: Path) -> None:
    """Unless the record is asked for."""
    keep(tmp_path, found("agreement"), found(1, night=1))
    assert acknowledge(tmp_path, "agreement", *MADE) == 0
    assert kept(tmp_path)[0].criterion == "agreement"


WRONG = {
    "a criterion that was not measured": ("record_integrity", "it was not measured in run"),
    "a mistyped criterion": ("agrement", "did you mean 'agreement'?"),
    "a mistyped record": ("rec-1O0", "did you mean 'rec-100'?"),
    "a record that agreed": ("99", "records that disagreed in the newest run: 12, rec-100"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_did_not_fail_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str) -> None:
    """With what there is, and the nearest."""
    keep(tmp_path, found(12, "rec-100"))
    word, sentence = WRONG[case]
    code, told = refused(capsys, tmp_path, word, *MADE)
    assert (code, sentence in told, kept(tmp_path)) == (5, True, []), told


@pytest.mark.parametrize(("verdict", "said"), [(Verdict.INCONCLUSIVE, "it is INCONCLUSIVE"), (Verdict.OK, "is OK")])
def test_only_what_failed_can_be_acknowledged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verdict: Verdict, said: str
) -> None:
    """An outage is none of it."""
    keep(tmp_path, found(12, verdict=verdict))
    code, told = refused(capsys, tmp_path, "--criterion", "agreement", *MADE)
    assert (code, said in told) == (5, True), told


def test_what_other_versions_decided_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It would end with the next run."""
    keep(tmp_path, found(12), found(13, night=1, reviewer="llm"))
    code, told = refused(capsys, tmp_path, "12", *MADE)
    assert (code, f"it last disagreed in run {NIGHTS[0]}" in told, kept(tmp_path)) == (5, True, [])


NOW = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)


@given(st.dates(date(2026, 7, 1), date(2027, 7, 2)))
def test_a_day_ends_with_the_next_midnight(day: date) -> None:
    """Today included, and so many days ahead as are allowed."""
    assert read_until(str(day), NOW) == datetime.combine(day + timedelta(days=1), time(), UTC)


@given(st.dates(date(1, 1, 1), date(2026, 6, 30)) | st.dates(date(2027, 7, 3), date(9999, 12, 31)))
def test_another_day_is_refused(day: date) -> None:
    """One in the past, and one too far ahead."""
    with pytest.raises(SettingError, match="is past" if day < NOW.date() else "too far ahead"):
        read_until(day.isoformat(), NOW)


@given(
    st.datetimes(datetime(2026, 7, 2), datetime(2027, 6, 30)),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_an_instant_is_exact(moment: datetime, zone: timezone) -> None:
    """Whatever its zone."""
    given_instant = moment.replace(tzinfo=zone)
    assert read_until(given_instant.isoformat(), NOW) == given_instant


def test_the_bound_is_a_year_and_a_day() -> None:
    """So that a leap year fits."""
    assert MOST_DAYS == 366
    assert read_until("2027-07-02", NOW) == datetime(2027, 7, 3, tzinfo=UTC)
    with pytest.raises(SettingError, match="it must be 2027-07-02 at the latest"):
        read_until("2027-07-03T00:00:00Z", NOW)


@pytest.mark.parametrize("text", ["2026-06-30", "2026-07-01T12:30:00Z", "2026-07-01T14:30:00+02:00"])
def test_what_ends_now_is_past(text: str) -> None:
    """A day that ended, and the very moment."""
    with pytest.raises(SettingError, match="is past"):
        read_until(text, NOW)
