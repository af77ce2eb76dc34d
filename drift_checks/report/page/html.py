"""index.html: the report of a run as one file, and the list of all runs, from templates."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path, PurePath
from sys import float_info

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from drift_checks.core.outcomes import AGREEMENT, Result
from drift_checks.core.records import RecordId, Stratum
from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import confidence, count, percent, percent_range, safe_word, shorten_html, spelled_out
from drift_checks.report import reviewing, summary
from drift_checks.report.attribution import ATTRIBUTION_FILE, attribution_findings
from drift_checks.report.change_points import change_in_words
from drift_checks.report.changes import changes_since, same_verdict_since
from drift_checks.report.headline import coverage, deciding_criteria, headline, reason, rests_on_accuracy
from drift_checks.report.history.kept import KeptRun
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.label_issues import LABELS_FILE, label_findings
from drift_checks.report.listing import RECORDS_FILE, listed_records
from drift_checks.report.page.charts.picture import Picture
from drift_checks.report.page.charts.thresholds import effect_bar, rate_bar
from drift_checks.report.page.charts.trend import trend_picture
from drift_checks.report.page.compared_runs import compared_runs
from drift_checks.report.page.compiled import CompiledTemplates
from drift_checks.report.page.excerpts import excerpt
from drift_checks.report.page.groups import group_records
from drift_checks.report.page.names import store_names
from drift_checks.report.page.pictures import pictures_of, trend_of
from drift_checks.report.page.record_rows import FEW, record_link, record_rows
from drift_checks.report.past_reviews import past_reviews
from drift_checks.report.reviewer_accuracy import reviewer_findings
from drift_checks.report.run import CriterionResult, JudgedStatistic, RunReport
from drift_checks.report.run_differences import SincePrevious
from drift_checks.report.verdict import FAILED, Verdict, severity

_MOST_STATISTICS = 12
_LINE = 24
# Of more records, each takes less room.
_MOST_ROOMY = 30
# In a list of records, of which there may be many.
_LONGEST_NAME = 60
_LONGEST_MESSAGE, _LONGEST_REASON, _LONGEST_DECIDING = 800, 200, 300
# The most bytes of the text of a record whose label is doubted; no such text is longer.
_LONGEST_FOLDED = 1_000


@dataclass(frozen=True)
class CriterionRow:
    """A criterion in the report; `figure` says what the `bar` shows, and `records` is how many failed it."""

    result: CriterionResult
    bar: Picture | None
    figure: str
    worst_statistics: Sequence[JudgedStatistic]
    more_statistics: int
    records: int


def render(report: RunReport) -> str:
    """Return the page of a run; every value in it is escaped."""
    listed = listed_records(report.outcomes)
    rows = record_rows(report)
    failed = Counter(name for item in listed for name in item.criteria)
    return (
        _environment()
        .get_template("run.html.j2")
        .render(
            report=report,
            facts=report.facts,
            headline=headline(report),
            reason=reason(report),
            coverage=coverage(report),
            store_name=PurePath(report.facts.store.db).name or report.facts.store.db,
            also_failed=_also_failed(report),
            judged_rows=sum(row.record_id in report.acknowledged.judged for row in rows),
            decided_by=[] if report.verdict is Verdict.OK else deciding_criteria(report),
            changes=changes_since(report.past[-1], report) if report.past else None,
            criteria=[_criterion_row(result, failed) for result in report.criteria_worst_first],
            measured={result.criterion.name for result in report.criteria if result.verdict},
            known=summary.known_in_words(report),
            agreement=summary.agreement_in_words(report),
            accurate=rests_on_accuracy(report),
            same_since=_same_since(report),
            since=change_in_words(report.agreement_changes[-1]) if report.agreement_changes else "",
            unmeasured=_unmeasured(report),
            pictures=pictures_of(report),
            moved=attribution_findings(report),
            moved_file=ATTRIBUTION_FILE,
            by_anchors=reviewer_findings(report),
            labels=label_findings(report),
            labels_file=LABELS_FILE,
            record_link=partial(record_link, report),
            rows=rows,
            past_reviews=past_reviews(report.past, [row.record_id for row in rows], 3 if len(rows) <= FEW else 1),
            listed=len(listed),
            known_rows=sum(item.criteria == [str(Result.ACKNOWLEDGED)] for item in listed),
            records_file=RECORDS_FILE,
            since_previous=SincePrevious.of(report),
            anchors={row.record_id: row.anchor for row in rows},
            anchors_before=_sure_anchors(report.past[-1].sample.record_ids) if report.past else {},
            name_of=_name_of,
            hunted_rows=sum(row.stratum == Stratum.LABEL_ISSUE for row in rows),
            groupings=group_records(rows, report.outcomes),
            record_strata=summary.RECORD_STRATA,
            cited=[who for who in ("stored", "reviewed") if any(row.text and row.text.cites(who) for row in rows)],
            is_short=len(rows) <= FEW,
            is_compact=len(rows) > _MOST_ROOMY,
            store_failures=[item for item in report.other_failures if item.record_id is None],
            summary=summary,
            reviewing=reviewing,
        )
    )


def render_list(kept: Sequence[KeptRun], recorded: Sequence[RecordedRun]) -> str:
    """Return the page that lists the kept runs, newest first, with the trend of each store's complete reviews."""
    with_page = {item.run.run_id for item in kept}
    trends = []
    for store in dict.fromkeys(run.store.identity for run in reversed(recorded)):
        runs = [run for run in recorded if run.store.identity == store]
        agreement = runs[-1].criterion(AGREEMENT)
        points = trend_of(
            runs, runs[-1].judge, lambda run: f"{run.run_id}/index.html" if run.run_id in with_page else None
        )
        thresholds = (agreement.warn, agreement.critical) if agreement else (None, None)
        trends.append((store, runs[-1], trend_picture(points, *thresholds, runs[-1].agreement_changes)))
    names = store_names([*(item.run for item in kept), *recorded])
    choices = [
        ("Verdict", "verdict", Counter(str(item.run.verdict) for item in kept).most_common()),
        ("Store", "store", Counter(names[item.run.store.identity] for item in kept).most_common()),
        ("Reviewer", "reviewer", Counter(_reviewer_of(item.run) for item in kept).most_common()),
    ]
    compared = compared_runs([item.run for item in kept if item.whole])
    return (
        _environment()
        .get_template("list.html.j2")
        .render(
            kept=kept,
            trends=trends,
            compared=compared,
            with_page=with_page,
            names=names,
            choices=choices,
            reviewer_of=_reviewer_of,
        )
    )


def _reviewer_of(run: RecordedRun) -> str:
    return f"{run.reviewer.name} ({run.reviewer.model})" if run.reviewer.model else run.reviewer.name


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("drift_checks.report.page"),
        bytecode_cache=CompiledTemplates(Path(__file__)),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=percent,
        percent_range=lambda bounds: percent_range(*bounds),
        confidence=confidence,
        quoted=shlex.quote,
        breakable=_breakable,
        folded=lambda text: excerpt(text, _LONGEST_FOLDED),
        verbatim=lambda text: Markup.escape(spelled_out(mask_secrets(text))),
        shortened=lambda text: shorten_html(mask_secrets(text), _LONGEST_MESSAGE),
        brief=lambda text: shorten_html(mask_secrets(text), _LONGEST_DECIDING),
    )
    return environment


def _sure_anchors(drawn: Sequence[RecordId]) -> dict[RecordId, str]:
    """Return the id in the page of a run of each record that it drew, if no other one may have the same."""
    words = {key: f"record-{safe_word(key)}" for key in drawn}
    taken = Counter(words.values())
    return {key: word for key, word in words.items() if taken[word] == 1}


def _name_of(value: object) -> str:
    # First: of a secret that is cut, a part would stay.
    return shorten_html(mask_secrets(str(value)), _LONGEST_NAME)


def _criterion_row(result: CriterionResult, failed: Counter[str]) -> CriterionRow:
    bar, figure = _measurement(result)
    worst_first = sorted(
        result.statistics,
        key=lambda item: (severity(item.verdict), -(item.statistic.value or 0.0), item.statistic.name),
    )
    shown = worst_first[:_MOST_STATISTICS]
    return CriterionRow(result, bar, figure, shown, len(worst_first) - len(shown), failed[result.criterion.name])


def _measurement(result: CriterionResult) -> tuple[Picture | None, str]:
    verdict = None if result.verdict is None else str(result.verdict)
    if result.effect is not None:
        warn = None if result.warn == float_info.max else result.warn
        threshold = "no threshold" if warn is None else f"threshold {warn:.2g}"
        chance = ", within chance" if result.effect > result.warn and result.verdict is Verdict.OK else ""
        figure = f"{result.effect:.2g} {result.criterion.effect}, {threshold}{chance}"
        return effect_bar(result.effect, warn, result.critical, verdict), figure
    if result.rate is not None and result.interval is not None:
        figure = f"{percent(result.rate)} ({percent_range(*result.interval)}), threshold {percent(result.warn)}"
        return rate_bar(result.rate, result.interval, result.warn, result.critical or 0.0, verdict), figure
    return None, "–"


def _also_failed(report: RunReport) -> list[CriterionResult]:
    """Return the criteria that are not OK either, but did not decide."""
    decided = deciding_criteria(report)
    return [item for item in report.criteria_worst_first if item.counts_as in FAILED and item not in decided]


def _same_since(report: RunReport) -> str:
    """Return since when the runs of this store have had this verdict; empty if the last one had another."""
    first = same_verdict_since(report)
    if first is None or report.facts.interrupted is not None:
        return ""
    runs = [run.run_id for run in report.past]
    number = len(runs) - runs.index(first.run_id) + 1
    return f"{report.verdict} since {first.started:%Y-%m-%d %H:%M} UTC, in {number} runs in a row"


def _unmeasured(report: RunReport) -> list[tuple[str, str]]:
    """Return what was not measured, and why: whole criteria, and single checks of the others."""
    found = []
    for result in report.criteria:
        name = result.criterion.name
        if result.verdict is None:
            found.append((name, result.message.removeprefix("not measured: ")))
        elif result.unmeasured:
            reasons = Counter(
                shorten_html(item.message, _LONGEST_REASON)
                for item in report.outcomes
                if item.criterion == name and item.result in (Result.UNMEASURED, Result.BROKEN)
            )
            words = "; ".join(f"{why} ({number:,})" for why, number in reasons.most_common(5) if why)
            found.append((name, f"{count(result.unmeasured, 'check')}{f': {words}' if words else ''}"))
    return sorted(found)


def _breakable(name: str) -> Markup:
    """Return a name that a browser may break after an underscore if it does not fit into a line of a phone."""
    if len(name) <= _LINE:
        return Markup.escape(spelled_out(mask_secrets(name)))
    return Markup("_<wbr>").join(Markup.escape(part) for part in spelled_out(mask_secrets(name)).split("_"))


def _finalize(value: object) -> object:
    """Write out invisible characters, and keep each percent sign with its number."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return spelled_out(mask_secrets(value)).replace(" %", "\N{NO-BREAK SPACE}%")
