"""How often a classifier is right, from people's judgements of a part of the records that were reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.intervals import TAIL, Estimate

Draws = npt.NDArray[np.float64]
_DRAWS = 20_000
_SEED = 20261123
# The weight of an end's own distribution, as for several strata in `statistics/strata.py`.
_WEIGHT = 0.5
# As if so many records had been judged before, of which this share was right: both agree, or not.
_PRIOR = {True: (10.0, 0.9), False: (2.0, 0.5)}


@dataclass(frozen=True)
class JudgedCount:
    """How many records were judged, and for how many of them the classifier is right, which may be a fraction."""

    judged: int = 0
    right: float = 0.0


@dataclass(frozen=True)
class JudgedStratum:
    """A stratum: its records in the store, those reviewed, those on which both agreed, and what was judged of either.

    The judged records are a random part of the reviewed ones on which both agreed, and of those on which not.
    """

    size: int
    reviewed: int
    agreed: int
    of_agreed: JudgedCount = JudgedCount()
    of_disagreed: JudgedCount = JudgedCount()

    def records(self, agreed: bool) -> float:
        """Return the number of records in the store on which both agree, or do not, as estimated."""
        share = self.agreed / self.reviewed if self.reviewed else 0.0
        return self.size * (share if agreed else 1 - share)

    def count(self, agreed: bool) -> JudgedCount:
        """Return what was judged of the records on which both agreed, or did not."""
        return self.of_agreed if agreed else self.of_disagreed


@dataclass(frozen=True)
class _Group:
    """The records of all strata on which both agree, or do not: their share of the store, and the rate among them.

    `effective` is the number of records of a simple random sample that would tell as much.
    """

    share: float
    rate: float
    effective: float


def accuracy(strata: Sequence[JudgedStratum]) -> Estimate | None:
    """Estimate how often a classifier is right in the whole store.

    Records are sampled in two phases (J. Neyman, Contribution to the theory of sampling human populations, Journal of
    the American Statistical Association 33 (1938)): the reviewed records of each stratum show on how many both agree;
    of those on which they agree, and of the others, a part is judged. As in prediction-powered inference
    (A. N. Angelopoulos et al., Science 382 (2023)), the many reviews carry most of the information, and the few
    judgements correct them.

    The rate of a group that is judged unequally in the strata is weighted by their sizes, and its interval is that of a
    binomial sample of the effective size (E. L. Korn and B. I. Graubard, Confidence intervals for proportions with
    small expected number of positive counts, Survey Methodology 24 (1998)). The groups' intervals and those of their
    shares are melded as in `strata.stratified`, by random draws with a fixed seed. In simulations of samples of 60 and
    300 records with 20 to 100 judgements, the interval covers the rate in 93 to 100 % of samples.

    Returns:
        The rate from 0 to 1 and its 95 % interval; None if a stratum of the store was not reviewed, or if nothing was
        judged of the reviewed records on which both agree, or on which they do not.
    """
    groups = _groups(strata)
    if groups is None:
        return None
    rate = sum(group.share * group.rate for group in groups)
    ends = []
    for lower in (True, False):
        draws = np.random.default_rng(_SEED)
        shares = _share_draws(draws, strata, lower)
        of_agreed, of_others = (_draws(draws, group.effective * group.rate, group.effective, lower) for group in groups)
        found = np.zeros(_DRAWS)
        for stratum, (weight, share) in shares:
            # What the strata have of either group varies with the reviews, too.
            apart = [_apart(stratum, group, agreed=agreed) for group, agreed in zip(groups, (True, False), strict=True)]
            found += weight * (share * (of_agreed + apart[0]) + (1 - share) * (of_others + apart[1]))
        ends.append(float(np.quantile(found, TAIL if lower else 1 - TAIL).clip(0, 1)))
    return Estimate(rate, (min(rate, ends[0]), max(rate, ends[1])))


def advantage(strata: Sequence[JudgedStratum]) -> Estimate | None:
    """Estimate how much more often one classifier is right than the other, from -1 to 1.

    `of_disagreed` counts a record as right if the first is, and as half if both or neither are. Where they agree, they
    are right equally often, so that only disagreements need judging.

    Returns:
        The difference and its 95 % interval; None if a stratum was not reviewed, or no disagreement judged.
    """
    group = _group(strata, agreed=False)
    if not _is_reviewed(strata) or group is None:
        return None
    difference = group.share * (2 * group.rate - 1)
    ends = []
    for lower in (True, False):
        draws = np.random.default_rng(_SEED)
        share = 1 - sum(weight * share for _, (weight, share) in _share_draws(draws, strata, lower))
        rates = _draws(draws, group.effective * group.rate, group.effective, lower)
        ends.append(float(np.quantile(share * (2 * rates - 1), TAIL if lower else 1 - TAIL)))
    return Estimate(difference, (min(difference, ends[0]), max(difference, ends[1])))


def more_to_halve(strata: Sequence[JudgedStratum]) -> int | None:
    """Return how many more judgements, made in the same proportions, would halve the interval of the accuracy.

    Returns:
        None if no number would, because too few records were reviewed: to know how often both agree, or to judge so
        many of them; or if there is no estimate.
    """
    groups = _groups(strata)
    if groups is None:
        return None
    judged = sum(stratum.count(agreed).judged for stratum in strata for agreed in (True, False))
    of_judging = sum(group.share**2 * _spread(group) / max(group.effective, 1.0) for group in groups)
    total = sum(stratum.size for stratum in strata)
    agreement = sum(
        (stratum.size / total) ** 2 * _variance(stratum.agreed, stratum.reviewed) for stratum in strata if stratum.size
    )
    of_reviewing = (groups[0].rate - groups[1].rate) ** 2 * agreement
    allowed = (of_judging + of_reviewing) / 4 - of_reviewing
    more = ceil(judged * (of_judging / allowed - 1)) if allowed > 0 else None
    return None if more is None or more > sum(stratum.reviewed for stratum in strata) - judged else more


def gain(stratum: JudgedStratum, strata: Sequence[JudgedStratum], *, agreed: bool) -> float:
    """Return how much one more judgement of a record of this stratum would tell, relative to others.

    It is the decrease of the variance of the accuracy, and for a disagreement also that of the difference between the
    classifiers: the optimum allocation (J. Neyman, On the two different aspects of the representative method, Journal
    of the Royal Statistical Society 97 (1934)), one record at a time.
    """
    prior, share = _PRIOR[agreed]
    judged = sum(item.count(agreed).judged for item in strata)
    right = sum(item.count(agreed).right for item in strata)
    rate = (right + prior * share) / (judged + prior)
    spread = rate * (1 - rate) * (1 if agreed else 5)
    already = stratum.count(agreed).judged
    return stratum.records(agreed) ** 2 * spread / ((already + 0.5) * (already + 1.5))


def _is_reviewed(strata: Sequence[JudgedStratum]) -> bool:
    there = [stratum for stratum in strata if stratum.size]
    return bool(there) and all(stratum.reviewed for stratum in there)


def _groups(strata: Sequence[JudgedStratum]) -> tuple[_Group, _Group] | None:
    """Return the records on which both agree, and the others; None without judgements of reviewed ones of either."""
    if not _is_reviewed(strata):
        return None
    agreed, others = _group(strata, agreed=True), _group(strata, agreed=False)
    return None if agreed is None or others is None else (agreed, others)


def _group(strata: Sequence[JudgedStratum], *, agreed: bool) -> _Group | None:
    total = sum(stratum.size for stratum in strata)
    records = sum(stratum.records(agreed) for stratum in strata)
    if not records:
        # No reviewed record is one of them, but some in the store may be: nothing is known about those.
        return _Group(0.0, 0.5, 0.0)
    judged = [(stratum.records(agreed), stratum.count(agreed)) for stratum in strata if stratum.count(agreed).judged]
    weights = sum(weight for weight, _ in judged)
    if not weights:
        return None
    rate = sum(weight * count.right / count.judged for weight, count in judged) / weights
    effective = weights**2 / sum(weight**2 / count.judged for weight, count in judged)
    return _Group(records / total, rate, effective)


def _share_draws(
    draws: np.random.Generator, strata: Sequence[JudgedStratum], lower: bool
) -> list[tuple[JudgedStratum, tuple[float, Draws]]]:
    """Return each stratum, its share of the store, and draws of the share of it on which both agree."""
    total = sum(stratum.size for stratum in strata)
    found = []
    for stratum in (item for item in strata if item.size):
        unseen = max(0, stratum.size - stratum.reviewed) / stratum.size
        seen = (1 - unseen) * stratum.agreed / stratum.reviewed
        share = seen + unseen * _draws(draws, stratum.agreed, stratum.reviewed, lower)
        found.append((stratum, (stratum.size / total, share)))
    return found


def _apart(stratum: JudgedStratum, group: _Group, *, agreed: bool) -> float:
    """Return how much more often the classifier is right in this stratum's part of a group, shrunk by two records."""
    count = stratum.count(agreed)
    return (count.right - count.judged * group.rate) / (count.judged + 2)


def _draws(draws: np.random.Generator, right: float, trials: float, lower: bool) -> Draws:
    """Return draws from the distribution of the lower or the upper limit of a rate."""
    wrong = max(0.0, trials - right)
    limits = _beta(draws, right, wrong + 1), _beta(draws, right + 1, wrong)
    own, other = limits if lower else limits[::-1]
    # Where nothing, or everything, was right, the limit stays exact.
    if not (right if lower else wrong):
        return own
    return np.where(draws.random(_DRAWS) < _WEIGHT, own, other)


def _beta(draws: np.random.Generator, alpha: float, beta: float) -> Draws:
    if alpha <= 0:
        return np.zeros(_DRAWS)
    return np.ones(_DRAWS) if beta <= 0 else draws.beta(alpha, beta, _DRAWS)


def _spread(group: _Group) -> float:
    rate = (group.rate * group.effective + 1) / (group.effective + 2)
    return rate * (1 - rate)


def _variance(successes: float, trials: float) -> float:
    rate = (successes + 1) / (trials + 2)
    return rate * (1 - rate) / max(trials, 1.0)


def with_judged(stratum: JudgedStratum, *, agreed: bool, right: float) -> JudgedStratum:
    """Return the stratum with one more record judged."""
    before = stratum.count(agreed)
    after = JudgedCount(before.judged + 1, before.right + right)
    return replace(stratum, of_agreed=after) if agreed else replace(stratum, of_disagreed=after)
