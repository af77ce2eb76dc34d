"""Who moved: the store, the classifier, a reviewer, or the world?

With several reviewers, each record has at least three witnesses: the store and each reviewer. If all others agree with
each other and contradict one of them, that one is alone, and probably wrong. Whoever is alone more often than on
earlier nights moved; without earlier nights, whoever is alone in significantly more than 8 % of the records, and more
often than each other witness. The world moved if the reviewers contradict each other more often in recent records than
in old ones. The tests are exact; `statistics/attribution.py` names their sources. The counts are those of the sample,
which holds more records of low confidence than the store.

If it fails, the sentence names who moved: repair the labels of the store, roll the classifier back, replace the
reviewer, or extend the taxonomy to new kinds of texts.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from drift_checks.core.instants import read_instant
from drift_checks.core.outcomes import Measure, Need
from drift_checks.core.records import as_text
from drift_checks.core.text import percent, percent_range
from drift_checks.reviews.witnesses import Statement, Witnesses
from drift_checks.settings.declarations import Settings
from drift_checks.statistics.attribution import USUAL, Attribution, Lone, Moved, Role, attribute
from drift_checks.statistics.concentration import Concentration, concentrations

pytestmark = pytest.mark.drift_criterion(
    question="Who moved: the store, the classifier, a reviewer, or the world?",
    effect="share of the records in which one witness is alone, beyond the usual",
    remedy="Read the table of records: repair the store, roll back the classifier, or replace the reviewer that moved.",
    warn=0.05,
    least=30,
)

MOST_SHOWN = 30
MOST_NIGHTS = 30
VERSIONS = {"model_version": "model", "prompt_version": "prompt", "embedding_model": "embedding model"}
DIMENSIONS = {**VERSIONS, "category": "category", "source": "source"}
SUBJECTS = {
    Moved.STORE: "the store moved",
    Moved.CLASSIFIER: "the classifier moved",
    Moved.REVIEWER: "the reviewer moved",
    Moved.WORLD: "the world moved",
    Moved.NOBODY: "nobody moved",
    Moved.UNKNOWN: "who moved cannot be told",
}


def test_attribution(
    witnesses: Witnesses,
    past_attributions: Sequence[Mapping[str, Any]],
    drift_settings: Settings,
    need: Need,
    measure: Measure,
) -> None:
    """No witness is alone more often than usual, and reviewers contradict each other no more in recent records."""
    if len(witnesses.witnesses) < 3:
        pytest.skip("it takes two reviewers or more, as in --drift-reviewer=neighbours,llm")
    if witnesses.silent:
        pytest.skip(witnesses.silent)
    need(len(witnesses.statements), "records that every reviewer classified")
    found = attribute(witnesses.roles, witnesses.answers(drift_settings), past(witnesses, past_attributions))
    details = findings(found, witnesses, drift_settings)
    for place, lone in zip(witnesses.counting, found.lone, strict=True):
        witness = witnesses.witnesses[place]
        if witness.role is not Role.NEIGHBOURS:
            share = lone.number / found.records
            where = in_words(lone.number, found)
            said = f"{witness.name} alone contradicts the others in {where}; {usual_in_words(lone)}"
            beyond = max(0.0, share - lone.usual)
            measure(witness.name, beyond, said, number=found.records, p_value=lone.p_value, **details)
            # The report needs them once.
            details = {}
    if found.world is not None:
        rates = [differing / number for differing, number in (found.recent, found.old)]
        said = (
            f"the reviewers contradict each other in {found.recent[0]} of {found.recent[1]} recent records and"
            f" {found.old[0]} of {found.old[1]} old ones"
        )
        beyond = max(0.0, rates[0] - rates[1])
        measure("recent records", beyond, said, number=found.recent[1] + found.old[1], p_value=found.world)


def past(witnesses: Witnesses, nights: Sequence[Mapping[str, Any]]) -> dict[int, tuple[int, int]]:
    """Return how often each counting witness was alone on earlier nights with the same witnesses, and of how many."""
    names = [item.name for item in witnesses.witnesses]
    same = [night for night in nights if night.get("witnesses") == names][-MOST_NIGHTS:]
    records = sum(night["records"] for night in same)
    return {place: (sum(night["alone"][place] for night in same), records) for place in range(len(witnesses.counting))}


def findings(found: Attribution, witnesses: Witnesses, settings: Settings) -> dict[str, Any]:
    """Return what the report shows, and what later nights are compared with."""
    differing = [item for item in witnesses.statements if item.differs]
    where = concentrated(found, witnesses, settings)
    return {
        "moved": found.moved,
        "sentence": sentence(found, witnesses, where),
        "witnesses": [item.name for item in witnesses.witnesses],
        "roles": [item.role for item in witnesses.witnesses],
        "counting": witnesses.counting,
        "records": found.records,
        "agreeing": found.agreeing,
        "alone": [lone.number for lone in found.lone],
        "before": [lone.before for lone in found.lone],
        "otherwise": found.otherwise,
        "intervals": [found.interval(number) for number in (found.agreeing, *(lone.number for lone in found.lone))],
        "otherwise_interval": found.interval(found.otherwise),
        "concentrations": where,
        "differing": len(differing),
        "rows": [row(item) for item in differing[:MOST_SHOWN]],
    }


def sentence(found: Attribution, witnesses: Witnesses, where: Sequence[Concentration]) -> str:
    """Return who moved, and why this is concluded."""
    subject = SUBJECTS[found.moved]
    names = [witnesses.witnesses[place].name for place in witnesses.counting]
    if found.moved is Moved.WORLD:
        reason = (
            f"the reviewers contradict each other in {found.recent[0]} of {found.recent[1]} records that are not older"
            f" than old-days, and in {found.old[0]} of {found.old[1]} older ones"
        )
    elif found.witness is not None:
        others = " and ".join(name for place, name in enumerate(names) if place != found.witness)
        lone = found.lone[found.witness]
        reason = (
            f"{others} agree with each other and not with {names[found.witness]} in {in_words(lone.number, found)};"
            f" {usual_in_words(lone)}"
        )
        subject += f" ({names[found.witness]})" if found.moved in (Moved.CLASSIFIER, Moved.REVIEWER) else ""
    else:
        counts = [f"{name} in {lone.number}" for name, lone in zip(names, found.lone, strict=True)]
        reason = f"all agree in {in_words(found.agreeing, found)}; alone: {', '.join(counts)}"
    parts = [f"{subject}: {found.why}; {reason}" if found.why else f"{subject}: {reason}"]
    return "; ".join([*parts, *(f"{item.inside} of them {place_in_words(item)}" for item in where)])


def in_words(number: int, found: Attribution) -> str:
    """Return a number of the records with its interval, as in `14 of 60 records (14–35 %)`."""
    return f"{number} of {found.records} records ({percent_range(*found.interval(number))})"


def usual_in_words(lone: Lone) -> str:
    """Return what is usual, on earlier nights or without any."""
    return f"up to {percent(USUAL)} is usual" if lone.before is None else f"{percent(lone.before)} on earlier nights"


def place_in_words(found: Concentration) -> str:
    """Return where marked records are concentrated, as in `have model v2` or `date from 2026-10-12 or later`."""
    if found.dimension == "since":
        return f"date from {found.value} or later"
    if found.dimension == "before":
        return f"date from before {found.value}"
    return f"have {DIMENSIONS[found.dimension]} {found.value}"


def concentrated(found: Attribution, witnesses: Witnesses, settings: Settings) -> list[Concentration]:
    """Return where the records that tell who moved are concentrated: in which slice, and since or before when."""
    if found.witness is None and found.moved is not Moved.WORLD:
        return []
    marked = [is_telling(item, found, witnesses) for item in witnesses.statements]
    records = [item.record for item in witnesses.statements]
    dimensions = {column: [as_text(record.values.get(column)) or None for record in records] for column in DIMENSIONS}
    moments = [read_instant(record.values.get("timestamp"), settings.naive_timezone) for record in records]
    there = concentrations(marked, dimensions, moments)
    slices = [item for item in there if item.dimension in DIMENSIONS]
    dates = [item for item in there if item.dimension not in DIMENSIONS]
    return [*slices[:1], *dates[:1]]


def is_telling(item: Statement, found: Attribution, witnesses: Witnesses) -> bool:
    """Whether the record shows who moved: that witness is alone, or the reviewers contradict each other."""
    if found.witness is not None:
        return item.lone == witnesses.counting[found.witness]
    return len({item.labels[place] for place in witnesses.counting[1:]}) > 1


def row(item: Statement) -> dict[str, Any]:
    """Return a record on which not all agree, for the report's table."""
    return {
        "id": item.record.id,
        "labels": item.labels,
        "alone": item.lone,
        "version": as_text(item.record.values.get("model_version")),
        "date": item.date[:10],
    }
