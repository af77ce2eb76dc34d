"""What the pool learns of a call on a worker."""

from __future__ import annotations

import pickle

import pytest

from drift_checks.core.records import Usage
from drift_checks.reviews.cluster.outcomes import Failure, fault_of
from drift_checks.reviews.cluster.shipping import OwnService
from drift_checks.reviews.reviewers import failures
from drift_checks.reviews.reviewers.base import UnusableAnswer
from drift_checks.reviews.reviewers.own import OwnClassifier
from tests.support.classifiers import StatusError

SERVICE = OwnService(OwnClassifier(str.upper, "mine:classify"))


class RateLimitError(Exception):
    """A limit, as clients name it."""


def returned(error: Exception) -> Exception:
    """Return the exception that the pool sees for one on a worker."""
    sent: Failure = pickle.loads(pickle.dumps(Failure.of(error, SERVICE)))
    return sent.as_exception()


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no decision"),
        TimeoutError("no answer within 60 s"),
        ConnectionResetError("reset"),
        RateLimitError("slow down"),
        StatusError(429, {"Retry-After": "7"}),
        StatusError(503),
        StatusError(401),
        KeyError("x"),
        RuntimeError(""),
    ],
    ids=repr,
)
def test_an_exception_means_the_same_to_the_pool(error: Exception) -> None:
    """Its status, its words, and whether it may pass."""
    found = returned(error)
    for question in (failures.describe, failures.status_of, failures.is_transient, failures.retry_after):
        assert question(found) == question(error)
    fault, here = fault_of(found), SERVICE.fault(error)
    assert (fault and (str(fault.error), fault.records)) == (here and (str(here.error), here.records))


def test_an_unusable_answer_keeps_what_it_used() -> None:
    """It is paid for."""
    found = returned(UnusableAnswer("no category", Usage(input_tokens=5), "model-1"))
    assert isinstance(found, UnusableAnswer)
    assert (str(found), found.usage.input_tokens, found.model) == ("no category", 5, "model-1")
    assert fault_of(found) is not None
