"""Whether the user's own classifier runs on a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from drift_checks.core.errors import ReviewerError, SettingError
from drift_checks.reviews.reviewers.base import Classifier
from drift_checks.settings.declarations import LLM, LOCAL, NEIGHBOURS, Settings


@dataclass(frozen=True, kw_only=True)
class UsedCluster:
    """Where the reviews of a run were made.

    Attributes:
        address: The scheduler, or `local`.
        workers: The number of workers that took part.
    """

    address: str
    workers: int


def refuse_no_gain(settings: Settings, reviewer: str) -> None:
    """Refuse a cluster for a reviewer that gains nothing from it.

    Raises:
        SettingError: The reviewer does not run on a cluster.
    """
    if settings.cluster is None or reviewer not in (LLM, NEIGHBOURS):
        return
    raise SettingError(
        "cluster",
        f"the reviewer {reviewer!r} does not run on a cluster",
        "omit it, or name your own classifier with --drift-reviewer=package.module:name",
    )


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

    shipment = shipped(
        classifier.source,
        classifier.name,
        folders,
        is_named=classifier.name == settings.reviewer,
        is_local=settings.cluster == LOCAL,
    )
    connection = Connection(settings.cluster)
    return ClusterClassifier(classifier, shipment, connection, settings.concurrency, settings.timeout)


def refuse_not_installed() -> None:
    """Refuse a cluster without the libraries for it.

    Raises:
        ReviewerError: Dask is not installed.
    """
    if find_spec("distributed") is None:
        raise ReviewerError("cluster", "Dask is not installed", "install it with: pip install 'drift-checks[dask]'")
