"""A comparison of two classifiers, in words and as a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import ceil
from typing import Any

from drift_checks.core.plain import to_plain
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
_LEVEL = 0.05


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
        yield f"{count(missing, 'record')} not classified by both; they count for neither"
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
        f" (McNemar's exact test: p = {exact_mcnemar(pairs):.2g}, as if the number of records had been fixed)"
    )
    if anchors := comparison.anchor_pairs:
        right = [_share(anchors.both + alone, anchors.number) for alone in (anchors.lost, anchors.gained)]
        yield f"anchors: A is right on {right[0]}, B on {right[1]}"
        yield f"only A is right: {anchors.lost}; only B: {anchors.gained} (p = {exact_mcnemar(anchors):.2g})"


def advice(comparison: Comparison) -> str:
    """Return one sentence: what to do, and how certain that is."""
    pairs, (lower, upper) = comparison.pairs, difference_interval(comparison.pairs)
    if pairs.difference is None:
        return "No record was classified by both, so there is no advice."
    interval = f"(95 % interval of B minus A: {100 * lower:+.1f} to {100 * upper:+.1f} points)"
    if pairs.difference:
        more = "more" if pairs.difference > 0 else "less"
        found = f"B agrees with the store {more} often than A, by {100 * abs(pairs.difference):.1f} points {interval}"
    else:
        found = f"both agree with the store equally often {interval}"
    sentence = {
        Conclusion.WORSE: f"Keep A: {found}.",
        Conclusion.BETTER: f"Take B: {found}.",
        Conclusion.NO_WORSE: f"B can replace A if {100 * comparison.margin:g} points do not matter: {found}.",
        Conclusion.UNDECIDED: f"Not decided: {found}; {_remedy(comparison)}.",
    }[comparison.conclusion]
    return f"{sentence}{_on_anchors(comparison)}"


def _on_anchors(comparison: Comparison) -> str:
    """Return what the anchors add to the advice; empty unless one side is right more often beyond chance."""
    found = comparison.anchor_pairs
    if found is None or exact_mcnemar(found) > _LEVEL:
        return ""
    better = "B" if found.gained > found.lost else "A"
    return f" On the anchors, {better} is right more often (p = {exact_mcnemar(found):.2g})."


def document(comparison: Comparison) -> Any:
    """Return everything that was found in plain values; texts are not in it."""
    pairs, anchors = comparison.pairs, comparison.anchor_pairs
    changed = [item for item in comparison.compared if item.changed]
    return to_plain(
        {
            "conclusion": comparison.conclusion,
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
        parts.append(f"answered within {seconds[0]:.2f} s (median), {seconds[1]:.2f} s (95 %)")
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


def _example(item: Compared, *, redact: bool) -> str:
    text = WITHHELD if redact else printable(item.record.text, _LONGEST_TEXT)
    return f"{printable(item.record.id)}  stored {printable(item.record.category)}: {text}"
