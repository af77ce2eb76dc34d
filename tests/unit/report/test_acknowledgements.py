"""What an acknowledgement covers, and how long it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from drift_checks.core.outcomes import AGREEMENT, VERSION_WORDS, Decision, Outcome, Result
from drift_checks.core.records import RecordId
from drift_checks.report.acknowledgements import sort_out
from drift_checks.report.verdict import Verdict
from tests.support.reports import known_criterion, known_record

UNTIL = datetime(2027, 2, 1, tzinfo=UTC)
KNOWN: dict[str, Any] = {"reason": "both are right", "versions": {"model_version": "7", "reviewer_model": "gpt-4"}}
RECORD = known_record(12, stored="fraud", reviewed="loan", **KNOWN)
CRITERION = known_criterion("class_mix", Verdict.WARNING, **KNOWN)


def outcome(
    record_id: RecordId = 12, stored: str = "fraud", reviewed: str | None = "loan", criterion: str = AGREEMENT
) -> Outcome:
    """Return a disagreement."""
    return Outcome(criterion, Result.FAILED, "", record_id, "old", Decision(stored, 0.5, reviewed))


def test_a_disagreement_is_covered_by_its_record_and_pair() -> None:
    """Other outcomes are not, nor is a record by the acknowledgement of a criterion."""
    assert RECORD.covers_disagreement(outcome())
    others = [outcome("12"), outcome(13), outcome(stored="other"), outcome(reviewed="other"), outcome(reviewed=None)]
    others += [outcome(criterion="record_integrity"), Outcome(AGREEMENT, Result.BROKEN)]
    assert [RECORD.covers_disagreement(item) for item in others] == [False] * 7
    assert not CRITERION.covers_disagreement(outcome())


@pytest.mark.parametrize(
    ("acknowledged", "covered"),
    [(Verdict.WARNING, {Verdict.WARNING}), (Verdict.CRITICAL, {Verdict.WARNING, Verdict.CRITICAL})],
)
def test_a_criterion_is_covered_while_it_is_no_worse(acknowledged: Verdict, covered: set[Verdict]) -> None:
    """An unmeasured or INCONCLUSIVE one is never covered, and OK needs no cover."""
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
def test_the_day_is_the_last_on_which_it_holds(until: datetime, day: str) -> None:
    """Not the one whose midnight ends it."""
    assert replace(RECORD, until=until).until_day() == day


def test_its_description_is_safe_for_a_terminal() -> None:
    """Control characters of stored names are replaced."""
    assert (RECORD.what(), CRITERION.what()) == ("record 12 (fraud → loan)", "class_mix")
    strange = replace(RECORD, record_id="\x1b[2J", stored="a\nb", reviewed="\u202ec")
    assert strange.what() == "record \ufffd[2J (a b → \ufffdc)"


def test_it_holds_until_its_end() -> None:
    """To the microsecond; its end is reported with the day and the reason."""
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
    """It is the same in every process."""
    item = replace(RECORD, versions=dict.fromkeys(VERSION_WORDS, "old"))
    ((_, why),) = sort_out([item], dict.fromkeys(VERSION_WORDS, "new"), RECORD.made).ended
    assert f"the {VERSION_WORDS[min(VERSION_WORDS)]} is new now" in why


@pytest.mark.parametrize("versions", [{}, {"model_version": "7"}, {**RECORD.versions, "prompt_version": "3"}])
def test_a_version_that_is_unknown_on_one_side_changes_nothing(versions: dict[str, str]) -> None:
    """Nothing is known to differ."""
    assert sort_out([RECORD], versions, RECORD.made).active == [RECORD]


def test_each_ends_separately() -> None:
    """They stay in order."""
    past = replace(RECORD, number=2, until=RECORD.made)
    found = sort_out([RECORD, past, CRITERION], RECORD.versions, RECORD.made)
    assert (found.active, [item.number for item, _ in found.ended]) == ([RECORD, CRITERION], [2])


def test_an_end_has_no_control_character() -> None:
    """Neither from versions nor from the reason."""
    item = replace(RECORD, reason="\x1b[5mwhy")
    changed = sort_out([item], {"model_version": "\x1b[31m8"}, RECORD.made)
    ends = [*changed.ended, *sort_out([item], {}, UNTIL).ended]
    assert len(ends) == 2
    assert not any("\x1b" in why for _, why in ends)
