"""Predictions of all labels, by stratum, and those of the sample among them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.plain import from_plain, to_plain
from drift_checks.reviews.labels.predictions import LabelPredictions
from tests.support.reports import BASELINE, LOW, OLD

KNOWN = LabelPredictions(
    sizes={LOW: 5, OLD: 2, BASELINE: 0},
    counts={LOW: ((0.25, 1), (0.75, 2)), OLD: ((0.75, 2),), BASELINE: ()},
    sampled=((1, 0.75), ("two", 0.75), (3, 0.25)),
)


def test_sampled_records_are_among_those_of_their_stratum() -> None:
    """Each at a place of its own with its probability; record 4 has none, as one other record of the stratum."""
    found = KNOWN.of_stratum(LOW, [1, 3, "two", 4])
    assert found is not None
    values, places = found
    assert len(set(places)) == 4
    np.testing.assert_array_equal(np.sort(values), [0.25, 0.75, 0.75, np.nan, np.nan])
    np.testing.assert_array_equal(values[places], [0.75, 0.25, 0.75, np.nan])


@pytest.mark.parametrize(
    ("stratum", "ids"), [(LOW, [4, 5, 6]), (OLD, [3]), (OLD, [4]), (BASELINE, [1])], ids=["many", "other", "no", "none"]
)
def test_records_that_cannot_be_among_them_tell_that_the_store_changed(stratum: str, ids: list[int]) -> None:
    """There are fewer records of the stratum with such a prediction."""
    assert KNOWN.of_stratum(stratum, ids) is None


def test_more_predictions_than_records_tell_that_the_store_changed() -> None:
    """Of a stratum that has shrunk."""
    assert LabelPredictions({LOW: 2}, KNOWN.counts, ()).of_stratum(LOW, []) is None


def test_another_process_can_hand_them_over() -> None:
    """As JSON, with ids that are numbers or text."""
    assert from_plain(LabelPredictions, json.loads(json.dumps(to_plain(KNOWN)))) == KNOWN


@given(own=st.lists(st.sampled_from([0.1, 0.5, 0.999, None]), min_size=1, max_size=30), data=st.data())
def test_whatever_is_sampled_keeps_its_probability(own: list[float | None], data: st.DataObject) -> None:
    """Whether it has one or not."""
    values = sorted({value for value in own if value is not None})
    counts = {LOW: tuple((value, own.count(value)) for value in values)}
    sample = data.draw(st.lists(st.sampled_from(range(len(own))), unique=True))
    sampled = tuple((key, value) for key in sample if (value := own[key]) is not None)
    found = LabelPredictions({LOW: len(own)}, counts, sampled).of_stratum(LOW, sample)
    assert found is not None
    assert len(set(found[1])) == len(sample)
    expected = [np.nan if own[key] is None else own[key] for key in sample]
    np.testing.assert_array_equal(found[0][found[1]], expected)


def test_likely_issues_are_counted_apart() -> None:
    """With their probabilities; every record is still counted once."""
    found = KNOWN.apart([(3, LOW, 0.25), ("new", OLD, 0.75)])
    assert found.sizes == {LOW: 4, OLD: 1, BASELINE: 0, "label_issue": 2}
    assert found.counts == {LOW: ((0.75, 2),), OLD: ((0.75, 1),), BASELINE: (), "label_issue": ((0.25, 1), (0.75, 1))}
    assert dict(found.sampled) == {**dict(KNOWN.sampled), "new": 0.75}
    assert found.of_stratum("label_issue", [3, "new"]) is not None
