"""A chart of each kind and size, with hostile names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import sin

from drift_checks.report.history.agreement_change import AgreementChange
from drift_checks.report.page.charts.calibration import calibration_picture
from drift_checks.report.page.charts.class_mix import class_mix_picture
from drift_checks.report.page.charts.forest import Slice, forest_picture
from drift_checks.report.page.charts.heat_map import heat_map_picture
from drift_checks.report.page.charts.histogram import histogram_picture
from drift_checks.report.page.charts.picture import WINDOWS, Picture
from drift_checks.report.page.charts.scatter import scatter_picture
from drift_checks.report.page.charts.thresholds import effect_bar, rate_bar
from drift_checks.report.page.charts.trend import TrendPoint, trend_picture
from tests.unit.report.page.charts.drawing import HOSTILE

FIRST = datetime(2026, 1, 5, 1, 45, tzinfo=UTC)
VERDICTS = ("OK", "WARNING", "CRITICAL", "INCONCLUSIVE")


def run(number: int, rate: float | None = 0.9, verdict: str = "OK", **versions: str) -> TrendPoint:
    """Return the run of that night."""
    low, high = (None, None) if rate is None else (max(0.0, rate - 0.1), min(1.0, rate + 0.05))
    started = FIRST + timedelta(days=number)
    return TrendPoint(started, rate, low, high, verdict, versions, f"run-{number}", f"../run-{number}/index.html")


def runs(number: int) -> list[TrendPoint]:
    """Return that many nights with all verdicts and changing, hostile versions."""
    return [
        run(
            night,
            None if night % 11 == 10 else 0.82 + 0.15 * sin(night / 5),
            VERDICTS[night % 4],
            model_version=f"{night // 40}{HOSTILE}",
        )
        for night in range(number)
    ]


def change(night: int, earliest: int, latest: int) -> AgreementChange:
    """Return a fall of agreement on that night, and a version that changed then."""
    first, *interval = (FIRST + timedelta(days=number) for number in (night, earliest, latest))
    return AgreementChange(
        run_id=f"run-{night}",
        started=first,
        earliest=interval[0],
        latest=interval[1],
        before=0.93,
        after=0.81,
        p_value=0.001,
        versions={"model_version": ("v1", HOSTILE)},
    )


def flows(categories: int, records: int) -> list[tuple[str, str, int]]:
    """Return records in that many categories, of which every fifth moved."""
    counts: dict[tuple[str, str], int] = {}
    for record in range(records):
        stored = record * record % categories
        reviewed = (stored + 1 + record % 3) % categories if record % 5 == 0 else stored
        pair = (f"{stored} {HOSTILE}", f"{reviewed} {HOSTILE}")
        counts[pair] = counts.get(pair, 0) + 1
    return [(stored, reviewed, number) for (stored, reviewed), number in counts.items()]


def slices(number: int) -> list[Slice]:
    """Return that many slices of hostile dimensions."""
    return [
        Slice(f"{n % 4} {HOSTILE}", f"{n} {HOSTILE}", 0.5 + n / 2 / number, 0.3 + n / 2 / number, 1.0, n + 1, None)
        for n in range(number)
    ]


EDGES = [number / 20 for number in range(21)]
# The template, the chart, and the most bytes it may take.
SAMPLES: dict[str, tuple[str, Picture | None, int]] = {
    "rate": ("thresholds", rate_bar(0.82, (0.7, 0.9), 0.85, 0.75, "WARNING"), 2_000),
    "effect": ("thresholds", effect_bar(0.3, 0.1, None, "CRITICAL"), 2_000),
    **{f"{number} runs": ("trend", trend_picture(runs(number), 0.85, 0.75), 11_000) for number in (1, 2, 30, 120, 400)},
    "a change": ("trend", trend_picture(runs(30), 0.85, 0.75, [change(9, 8, 12), change(20, 20, 20)]), 11_000),
    "11 categories": ("heat_map", heat_map_picture(flows(11, 60)), 25_000),
    "77 categories": ("heat_map", heat_map_picture(flows(77, 200)), 25_000),
    "histogram": ("histogram", histogram_picture(EDGES, range(20), range(20, 0, -1), WINDOWS), 10_000),
    "calibration": (
        "calibration",
        calibration_picture([[n / 10 + 0.05, 0.6, n + 1, 0.4, 0.8] for n in range(10)]),
        10_000,
    ),
    "forest": ("forest", forest_picture(slices(60), 0.8), 15_000),
    "class mix": ("class_mix", class_mix_picture([(f"{n} {HOSTILE}", n, 40 - n) for n in range(41)]), 15_000),
    "scatter": ("scatter", scatter_picture([[sin(n), sin(n * n)] for n in range(400)], 200), 12_000),
}
