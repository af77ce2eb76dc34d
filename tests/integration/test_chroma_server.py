"""Reviews of records whose vectors are on a Chroma server."""

from __future__ import annotations

from pathlib import Path

import pytest

from drift_checks.stores.vectors import chroma_http
from tests.support.chroma_server import Fault, Relay
from tests.support.stores import BuiltStore
from tests.support.whole_runs import run_here

FEW = ("--drift-sample-size=20", "--drift-baseline=2")
CONSTANT = """
def classify(text):
    return "financial"
"""


def of_server(store: BuiltStore, relay: Relay) -> list[str]:
    """Return the options of a review with the vectors on the server."""
    return [f"--drift-chroma={relay.url}" if "chroma" in option else option for option in (*store.options, *FEW)]


def test_the_report_is_that_of_the_directory(tmp_path: Path, store: BuiltStore, relay: Relay) -> None:
    """The same sample, reviews and criteria; nothing is written."""
    local = run_here(tmp_path / "local", *store.options, *FEW)
    served = run_here(tmp_path / "served", *of_server(store, relay))
    assert (served.exit_code, served.drift["sample"]) == (local.exit_code, local.drift["sample"])
    for key in ("agreement", "criteria"):
        assert served.drift[key] == local.drift[key]
    assert {path.rpartition("/")[2] for method, path in relay.requests if method != "GET"} == {"get", "query"}


def test_an_outage_hides_no_drift(
    tmp_path: Path, store: BuiltStore, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reviews that were made are judged, and criteria that need vectors are INCONCLUSIVE."""
    monkeypatch.setattr(chroma_http, "_PAUSES", ())
    (tmp_path / "run").mkdir()
    (tmp_path / "run/mine.py").write_text(CONSTANT)
    # After the run found its collection.
    relay.fault = Fault(503, b"{}", path="/get")
    run = run_here(tmp_path / "run", *of_server(store, relay), "--drift-reviewer=mine:classify")
    assert (run.exit_code, run.drift["verdict"]) == (1, "CRITICAL")
    assert run.criterion("store_consistency")["verdict"] == "INCONCLUSIVE"
    assert "answers 503 (Service Unavailable)" in run.criterion("store_consistency")["message"]


def test_a_search_that_fails_is_no_verdict(
    tmp_path: Path, store: BuiltStore, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without neighbours there are no reviews: 75, in one sentence."""
    monkeypatch.setattr(chroma_http, "_PAUSES", ())
    relay.fault = Fault(500, b"{}", path="/query")
    run = run_here(tmp_path / "run", *of_server(store, relay))
    assert (run.exit_code, run.written) == (75, [])
    assert f"{relay.url}: answers 500 (Internal Server Error); the log of the server says more." in run.text
