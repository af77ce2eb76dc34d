"""Groups of the listed records."""

from __future__ import annotations

from dataclasses import replace

from drift_checks.report.page.groups import Groupings, group_records
from drift_checks.report.page.record_rows import record_rows
from drift_checks.report.run import RunReport
from tests.support.pages import decided, described, known_report, with_details
from tests.support.reports import report


def counts(found: Groupings) -> dict[str, dict[str, int]]:
    """Return the groups of each kind and how many records they have."""
    return {item.name: {group.value: group.records for group in item.groups} for item in found.groupings}


def grouped(made: RunReport) -> Groupings:
    """Return the groups of the records that the page of a run lists."""
    return group_records(record_rows(made))


def test_records_are_grouped_by_all_that_tells_them_apart() -> None:
    """The largest groups come first."""
    found = grouped(known_report())
    assert counts(found) == {
        "pair": {"financial → regulatory": 2, "fraud → cyber": 2},
        "stored": {"financial": 3, "fraud": 3},
        "reviewed": {"regulatory": 2, "cyber": 2},
        "criterion": {"agreement": 4, "record_integrity": 1, "store_consistency": 2},
        "stratum": {"low confidence": 3, "old": 2, "baseline": 1},
    }
    assert [group.records for group in found.groupings[3].groups] == [4, 2, 1]


def test_a_group_leads_to_its_first_record() -> None:
    """Its number is among those of its records."""
    made = known_report()
    rows, found = record_rows(made), grouped(made)
    for grouping in found.groupings:
        for group in grouping.groups:
            members = [row.anchor for row in rows if group.number in found.of_record[row.anchor]]
            assert (members[0], len(members)) == (group.first, group.records)


def test_slices_are_groups_except_the_category() -> None:
    """The stored label is a grouping anyway; a value that all records share tells none apart."""
    slices = [{"model_version": "a", "age": "0 to 30 days", "category": f"c{key}"} for key in range(3)]
    slices[2]["model_version"] = "b"
    details = [replace(described(key, "t"), slices=found) for key, found in enumerate(slices)]
    made = with_details(report([decided(key, "x", "y") for key in range(3)]), details)
    assert counts(grouped(made)) == {"model_version": {"a": 2, "b": 1}}


def test_smaller_groups_are_counted_but_not_listed() -> None:
    """Of more than twelve, those of one record."""
    found = grouped(report([decided(key, f"label {key:03}", "b") for key in range(100)]))
    pairs = found.groupings[0]
    assert (len(pairs.groups), pairs.smaller) == (12, 88)


def test_texts_that_share_words_are_a_group() -> None:
    """Without texts there is none."""
    words = ("stolen cards", "transfer fees")
    details = [described(key, f"{words[key % 2]} again", words=f"{words[key % 2]} ") for key in range(48)]
    made = with_details(report([decided(key, "x", "y") for key in range(48)]), details)
    assert sum(counts(grouped(made)).get("words", {"none": 48}).values()) == 48
    without = with_details(made, [replace(item, text=None) for item in details])
    assert "words" not in counts(grouped(without))
