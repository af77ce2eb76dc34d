"""A review on a Dask cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.session_runs import SMALL
from tests.support.stores import BuiltStore
from tests.support.whole_runs import run_here

CLASSIFIER = """
import re

def classify(text):
    if "number 3 " in text:
        raise ValueError("this text is odd")
    return re.search("financial|regulatory|operational", text)[0]
"""


@pytest.mark.server
@pytest.mark.slow
def test_a_cluster_changes_nothing_but_where_reviews_are_made(tmp_path: Path, store: BuiltStore) -> None:
    """The verdict, the exit code and each review; the report says where they were made."""
    (tmp_path / "mine.py").write_text(CLASSIFIER)
    given = [*store.options, *SMALL, "--drift-reviewer=mine:classify", "--drift-stability=0", "-k", "agreement"]
    alone, clustered = (run_here(tmp_path, *given, f"--drift-cluster={where}") for where in ("none", "local"))
    assert clustered.exit_code == alone.exit_code
    assert clustered.drift["agreement"] == alone.drift["agreement"]
    assert clustered.drift["criteria"] == alone.drift["criteria"]
    assert alone.drift["reviewer"].get("cluster") is None
    used = clustered.drift["reviewer"]["cluster"]
    assert (used["address"], used["workers"] > 0) == ("local", True)
    assert "of a local Dask cluster" in clustered.out
