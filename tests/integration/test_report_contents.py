"""What index.html says to whoever opens it after a failed night."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path

import pytest

from tests.support.history_files import words_of
from tests.support.session_damage import without_vectors
from tests.support.session_runs import SMALL, Run
from tests.support.stores import NAME, BuiltStore
from tests.support.whole_runs import LOW_CONFIDENCE, run_here

# Its reasons differ from everything in the store.
CLASSIFIER = """
def steady(text):
    return {
        "category": "regulatory", "confidence": 0.8,
        "evidence": "as written in paragraph nine", "rationale": "the reviewer weighed it",
    }
"""
OWN = ("--drift-reviewer=mine:steady", "--drift-stability=0")
# What differs between two identical runs.


@pytest.fixture(scope="module")
def damaged(_doubtful_once: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> BuiltStore:
    """A doubtful store in which record 44 does not match its hash, and 48 has no vector."""
    folder = tmp_path_factory.mktemp("damaged") / "store"
    shutil.copytree(_doubtful_once.folder, folder)
    store = BuiltStore(folder)
    store.execute(f"update {NAME} set text_hash = 'wrong' where id = 44")
    without_vectors(store, [48])
    store.execute(f"update {NAME} set rationale = 'kept for the reason of record ' || id")
    return store


def page_of(run: Run) -> str:
    """Return the visible text of a run's page."""
    return words_of(run.folder / "index.html")


def sections(run: Run) -> dict[str, str]:
    """Return the content of the page by heading."""
    page = (run.folder / "index.html").read_text(encoding="utf-8")
    found = {}
    for part in re.split(r"<h2\b", page)[1:]:
        title, _, rest = part.partition("</h2>")
        found[re.sub(r"\s*\(\d+[^)]*\)$", "", title.partition(">")[2]).strip()] = rest
    return found


def entries(run: Run) -> dict[str, str]:
    """Return the entry of each record on the page, by id."""
    listed = re.split(r'<li id="record-', sections(run)["Records that disagree or failed"])[1:]
    return {re.findall(r">([^<]*)</a>", part)[0]: words(part) for part in listed}


def words(markup: str) -> str:
    """Return the words of a piece of markup; a mark may end within one."""
    unmarked = re.sub(r"</?mark[^>]*>", "", markup.partition(">")[2])
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", unmarked)).split())


@pytest.fixture(scope="module")
def first(damaged: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The first review of the store, by its neighbours."""
    return run_here(tmp_path_factory.mktemp("contents") / "run", *damaged.options, *LOW_CONFIDENCE)


@pytest.fixture(scope="module")
def own(damaged: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A review by a user's own classifier, with a Chroma directory."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(CLASSIFIER, encoding="utf-8")
    return run_here(folder, *damaged.options, *LOW_CONFIDENCE, *OWN)


@pytest.fixture(scope="module")
def changed(_doubtful_once: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The second review of a store whose disagreements were repaired and whose hashes no longer match."""
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(_doubtful_once.folder, folder / "store")
    store = BuiltStore(folder / "store")
    run_here(folder / "run", *store.options, *LOW_CONFIDENCE)
    mended = f"(select category from {NAME} as n where n.id = {NAME}.id + 3)"
    store.execute(f"update {NAME} set category = {mended} where id <= 40 and id % 4 = 0")
    store.execute(f"update {NAME} set text_hash = 'wrong' where id % 4 = 0")
    store.execute(f"update {NAME} set model_version = 'model-2'")
    return run_here(folder / "run", *store.options, *LOW_CONFIDENCE)


def test_changes_are_shown(first: Run, changed: Run) -> None:
    """Of agreement, of criteria in both directions, and of versions; a first run says that it is the first."""
    sentence = "this is the first run of this store"
    assert (sentence in page_of(first), sentence in page_of(changed)) == (True, False)
    since = page_of(changed).partition("Since the run before")[2].partition(" When ")[0]
    assert "agreement 67 % → 100 %" in since
    assert re.search("newly failed: [^:;]*record_integrity[^:]*; .*: agreement", since), since
    assert "model-2" in since


def test_each_measured_criterion_has_its_remedy(first: Run) -> None:
    """It says what to do, or what to do if it fails."""
    criteria = re.split(r'<details class="criterion"', sections(first)["All criteria"])[1:]
    without = [part[:60] for part in criteria if not re.search(r"(What to do|If it fails):\s*[A-Z].{10}", words(part))]
    measured = [item["name"] for item in first.drift["criteria"] if item["verdict"] is not None]
    assert (len(criteria), without) == (len(measured), [])


def test_unmeasured_criteria_are_listed_with_the_reason(first: Run) -> None:
    """In the words of report.json."""
    shown = words(">" + sections(first)["Not measured, and why"])
    missing = [item for item in first.drift["criteria"] if item["verdict"] is None]
    assert len(missing) > 3
    for item in missing:
        assert item["name"] in shown
        assert item["message"].removeprefix("not measured: ") in shown


def test_each_record_that_disagrees_or_failed_is_listed(first: Run) -> None:
    """Ten disagree, one does not match its hash, one has no vector; a failure comes with the reason and the text."""
    listed = entries(first)
    assert set(listed) == {str(number) for number in (*range(4, 44, 4), 44, 48)}
    assert ("hash" in listed["44"], "Risk number 44 concerns" in listed["44"]) == (True, True)
    assert ("vector" in listed["48"], "Risk number 48 concerns" in listed["48"]) == (True, True)


def test_record_is_shown_with_all_details(first: Run) -> None:
    """Text, categories, confidences, both sets of reasons, versions, age, stratum and neighbours."""
    said = entries(first)["4"]
    wanted = (
        *("Risk number 4 concerns operational matters.", "operational → regulatory", "0.60 → 0.8"),
        *("kept for the reason of record 4", "Risk number 4 concer", "nearest neighbours"),
        *("model-1", "toy", "30 days old", "low confidence", "--drift-records=4", "judge --record=4"),
    )
    assert [part for part in wanted if part not in said] == []


def test_reasons_of_an_own_classifier_are_shown(own: Run) -> None:
    """Beside the stored ones."""
    stored = ("kept for the reason of record 8", "0.60 → 0.80")
    wanted = ("as written in paragraph nine", "the reviewer weighed it", *stored)
    assert [part for part in wanted if part not in entries(own)["8"]] == []


@pytest.mark.parametrize("run", ["first", "own"])
def test_neighbours_are_shown_with_their_categories(request: pytest.FixtureRequest, run: str) -> None:
    """The five nearest, whoever reviewed."""
    made: Run = request.getfixturevalue(run)
    near = entries(made)["8"].partition("Nearest")[2].partition("Versions")[0]
    shown = re.findall(r"(\w+) [01]\.\d{3} · (\d+) · Risk number (\d+) concerns (\w+) matters", near)
    assert len(shown) == 5, near
    assert all(label == said and one == other and other != "8" for label, one, other, said in shown)


@pytest.mark.slow
def test_demo_is_unmistakable(tmp_path: Path, first: Run) -> None:
    """In the title, at the top and in the list; another review is not called a demo."""
    found = run_here(tmp_path / "run", "--drift-demo")
    page = (found.folder / "index.html").read_text(encoding="utf-8")
    title = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    assert (title is not None and "DEMO" in title[1].upper(), "DEMO" in page_of(found)[:300]) == (True, True)
    assert "none of your data was read" in page_of(found).lower()
    assert "DEMO" in words_of(found.reports / "index.html").upper()
    assert "demo" not in page_of(first).lower()


def test_partial_run_says_so_on_its_page(damaged: BuiltStore, tmp_path: Path) -> None:
    """It is not mistaken for the nightly one."""
    found = run_here(tmp_path / "run", *damaged.options, *SMALL, "--drift-records=4")
    assert re.search("part of|[Pp]artial", page_of(found)[:1500]), page_of(found)[:1500]
