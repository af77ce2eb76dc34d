"""How often each rule gives each verdict on agreement: in simulated stores, or in samples of a real one.

With --store, every record is reviewed once by `neighbours`, then samples are drawn with many seeds; without, the
reviewer agrees with the records of each stratum with a known probability. Both are judged as a run judges them.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from drift_checks.core.outcomes import LEAST_OF_A_RATE, Outcome, Result
from drift_checks.core.records import Record, Sample, Stratum
from drift_checks.report.agreement import decide_in_order
from drift_checks.report.judging import judge_criterion
from drift_checks.report.run import Facts
from drift_checks.report.verdict import Verdict
from drift_checks.reviews.run import Pipeline
from drift_checks.reviews.sampling import Plan, plan, plan_alike
from drift_checks.settings.declarations import POINT, POPULATION, SAMPLE, SEQUENTIAL, SEQUENTIAL_CALLS, Settings
from drift_checks.settings.loading import Sources, load
from tests.support.reports import AGREEMENT, facts

RULES = [(decision, judge) for decision in (POINT, SEQUENTIAL) for judge in (SAMPLE, POPULATION)]
RATES = (0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95, 0.98)
COLUMNS = (Verdict.OK, Verdict.WARNING, Verdict.CRITICAL)
CRITERION = replace(AGREEMENT, least=LEAST_OF_A_RATE)
# The sizes of low confidence, old and rest, and how often they disagree, compared with the whole store.
STORES = {
    "30 % low confidence": ((3900, 6500, 2600), (2.0, 0.6, 0.5)),
    "old drifted": ((2600, 7800, 2600), (1.2, 1.1, 0.5)),
    "young": ((2000, 400, 10600), (2.4, 1.0, 0.736)),
}


def simulated(sizes: Sequence[int], agreeing: Sequence[int], planned: Plan, seed: int) -> Iterator[Outcome]:
    """Yield the outcomes of a sample from strata of these sizes, of which so many records agree, in random order."""
    generator = random.Random(seed)
    drawn = [
        (stratum, place < agreed)
        for stratum, size, agreed in zip(Stratum, sizes, agreeing, strict=True)
        for place in generator.sample(range(size), planned.wanted[stratum])
    ]
    generator.shuffle(drawn)
    for key, (stratum, agrees) in enumerate(drawn):
        yield Outcome("agreement", Result.PASSED if agrees else Result.FAILED, record_id=key, stratum=str(stratum))


def until_decided(made: Sequence[Outcome], judged: Sequence[Stratum]) -> list[Outcome]:
    """Return the outcomes of a sequential decision: what follows it among the judged strata is not reviewed."""
    among = [item for item in made if item.stratum in judged]
    after = decide_in_order(facts(record_ids=[item.record_id for item in made]), among).after
    left = iter(range(len(made)))
    return [
        replace(item, result=Result.NOT_NEEDED) if item.stratum in judged and next(left) >= after else item
        for item in made
    ]


def as_facts(decision: str, judge: str, sizes: Mapping[Stratum, int], planned: Plan, made: Sequence[Outcome]) -> Facts:
    """Return what a run knows of its sample."""
    return facts(
        decision=decision,
        judge=judge,
        sizes={str(stratum): size for stratum, size in sizes.items()},
        drawn={str(stratum): number for stratum, number in planned.wanted.items()},
        judged=[str(stratum) for stratum in planned.judged],
        record_ids=[item.record_id for item in made],
    )


def simulate(name: str, rate: float, runs: int) -> Iterator[tuple[str, Counter[Verdict | None]]]:
    """Yield the verdicts of each rule on a simulated store whose agreement is `rate`."""
    numbers, factors = STORES[name]
    agreeing = [round(size * (1 - (1 - rate) * factor)) for size, factor in zip(numbers, factors, strict=True)]
    truth = sum(agreeing) / sum(numbers)
    sizes = dict(zip(Stratum, numbers, strict=True))
    for decision, judge in RULES:
        planned = plan(sizes, 50, 0.6, 10, divided=True)
        if decision == SEQUENTIAL:
            alike = judge == POPULATION
            many = plan(sizes, SEQUENTIAL_CALLS, 0.6, 10, divided=True)
            planned = plan_alike(sizes, SEQUENTIAL_CALLS) if alike else many
        found: Counter[Verdict | None] = Counter()
        for seed in range(runs):
            made = list(simulated(numbers, agreeing, planned, seed))
            made = until_decided(made, planned.judged) if decision == SEQUENTIAL else made
            found[judge_criterion(CRITERION, made, as_facts(decision, judge, sizes, planned, made)).verdict] += 1
        yield f"{name}, {truth:.3f} | {decision}, {judge}", found


def review_all(store: Path) -> tuple[Settings, dict[object, bool]]:
    """Return the settings for a store, and whether the reviewer `neighbours` agrees with each of its records."""
    options = {"drift_chroma": str(store), "drift_naive_timezone": "UTC"}
    settings = load(Sources(options, {}, {}, store), datetime.now(UTC))
    with closing(Pipeline(replace(settings, sample_size=2**31))) as pipeline:
        records = {record.id: record for record in pipeline.sample.records}
        reviews = pipeline.reviewer.review(list(records.values()))
        return settings, {item.record_id: item.agrees_with(records[item.record_id]) for item in reviews}


def resample(store: Path, runs: int) -> Iterator[tuple[str, Counter[Verdict | None]]]:
    """Yield the verdicts of each rule on samples of a real store."""
    settings, agrees = review_all(store)
    truth = sum(agrees.values()) / len(agrees)
    for decision, judge in RULES:
        found: Counter[Verdict | None] = Counter()
        for seed in range(runs):
            with closing(Pipeline(replace(settings, decision=decision, judge=judge, seed=seed))) as pipeline:
                sample = pipeline.sample
            made = [outcome_of(record, agrees[record.id]) for record in sample.records]
            made = until_decided(made, sample.judged) if decision == SEQUENTIAL else made
            found[judge_criterion(CRITERION, made, facts_of(sample, decision, judge, made)).verdict] += 1
        yield f"{store.name}, {truth:.3f} | {decision}, {judge}", found


def outcome_of(record: Record, agrees: bool) -> Outcome:
    """Return the outcome of a record's check."""
    result = Result.PASSED if agrees else Result.FAILED
    return Outcome("agreement", result, record_id=record.id, stratum=str(record.stratum))


def facts_of(sample: Sample, decision: str, judge: str, made: Sequence[Outcome]) -> Facts:
    """Return what a run knows of a real sample."""
    planned = Plan({stratum: sample.drawn().get(stratum, 0) for stratum in Stratum}, sample.judged)
    return as_facts(decision, judge, sample.sizes, planned, made)


def main() -> None:
    """Print a line for each store and rule, as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--store", type=Path, action="append", default=[], help="a folder that holds a store")
    arguments = parser.parse_args()
    if arguments.runs < 1:
        parser.error("--runs: at least 1")
    tables = [resample(store.resolve(), arguments.runs) for store in arguments.store]
    if not tables:
        tables = [simulate(name, rate, arguments.runs) for name in STORES for rate in RATES]
    print("| store, true agreement | rule | OK | WARNING | CRITICAL |\n| --- | --- | ---: | ---: | ---: |")
    for table in tables:
        for row, found in table:
            print(f"| {row} | {' | '.join(f'{found[verdict] / arguments.runs:.1%}' for verdict in COLUMNS)} |")


if __name__ == "__main__":
    main()
