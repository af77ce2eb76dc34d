"""Several reviewers in a run, and who of them moved."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import ChatServer
from tests.support.drifting import DriftingStore, answered, other_category, two_windows, write_store
from tests.support.llm_runs import KEY
from tests.support.whole_runs import run_here

# Today's classifier says what the text says it will; the other one is always right.
MODULE = """
import json, re
RIGHT = json.load(open("right.json"))

def answer(text):
    return re.search(r"answered as (\\w+)", text)[1]

def independent(text):
    return RIGHT[re.search(r"Risk number 0*(\\d+)", text)[1]]
"""
ONLY = ("--drift-sample-size=60", "--drift-baseline=20", "-k", "attribution or agreement")
REVIEWERS = "--drift-reviewer=own:answer,own:independent"


def told(folder: Path, rows: list[dict[str, object]], right: dict[str, object]) -> DriftingStore:
    """Write a store, and beside it the classifiers and what is right."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "own.py").write_text(MODULE, encoding="utf-8")
    (folder / "right.json").write_text(json.dumps(right), encoding="utf-8")
    return write_store(folder / "store", rows)


@pytest.fixture
def sound() -> list[dict[str, object]]:
    """Records on which all witnesses agree."""
    return two_windows()


def right_of(rows: list[dict[str, object]]) -> dict[str, object]:
    """Return the right category by id."""
    return {str(row["id"]): row["category"] for row in rows}


def test_a_store_that_moved_is_named_with_what_it_was_written_by(
    tmp_path: Path, sound: list[dict[str, object]]
) -> None:
    """One version wrote other labels than both reviewers name; summary, page, report and file show the records."""
    right = right_of(sound)
    rows = [
        answered({**row, "category": other_category(row), "model_version": "v2"}, str(row["category"]))
        if int(str(row["id"])) % 3 == 0
        else {**answered(row), "model_version": "v1"}
        for row in sound
    ]
    store = told(tmp_path, rows, right)
    run = run_here(tmp_path, *store.options, *ONLY, REVIEWERS)
    found = run.criterion("attribution")
    details = found["statistics"][0]["details"]
    assert (found["verdict"], details["moved"]) == ("WARNING", "store")
    assert "moved       the store moved: own:answer and own:independent agree with each other and not with" in run.text
    assert f"{details['alone'][0]} of them have model v2" in run.text
    assert [item["name"] for item in run.drift["second_reviewers"]] == ["own:independent"]
    assert run.drift["second_reviewers"][0]["calls"] == 80
    listed = list(csv.DictReader((run.folder / "attribution.csv").open(encoding="utf-8")))
    assert {line["alone"] for line in listed} == {"the store"}
    assert len(listed) == details["alone"][0]
    assert "Who moved?</h2>" in (run.folder / "index.html").read_text(encoding="utf-8")


def test_a_refused_second_reviewer_leaves_the_verdict_as_it_is(tmp_path: Path, sound: list[dict[str, object]]) -> None:
    """Who moved is not measured, and the reason is given."""
    store = told(tmp_path, [answered(row) for row in sound], right_of(sound))
    with ChatServer(Behaviour(api_key="another")) as server:
        endpoint = (f"--drift-llm-base-url={server.base_url}", "--drift-llm-model=test-model")
        reviewers = "--drift-reviewer=own:answer,llm"
        run = run_here(tmp_path, *store.options, *ONLY, *endpoint, reviewers, environment={"DRIFT_LLM_API_KEY": KEY})
    assert (run.exit_code, run.drift["agreement"]["rate"]) == (0, 1.0)
    found = run.criterion("attribution")
    assert found["verdict"] is None
    assert "llm reviewed no record" in found["message"]
    assert KEY not in run.text


def test_what_was_so_on_earlier_nights_has_not_moved(tmp_path: Path, sound: list[dict[str, object]]) -> None:
    """The history of the same reviewers says what is usual."""
    rows = [answered(row, other_category(row)) if int(str(row["id"])) % 4 == 0 else answered(row) for row in sound]
    store = told(tmp_path, rows, right_of(sound))
    options = [option for option in store.options if not option.startswith("--drift-as-of")]
    sample = ("--drift-sample-size=60", "--drift-baseline=20", REVIEWERS)
    days = [f"--drift-as-of=2026-01-{day}T02:00:00Z" for day in (14, 15)]
    first, second = (run_here(tmp_path, *options, *sample, day).criterion("attribution") for day in days)
    moved = [found["statistics"][0]["details"]["moved"] for found in (first, second)]
    assert moved == ["classifier", "nobody"]
    before = second["statistics"][0]["details"]["before"]
    assert before == [count / 80 for count in first["statistics"][0]["details"]["alone"]]
