"""A review of a database server that goes away while the classifier is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.databases import Server
from tests.support.stores import BuiltStore
from tests.support.whole_runs import LOW_CONFIDENCE, run_here

pytestmark = pytest.mark.server
CLASSIFIER = """
import os, signal

def classify(text):
    try:
        os.rename("stop", "stopped")
    except FileNotFoundError:
        pass
    else:
        os.kill(int(open("stopped").read()), signal.SIGQUIT)
    return next(name for name in ("financial", "regulatory", "operational") if name in text), 0.9
"""


def test_an_outage_after_the_sample_is_no_drift(postgresql: Server, store: BuiltStore, tmp_path: Path) -> None:
    """The reviews are kept, the criteria that need the store are INCONCLUSIVE, and the run ends with 75."""
    database = postgresql.create_database()
    database.load(store.db)
    assert postgresql.process is not None
    (tmp_path / "stop").write_text(str(postgresql.process))
    (tmp_path / "own_of_database.py").write_text(CLASSIFIER)
    options = [option for option in store.options if not option.startswith(("--drift-db", "--drift-chroma"))]
    try:
        run = run_here(
            tmp_path,
            "--drift-reviewer=own_of_database:classify",
            *options,
            *LOW_CONFIDENCE,
            environment=database.environment(),
        )
    finally:
        postgresql.restart()
    assert run.exit_code == 75
    drift = run.document["drift"]
    verdicts = {item["name"]: item["verdict"] for item in drift["criteria"]}
    assert (drift["verdict"], verdicts["agreement"], verdicts["provenance"]) == ("INCONCLUSIVE", "OK", "INCONCLUSIVE")
    assert drift["agreement"]["reviewed"] == 30
    assert drift["store"]["db"] == database.public
    assert "does not answer" in run.text
    assert "Traceback" not in run.text
    written = run.text + "".join(file.read_text(errors="replace") for file in run.folder.iterdir() if file.is_file())
    assert "re@der" not in written
    assert "re%40der" not in written
