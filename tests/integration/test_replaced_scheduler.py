"""A review in the folder of the first application, as the scheduler that it replaces was called."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.stores import BuiltStore
from tests.support.whole_runs import run_here

COMMAND = ("--run-once", "--sample-size", "20", "--drift-as-of=2026-01-15T02:00:00Z", "--drift-baseline=0")
KEYED = """
import os, re
from dataclasses import dataclass
from enum import Enum

class Category(str, Enum):
    FINANCIAL = "financial"
    REGULATORY = "regulatory"
    OPERATIONAL = "operational"

@dataclass
class Result:
    category: Category
    confidence: float
    model_version: str

class Keyed:
    def __init__(self, model="gemini", api_key=None):
        self.model, self.key = model, api_key or os.getenv("RISK_API_KEY")
        if not self.key:
            raise ValueError("RISK_API_KEY is needed")

    def classify(self, text):
        return Result(Category(re.search("financial|regulatory|operational", text)[0]), 0.9, self.model)
"""


@pytest.fixture
def folder(store: BuiltStore, tmp_path: Path) -> Path:
    """The folder of an application, with its store in `database`."""
    shutil.move(store.folder, tmp_path / "app" / "database")
    return tmp_path / "app"


def test_the_old_command_reviews_the_store_beside_it(folder: Path) -> None:
    """No path is named; the summary says what the neighbours cannot tell, and who can."""
    found = run_here(folder, *COMMAND, way="module")
    stores = found.drift["store"]
    assert (found.exit_code, stores["db"]) == (0, str(folder / "database/risk_classifications.db"))
    assert stores["chroma"] == str(folder / "database")
    assert found.out.count("not what the classifier decides today; --drift-reviewer=package.module:name asks it") == 1


def test_an_unchanged_classifier_gets_its_key_from_a_credential(folder: Path) -> None:
    """As the variable that it reads, until the end of the run."""
    (folder / "keyed.py").write_text(KEYED, encoding="utf-8")
    credentials = folder / "credentials"
    credentials.mkdir()
    (credentials / "RISK_API_KEY").write_text("Key-of-the-model-1234\n", encoding="utf-8")
    given = {"CREDENTIALS_DIRECTORY": str(credentials)}
    own = ("--drift-reviewer=keyed:Keyed", "--drift-stability=0")
    found = run_here(folder, *COMMAND, *own, way="module", environment=given)
    assert (found.exit_code, found.drift["reviewer"]["model"]) == (0, "gemini")
    assert "RISK_API_KEY" not in os.environ
    without = run_here(folder, *COMMAND, *own, way="module")
    assert (without.exit_code, "RISK_API_KEY is needed" in without.refusal) == (4, True)
