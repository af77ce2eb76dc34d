"""The summary on the terminal: what an administrator reads in a mail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from drift_checks.core.outcomes import AGREEMENT, Outcome, Result
from drift_checks.core.text import confidence, count, percent, percent_range, printable
from drift_checks.report import reviewing
from drift_checks.report.accuracy import accuracy_sentences
from drift_checks.report.agreement import left_out
from drift_checks.report.attribution import attribution_findings
from drift_checks.report.change_points import change_in_words
from drift_checks.report.changes import changes_since
from drift_checks.report.headline import headline
from drift_checks.report.history.recorded import Agreement
from drift_checks.report.label_issues import LABELS_FILE, label_findings
from drift_checks.report.outside import outside_in_words
from drift_checks.report.reviewer_accuracy import reviewer_findings
from drift_checks.report.run import CriterionResult, Facts, RunReport
from drift_checks.report.verdict import MEANINGS, Verdict
from drift_checks.settings.declarations import HUNT, NEIGHBOURS, SAMPLE
from drift_checks.statistics.intervals import Estimate

_MOST_LINES = 60
_MOST_REASONS = 10
_LONGEST_FOUND = 1000
_LABEL = 12
# A criterion that is OK needs no action, so few words are enough.
_LONGEST_MESSAGE, _LONGEST_OK_MESSAGE = 400, 160
_NEIGHBOURS_TELL = "it tells whether labels fit similar texts, not what the classifier decides today"
STRATUM_WORDS = {
    "low_confidence": "low confidence",
    "old": "old",
    "baseline": "baseline",
    "label_issue": "likely label issues",
}
# Of a single record.
RECORD_STRATA = STRATUM_WORDS | {"label_issue": "likely label issue"}


def summarise(report: RunReport, page: Path | None) -> Iterator[str]:
    """Yield the lines of the summary, with the path of the HTML report if one was written."""
    facts = report.facts
    yield headline(report)
    yield ""
    yield from _reviewed(facts)
    yield from _agreement(report)
    yield from _about(report)
    yield ""
    yield "criteria"
    yield from _criteria(report.criteria_worst_first)
    yield from _records("disagreements", report.disagreements, _disagreement)
    yield from _not_reviewed(report.not_reviewed)
    yield from _records("other failures", report.other_failures, _failure)
    yield ""
    yield from _notes(report, page)
    yield _line(f"exit {report.exit_code}", report.exit_reason or MEANINGS[report.exit_code])


def _about(report: RunReport) -> Iterator[str]:
    """Yield what else is known of the agreement: who is right, and what changed."""
    for number, said in enumerate(accuracy_in_words(report)):
        yield _line("" if number else "accuracy", said)
    if report.past and (changed := changes_since(report.past[-1], report).sentences()):
        yield _line("changed", f"{'; '.join(changed)} (since {report.past[-1].started:%Y-%m-%d %H:%M} UTC)")
    if moved := attribution_findings(report):
        yield _line("moved", moved.sentence)
    if by_anchors := reviewer_findings(report):
        yield _line("anchors", by_anchors)
    if known := known_in_words(report):
        yield f"acknowledged  {known}"
    for _, why in report.acknowledged.ended:
        yield _line("note", why)


def _notes(report: RunReport, page: Path | None) -> Iterator[str]:
    """Yield what the reader may do next, and where the rest is."""
    facts = report.facts
    if report.exit_code == Verdict.INCONCLUSIVE.exit_code and facts.resumable and report.not_reviewed:
        yield _line("note", "--drift-resume requests only the missing reviews")
    if facts.partial:
        yield _line("note", "partial review: not kept as the latest run")
    if findings := label_findings(report):
        where = f"; {LABELS_FILE} beside the report ranks them" if findings.wrong and page is not None else ""
        yield _line("labels", f"{findings.sentence}{where}")
    if page is not None:
        yield _line("report", str(page))


def sample_in_words(facts: Facts) -> str:
    """Return how many records were drawn from each stratum, as in `30 low confidence (of 259), 20 old (of 714)`."""
    return ", ".join(
        f"{number} {STRATUM_WORDS[stratum]} (of {facts.sample.store_strata[stratum]:,})"
        for stratum, number in facts.sample.strata.items()
        if number or facts.sample.store_strata[stratum]
    )


def without_baseline(facts: Facts) -> str:
    """Return why agreement in the sample counts fewer records than were drawn; empty if it counts all."""
    judged = sum(facts.sample.strata.get(stratum, 0) for stratum in facts.judged)
    if facts.chosen or judged == sum(facts.sample.strata.values()):
        return ""
    others = "the others are" if facts.sample.method == HUNT else "the baseline is"
    return f"agreement in the sample is of the first {judged:,}; {others} for the estimate of the whole store"


def draw_in_words(facts: Facts) -> str:
    """Return what the draw depends on."""
    return f"seed {facts.sample.seed}, as of {facts.sample.as_of}, naive times in {facts.sample.naive_timezone}"


def known_in_words(report: RunReport) -> str:
    """Return what is acknowledged and not counted, as in `2 records, class_mix (until 2027-01-31: moved)`."""
    settled = report.acknowledged.settled.values()
    judged = sum(item.message in settled for item in report.known)
    why = f" ({judged:,} judged: the store is right)" if judged else ""
    records = [f"{count(len(report.known), 'record')}{why}"] if report.known else []
    criteria = [
        f"{item.criterion.name} (until {item.acknowledged.until_day()}: {printable(item.acknowledged.reason, 200)})"
        for item in report.criteria_worst_first
        if item.acknowledged is not None
    ]
    return ", ".join([*records, *criteria])


def _reviewed(facts: Facts) -> Iterator[str]:
    if facts.demo:
        yield _line("demo", "the built-in demo store: made-up records, damaged on purpose; none of your data was read")
    if outside := outside_in_words(facts.reviewer.outside):
        yield _line("answers", outside)
    store = facts.store
    table = f", table {printable(store.table)}" if store.has_tables else ""
    yield _line("store", f"{store.db}{table}: {count(store.records, 'record')}")
    if store.chroma is not None:
        vectors = "" if store.vectors is None else f": {count(store.vectors, 'vector')}"
        yield _line("", f"{store.chroma}, collection {printable(store.collection)}{vectors}")
    for number, found in enumerate(facts.found):
        yield _line("" if number else "columns", printable(found, _LONGEST_FOUND))
    yield _line("sample", f"{count(facts.sample.size, 'record')}: {sample_in_words(facts)}")
    if without := without_baseline(facts):
        yield _line("", without)
    yield _line("", draw_in_words(facts))
    for note in facts.sample.notes:
        yield _line("note", note)
    yield from _reviewer(facts)


def _reviewer(facts: Facts) -> Iterator[str]:
    yield _line("reviewer", reviewing.reviewer_in_words(facts))
    if compared := reviewing.comparison_in_words(facts):
        yield _line("", compared)
        for remark in facts.reviewer.comparison.remarks if facts.reviewer.comparison else ():
            yield _line("note", remark)
    if facts.reviewer.name == NEIGHBOURS and not facts.demo:
        # The class that the first application asked.
        own = "sigmak.llm_classifier:GeminiClassifier" if find_spec("sigmak") else "package.module:name"
        yield _line("", f"{_NEIGHBOURS_TELL}; --drift-reviewer={own} asks it")
    if ran := reviewing.cluster_in_words(facts.reviewer):
        yield _line("", ran)
    if used := reviewing.usage(facts.reviewer):
        yield _line("", used)
    if at_once := reviewing.concurrency_in_words(facts.reviewer):
        yield _line("", at_once)
    if without := reviewing.omitted(facts.reviewer):
        yield _line("", without)
    if differed := reviewing.noise(facts.reviewer):
        yield _line("noise", differed)
    for second in facts.second_reviewers:
        yield _line("second", reviewing.second_in_words(second))


def _agreement(report: RunReport) -> Iterator[str]:
    yield _line("agreement", agreement_in_words(report))
    if hunted := hunted_in_words(report):
        yield _line("", hunted)
    if kappa := beyond_chance(report.agreement):
        yield _line("", f"beyond chance: {kappa}")
    if report.agreement_changes:
        yield _line("", change_in_words(report.agreement_changes[-1]))


def agreement_in_words(report: RunReport) -> str:
    """Return the agreement of the whole store and of the sample, the one that is judged first."""
    agreement, population = report.agreement, report.agreement.population
    if agreement.rate is None or agreement.interval is None:
        return "not measured"
    share = f"{percent(agreement.rate)} ({percent_range(*agreement.interval)})"
    sample = f"{agreement.agreed} of {agreement.reviewed} in the sample, {share}"
    if population is None:
        return f"{sample}; no estimate for the whole store: {agreement.population_missing}"
    if population.is_exact:
        estimate = f"of the whole store: {percent(population.rate)}"
    else:
        intervals = _intervals_in_words(population, agreement.population_sample)
        estimate = f"estimated for the whole store: {percent(population.rate)} ({intervals})"
    estimate += left_out(agreement)
    return "; ".join([estimate, sample] if report.facts.judge != SAMPLE else [sample, estimate])


def accuracy_in_words(report: RunReport) -> list[str]:
    """Return what judgements say, in phrases; without any, how to judge disagreements."""
    facts = report.facts
    if facts.accuracy is not None:
        return accuracy_sentences(facts.accuracy)
    waits = report.disagreements and not (facts.partial or facts.chosen or facts.redacted or facts.demo)
    return ["`drift-checks judge` asks who is right, and tells how accurate both are"] if waits else []


def hunted_in_words(report: RunReport) -> str:
    """Return how many of the labels that are probably wrong the reviewer contradicts; empty if none was drawn."""
    results = [item.result for item in report.outcomes if item.criterion == AGREEMENT and item.stratum == "label_issue"]
    made = [result for result in results if result not in (Result.UNMEASURED, Result.NOT_NEEDED)]
    if not made:
        return ""
    contradicted = len(made) - made.count(Result.PASSED)
    return f"{contradicted:,} of {len(made):,} likely label issues confirmed: the reviewer names another category"


def _intervals_in_words(population: Estimate, alone: Estimate | None) -> str:
    """Return the interval of the whole store's agreement, and the one from the sample alone if that differs."""
    if alone is None:
        return f"{percent_range(*population.interval)} from the sample alone"
    with_predictions = f"{percent_range(*population.interval)} with predictions for all records"
    return f"{with_predictions}, {percent_range(*alone.interval)} from the sample alone"


def beyond_chance(agreement: Agreement) -> str:
    """Return how far the judged agreement exceeds chance, empty if it was not measured."""
    kappa = agreement.kappa
    return (
        "" if kappa is None else f"Cohen's kappa {kappa.value:.2f} ({kappa.interval[0]:.2f} to {kappa.interval[1]:.2f})"
    )


def _criteria(results: Sequence[CriterionResult]) -> Iterator[str]:
    verdicts = [_verdict(result) for result in results]
    first = max([_LABEL, *map(len, verdicts)])
    second = max((len(result.criterion.name) for result in results), default=0)
    for result, verdict in zip(results, verdicts, strict=True):
        yield f"  {verdict:<{first}}  {result.criterion.name:<{second}}  {_finding(result)}"


def _verdict(result: CriterionResult) -> str:
    verdict = "not measured" if result.verdict is None else str(result.verdict)
    return verdict if result.acknowledged is None else f"{verdict}, acknowledged"


def _finding(result: CriterionResult) -> str:
    longest = _LONGEST_OK_MESSAGE if result.verdict is Verdict.OK else _LONGEST_MESSAGE
    message = printable(result.message.removeprefix("not measured: "), longest)
    unmeasured = f"; {result.unmeasured} not measured" if result.unmeasured and result.measured else ""
    not_needed = f"; {result.not_needed} not needed" if result.not_needed else ""
    return f"{message}{unmeasured}{not_needed}"


def _records(title: str, outcomes: Sequence[Outcome], line: Callable[[Outcome], str]) -> Iterator[str]:
    if not outcomes:
        return
    yield ""
    yield f"{title} ({len(outcomes):,})"
    for outcome in outcomes[:_MOST_LINES]:
        yield f"  {line(outcome)}"
    if len(outcomes) > _MOST_LINES:
        yield f"  … and {len(outcomes) - _MOST_LINES:,} more in the report"


def _not_reviewed(outcomes: Sequence[Outcome]) -> Iterator[str]:
    if not outcomes:
        return
    yield ""
    yield f"not reviewed ({len(outcomes):,})"
    for reason, number in Counter(outcome.message for outcome in outcomes).most_common(_MOST_REASONS):
        yield f"  {count(number, 'record'):<14}  {printable(reason, 200)}"


def _disagreement(outcome: Outcome) -> str:
    decision = outcome.decision
    if decision is None:
        return printable(outcome.record_id)
    pair = f"{printable(decision.stored, 30)} → {printable(decision.reviewed, 30)}"
    confidences = f"{confidence(decision.stored_confidence)} → {confidence(decision.reviewed_confidence)}"
    stratum = RECORD_STRATA.get(outcome.stratum or "", "")
    return f"{printable(outcome.record_id, 20):<8}  {pair:<34}  confidence {confidences}  {stratum}"


def _failure(outcome: Outcome) -> str:
    name = printable(outcome.record_id if outcome.record_id is not None else "the store", 20)
    return f"{name:<8}  {outcome.criterion:<18}  {printable(outcome.message, 200)}"


def _line(label: str, text: str) -> str:
    return f"{label:<{_LABEL}}{text}"
