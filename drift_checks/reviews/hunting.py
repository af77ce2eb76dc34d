"""A sample of which half is drawn where labels are probably wrong, and half at random from the other records.

The labels that are probably wrong are a stratum of their own, and weighting each stratum by its size keeps the estimate
of the whole store unbiased (D. G. Horvitz and D. J. Thompson, A generalization of sampling without replacement from a
finite universe, Journal of the American Statistical Association 47 (1952)).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from drift_checks.core.errors import SettingError
from drift_checks.core.records import Record, RecordId, Sample, Stratum
from drift_checks.reviews.labels.issues import LabelAssessment
from drift_checks.settings.declarations import ACCURACY, HUNT, POPULATION, SEQUENTIAL, Settings

Read = Callable[[Sequence[tuple[RecordId, Stratum]]], list[Record]]


def refuse_unjudgeable_hunt(settings: Settings) -> None:
    """Raise SettingError if the setting `sample` is hunt, and another setting needs a random sample."""
    if settings.sample != HUNT or settings.records:
        return
    if settings.judge != POPULATION:
        needs = "rests on records drawn at random" if settings.judge == ACCURACY else "compares the rate of the sample"
        raise _needs_random("judge", settings.judge, needs, POPULATION)
    if settings.decision == SEQUENTIAL:
        raise _needs_random("decision", SEQUENTIAL, "stops by the rate of the sample", "point")
    if not settings.baseline:
        raise _needs_random("baseline", "0", "leaves a part of the store out of the estimate", "10")


def _needs_random(key: str, value: str, does: str, instead: str) -> SettingError:
    return SettingError(
        "sample",
        f"hunt draws half of the sample where labels are probably wrong, and {key}={value} {does}",
        f"use {key}={instead}, or sample=random",
    )


def hunted(sample: Sample, assessed: LabelAssessment, read: Read) -> Sample:
    """Return a sample with labels that are probably wrong in place of half of its records.

    It is smaller if too few of the other records have labels that are not doubted.

    Args:
        sample: A sample that was drawn at random.
        assessed: Which labels are probably wrong.
        read: Reads records.

    Returns:
        The random sample itself, with a note that says why, if there is nothing to hunt.
    """
    if why := _nothing_to_hunt(sample, assessed):
        return replace(sample, notes=(*sample.notes, f"the whole sample is drawn at random, since {why}"))
    generator = random.Random(f"hunt:{sample.seed}")  # noqa: S311 - a sample, not a secret
    issues = {issue.record_id: Stratum(issue.stratum) for issue in assessed.issues}
    number = min(len(sample.records) // 2, len(issues))
    suspects = read([(key, Stratum.LABEL_ISSUE) for key in generator.sample(list(issues), number)])
    share = 1 - number / len(sample.records)
    others: list[Record] = []
    for stratum, drawn in sample.drawn().items():
        there = [record for record in sample.records if record.stratum is stratum and record.id not in issues]
        wanted = min(max(round(share * drawn), 1), len(there))
        others += (there[place] for place in sorted(generator.sample(range(len(there)), wanted)))
    of_stratum = Counter(issues.values())
    sizes = {stratum: max(size - of_stratum[stratum], 0) for stratum, size in sample.sizes.items()}
    return replace(
        sample,
        # Those whose agreement is judged come first.
        records=(*sorted(others, key=lambda record: record.stratum not in sample.judged), *suspects),
        sizes={**sizes, Stratum.LABEL_ISSUE: len(issues)},
    )


def _nothing_to_hunt(sample: Sample, assessed: LabelAssessment) -> str:
    if assessed.missing:
        return f"the labels could not be assessed ({assessed.missing})"
    if not assessed.issues:
        return "no label is probably wrong"
    return "the whole store is reviewed" if len(sample.records) >= sample.store_size else ""
