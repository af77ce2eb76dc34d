"""The charts of a run's report, drawn from what its criteria measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from drift_checks.core.instants import read_instant
from drift_checks.core.outcomes import AGREEMENT, Decision, Statistic
from drift_checks.core.records import Stratum
from drift_checks.report.changes import versions_of
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.page.charts.calibration import calibration_picture
from drift_checks.report.page.charts.class_mix import class_mix_picture
from drift_checks.report.page.charts.forest import Slice, forest_picture
from drift_checks.report.page.charts.heat_map import heat_map_picture
from drift_checks.report.page.charts.histogram import histogram_picture
from drift_checks.report.page.charts.picture import WINDOWS, Picture
from drift_checks.report.page.charts.scatter import scatter_picture
from drift_checks.report.page.charts.trend import TrendPoint, trend_picture
from drift_checks.report.run import JudgedStatistic, RunReport
from drift_checks.statistics.intervals import Estimate, wilson

# A wider chart would be illegible in half the page.
_COLUMN = 760
_BINS = [number / 10 for number in range(11)]


@dataclass(frozen=True)
class ShownPicture:
    """A chart of the figures of a criterion; the template of its `kind` draws it, and `caption` says how to read it."""

    name: str
    criterion: str
    kind: str
    heading: str
    caption: str
    picture: Picture

    @property
    def across(self) -> bool:
        """Whether it takes the full width of the page."""
        return self.picture.width > _COLUMN


def pictures_of(report: RunReport) -> list[ShownPicture]:
    """Return the charts that have figures, in the order of the page: the trend first, full-width charts last."""
    found = [
        ShownPicture(name, criterion, kind, heading, caption, picture)
        for draw, name, criterion, kind, heading, caption in _PICTURES
        if (picture := draw(report)) is not None
    ]
    return sorted(found, key=lambda shown: (shown.kind != "trend", shown.across))


def trend_of(runs: Iterable[RecordedRun], judge: str, link_of: Callable[[RecordedRun], str | None]) -> list[TrendPoint]:
    """Return the runs as points of a trend of the agreement that the newest run's `judge` selects.

    `link_of` returns the address of a run's page, None if it has none.
    """
    return [
        TrendPoint(
            run.started,
            *_figures(run.agreement.judged(judge)),
            verdict=str(run.verdict),
            versions=versions_of(run),
            run_id=run.run_id,
            link=link_of(run),
        )
        for run in runs
    ]


def _figures(judged: Estimate | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if judged is None else (judged.rate, *judged.interval)


def _trend(report: RunReport) -> Picture | None:
    facts, agreement = report.facts, report.agreement
    started = read_instant(facts.started, UTC)
    assert started is not None
    figures = _figures(agreement.judged(facts.judge))
    now = TrendPoint(started, *figures, str(report.verdict), versions_of(facts), facts.run_id)
    past = trend_of(report.past, facts.judge, lambda run: f"../{run.run_id}/index.html")
    return trend_picture([*past, now], facts.warn, facts.critical, report.agreement_changes)


def _decisions(report: RunReport) -> list[Decision]:
    # Without those that were drawn because their labels are doubted, as the criteria that the charts belong to.
    drawn = (item for item in report.outcomes if item.stratum != Stratum.LABEL_ISSUE)
    found = (item.decision for item in drawn if item.criterion == AGREEMENT)
    return [decision for decision in found if decision is not None and decision.reviewed is not None]


def _flow(report: RunReport) -> Picture | None:
    pairs = Counter((decision.stored, decision.reviewed or "") for decision in _decisions(report))
    return heat_map_picture([(stored, reviewed, number) for (stored, reviewed), number in pairs.items()])


def _confidence(report: RunReport) -> Picture | None:
    both = [
        (decision.stored_confidence, decision.reviewed_confidence)
        for decision in _decisions(report)
        if decision.stored_confidence is not None and decision.reviewed_confidence is not None
    ]
    if not both:
        return None
    stored, reviewed = (_histogram(part) for part in zip(*both, strict=True))
    return histogram_picture(_BINS, stored, reviewed, names=("stored", "reviewed"))


def _histogram(values: tuple[float, ...]) -> list[int]:
    counts = [0] * (len(_BINS) - 1)
    for value in values:
        if 0 <= value <= 1:
            counts[min(int(value * len(counts)), len(counts) - 1)] += 1
    return counts


def _slices(report: RunReport) -> Picture | None:
    rows, overall = [], None
    for judged in _statistics(report, "agreement_by_slice"):
        details = judged.statistic.details
        interval = wilson(details["agreed"], details["reviewed"]) if details else None
        if interval is not None:
            group, joined, label = _named_slice(judged.statistic)
            rate = details["agreed"] / details["reviewed"]
            # The same records as the slices', baseline included.
            agreed, number = (details[name] + details[f"rest_{name}"] for name in ("agreed", "reviewed"))
            overall = agreed / number
            rows.append(Slice(group, label, rate, *interval, details["reviewed"], judged.verdict, joined))
    return forest_picture(rows, overall)


def _named_slice(statistic: Statistic) -> tuple[str, str, str]:
    """Return the group of a slice, what joins it to the name, and the name; the first of two slices is a group."""
    if pair := statistic.details.get("pair"):
        first, second = (f"{dimension.replace('_', ' ')} = {value}" for dimension, value in pair)
        return first, " ", f"and {second}"
    dimension, _, value = statistic.name.partition("=")
    return dimension.replace("_", " "), ": ", value


def _class_mix(report: RunReport) -> Picture | None:
    categories = _details(report, "class_mix").get("categories", [])
    return class_mix_picture([(str(name), before, now) for name, before, now in categories])


def _calibration(report: RunReport) -> Picture | None:
    return calibration_picture(_details(report, "calibration").get("bins", []))


def _window_confidence(report: RunReport) -> Picture | None:
    details = _details(report, "confidence_distribution")
    if not details:
        return None
    return histogram_picture(details["bins"], details["reference"], details["recent"], names=WINDOWS)


def _embeddings(report: RunReport) -> Picture | None:
    details = _details(report, "embedding_drift")
    return scatter_picture(details.get("points", []), details.get("reference_points", 0))


def _statistics(report: RunReport, criterion: str) -> tuple[JudgedStatistic, ...]:
    return next((result.statistics for result in report.criteria if result.criterion.name == criterion), ())


def _details(report: RunReport, criterion: str) -> Mapping[str, Any]:
    return next((item.statistic.details for item in _statistics(report, criterion) if item.statistic.details), {})


# Each chart: what draws it, then its name, criterion, kind, heading and caption.
_PICTURES: tuple[tuple[Callable[[RunReport], Picture | None], str, str, str, str, str], ...] = (
    (_trend, "trend", "trend", "trend", "Agreement over past runs",
     "Each run with its 95 % interval and the thresholds. Numbers mark where a version changed; a triangle marks the"
     " night on which agreement in the sample changed, and the band around it the 95 % interval of that night."),
    (_flow, "flow", "category_flow", "heat_map", "Stored → reviewed",
     "Rows are stored categories, columns are the reviewer's; off the diagonal the two disagree."),
    (_slices, "slices", "agreement_by_slice", "forest", "Agreement by slice",
     "Agreement in each part of the sample and baseline, with its 95 % interval; the line marks all of them."),
    (_confidence, "confidence", "confidence_change", "histogram", "Confidence, stored and reviewed",
     "The stored confidence of the sampled records, and the reviewer's."),
    (_calibration, "calibration", "calibration", "calibration", "Is 0.9 still 0.9?",
     "Stored confidence against agreement; below the diagonal the store was overconfident."),
    (_class_mix, "class-mix", "class_mix", "class_mix", "Class mix, earlier and recent",
     "Each category's share of the whole store, in the earlier and the recent window."),
    (_window_confidence, "confidence-distribution", "confidence_distribution", "histogram",
     "Stored confidence, earlier and recent", "The stored confidence of the records in each window."),
    (_embeddings, "embeddings", "embedding_drift", "scatter", "Embeddings, earlier and recent",
     "Vectors drawn from each window, projected on the two directions in which they vary most."),
)  # fmt: skip
