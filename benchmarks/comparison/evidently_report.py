"""Evidently: a page about stored and reviewed categories, or about the drift between two halves of the records."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
from evidently import DataDefinition, Dataset, MulticlassClassification, Report
from evidently.presets import ClassificationPreset, DataDriftPreset


def main(preset: str, file: str) -> None:
    """Write page.html."""
    rows = json.loads(Path(file).read_text(encoding="utf-8"))
    frame = pd.DataFrame(rows, columns=["text", "target", "prediction"])
    roles = [MulticlassClassification(target="target", prediction_labels="prediction")]
    columns, texts = ["target", "prediction"], ["text"]
    if preset == "classification":
        # Beside texts, it would describe the categories by each text.
        frame, texts = frame[columns], []
    definition = DataDefinition(text_columns=texts, categorical_columns=columns, classification=roles)
    if preset == "classification":
        snapshot = Report([ClassificationPreset()]).run(Dataset.from_pandas(frame, definition), None)
    else:
        half = len(frame) // 2
        earlier, recent = (Dataset.from_pandas(part, definition) for part in (frame[:half], frame[half:]))
        snapshot = Report([DataDriftPreset()]).run(recent, earlier)
    snapshot.save_html("page.html")


if __name__ == "__main__":
    main(*sys.argv[1:])
