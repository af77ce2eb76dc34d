"""What changed from one run of a store to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drift_checks.core.outcomes import VERSION_WORDS
from drift_checks.core.text import percent, printable
from drift_checks.report.history.recorded import RecordedRun, StoreIdentity
from drift_checks.report.run import Facts, RunReport
from drift_checks.report.verdict import Verdict, severity

Change = tuple[str, Verdict, Verdict]
_FAILED = (Verdict.WARNING, Verdict.CRITICAL)
_LONGEST = 60


@dataclass(frozen=True)
class Changes:
    """What is otherwise than in the run before.

    Attributes:
        since: The run before.
        verdict: Its verdict and this run's, where they differ.
        agreement: Its rate and this run's, where both were measured.
        criteria: The criteria with another verdict than before: name, verdict then and now.
        versions: What decided then and now, where it differs, by the keys of VERSION_WORDS.
    """

    since: RecordedRun
    verdict: tuple[Verdict, Verdict] | None
    agreement: tuple[float, float] | None
    criteria: tuple[Change, ...]
    versions: Mapping[str, tuple[str, str]]

    @property
    def worse(self) -> tuple[str, ...]:
        """The criteria with a severer verdict than before."""
        return tuple(name for name, before, now in self.criteria if severity(now) < severity(before))

    @property
    def better(self) -> tuple[str, ...]:
        """The criteria with a milder verdict than before."""
        return tuple(name for name, before, now in self.criteria if severity(now) > severity(before))

    def sentences(self) -> list[str]:
        """Return what changed, in words; nothing where nothing did."""
        return list(self._sentences())

    def _sentences(self) -> Iterator[str]:
        if self.verdict:
            yield f"verdict {self.verdict[0]} → {self.verdict[1]}"
        if self.agreement and percent(self.agreement[0]) != percent(self.agreement[1]):
            yield f"agreement {percent(self.agreement[0])} → {percent(self.agreement[1])}"
        yield from self._of_criteria()
        for key, (before, now) in self.versions.items():
            yield f"{VERSION_WORDS[key]} {' → '.join(_told_apart(before, now))}"

    def _of_criteria(self) -> Iterator[str]:
        kinds: dict[str, list[str]] = {}
        for name, before, now in self.criteria:
            kinds.setdefault(_kind_of_change(before, now), []).append(name)
        for kind in ("newly failed", "worse", "better", "could not be judged", "sound again"):
            if kind in kinds:
                yield f"{kind}: {', '.join(kinds[kind])}"


def _kind_of_change(before: Verdict, now: Verdict) -> str:
    if now is Verdict.OK:
        return "sound again"
    if now is Verdict.INCONCLUSIVE:
        return "could not be judged"
    if before not in _FAILED:
        return "newly failed"
    return "worse" if severity(now) < severity(before) else "better"


def _told_apart(before: str, now: str) -> tuple[str, str]:
    """Return both fit for a line, with the ends where they begin alike and are long."""
    cut = printable(before, _LONGEST), printable(now, _LONGEST)
    if cut[0] != cut[1]:
        return cut
    first, second = (f"…{printable(value, len(value))[1 - _LONGEST :]}" for value in (before, now))
    return first, second


def store_of(report: RunReport) -> StoreIdentity:
    """Return which store a run reviewed."""
    return StoreIdentity(report.facts.db, report.facts.table, report.facts.collection)


def versions_of(facts: Facts) -> dict[str, str]:
    """Return what decides now: of the store and of the reviewer."""
    return _known(facts.store_versions, facts.reviewer, facts.model, facts.prompt)


def versions_of_run(run: RecordedRun) -> dict[str, str]:
    """Return what decided then: of the store and of the reviewer."""
    return _known(run.versions, run.reviewer, run.model, run.prompt)


def changes_since(previous: RecordedRun, report: RunReport) -> Changes:
    """Return what changed since the run before.

    Args:
        previous: An earlier run of the same store.
        report: This run.
    """
    verdicts = {item.name: item.verdict for item in previous.criteria}
    now = {result.criterion.name: result.verdict for result in report.criteria}
    compared = [(name, verdicts[name], now[name]) for name in now if name in verdicts]
    earlier, current = versions_of_run(previous), versions_of(report.facts)
    rates = previous.rate, report.agreement.rate
    return Changes(
        since=previous,
        verdict=None if previous.verdict is report.verdict else (previous.verdict, report.verdict),
        agreement=None if rates[0] is None or rates[1] is None else (rates[0], rates[1]),
        criteria=tuple(
            (name, before, after)
            for name, before, after in compared
            if before is not None and after is not None and before is not after
        ),
        versions={
            key: (earlier[key], current[key])
            for key in VERSION_WORDS
            if key in earlier and key in current and earlier[key] != current[key]
        },
    )


def _known(store: Mapping[str, str], reviewer: str, model: str | None, prompt: str | None) -> dict[str, str]:
    found = {**store, "reviewer": reviewer, "reviewer_model": model, "reviewer_prompt": prompt}
    return {key: value for key, value in found.items() if value}
