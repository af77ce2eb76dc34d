"""What an acknowledgement covers, and how long it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from drift_checks.core.outcomes import AGREEMENT, VERSION_WORDS, Decision, Outcome, Result
from drift_checks.core.records import RecordId
from drift_checks.report.acknowledgements import Acknowledgement, sort_out
from drift_checks.report.history.recorded import StoreIdentity
from drift_checks.report.verdict import Verdict

UNTIL = datetime(2027, 2, 1, tzinfo=UTC)
RECORD = Acknowledgement(
    number=1,
    store=StoreIdentity("/data/a.db", "r", "c"),
    until=UNTIL,
    reason="both are right",
    made=datetime(2027, 1, 1, tzinfo=UTC),
    versions={"model_version": "7", "reviewer_model": "gpt-4"},
    record_id=12,
    stored="fraud",
    reviewed="loan",
)
CRITERION = replace(RECORD, record_id=None, stored=None, reviewed=None, criterion="class_mix", verdict=Verdict.WARNING)


def outcome(
    record_id: RecordId = 12, stored: str = "fraud", reviewed: str | None = "loan", criterion: str = AGREEMENT
) -> Outcome:
    """Return a disagreement."""
    return Outcome(criterion, Result.FAILED, "", record_id, "old", Decision(stored, 0.5, reviewed))


def test_a_disagreement_is_covered_by_its_record_and_pair() -> None:
    """And by nothing else."""
    assert RECORD.covers_disagreement(outcome())
    others = [outcome("12"), outcome(13), outcome(stored="other"), outcome(reviewed="other"), outcome(reviewed=None)]
    assert [RECORD.covers_disagreement(item) for item in others] == [False] * 5


def test_other_criteria_of_the_record_are_not_covered() -> None:
    """Nor is a check of no record, nor a record by the acknowledgement of a criterion."""
    assert not RECORD.covers_disagreement(outcome(criterion="record_integrity"))
    assert not RECORD.covers_disagreement(Outcome(AGREEMENT, Result.BROKEN))
    assert not CRITERION.covers_disagreement(outcome())


@pytest.mark.parametrize(
    ("acknowledged", "covered"),
    [(Verdict.WARNING, {Verdict.WARNING}), (Verdict.CRITICAL, {Verdict.WARNING, Verdict.CRITICAL})],
)
def test_a_criterion_is_covered_while_it_is_no_worse(acknowledged: Verdict, covered: set[Verdict]) -> None:
    """Neither INCONCLUSIVE nor OK is ever covered."""
    item = replace(CRITERION, verdict=acknowledged)
    assert {verdict for verdict in (*Verdict, None) if item.covers_criterion("class_mix", verdict)} == covered
    assert not item.covers_criterion("agreement", acknowledged)
    assert not RECORD.covers_criterion("class_mix", acknowledged)


@pytest.mark.parametrize(
    ("until", "day"),
    [
        (UNTIL, "2027-01-31"),
        (datetime(2027, 2, 1, 0, 0, 1, tzinfo=UTC), "2027-02-01"),
        (datetime(2027, 1, 31, 12, tzinfo=UTC), "2027-01-31"),
    ],
)
def test_the_day_shown_is_the_last_one_in_force(until: datetime, day: str) -> None:
    """Not the one whose midnight ends it."""
    assert replace(RECORD, until=until).until_day() == day


def test_names_are_printable() -> None:
    """Control characters of stored names are replaced."""
    assert (RECORD.what(), CRITERION.what()) == ("record 12 (fraud → loan)", "class_mix")
    strange = replace(RECORD, record_id="\x1b[2J", stored="a\nb", reviewed="\u202ec")
    assert strange.what() == "record \ufffd[2J (a b → \ufffdc)"


def test_it_holds_until_its_end_and_not_at_it() -> None:
    """To the microsecond; its end is reported with day and reason."""
    assert sort_out([RECORD], RECORD.versions, UNTIL - timedelta(microseconds=1)).active == [RECORD]
    found = sort_out([RECORD], RECORD.versions, UNTIL)
    ((item, why),) = found.ended
    assert (found.active, item) == ([], RECORD)
    assert why == "record 12 (fraud → loan) is no longer acknowledged: it was until 2027-01-31 (both are right)"


@pytest.mark.parametrize("key", RECORD.versions)
def test_another_version_ends_it(key: str) -> None:
    """The reason names the new version."""
    ((item, why),) = sort_out([CRITERION], {**CRITERION.versions, key: "new"}, RECORD.made).ended
    assert item is CRITERION
    assert why == f"class_mix is no longer acknowledged: the {VERSION_WORDS[key]} is new now (both are right)"


def test_the_first_of_several_changed_versions_is_reported() -> None:
    """Always the same, in whatever process."""
    item = replace(RECORD, versions=dict.fromkeys(VERSION_WORDS, "old"))
    ((_, why),) = sort_out([item], dict.fromkeys(VERSION_WORDS, "new"), RECORD.made).ended
    assert f"the {VERSION_WORDS[min(VERSION_WORDS)]} is new now" in why


@pytest.mark.parametrize("versions", [{}, {"model_version": "7"}, {**RECORD.versions, "prompt_version": "3"}])
def test_unknown_versions_change_nothing(versions: dict[str, str]) -> None:
    """They may be equal."""
    assert sort_out([RECORD], versions, RECORD.made).active == [RECORD]


def test_each_acknowledgement_is_checked_on_its_own() -> None:
    """In the order in which they were kept."""
    past = replace(RECORD, number=2, until=RECORD.made)
    found = sort_out([RECORD, past, CRITERION], RECORD.versions, RECORD.made)
    assert (found.active, [item.number for item, _ in found.ended]) == ([RECORD, CRITERION], [2])


def test_an_end_names_no_control_character() -> None:
    """Neither of versions nor of the reason."""
    item = replace(RECORD, reason="\x1b[5mwhy")
    changed = sort_out([item], {"model_version": "\x1b[31m8"}, RECORD.made)
    ends = [*changed.ended, *sort_out([item], {}, UNTIL).ended]
    assert len(ends) == 2
    assert not any("\x1b" in why for _, why in ends)
