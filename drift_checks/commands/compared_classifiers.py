"""`compare --a --b`: two classifiers on the same records, and what to do."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from drift_checks.commands.settings_options import read_sources
from drift_checks.core.errors import SettingError
from drift_checks.core.plain import to_json, to_plain
from drift_checks.core.redaction import WITHHELD
from drift_checks.core.text import count, percent, percent_range, printable
from drift_checks.report.verdict import Verdict
from drift_checks.reviews.comparing import Compared, Comparison, Side
from drift_checks.settings.declarations import LLM, Settings, declared
from drift_checks.settings.loading import load
from drift_checks.statistics.intervals import wilson
from drift_checks.statistics.two_classifiers import Conclusion, difference_interval, exact_mcnemar

_EXAMPLES = 3
_MOST_CHANGES = 10
_LONGEST_TEXT = 100
_COMMON = ("max_calls", "max_cost", "cluster", "repeat", "stability", "resume")


def compare_classifiers(arguments: argparse.Namespace) -> int:
    """Print what two classifiers say of the same records; return the exit code."""
    now = datetime.now(UTC)
    settings = load(read_sources(arguments, os.environ), now)
    first, second = (_side(arguments, words, f"--{name}", now) for name, words in _sides(arguments))
    if replace(first, sources={}, texts={}) == replace(second, sources={}, texts={}):
        raise SettingError("compare", "A and B are the same", "name another classifier with --b=NAME")
    # The output of the user's own code must not mix with output that programs read.
    with redirect_stdout(sys.stderr):
        comparison = Comparison(settings, first, second, (Path.cwd(),), arguments.margin)
        with closing(comparison):
            found = comparison.run()
    is_json = arguments.format == "json"
    sys.stdout.writelines(f"{line}\n" for line in ([_json(comparison)] if is_json else _text(comparison)))
    too_few = len(comparison.compared) < settings.min_reviewed * comparison.asked
    if too_few or (arguments.fail_if_worse and found is Conclusion.UNDECIDED):
        return Verdict.INCONCLUSIVE.exit_code
    return Verdict.CRITICAL.exit_code if arguments.fail_if_worse and found is Conclusion.WORSE else 0


def _sides(arguments: argparse.Namespace) -> list[tuple[str, Sequence[str]]]:
    return [("a", arguments.a or ()), ("b", arguments.b or ())]


def _side(arguments: argparse.Namespace, words: Sequence[str], option: str, now: datetime) -> Settings:
    """Return the settings of a side: the reviewer's name, and settings of the reviewer, each a word."""
    allowed = {item.name: item for item in declared() if item.group == "reviewer" and item.key not in _COMMON}
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name in allowed:
            given[allowed[name].ini] = value
        elif model := _model_of(word):
            given |= {"drift_reviewer": LLM, "drift_llm_model": model}
        elif equals:
            problem = f"{word!r} is neither a reviewer nor a setting of one"
            raise SettingError(option, problem, f"name a reviewer, llm=MODEL, or one of {', '.join(allowed)}")
        else:
            given["drift_reviewer"] = word
    sources = read_sources(arguments, os.environ)
    common = load(sources, now)
    side = load(replace(sources, options={**sources.options, **given}), now)
    if "," in side.reviewer:
        raise SettingError(option, "several reviewers cannot be one side", "name one")
    # A price that is set for both is that of one model.
    is_other = side.llm_model != common.llm_model and common.llm_model is not None
    return replace(side, llm_price=None) if is_other and "drift_llm_price" not in given else side


def _model_of(word: str) -> str | None:
    """Return the model in llm=MODEL, or in llm:MODEL if there is no module llm here."""
    for prefix in ("llm=", "llm:"):
        if word.startswith(prefix) and len(word) > len(prefix):
            is_module = prefix == "llm:" and (Path("llm.py").exists() or Path("llm").is_dir())
            return None if is_module else word.removeprefix(prefix)
    return None


def _text(comparison: Comparison) -> Iterator[str]:
    compared, pairs = comparison.compared, comparison.pairs
    for name, side in (("A", comparison.first), ("B", comparison.second)):
        labels = [(item.record.category, item.first if name == "A" else item.second) for item in compared]
        agreed = sum(stored == label for stored, label in labels)
        rate = f"agrees with the store on {agreed} of {len(labels)}"
        interval = wilson(agreed, len(labels))
        shown = "" if interval is None else f", {percent(agreed / len(labels))} ({percent_range(*interval)})"
        yield f"{name}  {_named(side)}: {rate}{shown}; {_effort(side)}"
    same = sum(item.first == item.second for item in compared)
    yield f"A and B give the same label to {same} of {len(compared)}"
    yield (
        f"only A agrees with the store: {pairs.lost}; only B: {pairs.gained}"
        f" (McNemar's exact test: p = {exact_mcnemar(pairs):.2g}, as if the number of records had been fixed)"
    )
    if missing := comparison.asked - len(compared):
        yield f"{count(missing, 'record')} not classified by both; they count for neither"
        yield from _reasons(comparison)
    yield from _changes(comparison)
    yield f"\n{advice(comparison)}"


def _reasons(comparison: Comparison) -> Iterator[str]:
    """Yield the most frequent reason why each side did not classify records."""
    for name, side in (("A", comparison.first), ("B", comparison.second)):
        failures = Counter(review.failure for review in side.ledger.reviews.values() if review.failure)
        for failure, number in failures.most_common(1):
            yield f"  {name}, {count(number, 'record')}: {printable(failure, _LONGEST_TEXT)}"


def _changes(comparison: Comparison) -> Iterator[str]:
    """Yield which labels would change, the most frequent first, with examples."""
    changed = [item for item in comparison.compared if item.first != item.second]
    counts = Counter((item.first, item.second) for item in changed).most_common()
    for (first, second), number in counts[:_MOST_CHANGES]:
        yield f"\n{printable(first)} → {printable(second)}: {count(number, 'record')}"
        examples = [item for item in changed if (item.first, item.second) == (first, second)][:_EXAMPLES]
        yield from (f"  {_example(item, redact=comparison.first.settings.redact)}" for item in examples)
    if left := len(counts[_MOST_CHANGES:]):
        yield f"\n{count(left, 'other change')}; --format=json lists all"


def _example(item: Compared, *, redact: bool) -> str:
    text = WITHHELD if redact else printable(item.record.text, _LONGEST_TEXT)
    return f"{printable(item.record.id)}  stored {printable(item.record.category)}: {text}"


def advice(comparison: Comparison) -> str:
    """Return one sentence: what to do, and how certain that is."""
    pairs, (lower, upper) = comparison.pairs, difference_interval(comparison.pairs)
    if pairs.difference is None:
        return "Nothing was classified by both, so there is no advice."
    more = "more" if pairs.difference > 0 else "less"
    interval = f"(95 % interval of B minus A: {100 * lower:+.1f} to {100 * upper:+.1f})"
    points = f"B agrees with the store {more} often, by {100 * abs(pairs.difference):.1f} points {interval}"
    if not pairs.difference:
        points = f"both agree with the store equally often {interval}"
    is_stopped = comparison.asked < len(comparison.records)
    more_records = (
        "the reviews stopped early, see above" if is_stopped else "raise --drift-sample-size to review more records"
    )
    return {
        Conclusion.WORSE: f"Keep A: {points}.",
        Conclusion.BETTER: f"Take B: {points}.",
        Conclusion.NO_WORSE: f"B can replace A, as far as {100 * comparison.margin:g} points do not matter: {points}.",
        Conclusion.UNDECIDED: f"Not decided: {points}; {more_records}.",
    }[comparison.conclusion]


def _named(side: Side) -> str:
    settings = side.settings
    return printable(f"llm={settings.llm_model}" if settings.reviewer == LLM else settings.reviewer)


def _effort(side: Side) -> str:
    totals = side.ledger.totals()
    tokens = (totals["input_tokens"] or 0) + (totals["output_tokens"] or 0)
    parts = [count(totals["calls"], "call")]
    parts += [count(tokens, "token")] if tokens else []
    parts += [] if totals["cost"] is None else [f"cost {totals['cost']:.4f}"]
    parts += [] if totals["median_seconds"] is None else [f"median {totals['median_seconds']:.2f} s"]
    return ", ".join(parts)


def _json(comparison: Comparison) -> str:
    pairs = comparison.pairs
    changed = [item for item in comparison.compared if item.first != item.second]
    document = {
        "conclusion": comparison.conclusion,
        "difference": pairs.difference,
        "interval": difference_interval(pairs),
        "margin": comparison.margin,
        "gained": pairs.gained,
        "lost": pairs.lost,
        "tied": pairs.tied,
        "p_value": exact_mcnemar(pairs),
        "advice": advice(comparison),
        "a": {"reviewer": _named(comparison.first), **comparison.first.ledger.totals()},
        "b": {"reviewer": _named(comparison.second), **comparison.second.ledger.totals()},
        "changed": [
            {"record_id": item.record.id, "stored": item.record.category, "a": item.first, "b": item.second}
            for item in changed
        ],
    }
    return to_json(to_plain(document), indent=1)
