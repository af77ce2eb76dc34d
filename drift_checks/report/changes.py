"""What changed from a store's previous run to this one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from drift_checks.core.outcomes import VERSION_WORDS
from drift_checks.core.text import percent, printable
from drift_checks.report.history.recorded import Agreement, RecordedRun
from drift_checks.report.run import Facts, RunReport
from drift_checks.report.verdict import FAILED, Verdict, severity
from drift_checks.settings.declarations import SAMPLE
from drift_checks.stores.identity import StoreIdentity

# A criterion with its previous verdict and its verdict now.
Change = tuple[str, Verdict, Verdict]
_LONGEST = 60


@dataclass(frozen=True)
class Changes:
    """The differences from the run `since`, before and now; the keys of `versions` are those of VERSION_WORDS."""

    since: RecordedRun
    verdict: tuple[Verdict, Verdict] | None
    agreement: tuple[float, float] | None
    criteria: tuple[Change, ...]
    versions: Mapping[str, tuple[str, str]]

    def sentences(self) -> list[str]:
        """Return a phrase for each change."""
        return list(self._phrases())

    def _phrases(self) -> Iterator[str]:
        if self.verdict:
            yield f"verdict {self.verdict[0]} → {self.verdict[1]}"
        if self.agreement:
            before, now = map(percent, self.agreement)
            if before != now:
                yield f"agreement {before} → {now}"
        kinds: dict[str, list[str]] = {}
        for name, *verdicts in self.criteria:
            kinds.setdefault(_kind_of_change(*verdicts), []).append(name)
        for kind in ("newly failed", "worse", "better", "could not be judged", "sound again"):
            if kind in kinds:
                yield f"{kind}: {', '.join(kinds[kind])}"
        for key, versions in self.versions.items():
            yield f"{VERSION_WORDS[key]} {' → '.join(distinguishable(*versions))}"


def _kind_of_change(before: Verdict, now: Verdict) -> str:
    if now is Verdict.OK:
        return "sound again"
    if now is Verdict.INCONCLUSIVE:
        return "could not be judged"
    if before not in FAILED:
        return "newly failed"
    return "worse" if severity(now) < severity(before) else "better"


def distinguishable(before: str, now: str) -> tuple[str, str]:
    """Shorten both for one line; show their ends if they begin alike."""
    cut = printable(before, _LONGEST), printable(now, _LONGEST)
    if cut[0] != cut[1]:
        return cut
    first, second = (f"…{printable(value, len(value))[1 - _LONGEST :]}" for value in (before, now))
    return first, second


def same_verdict_since(report: RunReport) -> RecordedRun | None:
    """Return the first of the runs just before this one that all had its verdict; None if the last had another."""
    found = None
    for run in reversed(report.past):
        if run.verdict is not report.verdict:
            break
        found = run
    return found


def store_of(report: RunReport) -> StoreIdentity:
    """Return the identity of the store that a run reviewed."""
    return report.facts.store.identity


def versions_of(run: Facts | RecordedRun) -> dict[str, str]:
    """Return the versions that decided in a run, of store and reviewer, by the keys of VERSION_WORDS."""
    reviewer = run.reviewer
    found = {
        "reviewer": reviewer.name,
        "reviewer_model": reviewer.model,
        "reviewer_basis": reviewer.basis,
        "reviewer_prompt": reviewer.prompt,
    }
    if reviewer.prompt:
        omitted = reviewer.omitted_parameters
        found["reviewer_parameters"] = f"without {', '.join(omitted)}" if omitted else "all"
    return {key: value for key, value in {**run.store.versions, **found}.items() if value}


def changes_since(previous: RecordedRun, report: RunReport) -> Changes:
    """Return what changed since a previous run of the same store."""
    verdicts = [(item.criterion.name, item.verdict) for item in report.criteria]
    return _changes(previous, report.verdict, report.facts, report.agreement, verdicts)


def changes_between(first: RecordedRun, second: RecordedRun) -> Changes:
    """Return what changed from one run of a store to another."""
    verdicts = [(item.name, item.verdict) for item in second.criteria]
    return _changes(first, second.verdict, second, second.agreement, verdicts)


def _changes(
    previous: RecordedRun,
    verdict: Verdict,
    facts: Facts | RecordedRun,
    agreement: Agreement,
    verdicts: Iterable[tuple[str, Verdict | None]],
) -> Changes:
    earlier, current = versions_of(previous), versions_of(facts)
    # Both by the same rule, so that a change of the rule is not shown as one of the store.
    rule, methods = facts.judge, {previous.sample.method, facts.sample.method}
    judged = previous.agreement.judged(rule), agreement.judged(rule)
    # Only the estimates of the whole store are those of the same records if one of the samples was hunted.
    estimates = previous.agreement.population, agreement.population
    comparable = len(methods) == 1 or (rule != SAMPLE and None not in estimates)
    before = {item.name: item.verdict for item in previous.criteria}
    compared = [(name, before.get(name), now) for name, now in verdicts]
    return Changes(
        since=previous,
        verdict=None if previous.verdict is verdict else (previous.verdict, verdict),
        agreement=(judged[0].rate, judged[1].rate) if judged[0] and judged[1] and comparable else None,
        criteria=tuple(
            (name, old, new) for name, old, new in compared if old is not None and new is not None and old is not new
        ),
        versions={
            key: (earlier[key], current[key])
            for key in VERSION_WORDS
            if key in earlier and key in current and earlier[key] != current[key]
        },
    )
