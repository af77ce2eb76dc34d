"""The regressions and predictions of earlier runs, in a file of the snapshot folder that may be deleted at any time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from drift_checks.reviews.labels.model import PREDICTION, LabelModel, Predictions
from drift_checks.reviews.labels.records import Digests
from drift_checks.reviews.labels.texts import TextProjection
from drift_checks.reviews.vectors.cache import Array, ArrayFile
from drift_checks.statistics import logistic

_FORMAT = "2"
FOLDER = "labels"


@dataclass(frozen=True)
class Kept:
    """What an earlier run left.

    Attributes:
        projection: How texts become vectors; None for other vectors.
        digests: Of the records that were predicted, ascending.
        predictions: What was predicted of each.
    """

    model: LabelModel
    projection: TextProjection | None
    digests: Digests
    predictions: Predictions

    def of(self, digests: Digests) -> tuple[npt.NDArray[np.bool_], Predictions]:
        """Return which records were predicted, and what; anything for the others."""
        if not len(self.digests):
            return np.zeros(len(digests), np.bool_), np.empty(len(digests), PREDICTION)
        places = np.minimum(np.searchsorted(self.digests, digests), len(self.digests) - 1)
        return self.digests[places] == digests, self.predictions[places]


class KeptFile:
    """The file for one store, table, and kind of vectors."""

    def __init__(self, folder: Path | None, identity: Sequence[str]) -> None:
        made_by = (_FORMAT, str(logistic.PENALTY), str(logistic.ITERATIONS))
        self._file = None if folder is None else ArrayFile(folder / FOLDER, (*made_by, *identity), np.uint8)

    def load(self) -> Kept | None:
        """Return what an earlier run left; None if that cannot be trusted."""
        if self._file is None:
            return None
        found = self._file.load()
        try:
            facts = json.loads(found[_key("facts")].tobytes())
            categories = tuple(facts["categories"])
            centre = found[_key("centre")].view("<f4")
            shape = (-1, len(centre) + 1, len(categories))
            model = LabelModel(
                categories,
                tuple(facts["rare"]),
                centre,
                facts["scale"],
                found[_key("coefficients")].view("<f4").reshape(shape),
                found[_key("least")].view("<f4"),
                found[_key("trained")].view("<u8"),
                facts["records"],
            )
            weights = found[_key("weights")].view("<f4")
            digests = found.get(_key("digests"), np.empty(0, np.uint8)).view("<u8")
            predictions = found.get(_key("predictions"), np.empty(0, np.uint8)).view(PREDICTION)
        except (KeyError, ValueError, TypeError):
            return None
        if len(digests) != len(predictions):
            digests, predictions = digests[:0], predictions[:0]
        return Kept(model, TextProjection(weights) if len(weights) else None, digests, predictions)

    def save(self, kept: Kept) -> str:
        """Write the file; return why that failed, empty if it did not."""
        if self._file is None:
            return ""
        model = kept.model
        facts = {"categories": model.categories, "rare": model.rare, "scale": model.scale, "records": model.records}
        weights = np.empty(0, np.float32) if kept.projection is None else kept.projection.weights
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "facts": np.frombuffer(json.dumps(facts).encode(), np.uint8),
            "centre": model.centre,
            "coefficients": model.coefficients,
            "least": model.least,
            "trained": model.trained,
            "weights": weights,
            "digests": kept.digests,
            "predictions": kept.predictions,
        }
        try:
            self._file.save({_key(name): _as_bytes(array) for name, array in arrays.items()})
        except OSError as error:
            return f"{self._file.folder}: {error.strerror}"
        return ""

    def touch(self) -> None:
        """Note that the file was used."""
        if self._file is not None:
            self._file.touch()


def _key(name: str) -> bytes:
    return name.encode().ljust(16, b"\0")


def _as_bytes(array: npt.NDArray[np.generic]) -> Array:
    return np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
