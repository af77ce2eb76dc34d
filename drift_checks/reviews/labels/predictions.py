"""How probable the labels of a store are, by stratum: what the estimate of its agreement needs of the predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from drift_checks.core.records import RecordId, Stratum

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


# Probabilities are rounded, so that a million labels have a thousand.
DIGITS = 3


@dataclass(frozen=True)
class LabelPredictions:
    """How probable the labels of a store are, by classifiers that have not seen the records.

    Attributes:
        sizes: The number of records of each stratum.
        counts: For each stratum, the different probabilities of labels, and how many records have each; others have
            none.
        sampled: The records of the sample that have one, with the probability.
    """

    sizes: Mapping[str, int]
    counts: Mapping[str, tuple[tuple[float, int], ...]]
    sampled: tuple[tuple[RecordId, float], ...]

    def apart(self, issues: Iterable[tuple[RecordId, str, float]]) -> LabelPredictions:
        """Return the predictions with these records, given by stratum and probability, in a stratum of their own."""
        import numpy as np

        counts = {name: Counter(dict(found)) for name, found in self.counts.items()} | {Stratum.LABEL_ISSUE: Counter()}
        sizes, sampled = Counter(self.sizes), dict(self.sampled)
        for key, stratum, probability in issues:
            value = float(np.round(probability, DIGITS))
            counts[stratum][value] -= 1
            counts[Stratum.LABEL_ISSUE][value] += 1
            sizes.subtract([stratum])
            sizes[Stratum.LABEL_ISSUE] += 1
            sampled[key] = value
        return LabelPredictions(
            {str(name): number for name, number in sizes.items()},
            {str(name): tuple((+found).items()) for name, found in counts.items()},
            tuple(sampled.items()),
        )

    def of_stratum(
        self, stratum: str, ids: Iterable[RecordId | None]
    ) -> tuple[npt.NDArray[np.float64], list[int]] | None:
        """Return the predictions of all records of a stratum, NaN if there is none, and where those of these ids are.

        Returns:
            None if these records cannot be among them, because the store changed.
        """
        import numpy as np

        numbers: dict[float | None, int] = dict(self.counts[stratum])
        numbers[None] = self.sizes[stratum] - sum(numbers.values())
        ends = zip(numbers.items(), accumulate(numbers.values()), strict=True)
        free = {value: iter(range(end - number, end)) for (value, number), end in ends}
        sampled: dict[RecordId | None, float] = dict(self.sampled)
        places = [next(free.get(sampled.get(key), iter(())), -1) for key in ids]
        if min(numbers[None], *places, 0) < 0:
            return None
        values = [np.nan if value is None else value for value in numbers]
        return np.repeat(values, list(numbers.values())), places
