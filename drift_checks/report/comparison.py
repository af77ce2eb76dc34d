"""A comparison of two classifiers, in words and as a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import ceil
from typing import Any

from drift_checks.core.plain import to_plain
from drift_checks.core.records import as_text
from drift_checks.core.redaction import WITHHELD
from drift_checks.core.text import count, percent, percent_range, printable
from drift_checks.report.outside import find_outside, outside_in_words
from drift_checks.reviews.comparing import Compared, Comparison, Side
from drift_checks.settings.declarations import LLM
from drift_checks.statistics.intervals import wilson
from drift_checks.statistics.two_classifiers import Conclusion, difference_interval, exact_mcnemar

_EXAMPLES = 2
_MOST_CHANGES = 8
_MOST_IDS = 50
_LONGEST_TEXT = 100
_ONLY_ANCHORS = "Only anchors or judgements can tell which of them is right more often."
# Of the records: a side that made the labels of more is favoured.
_MOST_LABELS = 0.5


def plan(comparison: Comparison) -> Iterator[str]:
    """Yield what the comparison will do at most, and at what price."""
    yield f"A is {_named(comparison.first)}, B is {_named(comparison.second)}"
    paid = [side for side in comparison.sides if side.classifier is not None]
    records = len({record.id for record in comparison.records} | {anchor.record.id for anchor in comparison.anchors})
    calls = f" and {count(records * len(paid), 'call')}, apart from retries" if paid else ""
    yield f"at most {count(records, 'record')}{calls}; the comparison ends as soon as the evidence decides"
    for side in paid:
        if cost := side.most_cost([*comparison.records, *(anchor.record for anchor in comparison.anchors)]):
            tokens = count(side.settings.llm_max_tokens, "token")
            yield f"all calls of {side.name} would cost at most {cost:.2f}, if every answer took {tokens}"
        elif side.is_remote:
            yield f"what {side.name} costs is not known; --{side.name.lower()}=llm-price=INPUT,OUTPUT sets its price"


def in_words(comparison: Comparison) -> Iterator[str]:
    """Yield the lines that say what the comparison found, the advice last."""
    compared, pairs = comparison.compared, comparison.pairs
    for side, agreed in zip(comparison.sides, (pairs.both + pairs.lost, pairs.both + pairs.gained), strict=True):
        found = f"agrees with the store on {_share(agreed, pairs.number)}" if compared else "nothing to compare"
        yield f"{side.name}  {_named(side)}: {found}"
        yield from (f"   {said}" for said in (_effort(side), _outside(comparison, side)) if said)
    if missing := comparison.asked - len(compared):
        yield f"{count(missing, 'record')} not classified by both, so left out for both"
    yield from _reasons(comparison)
    if compared:
        yield from _found(comparison)
        yield from _changes(comparison)
    yield f"\n{advice(comparison)}"


def _found(comparison: Comparison) -> Iterator[str]:
    """Yield what the two have in common and how they differ."""
    compared, pairs = comparison.compared, comparison.pairs
    same = sum(not item.changed for item in compared)
    yield f"A and B give the same label to {_share(same, len(compared))}"
    yield (
        f"only A agrees with the store: {pairs.lost}; only B: {pairs.gained}"
        f" (McNemar's exact test: p = {exact_mcnemar(pairs):.2g},"
        " valid only if the number of records had been fixed beforehand)"
    )
    if anchors := comparison.anchor_pairs:
        right = [_share(anchors.both + alone, anchors.number) for alone in (anchors.lost, anchors.gained)]
        yield f"anchors: A is right on {right[0]}, B on {right[1]}"
        yield f"only A is right: {anchors.lost}; only B: {anchors.gained} (p = {exact_mcnemar(anchors):.2g})"


def advice(comparison: Comparison) -> str:
    """Return in a few sentences what to do, and what that rests on: the anchors if they decide, else the agreement."""
    if comparison.pairs.difference is None:
        return "No record was classified by both, so there is no advice."
    agreement, anchors = _agreement(comparison), comparison.anchor_pairs
    if anchors and comparison.by_anchors is not Conclusion.UNDECIDED:
        action = "Take B" if comparison.by_anchors is Conclusion.BETTER else "Keep A"
        decisive = count(anchors.gained + anchors.lost, "anchor")
        return (
            f"{action}: of {decisive} on which only one of the two is right, A is right on {anchors.lost} and B on"
            f" {anchors.gained} (p = {exact_mcnemar(anchors):.2g}). {_capitalized(agreement)}."
        )
    winner = {Conclusion.WORSE: "A", Conclusion.BETTER: "B"}.get(comparison.conclusion)
    favoured = list(_favoured(comparison))
    if len(favoured) == 1 and favoured[0][0].name == winner:
        action = "keep A" if winner == "A" else "take B"
        return (
            f"{_capitalized(agreement)}. That alone is no reason to {action}: {favoured[0][1]}, so agreement favours"
            f" {winner}. {_ONLY_ANCHORS}"
        )
    sentence = {
        Conclusion.WORSE: f"Keep A: {agreement}.",
        Conclusion.BETTER: f"Take B: {agreement}.",
        Conclusion.NO_WORSE: f"B can replace A if {100 * comparison.margin:g} points do not matter: {agreement}.",
        Conclusion.UNDECIDED: f"Not decided: {agreement}; {_remedy(comparison)}.",
    }[comparison.conclusion]
    return f"{sentence} {_reservation(comparison)}"


def _agreement(comparison: Comparison) -> str:
    """Return how the two differ in their agreement with the store, without a full stop."""
    difference, (lower, upper) = comparison.pairs.difference or 0.0, difference_interval(comparison.pairs)
    interval = f"(95 % interval of B minus A: {_points(lower)} to {_points(upper)} points)"
    if not difference:
        return f"both agree with the store equally often {interval}"
    more = "more" if difference > 0 else "less"
    return f"B agrees with the store {more} often than A, by {100 * abs(difference):.1f} points {interval}"


def _reservation(comparison: Comparison) -> str:
    """Return why agreement does not tell which of the two is right more often."""
    favoured = list(_favoured(comparison))
    if len(favoured) == 1:
        side, why = favoured[0]
        return f"{_capitalized(why)}, so agreement favours {side.name}. {_ONLY_ANCHORS}"
    anchors = comparison.anchor_pairs
    if anchors is None:
        known = "Which of them is right more often is not known: there are no anchors."
    else:
        known = f"The anchors do not tell which of them is right more often (p = {exact_mcnemar(anchors):.2g})."
    return f"{known} If one of them made the store's labels, agreement favours it."


def _favoured(comparison: Comparison) -> Iterator[tuple[Side, str]]:
    """Yield each side whose own answers the store's labels are, or that answers by these labels, and why."""
    for side in comparison.sides:
        if side.classifier is None:
            yield side, f"{side.name} votes over the store's own labels"
            continue
        models, made_by = side.models, Counter(as_text(item.values.get("model_version")) for item in comparison.records)
        own = Counter({model: number for model, number in made_by.items() if model in models})
        if own.total() > _MOST_LABELS * made_by.total():
            part = "" if own == made_by else f"{percent(own.total() / made_by.total())} of "
            model = printable(own.most_common(1)[0][0])
            yield side, f"{part}the store's labels were made by {side.name} (model_version {model})"


def _capitalized(phrase: str) -> str:
    return phrase[:1].upper() + phrase[1:]


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}".replace("-", "−")


def document(comparison: Comparison) -> Any:
    """Return everything that was found in plain values; texts are not in it."""
    pairs, anchors = comparison.pairs, comparison.anchor_pairs
    changed = [item for item in comparison.compared if item.changed]
    return to_plain(
        {
            "decision": comparison.decision,
            "conclusion": comparison.conclusion,
            "by_anchors": comparison.by_anchors,
            "favours": [side.name.lower() for side, _ in _favoured(comparison)],
            "advice": advice(comparison),
            "margin": comparison.margin,
            "difference": pairs.difference,
            "interval": difference_interval(pairs),
            "records": pairs.number,
            "not_compared": comparison.asked - pairs.number,
            "gained": pairs.gained,
            "lost": pairs.lost,
            "tied": pairs.tied,
            "p_value": exact_mcnemar(pairs),
            "both": pairs.both,
            "anchors": anchors and {**to_plain(anchors), "p_value": exact_mcnemar(anchors)},
            "a": _plain(comparison.first),
            "b": _plain(comparison.second),
            "changed": [
                {"record_id": item.record.id, "stored": item.record.category, "a": item.first, "b": item.second}
                for item in changed
            ],
        }
    )


def _remedy(comparison: Comparison) -> str:
    if comparison.is_stopped:
        return "the reviews stopped early, see above, and --drift-resume continues them"
    if len(comparison.records) < comparison.store_size:
        return f"raise --drift-sample-size above {len(comparison.records):,} to compare more records"
    return "the store has no more records"


def _share(part: int, whole: int) -> str:
    interval = wilson(part, whole)
    shown = "" if interval is None else f", {percent(part / whole)} ({percent_range(*interval)})"
    return f"{part:,} of {whole:,}{shown}"


def _named(side: Side) -> str:
    settings = side.settings
    return printable(f"llm={settings.llm_model}" if settings.reviewer == LLM else settings.reviewer)


def _effort(side: Side) -> str:
    """Return calls, tokens, cost and latency in words; empty for a side that makes no calls."""
    if side.classifier is None:
        return ""
    totals = side.ledger.totals()
    parts = [count(totals["calls"], "call")]
    if totals["input_tokens"] or totals["output_tokens"]:
        parts.append(f"{totals['input_tokens'] or 0:,} + {totals['output_tokens'] or 0:,} tokens")
    if totals["cost"] is not None:
        parts.append(f"cost {totals['cost']:.4f}")
    if seconds := _seconds(side):
        parts.append(f"answer time: median {seconds[0]:.2f} s, 95 % within {seconds[1]:.2f} s")
    return ", ".join(parts)


def _outside(comparison: Comparison, side: Side) -> str:
    """Return which answers are none of the store's categories, which no agreement can come from."""
    answers = [review.category for review in side.ledger.reviews.values() if review.made and review.category]
    return outside_in_words(find_outside(answers, comparison.categories))


def _seconds(side: Side) -> tuple[float, float] | None:
    """Return the median and the 95th percentile of the seconds that answers took."""
    found = sorted(review.usage.seconds for review in side.ledger.reviews.values() if review.usage.seconds is not None)
    median, tail = (found[ceil(share * len(found)) - 1] if found else None for share in (0.5, 0.95))
    return None if median is None or tail is None else (median, tail)


def _plain(side: Side) -> dict[str, Any]:
    totals, seconds = side.ledger.totals(), _seconds(side)
    names = ("reviews", "failed", "not_asked", "calls", "input_tokens", "output_tokens", "cost", "models")
    median, tail = seconds or (None, None)
    found = {name: totals[name] for name in names}
    return {"reviewer": _named(side), **found, "median_seconds": median, "p95_seconds": tail}


def _reasons(comparison: Comparison) -> Iterator[str]:
    """Yield the most frequent reason why each side did not classify records."""
    for side in comparison.sides:
        failures = Counter(review.failure for review in side.ledger.reviews.values() if review.failure)
        for failure, number in failures.most_common(1):
            yield f"  {side.name}, {count(number, 'record')}: {printable(failure, 2 * _LONGEST_TEXT)}"


def _changes(comparison: Comparison) -> Iterator[str]:
    """Yield which labels would change, the most frequent first, with examples to judge."""
    changed = [item for item in comparison.compared if item.changed]
    pairs: dict[tuple[str, str], list[Compared]] = {}
    for item in changed:
        pairs.setdefault((item.first, item.second), []).append(item)
    if not changed:
        return
    frequent = sorted(pairs.items(), key=lambda pair: -len(pair[1]))
    yield f"\n{count(len(changed), 'label')} would change, from A's to B's:"
    for (first, second), items in frequent[:_MOST_CHANGES]:
        yield f"\n{printable(first)} → {printable(second)}: {count(len(items), 'record')}"
        yield from (f"  {_example(item, redact=comparison.first.settings.redact)}" for item in items[:_EXAMPLES])
    if left := len(frequent[_MOST_CHANGES:]):
        yield f"\nand {count(left, 'other pair')}; --json=FILE lists all"
    ids = ",".join(printable(item.record.id) for item in changed[:_MOST_IDS])
    yield f"\ntheir ids: {ids}{',…' if len(changed) > _MOST_IDS else ''}"
    yield "drift-checks judge --record=ID asks who is right on one of them, once a run has reviewed it"


def _example(item: Compared, *, redact: bool) -> str:
    text = WITHHELD if redact else printable(item.record.text, _LONGEST_TEXT)
    return f"{printable(item.record.id)}  stored {printable(item.record.category)}: {text}"
