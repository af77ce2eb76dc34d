"""Nights since which a rate is different."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.control_chart import RunRate
from drift_checks.statistics.monte_carlo import monte_carlo_p_value

Numbers = npt.NDArray[np.float64]

# Smaller differences of rates can be significant over many nights, and do not matter.
LEAST_DIFFERENCE = 0.03
_BLOCKS, _DRAWS = 10, 100
# Of the periods in which a change is searched, in nights.
_SHORTEST = 6
# In 95 % of cases, twice the log-likelihood of the true night is no more than this below that of the best one.
_BOUND = 7.35


@dataclass(frozen=True)
class ChangePoint:
    """A night since which the rate is different.

    Attributes:
        night: The index of the first night with the new rate.
        before: The rate from the change before it, or from the first night.
        after: The rate up to the change after it, or up to the last night.
        p_value: The probability of so clear a change if no night differs from the others.
        interval: The 95 % interval of `night`, both ends included.
    """

    night: int
    before: float
    after: float
    p_value: float
    interval: tuple[int, int]


def change_points(
    nights: Sequence[RunRate], level: float = 0.01, least_difference: float = LEAST_DIFFERENCE
) -> list[ChangePoint]:
    """Return the nights since which the rate is different, in their order; each night has reviewed records.

    The statistic is the largest cumulative sum (K. J. Worsley, Biometrika 70 (1983)) in any of many periods of all
    lengths, so that a change that was undone is found too (S. Kovács, H. Li, P. Bühlmann and A. Munk, Seeded binary
    segmentation, Biometrika 110 (2023)). Its p-value is that among permutations of the nights, so that rates that vary
    more than a binomial are no change. What lies before and after a change at that level is searched in the same way.

    The night is the one with the largest likelihood ratio. Its interval inverts that (Y. Eo and J. Morley, Quantitative
    Economics 6 (2015)), divided by the dispersion of the rates.

    The permutations are the same each time.
    """
    counts = np.array([(night.agreed, night.reviewed) for night in nights], dtype=np.float64).reshape(-1, 2)
    p_values = _divided(counts, level)
    bounds = _without_small_steps(counts, [0, *sorted(p_values), len(counts)], least_difference)
    return [
        _described(counts[first:end], first, p_values[night])
        for first, night, end in zip(bounds, bounds[1:], bounds[2:], strict=False)
    ]


def _divided(counts: Numbers, level: float) -> dict[int, float]:
    """Return the p-value of each change."""
    found: dict[int, float] = {}
    parts = [(0, len(counts))]
    while parts:
        first, end = parts.pop()
        if end - first < 2:
            continue
        largest, night = _largest_sum(counts[first:end])
        p_value = monte_carlo_p_value(_permuted(counts[first:end], largest))
        if p_value <= level:
            found[first + night] = p_value
            parts += [(first, first + night), (first + night, end)]
    return found


def _layers(nights: int) -> Iterator[tuple[npt.NDArray[np.int64], int]]:
    """Yield the first nights of overlapping periods and their length: all nights, half of them, and so on."""
    length, periods = nights, 1
    while periods == 1 or length >= _SHORTEST:
        yield np.linspace(0, nights - length, periods).astype(np.int64), length
        length, periods = -(-length // 2), 2 * periods + 1


def _squared_sums(counts: Numbers) -> Iterator[tuple[npt.NDArray[np.int64], Numbers]]:
    """Yield the first nights of periods, and the squared cumulative sum, standardised, at each later night of them."""
    total = np.concatenate([np.zeros_like(counts[..., :1, :]), counts.cumsum(axis=-2)], axis=-2)
    both = np.ascontiguousarray(np.moveaxis(total, -1, 0))
    for starts, length in _layers(counts.shape[-2]):
        nights = starts[:, None] + np.arange(1, length)
        agreed, reviewed = both[..., nights] - both[..., starts, None]
        all_agreed, all_reviewed = (both[..., starts + length] - both[..., starts])[..., None]
        squares = np.square(agreed - reviewed * (all_agreed / all_reviewed))
        yield starts, squares / (reviewed * (1 - reviewed / all_reviewed))


def _largest_sum(counts: Numbers) -> tuple[float, int]:
    """Return the largest squared sum, and its night."""
    found = []
    for starts, sums in _squared_sums(counts):
        period, night = np.unravel_index(int(np.argmax(sums)), sums.shape)
        found.append((float(np.max(sums)), int(starts[period] + night + 1)))
    return max(found)


def _gains(counts: Numbers) -> Numbers:
    """Return twice the log-likelihood ratio of a change on each night from the second to the last."""
    total = counts.cumsum(axis=-2)
    before, whole = total[..., :-1, :], total[..., -1:, :]
    gains: Numbers = 2 * (_log_likelihood(before) + _log_likelihood(whole - before) - _log_likelihood(whole))
    return gains


def _log_likelihood(counts: Numbers) -> Numbers:
    """Return the logarithm of the maximum likelihood of numbers of agreed and reviewed records."""
    agreed, reviewed = counts[..., 0], counts[..., 1]
    return _times_log(agreed) + _times_log(reviewed - agreed) - _times_log(reviewed)


def _times_log(counts: Numbers) -> Numbers:
    product: Numbers = counts * np.log(np.maximum(counts, 1))
    return product


def _permuted(counts: Numbers, observed: float) -> Iterator[npt.NDArray[np.bool_]]:
    """Yield blocks of permutations of the nights: whether the largest sum is at least as large as was observed."""
    random = np.random.default_rng(0)
    for _ in range(_BLOCKS):
        order = random.permuted(np.tile(np.arange(len(counts)), (_DRAWS, 1)), axis=1)
        sums = [squares.max(axis=(1, 2)) for _, squares in _squared_sums(counts[order])]
        # Sums of the same numbers in another order may differ in the last digits.
        yield np.max(sums, axis=0) >= observed * (1 - 1e-9)


def _without_small_steps(counts: Numbers, bounds: list[int], least_difference: float) -> list[int]:
    """Return the bounds of the parts, of which neighbours that hardly differ are joined, the most alike first."""
    while len(bounds) > 2:
        rates = [_rate(counts[first:end]) for first, end in pairwise(bounds)]
        steps = [abs(after - before) for before, after in pairwise(rates)]
        if min(steps) >= least_difference:
            break
        bounds = [bound for place, bound in enumerate(bounds) if place != steps.index(min(steps)) + 1]
    return bounds


def _described(counts: Numbers, first: int, p_value: float) -> ChangePoint:
    """Return the change in these nights, whose first has this index."""
    gains = _gains(counts)
    night = 1 + int(np.argmax(gains))
    before, after = _rate(counts[:night]), _rate(counts[night:])
    expected = np.repeat([before, after], [night, len(counts) - night])
    likely = 1 + np.flatnonzero(gains >= np.max(gains) - _BOUND * _dispersion(counts, expected))
    return ChangePoint(first + night, before, after, p_value, (first + int(likely[0]), first + int(likely[-1])))


def _rate(counts: Numbers) -> float:
    agreed, reviewed = counts.sum(axis=0)
    return float(agreed / reviewed)


def _dispersion(counts: Numbers, expected: Numbers) -> float:
    """Return the variance of the nights relative to the binomial variance of their expected rates, at least 1."""
    agreed, reviewed = counts.T
    variances = reviewed * expected * (1 - expected)
    squares = np.divide((agreed - reviewed * expected) ** 2, variances, out=np.zeros(len(counts)), where=variances > 0)
    return max(1.0, float(squares.sum()) / max(1, len(counts) - 2))
