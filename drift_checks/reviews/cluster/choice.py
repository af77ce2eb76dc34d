"""Whether a reviewer runs on a cluster, and which."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from drift_checks.core.addresses import ServerURL
from drift_checks.core.errors import ReviewerError, SettingError
from drift_checks.core.records import Record
from drift_checks.core.secrets import CHROMA_BASIC, CHROMA_KEY, CHROMA_TOKEN, find_secret
from drift_checks.reviews.reviewers.base import Classifier
from drift_checks.reviews.vectors.base import CHROMA, VectorSet
from drift_checks.settings.declarations import LLM, LOCAL, NEIGHBOURS, TFIDF, Settings

if TYPE_CHECKING:
    from drift_checks.reviews.cluster.neighbours import ClusterNeighbours

# By so many records the entries of a collection are found.
_SOME = 60


@dataclass(frozen=True, kw_only=True)
class UsedCluster:
    """Where the reviews of a run were made.

    Attributes:
        address: The scheduler, or `local`.
        workers: The number of workers that took part.
    """

    address: str
    workers: int


def refuse_no_gain(settings: Settings, reviewer: str, *, in_memory: bool = False) -> None:
    """Refuse a cluster for a reviewer that gains nothing from it, or that workers cannot run.

    Args:
        settings: The settings of the run.
        reviewer: The name of the reviewer.
        in_memory: Whether the records are only in the memory of this process.

    Raises:
        SettingError: The reviewer does not run on a cluster.
    """
    if settings.cluster is None or reviewer not in (LLM, NEIGHBOURS):
        return
    if reviewer == LLM:
        problem = "the reviewer 'llm' does not run on a cluster"
        remedy = "name your own classifier with --drift-reviewer=package.module:name"
    elif settings.embedding not in (None, TFIDF):
        problem = f"each worker would make the vectors of {settings.embedding} again"
        remedy = "keep them in the store, in the column embedding_json or in Chroma, and omit --drift-embedding"
    elif in_memory:
        problem = "workers cannot read records that are in memory"
        remedy = "write them to a file, and name that as db"
    else:
        return
    raise SettingError("cluster", problem, f"omit it, or {remedy}")


def on_cluster(classifier: Classifier, settings: Settings, folders: tuple[Path, ...]) -> Classifier:
    """Return the user's own classifier as the settings have it run: here, or on the workers of a cluster.

    Raises:
        ReviewerError: Dask is not installed, or the classifier cannot be sent to the workers.
    """
    from drift_checks.reviews.reviewers.own import OwnClassifier

    if settings.cluster is None or not isinstance(classifier, OwnClassifier):
        return classifier
    refuse_not_installed()
    from drift_checks.reviews.cluster.classifier import ClusterClassifier
    from drift_checks.reviews.cluster.connection import Connection
    from drift_checks.reviews.cluster.shipping import shipped
    from drift_checks.reviews.cluster.workers import Workers

    shipment = shipped(
        classifier.source,
        classifier.name,
        folders,
        is_named=classifier.name == settings.reviewers[0],
        is_local=settings.cluster == LOCAL,
    )
    workers = Workers(Connection(settings.cluster), shipment, settings.concurrency, settings.timeout)
    return ClusterClassifier(classifier, workers)


def neighbours_on_cluster(settings: Settings, compared: VectorSet, sample: Sequence[Record]) -> ClusterNeighbours:
    """Return the reviewer `neighbours` on the workers of the cluster in the settings.

    Args:
        settings: The settings of the run, as the store completed them.
        compared: What the run compares records by; the workers do, too.
        sample: The sample.

    Raises:
        ReviewerError: Dask is not installed.
    """
    refuse_not_installed()
    from drift_checks.reviews.cluster.connection import Connection
    from drift_checks.reviews.cluster.neighbours import ClusterNeighbours, sent
    from drift_checks.reviews.cluster.searching import StoreShipment
    from drift_checks.reviews.cluster.workers import Workers

    assert settings.cluster is not None
    shipment = StoreShipment(
        # How they were written may hold secrets, and is not needed.
        settings=replace(settings, sources={}, texts={}),
        basis=compared.basis,
        note=getattr(compared, "note", ""),
        some=tuple(map(sent, sample[:_SOME])) if compared.basis == CHROMA else (),
        credentials=_credentials(settings),
        is_local=settings.cluster == LOCAL,
    )
    # Each search has a worker for itself, and may take any time.
    workers = Workers(Connection(settings.cluster), shipment, concurrency=1, timeout=math.inf)
    return ClusterNeighbours(workers, compared.at_once)


def _credentials(settings: Settings) -> dict[str, str]:
    """Return those for a server of vectors, by the name of their variable."""
    if not isinstance(settings.chroma, ServerURL):
        return {}
    found = {name: find_secret([name], os.environ) for name in (CHROMA_TOKEN, CHROMA_KEY, CHROMA_BASIC)}
    return {name: secret.reveal() for name, secret in found.items() if secret is not None}


def refuse_not_installed() -> None:
    """Refuse a cluster without the libraries for it.

    Raises:
        ReviewerError: Dask is not installed.
    """
    if find_spec("distributed") is None:
        raise ReviewerError("cluster", "Dask is not installed", "install it with: pip install 'drift-checks[dask]'")
