"""The verdict on agreement if it rests on how many of the store's labels are right."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.report.headline import headline
from drift_checks.report.history.accuracy import Accuracy
from drift_checks.report.verdict import Verdict
from drift_checks.statistics.intervals import Estimate
from tests.support.reports import AGREEMENT, LOW, report, reviewed


def by_accuracy(agreed: int, accuracy: Accuracy | None, **changed: Any) -> tuple[Verdict, str]:
    """Return the verdict on so many of 50 records that agree, and its message, with what judgements say."""
    of_run = {"judge": "accuracy", "accuracy": accuracy, "sizes": {LOW: 1000}, "judged": [LOW]} | changed
    result = report(reviewed(agreed, 50 - agreed), [AGREEMENT], **of_run).criteria[0]
    assert result.verdict is not None
    return result.verdict, result.message


@pytest.mark.parametrize(
    ("rate", "interval", "verdict"),
    [
        (0.96, (0.9, 0.98), Verdict.OK),
        (0.8, (0.7, 0.9), Verdict.WARNING),
        (0.7, (0.6, 0.8), Verdict.WARNING),
        (0.6, (0.5, 0.7), Verdict.CRITICAL),
    ],
)
def test_judgements_decide_how_accurate_the_store_is(
    rate: float, interval: tuple[float, float], verdict: Verdict
) -> None:
    """Whatever the agreement is; CRITICAL only if the whole interval is, as the same judgements count each night."""
    accuracy = Accuracy(judged=40, reviewed=50, runs=1, store=Estimate(rate, interval))
    for agreed in (20, 50):
        found, message = by_accuracy(agreed, accuracy)
        assert found is verdict
        assert f"an estimated {rate:.0%} of the store's labels are right".replace("%", " %") in message


@pytest.mark.parametrize(("agreed", "verdict"), [(48, Verdict.OK), (40, Verdict.WARNING), (30, Verdict.INCONCLUSIVE)])
@pytest.mark.parametrize(
    "accuracy",
    [
        Accuracy(judged=7, store=Estimate(0.5, (0.1, 0.7))),
        Accuracy(judged=30, missing="no record is judged on which store and reviewer agree"),
        None,
    ],
)
def test_without_enough_judgements_agreement_decides_except_that_it_is_critical(
    agreed: int, verdict: Verdict, accuracy: Accuracy | None, snapshot: SnapshotAssertion
) -> None:
    """Nobody is woken before it is known whether the store is wrong."""
    found, message = by_accuracy(agreed, accuracy)
    assert found == verdict
    assert message == snapshot


def test_an_outage_is_inconclusive_whatever_was_judged() -> None:
    """Earlier judgements do not replace tonight's reviews."""
    accuracy = Accuracy(judged=40, store=Estimate(0.6, (0.5, 0.7)))
    made = report(
        reviewed(10, 0, 40), [AGREEMENT], judge="accuracy", accuracy=accuracy, sizes={LOW: 1000}, judged=[LOW]
    )
    assert made.verdict is Verdict.INCONCLUSIVE


def test_named_records_are_judged_by_themselves() -> None:
    """The accuracy is that of the whole store."""
    accuracy = Accuracy(judged=40, store=Estimate(0.6, (0.5, 0.7)))
    assert by_accuracy(50, accuracy, chosen=True)[0] is Verdict.OK


def test_the_headline_names_what_decided() -> None:
    """Accuracy where the verdict rests on it."""
    accuracy = Accuracy(judged=40, store=Estimate(0.6, (0.5, 0.7)))
    made = report(reviewed(45, 5), [AGREEMENT], judge="accuracy", accuracy=accuracy, sizes={LOW: 1000}, judged=[LOW])
    assert headline(made) == (
        "CRITICAL · an estimated 60 % of the store's labels are right (95 % interval 50–70 %), below 75 %; 45 of 50"
        " agree in the sample"
    )


def test_the_headline_says_what_to_do_without_judgements() -> None:
    """Whole, and nothing else."""
    few = Accuracy(judged=7, runs=1)
    made = report(reviewed(30, 20), [AGREEMENT], judge="accuracy", accuracy=few, sizes={LOW: 1000}, judged=[LOW])
    assert headline(made) == (
        "INCONCLUSIVE · agreement: who is right is not known: 7 of the 20 judgements needed; run drift-checks judge"
    )
