"""The fixtures of every criterion, wherever its file is.

`record` is a parameter rather than a fixture: the plugin runs the test once per record of the sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from drift_checks.plugin.criterion_files import criterion_name
from drift_checks.plugin.keys import CRITERIA, PIPELINE, STATISTICS

# The conftest.py of a checkout imports this before it is known whether there is anything to review.
if TYPE_CHECKING:
    from drift_checks.core.outcomes import Criterion, PastRun
    from drift_checks.core.records import Record, RecordId, Review, Sample
    from drift_checks.reviews.anchor_answers import AnchorAnswers
    from drift_checks.reviews.labels.issues import LabelAssessment
    from drift_checks.reviews.run import Pipeline
    from drift_checks.reviews.slices import SampleSlice
    from drift_checks.reviews.windows import Windows
    from drift_checks.reviews.witnesses import Witnesses
    from drift_checks.settings.declarations import Settings
    from drift_checks.stores.records import RecordStore
    from drift_checks.stores.vectors.base import Entry, VectorCollection
    from drift_checks.stores.vectors.linking import Link

# As of the other files of a run.
_FILE_MODE = 0o640
NO_VECTORS = "there is no Chroma collection to compare the records with"


@pytest.fixture(scope="session")
def drift_pipeline(pytestconfig: pytest.Config) -> Pipeline:
    """The run up to the reviews."""
    return pytestconfig.stash[PIPELINE]


@pytest.fixture(scope="session")
def drift_settings(drift_pipeline: Pipeline) -> Settings:
    """The settings of the run."""
    return drift_pipeline.settings


@pytest.fixture(scope="session")
def sample(drift_pipeline: Pipeline) -> Sample:
    """The records under review, drawn from SQLite."""
    return drift_pipeline.sample


@pytest.fixture(scope="session")
def sample_slices(drift_pipeline: Pipeline) -> Sequence[SampleSlice]:
    """All slices of the sample."""
    return drift_pipeline.slices


@pytest.fixture(scope="session")
def taxonomy(drift_pipeline: Pipeline) -> frozenset[str]:
    """The categories that a record may have."""
    return frozenset(drift_pipeline.taxonomy)


@pytest.fixture(scope="session")
def store(drift_pipeline: Pipeline) -> RecordStore:
    """The whole table of records."""
    return drift_pipeline.store


@pytest.fixture(scope="session")
def vectors(drift_pipeline: Pipeline) -> VectorCollection:
    """The whole Chroma collection; without one, the check is unmeasured."""
    if drift_pipeline.vectors is None:
        pytest.skip(NO_VECTORS)
    return drift_pipeline.vectors


@pytest.fixture(scope="session")
def dimension(drift_pipeline: Pipeline) -> int | None:
    """The length of the collection's vectors, or None without a collection."""
    return drift_pipeline.vectors.dimension if drift_pipeline.vectors else None


@pytest.fixture(scope="session")
def link(drift_pipeline: Pipeline) -> Link:
    """Which entry of the collection is of which record; without a collection, the check is unmeasured."""
    if drift_pipeline.link is None:
        pytest.skip(NO_VECTORS)
    return drift_pipeline.link


@pytest.fixture(scope="session")
def entries(sample: Sample, vectors: VectorCollection, link: Link) -> Mapping[str, Entry]:
    """Chroma's entries for the sampled records, by their ids in Chroma: `entries.get(link.key_of(record))`."""
    keys = [link.key_of(record) for record in sample.records]
    return vectors.entries([key for key in keys if key is not None])


@pytest.fixture(scope="session")
def reviews(drift_pipeline: Pipeline) -> Mapping[RecordId, Review]:
    """The reviews, including those that failed, by the record's id."""
    return drift_pipeline.reviews


@pytest.fixture
def review(record: Record, reviews: Mapping[RecordId, Review]) -> Review:
    """The review of the record; without one, the check is unmeasured."""
    return review_of(record, reviews)


def review_of(record: Record, reviews: Mapping[RecordId, Review]) -> Review:
    """Return the review of the record; without one, skip the check."""
    made = reviews[record.id]
    if not made.made:
        pytest.skip(made.failure or "the reviewer gave no category")
    return made


@pytest.fixture(scope="session")
def decisions(sample: Sample, reviews: Mapping[RecordId, Review]) -> Sequence[tuple[Record, Review]]:
    """The records of the random sample that were reviewed, each with its review."""
    from drift_checks.core.records import Stratum

    there = [
        (record, reviews[record.id])
        for record in sample.records
        if record.id in reviews and record.stratum is not Stratum.LABEL_ISSUE
    ]
    return [(record, review) for record, review in there if review.made]


@pytest.fixture(scope="session")
def variant_reviews(drift_pipeline: Pipeline, reviews: Mapping[RecordId, Review]) -> Mapping[RecordId, list[Review]]:
    """The reviews of other forms of the same text, by the record's id."""
    if drift_pipeline.classifier is None:
        pytest.skip("it is measured for llm and your own classifier only")
    if not drift_pipeline.variants_wanted():
        pytest.skip("it takes extra calls: set stability to a number of records, as in --drift-stability=10")
    return {key: list(forms.values()) for key, forms in drift_pipeline.ledger.variants.items()}


@pytest.fixture(scope="session")
def past(drift_pipeline: Pipeline) -> list[PastRun]:
    """Past runs of this store by the same reviewer and rule, oldest first."""
    from drift_checks.report.history.past import Source, past_runs
    from drift_checks.settings.declarations import NEIGHBOURS

    settings, classifier = drift_pipeline.settings, drift_pipeline.classifier
    source = Source(
        str(settings.db),
        settings.table,
        settings.collection,
        drift_pipeline.reviewer_name,
        drift_pipeline.model,
        drift_pipeline.compared.basis if drift_pipeline.reviewer_name == NEIGHBOURS else None,
        getattr(classifier, "prompt_version", None),
        drift_pipeline.omitted_parameters,
        settings.decision,
        settings.judge,
        (drift_pipeline.sample.seed, f"{drift_pipeline.sample.as_of:%Y-%m-%d}"),
        drift_pipeline.sample.method,
        settings.where,
    )
    return past_runs(settings.reports, source)


@pytest.fixture(scope="session")
def windows(drift_pipeline: Pipeline) -> Windows:
    """Recent and reference records of the whole store."""
    return drift_pipeline.windows


@pytest.fixture(scope="session")
def assessed_labels(drift_pipeline: Pipeline, pytestconfig: pytest.Config) -> LabelAssessment:
    """What a classifier that has not seen the records says of all labels of the store; label_issues.csv lists it."""
    from drift_checks.core.files import replace_file
    from drift_checks.report.label_issues import LABELS_FILE, issues_csv, texts_of

    found = drift_pipeline.labels
    run = pytestconfig.pluginmanager.get_plugin("drift_checks_run")
    if found.issues and run is not None:
        texts = texts_of(drift_pipeline, [issue.record_id for issue in found.issues])
        path = run.finish.journal().path.with_name(LABELS_FILE)
        replace_file(path, issues_csv(found.issues, texts).encode("utf-8", "backslashreplace"), _FILE_MODE)
    return found


@pytest.fixture(scope="session")
def past_labels(drift_pipeline: Pipeline) -> list[Mapping[str, Any]]:
    """What the criterion label_issues found in past runs of this store, oldest first; one a day."""
    from drift_checks.report.label_issues import CRITERION

    return _past_details(drift_pipeline, CRITERION)


@pytest.fixture(scope="session")
def witnesses(drift_pipeline: Pipeline, reviews: Mapping[RecordId, Review], pytestconfig: pytest.Config) -> Witnesses:
    """What the store and each reviewer say of the same records; attribution.csv lists where they differ."""
    from drift_checks.core.files import replace_file
    from drift_checks.report.attribution import ATTRIBUTION_FILE, statements_csv
    from drift_checks.reviews.witnesses import witnesses_of

    found = witnesses_of(drift_pipeline)
    run = pytestconfig.pluginmanager.get_plugin("drift_checks_run")
    if len(found.witnesses) > 2 and any(item.differs for item in found.statements) and run is not None:
        path = run.finish.journal().path.with_name(ATTRIBUTION_FILE)
        replace_file(path, statements_csv(found).encode("utf-8", "backslashreplace"), _FILE_MODE)
    return found


@pytest.fixture(scope="session")
def past_attributions(drift_pipeline: Pipeline) -> list[Mapping[str, Any]]:
    """What the criterion attribution found in past runs of this store, oldest first; one a day."""
    from drift_checks.report.attribution import CRITERION

    return _past_details(drift_pipeline, CRITERION, drift_pipeline.sample.method)


@pytest.fixture(scope="session")
def anchor_answers(drift_pipeline: Pipeline) -> AnchorAnswers:
    """What the reviewer said tonight of texts whose right category is known; without any, the check is unmeasured."""
    from drift_checks.reviews.anchor_answers import answers_tonight

    settings = drift_pipeline.settings
    if drift_pipeline.sample.chosen or not settings.anchors:
        pytest.skip("no anchors are reviewed beside named records, or with anchors=0")
    found = answers_tonight(drift_pipeline)
    if not found.drawn:
        why = f" ({'; '.join(found.notes)})" if found.notes else ""
        pytest.skip(f"there are no anchors{why}: judge records with drift-checks judge, or add --drift-gold=FILE")
    return found


@pytest.fixture(scope="session")
def past_anchor_answers(drift_pipeline: Pipeline) -> list[Mapping[str, Any]]:
    """What the criterion reviewer_accuracy found in past runs of this store, oldest first; one a day."""
    from drift_checks.report.reviewer_accuracy import CRITERION

    nights = _past_details(drift_pipeline, CRITERION)
    return [night for night in nights if night.get("reviewer") == drift_pipeline.reviewer_name]


def _past_details(pipeline: Pipeline, criterion: str, method: str | None = None) -> list[Mapping[str, Any]]:
    from drift_checks.report.history.past import past_details
    from drift_checks.stores.identity import StoreIdentity

    settings = pipeline.settings
    store = StoreIdentity(str(settings.db), settings.table, settings.collection)
    day = f"{pipeline.sample.as_of:%Y-%m-%d}"
    return past_details(settings.reports, store, criterion, day, settings.where, method)


@pytest.fixture
def criterion(request: pytest.FixtureRequest) -> Criterion:
    """The criterion of the check, with the settings applied."""
    return request.config.stash[CRITERIA][criterion_name(request.path)]


@pytest.fixture
def need(criterion: Criterion, drift_pipeline: Pipeline) -> Callable[..., None]:
    """Skip the check if there is less than the criterion needs: `need(len(found), "recent records", "timestamp")`.

    The reason is the number, or that one of the named columns is missing or cannot be read.
    """
    from drift_checks.stores.unused import why_unused

    def check(number: int, what: str, *columns: str) -> None:
        if number < criterion.least:
            found = f"needs {criterion.least:,} {what}, found {number:,}"
            pytest.skip(why_unused(drift_pipeline.store, *columns) or found)

    return check


@pytest.fixture
def measure(request: pytest.FixtureRequest, criterion: Criterion) -> Callable[..., None]:
    """Report a statistic: `measure(name, value, message, number=…, p_value=…, interval=…, key=value, …)`.

    The value is compared with the criterion's thresholds: larger is worse. With a p-value, it counts only if chance
    does not explain it, given all the tests of the run; statistics of a `family` of their own do not weaken the others
    of the criterion. Further keys are plain values for the report's picture.
    """
    from drift_checks.core.outcomes import Statistic
    from drift_checks.core.plain import to_plain

    def report(
        name: str,
        value: float | None,
        message: str,
        *,
        number: int = 0,
        p_value: float | None = None,
        interval: tuple[float, float] | None = None,
        family: str = "",
        **details: Any,
    ) -> None:
        if not criterion.effect:
            raise TypeError("measure needs a criterion with an effect: add effect= and warn= to its mark")
        said = f"{message} (p {p_value:.2g})" if p_value is not None else message
        statistic = Statistic(
            name,
            said,
            None if value is None else float(value),
            int(number),
            None if p_value is None else float(p_value),
            None if interval is None else (float(interval[0]), float(interval[1])),
            details=to_plain(details),
            family=family,
        )
        request.node.stash.setdefault(STATISTICS, []).append(statistic)

    return report


@pytest.fixture
def whole_store(request: pytest.FixtureRequest, criterion: Criterion) -> Callable[[str, int, int, str], None]:
    """Report a share of the whole store: `whole_store(name, passed, failed, "{failed} of {total} lack …")`."""
    from drift_checks.core.outcomes import Statistic

    def report(name: str, passed: int, failed: int, message: str) -> None:
        if criterion.effect:
            raise TypeError("whole_store reports a share that passes: a criterion with an effect uses measure")
        said = message.format(failed=f"{failed:,}", passed=f"{passed:,}", total=f"{passed + failed:,}")
        request.node.stash.setdefault(STATISTICS, []).append(Statistic.share(name, passed, failed, said))

    return report
