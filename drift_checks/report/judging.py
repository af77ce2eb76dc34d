"""Judges a run: turns facts and outcomes into counts, rates, intervals and a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isclose, isnan

from drift_checks.core.outcomes import AGREEMENT, Criterion, Outcome, Result, Statistic
from drift_checks.core.records import Stratum
from drift_checks.core.text import percent
from drift_checks.report.acknowledgements import NOTHING_ACKNOWLEDGED, Acknowledged, Acknowledgement
from drift_checks.report.agreement import judge_agreement, summarise_agreement
from drift_checks.report.effects import judge_effects, reasons
from drift_checks.report.evidence import enough_or_warning, too_few
from drift_checks.report.partial import judge_in_part
from drift_checks.report.run import CriterionResult, Facts, JudgedStatistic, RunReport
from drift_checks.report.verdict import EXIT_INTERNAL_ERROR, EXIT_INTERRUPTED, Verdict, judge, worst
from drift_checks.statistics.multiplicity import holm_by_group


def build_report(
    facts: Facts,
    criteria: Sequence[Criterion],
    outcomes: Sequence[Outcome],
    duration_seconds: float,
    acknowledged: Acknowledged = NOTHING_ACKNOWLEDGED,
) -> RunReport:
    """Judge a run by the outcomes of its checks; what is acknowledged does not count."""
    outcomes = [_acknowledge(outcome, acknowledged) for outcome in outcomes]
    by_criterion = {
        # Workers report their checks in any order.
        criterion.name: sorted((item for item in outcomes if item.criterion == criterion.name), key=_place)
        for criterion in criteria
    }
    adjusted = _adjusted_p_values(by_criterion)
    results = tuple(
        _with_acknowledgement(
            judge_criterion(criterion, by_criterion[criterion.name], facts, adjusted.get(criterion.name, [])),
            by_criterion[criterion.name],
            acknowledged.active,
        )
        for criterion in criteria
    )
    results = tuple(judge_in_part(result, facts.coverage) for result in results)
    verdict = worst(result.counts_as for result in results)
    broken = any(item.result is Result.BROKEN for item in outcomes)
    exit_code = EXIT_INTERNAL_ERROR if broken and verdict is not Verdict.CRITICAL else verdict.exit_code
    if facts.interrupted is not None:
        verdict, exit_code = Verdict.INCONCLUSIVE, EXIT_INTERRUPTED
    return RunReport(
        facts,
        duration_seconds,
        verdict,
        exit_code,
        summarise_agreement(facts, outcomes),
        results,
        tuple(_with_statistics_judged(outcomes, results)),
        acknowledged=acknowledged,
    )


def judge_criterion(
    criterion: Criterion, outcomes: Sequence[Outcome], facts: Facts, adjusted: Sequence[float] = ()
) -> CriterionResult:
    """Count a criterion's outcomes and compare them with its thresholds; `adjusted` p-values are of its statistics."""
    if criterion.effect:
        result = judge_effects(criterion, outcomes, adjusted, facts)
    else:
        result = _judge_shares(criterion, outcomes, facts)
    unread = reasons([item for item in outcomes if item.unreadable])
    if any(item.unreadable for item in outcomes) and result.verdict is not Verdict.CRITICAL:
        message = result.message if unread in result.message else f"{result.message}; {unread}"
        result = replace(result, verdict=Verdict.INCONCLUSIVE, message=message)
    return result


def _judge_shares(criterion: Criterion, outcomes: Sequence[Outcome], facts: Facts) -> CriterionResult:
    result = _judge_records(criterion, outcomes, facts)
    shares = [
        JudgedStatistic(item, None if item.value is None else judge(item.value, result.warn, result.critical or 0.0))
        for item in _statistics(outcomes)
    ]
    if any(item.result is Result.BROKEN for item in outcomes):
        found = result.verdict if result.verdict is Verdict.CRITICAL else Verdict.INCONCLUSIVE
        result = replace(result, verdict=found, message=f"the check itself broke; {result.message}")
    elif _lacks_checks(result) or not result.measured + result.known + len(shares):
        result = replace(result, message=f"{result.message}: {reasons(outcomes)}")
    if any(item.verdict for item in shares):
        messages = ", ".join(item.statistic.message for item in shares)
        verdict = worst([result.verdict, *(item.verdict for item in shares)])
        result = replace(result, verdict=verdict, message=f"{result.message}; in the whole store {messages}")
    return replace(result, statistics=tuple(shares))


def _lacks_checks(result: CriterionResult) -> bool:
    return result.verdict is Verdict.INCONCLUSIVE and result.unmeasured > 0


def _acknowledge(outcome: Outcome, acknowledged: Acknowledged) -> Outcome:
    why = acknowledged.why_known(outcome) if outcome.result is Result.FAILED else ""
    return replace(outcome, result=Result.ACKNOWLEDGED, message=why) if why else outcome


def _with_acknowledgement(
    result: CriterionResult, outcomes: Sequence[Outcome], active: Sequence[Acknowledgement]
) -> CriterionResult:
    """Return the result with its acknowledgement; nobody knows what a broken check would have found."""
    found = next((item for item in active if item.covers_criterion(result.criterion.name, result.verdict)), None)
    if found is None or any(item.result is Result.BROKEN for item in outcomes):
        return result
    return replace(result, acknowledged=found, message=f"{result.message}; {found.words()}")


def _judge_records(criterion: Criterion, outcomes: Sequence[Outcome], facts: Facts) -> CriterionResult:
    counted = [item for item in _countable(outcomes) if _counts(criterion, item, facts)]
    tally = Counter(item.result for item in counted)
    passed, failed, not_needed = tally[Result.PASSED], tally[Result.FAILED], tally[Result.NOT_NEEDED]
    known = tally[Result.ACKNOWLEDGED]
    unmeasured = len(counted) - passed - failed - not_needed - known
    warn = facts.warn if criterion.warn is None else criterion.warn
    critical = facts.critical if criterion.critical is None else criterion.critical
    result = CriterionResult(
        criterion, None, passed, failed, unmeasured, warn, critical, "", not_needed=not_needed, known=known
    )
    made = passed + failed + known
    if criterion.reviewed and unmeasured and not _reaches(made, not_needed, unmeasured, facts):
        message = f"only {made} of {made + unmeasured} could be reviewed; {percent(facts.min_reviewed)} are needed"
        return replace(result, verdict=Verdict.INCONCLUSIVE, message=message)
    if known and not result.measured:
        return replace(result, message="not measured: every reviewed record is acknowledged")
    if not result.measured:
        return replace(result, message="not measured")
    also = f"; {known:,} acknowledged" if known else ""
    message = f"{failed:,} of {result.measured:,} {criterion.failing}, {percent(failed / result.measured)}{also}"
    if criterion.name != AGREEMENT:
        if criterion.reviewed and (few := too_few(made, criterion, chosen=facts.chosen)):
            return replace(result, verdict=Verdict.INCONCLUSIVE, message=f"{few}: {message}")
        verdict, reason = enough_or_warning(result, chosen=facts.chosen)
        return replace(result, verdict=verdict, message=f"{message}{reason}")
    countable = _countable(outcomes)
    judged = judge_agreement(facts, countable, summarise_agreement(facts, outcomes), replace(result, message=message))
    return replace(result, verdict=judged.verdict, message=judged.message, estimate=judged.estimate)


def _place(outcome: Outcome) -> str:
    return outcome.check if outcome.record_id is None else ""


def _adjusted_p_values(by_criterion: Mapping[str, Sequence[Outcome]]) -> dict[str, list[float]]:
    """Return the adjusted p-values of each criterion's statistics; each family of a criterion is a group of tests."""
    tests = {
        name: [(f"{name} {item.family}", item.p_value) for item in _statistics(outcomes) if item.p_value is not None]
        for name, outcomes in by_criterion.items()
    }
    groups: dict[str, list[float]] = {}
    for group, p_value in (test for found in tests.values() for test in found):
        # NaN, as of constant values, shows no effect.
        groups.setdefault(group, []).append(1.0 if isnan(p_value) else p_value)
    adjusted = {group: iter(found) for group, found in holm_by_group(groups).items()}
    return {name: [next(adjusted[group]) for group, _ in found] for name, found in tests.items()}


def _statistics(outcomes: Sequence[Outcome]) -> list[Statistic]:
    return [statistic for item in outcomes for statistic in item.statistics]


def _with_statistics_judged(outcomes: Sequence[Outcome], results: Sequence[CriterionResult]) -> list[Outcome]:
    """Return the outcomes, failed if one of their statistics is: only the whole run tells chance from change."""
    bad: Mapping[int, str] = {
        id(item.statistic): item.statistic.message
        for result in results
        for item in result.statistics
        if item.verdict not in (None, Verdict.OK)
    }
    judged = []
    for outcome in outcomes:
        messages = [bad[id(statistic)] for statistic in outcome.statistics if id(statistic) in bad]
        failed = messages and outcome.result is Result.PASSED
        judged.append(replace(outcome, result=Result.FAILED, message="; ".join(messages)) if failed else outcome)
    return judged


def _countable(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Leave out shares of the whole store and, beside checks of records, unmeasured checks of anything else."""
    of_records = any(item.record_id is not None for item in outcomes)
    return [
        item
        for item in outcomes
        if item.record_id is not None or not (item.statistics or (of_records and item.result is Result.UNMEASURED))
    ]


def _counts(criterion: Criterion, outcome: Outcome, facts: Facts) -> bool:
    if outcome.stratum == Stratum.LABEL_ISSUE:
        # Half of the sample would fail what few records of the store do.
        return False
    return not criterion.without_baseline or outcome.stratum is None or outcome.stratum in facts.judged


def _reaches(measured: int, not_needed: int, unmeasured: int, facts: Facts) -> bool:
    """Whether enough was reviewed for a verdict; records that were not needed count as reviewed."""
    reviewed, total = measured + not_needed, measured + not_needed + unmeasured
    # A share such as 0.56 is not exact in binary.
    enough = reviewed > facts.min_reviewed * total or isclose(reviewed, facts.min_reviewed * total)
    return bool(measured) and enough
