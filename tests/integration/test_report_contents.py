"""What index.html tells somebody who comes to it after a red night."""

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

# Whose reasons tell themselves apart from all that is stored.
CLASSIFIER = """
def steady(text):
    return {
        "category": "regulatory", "confidence": 0.8,
        "evidence": "as written in paragraph nine", "rationale": "the reviewer weighed it",
    }
"""
OWN = ("--drift-reviewer=mine:steady", "--drift-stability=0")
# What differs between two runs that are the same.
CHANGING = (
    (re.compile(r"\bcd \S+ &&"), "cd FOLDER &&"),
    (re.compile(r"\d{8}T\d{6}Z-[0-9a-f]+"), "<run>"),
    (re.compile(r"2026-1\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z?"), "<time>"),
    (re.compile(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(Z| UTC)"), "<time>"),
    (re.compile(r"\d+\.\d s"), "<seconds>"),
    # On the axis of time.
    (re.compile(r"\b\d\d:\d\d\b"), "<time>"),
)


@pytest.fixture(scope="module")
def damaged(_doubtful_once: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> BuiltStore:
    """A doubtful store in which record 44 does not fit its hash, and 48 has lost its vector."""
    folder = tmp_path_factory.mktemp("damaged") / "store"
    shutil.copytree(_doubtful_once.folder, folder)
    store = BuiltStore(folder)
    store.execute(f"update {NAME} set text_hash = 'wrong' where id = 44")
    without_vectors(store, [48])
    store.execute(f"update {NAME} set rationale = 'kept for the reason of record ' || id")
    return store


def page_of(run: Run) -> str:
    """Return what a reader sees of a run's page."""
    return words_of(run.folder / "index.html")


def sections(run: Run) -> dict[str, str]:
    """Return what stands under each heading of the page."""
    page = (run.folder / "index.html").read_text(encoding="utf-8")
    found = {}
    for part in re.split(r"<h2\b", page)[1:]:
        title, _, rest = part.partition("</h2>")
        found[re.sub(r"\s*\(\d+\)$", "", title.partition(">")[2]).strip()] = rest
    return found


def entries(run: Run) -> dict[str, str]:
    """Return what the page says of each record, by id."""
    listed = re.split(r'<li id="record-', sections(run)["Records that disagree or failed"])[1:]
    return {re.findall(r">([^<]*)</a>", part)[0]: words(part) for part in listed}


def words(markup: str) -> str:
    """Return the words of a piece of markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup.partition(">")[2])).split())


@pytest.fixture(scope="module")
def first(damaged: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The first review of the store, by the vote of the neighbours."""
    return run_here(tmp_path_factory.mktemp("contents") / "run", *damaged.options, *LOW_CONFIDENCE)


@pytest.fixture(scope="module")
def own(damaged: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A review by a classifier of the user's own, beside a Chroma directory."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(CLASSIFIER, encoding="utf-8")
    return run_here(folder, *damaged.options, *LOW_CONFIDENCE, *OWN)


@pytest.fixture(scope="module")
def changed(_doubtful_once: BuiltStore, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The second review of a store: what disagreed is mended, and texts no longer fit their hashes."""
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(_doubtful_once.folder, folder / "store")
    store = BuiltStore(folder / "store")
    run_here(folder / "run", *store.options, *LOW_CONFIDENCE)
    mended = f"(select category from {NAME} as n where n.id = {NAME}.id + 3)"
    store.execute(f"update {NAME} set category = {mended} where id <= 40 and id % 4 = 0")
    store.execute(f"update {NAME} set text_hash = 'wrong' where id % 4 = 0")
    store.execute(f"update {NAME} set model_version = 'model-2'")
    return run_here(folder / "run", *store.options, *LOW_CONFIDENCE)


def test_verdict_is_the_terminals_sentence(first: Run) -> None:
    """Word for word, at the top."""
    (sentence,) = [line for line in first.out.splitlines() if line.startswith("CRITICAL · ")]
    assert sentence in page_of(first)[:400]


def test_first_run_says_so(first: Run, changed: Run) -> None:
    """And a second one does not."""
    said = "this is the first run of this store here"
    assert (said in page_of(first), said in page_of(changed)) == (True, False)


def since(run: Run) -> str:
    """Return what the page says of changes since the last run."""
    return page_of(run).partition("Since the last run")[2].partition(" When ")[0]


def test_change_of_agreement_is_told(changed: Run) -> None:
    """What it was, and what it is."""
    assert "agreement 67 % → 100 %" in since(changed)


def test_change_of_criteria_is_told(changed: Run) -> None:
    """Which ones failed newly, and which is sound again."""
    failed, _, sound = since(changed).partition("newly failed")[2].partition("sound again")
    assert ("record_integrity" in failed, "agreement" in failed) == (True, False)
    assert ("record_integrity" in sound, "agreement" in sound) == (False, True)


def test_change_of_verdict_is_told(store: BuiltStore, tmp_path: Path) -> None:
    """The one before, and the one now."""
    run_here(tmp_path / "run", *store.options, *SMALL)
    store.execute(f"update {NAME} set text_hash = 'wrong'")
    found = run_here(tmp_path / "run", *store.options, *SMALL)
    assert "OK → CRITICAL" in since(found)


def test_change_of_versions_is_told(changed: Run) -> None:
    """The model that decides now."""
    assert "model-2" in since(changed)


def test_each_measured_criterion_has_its_remedy(first: Run) -> None:
    """What to do, or what to do if it fails."""
    criteria = re.split(r'<details class="criterion"', sections(first)["Criteria"])[1:]
    without = [part[:60] for part in criteria if not re.search(r"(What to do|If it fails):\s*[A-Z].{10}", words(part))]
    measured = [item["name"] for item in first.drift["criteria"] if item["verdict"] is not None]
    assert (len(criteria), without) == (len(measured), [])


def test_what_was_not_measured_is_told_with_the_reason(first: Run) -> None:
    """Every such criterion, in the words of report.json."""
    said = words(">" + sections(first)["Not measured, and why"])
    missing = [item for item in first.drift["criteria"] if item["verdict"] is None]
    assert len(missing) > 3
    assert [item["name"] for item in missing if item["name"] not in said or reason(item) not in said] == []


def reason(criterion: dict[str, str]) -> str:
    """Return why a criterion was not measured."""
    return criterion["message"].removeprefix("not measured: ")


def test_each_record_that_disagrees_or_failed_is_there(first: Run) -> None:
    """Ten disagree, one fits its hash no longer, one has no vector."""
    assert set(entries(first)) == {str(number) for number in (*range(4, 44, 4), 44, 48)}


def test_record_is_told_with_all_there_is(first: Run) -> None:
    """Text, categories, confidences, reasons then and now, versions, age, stratum and what lies near."""
    said = entries(first)["4"]
    wanted = (
        "Risk number 4 concerns operational matters.",
        "operational → regulatory",
        "0.60 → 0.8",
        "kept for the reason of record 4",
        "Risk number 4 concer",
        "nearest neighbours",
        "model-1",
        "toy",
        "30 days old",
        "low confidence",
        "--drift-records=4",
    )
    assert [part for part in wanted if part not in said] == []


def test_own_classifiers_reasons_are_told(own: Run) -> None:
    """Beside those that are stored."""
    wanted = (
        "as written in paragraph nine",
        "the reviewer weighed it",
        "kept for the reason of record 8",
        "0.60 → 0.80",
    )
    assert [part for part in wanted if part not in entries(own)["8"]] == []


@pytest.mark.parametrize("run", ["first", "own"])
def test_neighbours_are_told_with_their_labels(request: pytest.FixtureRequest, run: str) -> None:
    """Five that lie nearest, each with a record that bears its label, whoever reviewed."""
    made: Run = request.getfixturevalue(run)
    near = entries(made)["8"].partition("Nearest")[2].partition("Versions")[0]
    told = re.findall(r"(\w+) [01]\.\d{3} · (\d+) · Risk number (\d+) concerns (\w+) matters", near)
    assert len(told) == 5, near
    assert all(label == said and one == other and other != "8" for label, one, other, said in told)


def test_record_that_failed_another_criterion_says_how(first: Run) -> None:
    """The one whose hash does not fit."""
    assert "hash" in entries(first)["44"]
    assert "Risk number 44 concerns" in entries(first)["44"]


def test_record_without_a_vector_has_no_neighbours(first: Run) -> None:
    """It says what is missing, and shows the text all the same."""
    said = entries(first)["48"]
    assert ("vector" in said, "Risk number 48 concerns" in said) == (True, True)


@pytest.mark.slow
def test_demo_is_unmistakable(tmp_path: Path) -> None:
    """In the title, at the top, and on the terminal; and another's review is not called one."""
    found = run_here(tmp_path / "run", "--drift-demo")
    page = (found.folder / "index.html").read_text(encoding="utf-8")
    title = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    assert (title is not None and "DEMO" in title[1].upper(), "DEMO" in page_of(found)[:300]) == (True, True)
    assert "nothing of yours was read" in page_of(found).lower()
    assert "DEMO" in words_of(found.reports / "index.html").upper()


def test_review_is_not_called_a_demo(first: Run) -> None:
    """The word stands nowhere on its page."""
    assert "demo" not in page_of(first).lower()


@pytest.mark.slow
def test_parallel_run_has_the_same_page(damaged: BuiltStore, first: Run, tmp_path: Path) -> None:
    """But for times and ids; in a picture the order in which figures are written is nobody's concern."""
    parallel = run_here(tmp_path / "run", *damaged.options, *LOW_CONFIDENCE, "-n", "2")
    assert sorted(settled(page_of(parallel))) == sorted(settled(page_of(first)))


def settled(page: str) -> list[str]:
    """Return the words of a page without what differs from run to run."""
    for pattern, placeholder in CHANGING:
        page = pattern.sub(placeholder, page)
    return page.split()


def test_partial_run_says_so_on_its_page(damaged: BuiltStore, tmp_path: Path) -> None:
    """Nobody takes it for the night's."""
    found = run_here(tmp_path / "run", *damaged.options, *SMALL, "--drift-records=4")
    assert re.search("part of|partial", page_of(found)[:1500]), page_of(found)[:1500]
