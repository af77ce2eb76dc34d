"""The fixtures that every criterion has, wherever its file lies: wiring only.

`record` is no fixture but a parameter: the plugin runs the test once for each record of the sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from drift_checks.pipeline import Pipeline
from drift_checks.plugin.keys import PIPELINE, STATISTICS
from drift_checks.records import Record, RecordId, Review, Sample
from drift_checks.reporting.outcome import Statistic
from drift_checks.settings import Settings
from drift_checks.stores.chroma import Entry, VectorCollection
from drift_checks.stores.records import RecordStore

NO_VECTORS = "no Chroma directory is configured"


@pytest.fixture(scope="session")
def drift_pipeline(pytestconfig: pytest.Config) -> Pipeline:
    """The run up to the reviews."""
    return pytestconfig.stash[PIPELINE]


@pytest.fixture(scope="session")
def drift_settings(drift_pipeline: Pipeline) -> Settings:
    """What the run was told to do."""
    return drift_pipeline.settings


@pytest.fixture(scope="session")
def sample(drift_pipeline: Pipeline) -> Sample:
    """The records under review, drawn from SQLite."""
    return drift_pipeline.sample


@pytest.fixture(scope="session")
def taxonomy(drift_pipeline: Pipeline) -> frozenset[str]:
    """The categories that a record may have."""
    return frozenset(drift_pipeline.taxonomy)


@pytest.fixture(scope="session")
def store(drift_pipeline: Pipeline) -> RecordStore:
    """The table of records, the whole of it."""
    return drift_pipeline.store


@pytest.fixture(scope="session")
def vectors(drift_pipeline: Pipeline) -> VectorCollection:
    """The collection in Chroma, the whole of it; without one, the check is not measured."""
    if drift_pipeline.vectors is None:
        pytest.skip(NO_VECTORS)
    return drift_pipeline.vectors


@pytest.fixture(scope="session")
def dimension(drift_pipeline: Pipeline) -> int | None:
    """The length of the collection's vectors, None without a collection."""
    return drift_pipeline.vectors.dimension if drift_pipeline.vectors else None


@pytest.fixture(scope="session")
def entries(sample: Sample, vectors: VectorCollection) -> Mapping[str, Entry]:
    """What Chroma holds of the sampled records, by `chroma_id`."""
    keys = [record.values.get("chroma_id") for record in sample.records]
    return vectors.entries([str(key) for key in keys if key is not None])


@pytest.fixture(scope="session")
def reviews(drift_pipeline: Pipeline) -> Mapping[RecordId, Review]:
    """The reviewer's decisions, those that failed included, by the record's id."""
    return drift_pipeline.reviews


@pytest.fixture
def review(record: Record, reviews: Mapping[RecordId, Review]) -> Review:
    """The reviewer's decision on the record; where there is none, the check is not measured."""
    made = reviews[record.id]
    if not made.made:
        pytest.skip(made.failure or "the reviewer gave no category")
    return made


@pytest.fixture
def whole_store(request: pytest.FixtureRequest) -> Callable[[str, int, int, str], None]:
    """Report a share of the whole store: `whole_store(name, passed, failed, "{failed} of {total} lack …")`."""

    def report(name: str, passed: int, failed: int, message: str) -> None:
        said = message.format(failed=f"{failed:,}", passed=f"{passed:,}", total=f"{passed + failed:,}")
        request.node.stash.setdefault(STATISTICS, []).append(Statistic(name, passed, failed, said))

    return report
