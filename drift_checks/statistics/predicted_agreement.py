"""The agreement of the whole store from a small sample and a prediction for every record.

The sample corrects what the predictions say about every record, as in prediction-powered inference (A. N. Angelopoulos
et al., Science 382 (2023)) within strata (A. Fisch et al., Stratified prediction-powered inference for hybrid language
model evaluation, Advances in Neural Information Processing Systems 37 (2024)). Their intervals are for large samples:
if all of 20 records agree, their variance is 0. So the correction is a regression that is applied to all records
(multilevel regression and poststratification; D. K. Park, A. Gelman and J. Bafumi, Political Analysis 12 (2004)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drift_checks.statistics.intervals import TAIL, Estimate, Interval, StratumCount
from drift_checks.statistics.strata import MID, stratified

Numbers = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

# Log odds of the predictions, in steps. Beyond these, that is 2 % and 98 %, no prediction is trusted further.
_FARTHEST, _STEP = 4.0, 0.5
_LOG_ODDS = np.arange(-_FARTHEST, _FARTHEST + _STEP, _STEP)
BINS = len(_LOG_ODDS)
_EVEN = BINS // 2
# Before the sample: the probability that a stratum's intercept is near the common one, and the standard deviation of
# its distance then.
_NEAR, _DISTANCE = 0.97, 1.0
# Before the sample: mean and standard deviation of any other intercept, of the slope of useful predictions, and of that
# of useless ones; and the probability of the latter. Predictions that are held back from extremes give slopes above 1.
_OTHER, _USEFUL, _USELESS = (1.0, 2.0), (1.5, 0.75), (0.0, 0.3)
_IN_DOUBT = 0.5
_INTERCEPTS, _SLOPES = (-6.0, 8.0, 41), (-1.0, 2.25, 14)
# Likelihoods smaller than the largest by this factor, in logarithms, are left out.
_NEGLIGIBLE = 16.0
# The ends are looked for within the interval without predictions and this many times its width around it.
_AROUND = 2
_FREQUENCIES, _CELLS = 64, 4096
# Of both tails, the smaller has at least this probability.
_LEAST, _SHIFTS = 0.0125, 26
# How much wider than the interval without predictions the interval may be.
_WIDER = 0.1


@dataclass(frozen=True)
class PredictedStratum:
    """A stratum: how many records, by their predictions, agreed, did not agree, and were not measured.

    The last number of each array counts the records without prediction.
    """

    agreed: Counts
    failed: Counts
    unseen: Counts

    @classmethod
    def of(cls, predictions: npt.ArrayLike, measured: npt.ArrayLike, agreed: npt.ArrayLike) -> PredictedStratum:
        """Count the records of a stratum.

        Args:
            predictions: The predicted probability of agreement for each record of the stratum; NaN if there is none.
            measured: The positions of the measured records among them, each at most once.
            agreed: Whether each of the measured records agreed.
        """
        places = _places(np.asarray(predictions, dtype=np.float64))
        seen = places[np.asarray(measured, dtype=np.int64)]
        agreeing = np.asarray(agreed, dtype=bool)
        found = _count(seen[agreeing]), _count(seen[~agreeing])
        return cls(*found, _count(places) - found[0] - found[1])

    @property
    def count(self) -> StratumCount:
        """The stratum without the predictions."""
        agreed, failed = int(self.agreed.sum()), int(self.failed.sum())
        return StratumCount(agreed + failed + int(self.unseen.sum()), agreed + failed, agreed)


@dataclass(frozen=True)
class _Part:
    """Records that one line describes: numbers by log odds, and how likely its intercept is near the common one."""

    agreed: Counts
    failed: Counts
    unseen: Counts
    near: float

    def log_likelihood(self, log_rates: Numbers, log_failures: Numbers) -> Numbers:
        found: Numbers = log_rates @ self.agreed + log_failures @ self.failed
        return found


def predicted(strata: Sequence[PredictedStratum]) -> Estimate | None:
    """Estimate the rate of the whole store from samples of its strata and the predictions.

    The log odds of agreement are a line over those of the prediction, with one slope for all strata. The intercept of
    each stratum is near a common one, or anywhere; the data say how likely either is. So strata learn from each other,
    and a drift of one of them that the predictions do not show is not averaged away. All intercepts and slopes on a
    grid are weighted by their likelihood; the records not measured then agree independently of each other.

    As in `stratified`, a lower and an upper limit have distributions of their own, the weights multiplied by the rate
    of disagreement or of agreement, and each end uses the mean of both. The interval is the shortest that leaves 5 %
    outside (G. E. P. Box and G. C. Tiao, Bayesian inference in statistical analysis (1973)): near full agreement, equal
    tails lie too low.

    If the predictions tell nothing, the slope is near 0, which is as likely as not before the sample.

    What is expected before the sample was chosen by simulation, so that the interval covers the rate in at least 94 %
    of samples of real and of damaged stores. It covers less if one stratum drifts where no prediction shows it: 89 % if
    that befalls 15 % of the old records, of which 20 are measured.

    Returns:
        The estimate; that of `stratified` if all predictions are alike, no record with a prediction was measured,
        nothing was left to chance, or the interval were more than a tenth wider; None if a stratum of the store was not
        measured at all.
    """
    plain = stratified([stratum.count for stratum in strata])
    if plain is None or plain.is_exact or not _tells(strata):
        return plain
    parts = [part for stratum in strata for part in _parts(stratum)]
    total = sum(stratum.count.size for stratum in strata)
    agreed = sum(stratum.count.agreed for stratum in strata)
    failed = sum(stratum.count.measured for stratum in strata) - agreed
    lower, upper = plain.interval
    width = upper - lower
    first = lower - _AROUND * width
    period = (1 + 2 * _AROUND) * width
    values = first + period * (np.arange(_CELLS) + 0.5) / _CELLS
    frequencies = np.arange(_FREQUENCIES, dtype=np.float64) * (2 * np.pi / period)
    low, high = _distributions(parts, frequencies, total, first)
    middle = MID * (low + high)
    ends = _shortest(values, middle if agreed else low, middle if failed else high)
    ends = max(ends[0], agreed / total) if agreed else 0.0, min(ends[1], 1 - failed / total) if failed else 1.0
    if ends[1] - ends[0] > (1 + _WIDER) * width:
        return plain
    return Estimate(min(max(_at(values, np.cumsum(middle), 0.5), ends[0]), ends[1]), ends)


def _tells(strata: Sequence[PredictedStratum]) -> bool:
    """Return whether predictions differ, and were measured at all."""
    measured = np.sum([stratum.agreed + stratum.failed for stratum in strata], axis=0)[:-1]
    unseen = np.sum([stratum.unseen for stratum in strata], axis=0)[:-1]
    return bool(measured.any() and np.count_nonzero(measured + unseen) > 1)


def _places(predictions: Numbers) -> Counts:
    known = np.isfinite(predictions)
    clipped = np.clip(np.where(known, predictions, 0.5), 1e-9, 1 - 1e-9)
    log_odds = np.clip(np.log(clipped / (1 - clipped)), -_FARTHEST, _FARTHEST)
    found: Counts = np.where(known, np.rint((log_odds + _FARTHEST) / _STEP).astype(np.int64), BINS)
    return found


def _count(places: Counts) -> Counts:
    return np.bincount(places, minlength=BINS + 1).astype(np.int64)


def _parts(stratum: PredictedStratum) -> list[_Part]:
    """Return the records with a prediction, and those without, which have a line of their own."""
    arrays = stratum.agreed, stratum.failed, stratum.unseen
    rest = np.zeros((3, BINS), dtype=np.int64)
    # At even odds the slope plays no part.
    rest[:, _EVEN] = [numbers[-1] for numbers in arrays]
    with_prediction = _Part(stratum.agreed[:-1], stratum.failed[:-1], stratum.unseen[:-1], _NEAR)
    parts = with_prediction, _Part(rest[0], rest[1], rest[2], 0.0)
    return [part for part in parts if part.agreed.any() or part.failed.any() or part.unseen.any()]


def _logs(intercepts: Numbers, slopes: Numbers) -> tuple[Numbers, Numbers]:
    """Return the logarithms of the rates of agreement and of disagreement for each intercept, slope and log odds."""
    log_odds = intercepts[:, None, None] + slopes[None, :, None] * _LOG_ODDS
    return -np.logaddexp(0, -log_odds), -np.logaddexp(0, log_odds)


def _grid(parts: Sequence[_Part]) -> tuple[Numbers, Numbers]:
    """Return the intercepts and slopes that are likely for any part."""
    intercepts, slopes = np.linspace(*_INTERCEPTS), np.linspace(*_SLOPES)
    logs = _logs(intercepts, slopes)
    each = [part.log_likelihood(*logs) for part in parts]
    # Each part can have an intercept of its own; the slope is common to all.
    common = np.sum([np.max(likelihood, axis=0) for likelihood in each], axis=0)
    likely = np.flatnonzero(common > np.max(common) - _NEGLIGIBLE)
    steep = slopes[max(0, likely[0] - 1)], slopes[min(len(slopes) - 1, likely[-1] + 1)]
    tops = np.max([np.max(likelihood - np.max(likelihood), axis=1) for likelihood in each], axis=0)
    kept = np.flatnonzero(tops > -_NEGLIGIBLE)
    ends = intercepts[max(0, kept[0] - 1)], intercepts[min(len(intercepts) - 1, kept[-1] + 1)]
    return np.linspace(*ends, len(intercepts)), np.linspace(*steep, len(slopes))


def _normal(values: Numbers, mean: float, deviation: float) -> Numbers:
    """Return the densities of a normal distribution, but for a constant."""
    found: Numbers = np.exp(-(((values - mean) / deviation) ** 2) / 2) / deviation
    return found


def _distributions(parts: Sequence[_Part], frequencies: Numbers, total: int, first: float) -> tuple[Numbers, Numbers]:
    """Return the probabilities of the store's rate for the lower and for the upper end, in cells from the first value.

    Sums of independent numbers are products of their characteristic functions.
    """
    intercepts, slopes = _grid(parts)
    logs = _logs(intercepts, slopes)
    rates, failures = np.exp(logs[0]), np.exp(logs[1])
    near = _normal(intercepts[:, None] - intercepts, 0, _DISTANCE)
    other = _normal(intercepts, *_OTHER)
    steep = (1 - _IN_DOUBT) * _normal(slopes, *_USEFUL) + _IN_DOUBT * _normal(slopes, *_USELESS)
    sizes = [part.agreed + part.failed + part.unseen for part in parts]
    # For the lower end, then for the upper one.
    weights = _of_ends(failures @ np.sum(sizes, axis=0) / np.sum(sizes))
    product = np.repeat((weights * steep)[..., None].astype(np.complex128), len(frequencies), axis=3)
    for part, size in zip(parts, sizes, strict=True):
        likelihood = part.log_likelihood(*logs)
        likelihood = np.exp(likelihood - np.max(likelihood))
        mean = (rates @ part.unseen + part.agreed.sum()) / total
        variance = (rates * failures) @ part.unseen / total**2
        waves = np.exp(-1j * frequencies * mean[..., None] - frequencies**2 * variance[..., None] / 2)
        waves *= likelihood[..., None]
        shared = part.near * np.tensordot(near, waves, axes=1)
        alone = (1 - part.near) * (other @ likelihood)
        weights = _of_ends(failures @ size / size.sum())
        scale = alone / np.einsum("eab,ab->eb", weights, likelihood)
        product *= shared + (scale[..., None] * np.einsum("eab,abk->ebk", weights, waves))[:, None]
    low, high = (_invert(transform, frequencies, first) for transform in product.sum(axis=(1, 2)))
    return low, high


def _of_ends(failing: Numbers) -> Numbers:
    return np.stack([failing, 1 - failing])


def _invert(transform: npt.NDArray[np.complex128], frequencies: Numbers, first: float) -> Numbers:
    spectrum = np.zeros(_CELLS // 2 + 1, dtype=np.complex128)
    spectrum[: len(frequencies)] = transform / transform[0].real * np.exp(1j * frequencies * first)
    found: Numbers = np.fft.irfft(spectrum, _CELLS)
    return found


def _shortest(values: Numbers, from_below: Numbers, from_above: Numbers) -> Interval:
    """Return the shortest interval that has 5 % in its tails, each under its own distribution."""
    below, above = np.cumsum(from_below), np.cumsum(from_above)
    tails = np.linspace(_LEAST, 2 * TAIL - _LEAST, _SHIFTS)
    intervals = [(_at(values, below, tail), _at(values, above, 1 - 2 * TAIL + tail)) for tail in tails]
    return min(intervals, key=lambda ends: ends[1] - ends[0])


def _at(values: Numbers, cumulative: Numbers, level: float) -> float:
    """Return the value at which the cumulative probability exceeds the level."""
    return float(values[np.argmax(cumulative > level)])
