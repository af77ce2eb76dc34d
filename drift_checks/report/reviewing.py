"""What the reviewers of a run did, in words: how many records, by which vectors, at which pace and cost."""

from __future__ import annotations

from drift_checks.core.text import count, percent, percent_range, printable
from drift_checks.report.history.recorded import ReviewerFacts
from drift_checks.report.run import Facts
from drift_checks.reviews.vectors.base import CHROMA
from drift_checks.settings.declarations import LOCAL


def second_in_words(reviewer: ReviewerFacts) -> str:
    """Return what a second reviewer did, and what its calls used."""
    return "; ".join(filter(None, [_did(reviewer), usage(reviewer), omitted(reviewer)]))


def reviewer_in_words(facts: Facts) -> str:
    """Return who reviewed, and how many records, as in `llm (gpt-5): 48 records reviewed, 2 reviews failed`."""
    return _did(facts.reviewer)


def _did(reviewer: ReviewerFacts) -> str:
    model = f" ({printable(reviewer.model)})" if reviewer.model else ""
    parts = [f"{printable(reviewer.name)}{model}: {count(reviewer.reviewed, 'record')} reviewed"]
    if reviewer.failed:
        parts.append(f"{count(reviewer.failed, 'review')} failed")
    if reviewer.not_asked:
        parts.append(f"{reviewer.not_asked:,} not asked")
    return ", ".join(parts)


def comparison_in_words(facts: Facts) -> str:
    """Return what `neighbours` compared records by; empty for other reviewers."""
    found = facts.reviewer.comparison
    if found is None:
        return ""
    basis = f"{found.basis}, collection {printable(facts.store.collection)}" if found.basis == CHROMA else found.basis
    # A run may take over all of its reviews.
    number = f": {count(found.number, found.noun)}" if found.number else ""
    return f"compared by {printable(basis)}{number}"


def cluster_in_words(reviewer: ReviewerFacts) -> str:
    """Return the cluster on which the reviewer ran; empty without one."""
    found = reviewer.cluster
    if found is None:
        return ""
    where = "a local Dask cluster" if found.address == LOCAL else f"the Dask cluster {printable(found.address)}"
    return f"on {count(found.workers, 'worker')} of {where}"


def concurrency_in_words(reviewer: ReviewerFacts) -> str:
    """Return how many calls were in flight, as in `up to 40 calls at once; 3 answers of 429 halved it twice`."""
    found = reviewer.concurrency
    if found is None:
        return ""
    most = f"up to {count(found.most, 'call')} at once"
    if not found.refusals:
        return most
    # One at a time is not halved.
    times = {0: "", 1: " halved it", 2: " halved it twice"}.get(found.halved, f" halved it {found.halved} times")
    return f"{most}; {count(sum(found.refusals.values()), 'answer')} of {' and '.join(found.refusals)}{times}"


def usage(reviewer: ReviewerFacts) -> str:
    """Return what the calls used; empty if each record simply took one call."""
    parts = []
    if reviewer.input_tokens is not None or reviewer.output_tokens is not None:
        parts.append(f"{reviewer.input_tokens or 0:,} tokens in, {reviewer.output_tokens or 0:,} out")
    if reviewer.cost is not None:
        parts.append(f"cost {reviewer.cost:.4f}")
    if reviewer.median_seconds is not None and reviewer.slowest_seconds is not None:
        parts.append(f"median {reviewer.median_seconds:.1f} s per call, slowest {reviewer.slowest_seconds:.1f} s")
    if not parts and reviewer.calls == reviewer.reviewed:
        return ""
    return "; ".join([count(reviewer.calls, "call"), *parts])


def omitted(reviewer: ReviewerFacts) -> str:
    """Return which parameters the calls omitted; empty if none."""
    names = ", ".join(reviewer.omitted_parameters)
    return f"asked without {names}, which the endpoint rejects" if names else ""


def noise(reviewer: ReviewerFacts) -> str:
    """Return how often the reviewer disagreed with itself; empty if it reviewed no record twice."""
    found = reviewer.self_disagreement
    if found is None:
        return ""
    differed = f"{found.differed} of {count(found.repeated, 'record')} reviewed twice got two different categories"
    return f"{differed}, {percent(found.rate)} ({percent_range(*found.interval)})"
