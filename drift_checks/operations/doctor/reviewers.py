"""The reviewer: whether it is usable and, with `--live`, whether it answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

from sqlalchemy import Connection, select

from drift_checks.core.errors import DriftError, SettingError
from drift_checks.core.records import Record, Review, Stratum
from drift_checks.core.redaction import withhold
from drift_checks.core.secrets import find_secret
from drift_checks.core.text import count
from drift_checks.operations.doctor import cluster, own_code
from drift_checks.operations.doctor.check import (
    Check,
    CheckResult,
    NotChecked,
    Status,
    failed,
    failed_with,
    passed,
    skipped,
    warning,
)
from drift_checks.operations.doctor.environment import added_variables, readable_secrets
from drift_checks.operations.doctor.setup import Setup
from drift_checks.reviews.reviewers.base import Classifier, Reviewer
from drift_checks.reviews.reviewers.choice import choose_classifier, limits_of
from drift_checks.reviews.reviewers.llm import KEYS
from drift_checks.settings.declarations import LLM, NEIGHBOURS, TFIDF, Settings
from drift_checks.stores.taxonomy import read_taxonomy

GROUP = "reviewer"
_NEEDS = ("reviewer", "taxonomy", "llm_model", "llm_base_url", "llm_prompt", "llm_price", "max_cost", "demo")
# An endpoint may refuse a parameter or two before it answers.
_MOST_CALLS = 8
_SLOW_SHARE = 0.5


def checks(setup: Setup) -> list[Check]:
    """Return the checks of the reviewers."""
    first, *others = setup.settings.reviewers
    return [
        *_checks(setup, first, ""),
        *cluster.checks(setup),
        *(check for name in others for check in _checks(setup, name, f" ({name})")),
    ]


def _checks(setup: Setup, reviewer: str, suffix: str) -> list[Check]:
    """Return the checks of one reviewer."""
    settings = setup.settings.reviewed_by(reviewer)
    return [
        Check(f"usable{suffix}", lambda: _usable(setup, settings), _NEEDS),
        *own_code.checks(setup, reviewer, suffix),
        Check(f"answers{suffix}", lambda: _answers(setup, settings), (*_NEEDS, "db", "chroma", "timeout")),
    ]


def _usable(setup: Setup, settings: Settings) -> CheckResult:
    if settings.reviewer == NEIGHBOURS:
        if settings.embedding not in (None, TFIDF):
            from drift_checks.reviews.vectors.embedding import load_embedding

            load_embedding(settings.embedding, setup.folders)
        return passed(
            "neighbours: the most similar records vote, which costs nothing",
            "it tells whether labels fit their neighbours, not whether the classifier would still decide so",
        )
    is_hidden = settings.reviewer == LLM and _key_is_hidden(setup)
    try:
        classifier = _classifier(setup, settings, {KEYS[0]: "unreadable"} if is_hidden else {})
    except DriftError as error:
        if error.what == "taxonomy" and settings.taxonomy is None and not setup.store.is_open:
            raise NotChecked("unknown: the categories are those of the records, which cannot be read") from None
        return failed_with(error, "reviewer")
    if is_hidden:
        raise NotChecked("unknown: only root may read the credentials of the schedule")
    if settings.reviewer == LLM:
        return passed(
            f"llm: model {settings.llm_model} at {settings.llm_base_url or 'OpenAI'}, with a key",
            _calls_at_once(settings),
        )
    return passed(f"{classifier.name}: your own classifier, which can be imported")


def _calls_at_once(settings: Settings) -> str:
    limits = limits_of(settings)
    if limits.concurrency_max == limits.concurrency:
        return f"up to {count(limits.concurrency, 'call')} at once, fewer after an answer of 429"
    return (
        f"{count(limits.concurrency, 'call')} at once, up to {limits.concurrency_max} while the endpoint allows it;"
        " for a local model, set --drift-concurrency=NUMBER to what it works on at once"
    )


def _key_is_hidden(setup: Setup) -> bool:
    """Whether the schedule has, or may have, a key for the model that this user cannot read."""
    if not setup.hidden.intersection(KEYS):
        return False
    try:
        return find_secret(KEYS, setup.environment) is None
    except SettingError:
        return True


def _classifier(setup: Setup, settings: Settings, variables: dict[str, str]) -> Classifier:
    taxonomy = (
        dict.fromkeys(setup.store.categories(), "") if settings.taxonomy is None else read_taxonomy(settings.taxonomy)
    )
    with added_variables({**setup.environment, **variables}):
        return choose_classifier(settings, taxonomy, None, setup.folders)


def _answers(setup: Setup, settings: Settings) -> CheckResult:
    if not setup.options.live:
        return skipped("not asked", "--live asks it about one record, and measures how long it takes")
    record = _one_record(setup)
    if not _is_usable(setup, settings):
        raise NotChecked("not asked: it is unusable, see above")
    started = time.monotonic()
    try:
        with _reviewer(setup, settings, record) as reviewer, closing(reviewer.review([record])) as reviewing:
            review = next(iter(reviewing))
    except DriftError as error:
        return failed_with(error.rewritten(lambda phrase: _without_secrets(phrase, setup, record)))
    return _judge(review, time.monotonic() - started, setup, settings, record)


def _is_usable(setup: Setup, settings: Settings) -> bool:
    try:
        return _usable(setup, settings).status is Status.OK
    except DriftError:
        return False


def _judge(review: Review, seconds: float, setup: Setup, settings: Settings, record: Record) -> CheckResult:
    if not review.made:
        reason = _without_secrets(review.failure or "it gave no category", setup, record)
        return failed(
            f"one record could not be reviewed: {reason}",
            "fix that, and try again with --live; a run that reviews too little is INCONCLUSIVE",
        )
    model = f" by {review.model}" if review.model else ""
    took = f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
    omitted = ", ".join(review.omitted_parameters)
    without = f", without {omitted}, which the endpoint rejects" if omitted else ""
    message = f"one record was reviewed{model} in {took}{without}"
    if settings.reviewer != NEIGHBOURS and seconds > settings.timeout * _SLOW_SHARE:
        return warning(
            f"{message}; a call may take {settings.timeout:g} s",
            "raise --drift-timeout, or lower --drift-concurrency",
        )
    return passed(message)


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
def _reviewer(setup: Setup, settings: Settings, record: Record) -> Iterator[Reviewer]:
    if settings.reviewer != NEIGHBOURS:
        from drift_checks.reviews.reviewers.limits import Spent
        from drift_checks.reviews.reviewers.pool import PooledReviewer

        limits = replace(limits_of(settings), attempts=1, max_calls=min(settings.max_calls or _MOST_CALLS, _MOST_CALLS))
        yield PooledReviewer(_classifier(setup, settings, {}), limits, Spent())
        return
    from drift_checks.reviews.reviewers.neighbours import NeighboursReviewer
    from drift_checks.reviews.vectors.choice import choose_vectors
    from drift_checks.stores.vectors.base import VectorCollection
    from drift_checks.stores.vectors.linking import Link

    with ExitStack() as opened:

        def open_collection() -> tuple[VectorCollection, Link] | None:
            if setup.vector_place is None:
                return None
            collection = setup.vector_place.open()
            opened.enter_context(closing(collection))
            return collection, Link(setup.store.table, collection, [record])

        yield NeighboursReviewer(choose_vectors(settings, setup.store.table, [record], setup.folders, open_collection))


def _without_secrets(message: str, setup: Setup, record: Record) -> str:
    """Return a reviewer's message without the record's text and without any secret."""
    for secret in readable_secrets(setup.environment):
        message = secret.hidden_in(message)
    return withhold(message, record.text)
