"""Where records go from their stored categories under review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

DRAWS = 9_999
# The same pairs have the same p value on every run.
SEED = 20260115


def confusion(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Return how often each category was reviewed as each, itself included.

    Args:
        pairs: The stored and the reviewed category of each record.

    Returns:
        The counts by (stored, reviewed), only those above 0: the largest first, equal ones by name.
    """
    counts = Counter(pairs)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


@dataclass(frozen=True)
class Drain:
    """What a category loses to the others and gains from them.

    Attributes:
        category: Its name.
        out: How many records stored under it were reviewed as another.
        into: How many records stored under others were reviewed as it.
        stored: How many records are stored under it; 0 for one that only reviews name.
        p_value: One-sided, that it loses so many more than it gains by chance.
    """

    category: str
    out: int
    into: int
    stored: int
    p_value: float


def drains(pairs: Iterable[tuple[str, str]]) -> list[Drain]:
    """Return the categories that exchange records with others, the surest drain first.

    A category keeps its share where it loses as many records as it gains, the hypothesis of A. Stuart, A test for
    homogeneity of the marginal distributions in a two-way classification, Biometrika 42 (1955). For one category
    against all others the test is exact, of the sign: Q. McNemar, Note on the sampling error of the difference between
    correlated proportions or percentages, Psychometrika 12 (1947). The p values are not corrected for their number.

    Args:
        pairs: The stored and the reviewed category of each record.

    Returns:
        The categories with any flow by p value, equal ones by the net loss and the name; none without disagreement.
    """
    from scipy.stats import binom

    out: Counter[str] = Counter()
    into: Counter[str] = Counter()
    stored: Counter[str] = Counter()
    for (before, after), number in confusion(pairs).items():
        stored[before] += number
        if before != after:
            out[before] += number
            into[after] += number
    found = [
        Drain(name, out[name], into[name], stored[name], float(binom.sf(out[name] - 1, out[name] + into[name], 0.5)))
        for name in out.keys() | into.keys()
    ]
    return sorted(found, key=lambda drain: (drain.p_value, drain.into - drain.out, drain.category))


def symmetry_p_value(pairs: Iterable[tuple[str, str]]) -> float:
    """Return how likely so one-sided an exchange between any two categories is, were each as likely both ways.

    The statistic is that of A. H. Bowker, A test for symmetry in contingency tables, Journal of the American
    Statistical Association 43 (1948). Its chi-squared distribution does not hold where counts are small; here it is
    drawn, with the number of records exchanged by each two categories held fixed.

    Args:
        pairs: The stored and the reviewed category of each record.

    Returns:
        A p value of at least 1 / (`DRAWS` + 1); 1 where no records are exchanged.
    """
    counts = confusion(pairs)
    between = {(min(pair), max(pair)) for pair in counts if pair[0] != pair[1]}
    splits = [(counts.get((one, other), 0), counts.get((other, one), 0)) for one, other in between]
    # A single record splits only one way: it adds the same to every draw. The order makes the draws those of the
    # counts, whatever the names.
    splits = sorted((max(split), min(split)) for split in splits if sum(split) > 1)
    observed = sum((more - fewer) ** 2 / (more + fewer) for more, fewer in splits)
    generator = np.random.default_rng(SEED)
    drawn = np.zeros(DRAWS)
    for total in sorted(sum(split) for split in splits):
        drawn += (2 * generator.binomial(total, 0.5, DRAWS) - total) ** 2 / total
    # Equal sums may differ in their last digits.
    reached = np.count_nonzero(drawn >= observed - 1e-9 * (1 + observed))
    return (1 + int(reached)) / (DRAWS + 1)
