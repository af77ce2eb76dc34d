"""Whether the reviewer can be used, and with `--live` whether it answers."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace

from sqlalchemy import Connection, select

from drift_checks.core.errors import DriftError, ReviewerError, SettingError
from drift_checks.core.records import Record, Review, Stratum
from drift_checks.core.redaction import withhold
from drift_checks.core.secrets import find_secret
from drift_checks.operations.doctor.finding import (
    Check,
    NotChecked,
    Said,
    Status,
    left_out,
    refused,
    right,
    warned,
    wrong,
)
from drift_checks.operations.doctor.setup import Setup
from drift_checks.operations.schedule.preset import SECRET_NAMES
from drift_checks.review.reviewers.base import Classifier, Reviewer
from drift_checks.review.reviewers.choice import choose_classifier, limits_of
from drift_checks.review.reviewers.llm import KEYS
from drift_checks.settings.declarations import LLM, NEIGHBOURS
from drift_checks.stores.taxonomy import read_taxonomy

GROUP = "reviewer"
_NEEDS = ("reviewer", "taxonomy", "llm_model", "llm_base_url", "llm_prompt", "llm_price", "max_cost", "demo")
# An endpoint may refuse a parameter or two before it answers.
_MOST_CALLS = 8
_SLOW_SHARE = 0.5
# What is said of a key that is not there, or cannot be read.
_KEY = re.compile(r"needs a key|the credential|CREDENTIALS_DIRECTORY")


def checks(setup: Setup) -> list[Check]:
    """Return the checks of the reviewer."""
    return [
        Check(GROUP, "usable", lambda: _usable(setup), _NEEDS),
        Check(GROUP, "answers", lambda: _answers(setup), (*_NEEDS, "db", "chroma", "timeout")),
    ]


def _usable(setup: Setup) -> Said:
    settings = setup.settings
    if settings.reviewer == NEIGHBOURS:
        if settings.chroma is None:
            raise NotChecked("neighbours: there are no vectors to vote by, see above")
        return right(
            "neighbours: a vote of the nearest vectors, which costs nothing",
            "it tells whether labels fit their neighbours, not whether the classifier would still decide so",
        )
    try:
        classifier = _classifier(setup)
    except DriftError as error:
        if settings.reviewer == LLM and setup.hidden.intersection(KEYS) and _KEY.search(str(error)):
            raise NotChecked("not known: this user may not read the schedule's credentials; root may") from None
        if str(error).startswith("taxonomy: there is no category") and setup.store.records is None:
            raise NotChecked("not known: the categories are those of the records, which cannot be read") from None
        said = refused(error)
        return said._replace(message=said.message.removeprefix("reviewer: "))
    if settings.reviewer == LLM:
        return right(f"llm: model {settings.llm_model} at {settings.llm_base_url or 'OpenAI'}, its key is set")
    return right(f"{classifier.name}: a classifier of your own, which can be imported")


def _can_be_used(setup: Setup) -> bool:
    try:
        return _usable(setup).status is Status.OK
    except DriftError:
        return False


def _classifier(setup: Setup) -> Classifier:
    settings = setup.settings
    taxonomy = (
        dict.fromkeys(setup.store.categories(), "") if settings.taxonomy is None else read_taxonomy(settings.taxonomy)
    )
    with variables(setup.environment):
        return choose_classifier(settings, taxonomy, None, setup.folders)


def _answers(setup: Setup) -> Said:
    if not setup.live:
        return left_out("not asked", "--live asks it about one record, and says how long it took")
    record = _one_record(setup)
    if not _can_be_used(setup):
        raise NotChecked("not asked: it cannot be used, see above")
    started = time.monotonic()
    try:
        with _reviewer(setup) as reviewer, closing(reviewer.review([record])) as reviewing:
            review = next(iter(reviewing))
    except DriftError as error:
        return refused(error.rewritten(lambda phrase: _without_secrets(phrase, setup, record)))
    return _told(review, time.monotonic() - started, setup, record)


def _told(review: Review, seconds: float, setup: Setup, record: Record) -> Said:
    if not review.made:
        reason = _without_secrets(review.failure or "it gave no category", setup, record)
        return wrong(
            f"one record could not be reviewed: {reason}",
            "mend that, and ask again with --live; a run in which too few are reviewed is INCONCLUSIVE",
        )
    model = f" by {review.model}" if review.model else ""
    took = f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
    said = f"one record was reviewed{model} in {took}"
    if setup.settings.reviewer != NEIGHBOURS and seconds > setup.settings.timeout * _SLOW_SHARE:
        return warned(
            f"{said}, of {setup.settings.timeout:g} s that a call may take",
            "raise --drift-timeout, or lower --drift-concurrency",
        )
    return right(said)


def _one_record(setup: Setup) -> Record:
    table = setup.store.table

    def read(connection: Connection) -> Record:
        known = table.column("id").is_not(None)
        key = connection.execute(select(table.column("id")).where(known).limit(1)).scalar()
        if key is None:
            raise NotChecked("not asked: there is no record")
        return Record(key, Stratum.BASELINE, table.rows(connection, [key])[key])

    return table.read(read)


@contextmanager
def _reviewer(setup: Setup) -> Iterator[Reviewer]:
    settings = setup.settings
    if settings.reviewer != NEIGHBOURS:
        from drift_checks.review.reviewers.limits import Spent
        from drift_checks.review.reviewers.pool import PooledReviewer

        limits = replace(limits_of(settings), attempts=1, max_calls=min(settings.max_calls or _MOST_CALLS, _MOST_CALLS))
        yield PooledReviewer(_classifier(setup), limits, Spent())
        return
    from drift_checks.review.reviewers.neighbours import NeighboursReviewer
    from drift_checks.stores.chroma import VectorCollection

    if settings.chroma is None:
        raise ReviewerError(
            "reviewer", "the neighbours have no vectors", "name the Chroma directory with --drift-chroma"
        )
    vectors = VectorCollection(settings.chroma, settings.collection, setup.snapshots)
    try:
        yield NeighboursReviewer(vectors)
    finally:
        vectors.close()


def _without_secrets(message: str, setup: Setup, record: Record) -> str:
    """Return what a reviewer said without the record's text, and without any secret that there is."""
    for name in SECRET_NAMES:
        try:
            secret = find_secret([name], setup.environment, several_lines=True)
        except SettingError:
            continue
        if secret is not None:
            message = secret.hidden_in(message)
    return withhold(message, record.text)


@contextmanager
def variables(environment: Mapping[str, str]) -> Iterator[None]:
    """Have this process see the variables of the scheduled review, as the user's own code would."""
    added = {name: text for name, text in environment.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
