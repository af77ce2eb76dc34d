"""The flow of records from their stored categories to the reviewed ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from drift_checks.statistics.tails import binomial_upper_tail

DRAWS = 9_999
# Fixed, so that the same pairs have the same p-value in every run.
SEED = 20260115


def confusion(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return the positive counts by (stored, reviewed) category, the largest first, ties by name."""
    counts = Counter(pairs)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True)
class Drain:
    """The number of records that a category loses to the others (`out`), gains from them (`into`) and had stored.

    `p_value` is the one-sided p-value of its net loss.
    """

    category: str
    out: int
    into: int
    stored: int
    p_value: float


def drains(pairs: Iterable[tuple[str, str]]) -> list[Drain]:
    """Return the categories that exchange records with others, the most significant loss first.

    The hypothesis is that a category loses as many records as it gains (marginal homogeneity: A. Stuart, A test for
    homogeneity of the marginal distributions in a two-way classification, Biometrika 42 (1955)). The test of a category
    against all others is the exact sign test: Q. McNemar, Note on the sampling error of the difference between
    correlated proportions or percentages, Psychometrika 12 (1947). The p-values are not adjusted for their number.

    Returns:
        The categories with any flow, by p-value, then by net loss and name.
    """
    out: Counter[str] = Counter()
    into: Counter[str] = Counter()
    stored: Counter[str] = Counter()
    for (before, after), number in confusion(pairs).items():
        stored[before] += number
        if before != after:
            out[before] += number
            into[after] += number
    found = [
        Drain(name, out[name], into[name], stored[name], binomial_upper_tail(out[name], out[name] + into[name], 0.5))
        for name in out.keys() | into.keys()
    ]
    return sorted(found, key=lambda drain: (drain.p_value, drain.into - drain.out, drain.category))


def symmetry_p_value(pairs: Iterable[tuple[str, str]]) -> float:
    """Return the p-value of the hypothesis that records move between any two categories equally often both ways.

    The statistic is that of A. H. Bowker, A test for symmetry in contingency tables, Journal of the American
    Statistical Association 43 (1948). Since its chi-squared distribution does not hold for small counts, it is compared
    with random draws, given the number of records that each two categories exchange.

    Returns:
        The p-value, at least 1 / (`DRAWS` + 1); 1 if no records are exchanged.
    """
    counts = confusion(pairs)
    between = {(min(pair), max(pair)) for pair in counts if pair[0] != pair[1]}
    splits = [(counts.get((one, other), 0), counts.get((other, one), 0)) for one, other in between]
    # A single record adds the same to every draw. Sorting makes the draws independent of the names.
    splits = sorted((max(split), min(split)) for split in splits if sum(split) > 1)
    observed = sum((more - fewer) ** 2 / (more + fewer) for more, fewer in splits)
    generator = np.random.default_rng(SEED)
    drawn = np.zeros(DRAWS)
    for total in sorted(sum(split) for split in splits):
        drawn += (2 * generator.binomial(total, 0.5, DRAWS) - total) ** 2 / total
    # Equal sums may differ by rounding.
    reached = np.count_nonzero(drawn >= observed - 1e-9 * (1 + observed))
    return (1 + int(reached)) / (DRAWS + 1)
