"""Reviews by a classifier of the user's own: named in a setting, or given by a hook."""

from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.llm_runs import load
from tests.support.session_runs import SMALL, Review, Run, make_checkout
from tests.support.stores import BuiltStore

# Each names the category that is stored.
MINE = """
import asyncio, enum, pathlib, re

def function(text):
    return re.search("financial|regulatory|operational", text)[0]

async def coroutine_function(text):
    await asyncio.sleep(0)
    return function(text)

class Class:
    def classify(self, text):
        return {"category": function(text), "confidence": 0.5}

class AsyncClass:
    async def classify(self, text):
        return function(text), 0.5

instance = Class()

class Category(enum.Enum):
    FINANCIAL = "financial"
    REGULATORY = "regulatory"
    OPERATIONAL = "operational"

def member(text):
    return Category(function(text))

class Closed(Class):
    def classify(self, text):
        self.note("asked")
        return super().classify(text)

    def close(self):
        self.note("closed")

    def note(self, what):
        with pathlib.Path("notes").open("a") as file:
            file.write(what + " ")

class AsyncClosed(Closed):
    async def aclose(self):
        self.note("closed")

    close = None

def failing(text):
    if "number 3 " in text:
        raise ValueError("this text is <odd>")
    return function(text)

def buggy(text):
    return {"label": function(text)}["lable"]

def disagreeing(text):
    return "none of them"

class WithArguments:
    def __init__(self, model, temperature=0):
        pass

    def classify(self, text):
        return function(text)

def without_text():
    return "financial"

number = 3
"""
KINDS = ("coroutine_function", "instance.classify")
WAYS = ("pyargs", "checkout", "module")
HOOK = """
def pytest_drift_reviewer(config):
    def always_disagreeing(text):
        return "none of them"
    return always_disagreeing
"""
ASKED_HOOK = "def pytest_drift_reviewer(config):\n    raise RuntimeError('the hook was called')\n"


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    load()


@pytest.fixture
def mine(review: Review) -> Path:
    """A module with classifiers in the folder in which commands are given."""
    path = review.folder / "mine.py"
    path.write_text(MINE, encoding="utf-8")
    return path


def summary_of(run: Run) -> tuple[int, str, int, str]:
    """Return the exit code, the verdict, how many records agree, and the reviewer's name."""
    drift = run.drift
    return run.exit_code, drift["verdict"], drift["agreement"]["agreed"], drift["reviewer"]["name"]


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_takes_a_text_is_a_classifier(review: Review, store: BuiltStore, mine: Path, kind: str) -> None:
    """Functions, methods, coroutine functions, objects and classes; what they return may be a member of an enum."""
    found = review(*store.options, *SMALL, f"--drift-reviewer=mine:{kind}")
    assert summary_of(found) == (0, "OK", 4, f"mine:{kind}")


def test_disagreeing_classifier_is_critical(review: Review, store: BuiltStore, mine: Path) -> None:
    """What it decides is compared with the store; categories that the store does not have are named first."""
    found = review(*store.options, *SMALL, "--drift-reviewer=mine:disagreeing")
    named = "answers     5 of 5 answers are outside the store's categories: 'none of them' (5); "
    assert (named in found.summary, found.drift["reviewer"]["outside"]["categories"]) == (True, {"none of them": 5})
    assert summary_of(found) == (1, "CRITICAL", 0, "mine:disagreeing")


@pytest.mark.parametrize("way", WAYS)
def test_module_in_the_callers_folder_is_found(review: Review, store: BuiltStore, mine: Path, way: str) -> None:
    """Whichever way the run is started, a module beside the caller need not be installed."""
    arguments = (*store.options, *SMALL, "--drift-reviewer=mine:function")
    if way == "checkout":
        folder = review.pytester.path / "checkout"
        make_checkout(folder, copied=False)
        mine.rename(folder / "mine.py")
        found = review.checkout(*arguments)
    else:
        found = review(*arguments) if way == "pyargs" else review.module(*arguments, process=True)
    assert summary_of(found) == (0, "OK", 4, "mine:function")


@pytest.mark.slow
def test_plain_pytest_finds_the_module(review: Review, store: BuiltStore, mine: Path) -> None:
    """The command `pytest`, which unlike `python -m` does not put the folder where modules are looked for."""
    run_pytest = "import sys, pytest; sys.path.remove(''); sys.exit(pytest.main(sys.argv[1:]))"
    options = (*store.options, *SMALL, "--drift-reviewer=mine:function")
    result = review.pytester.runpython_c(
        f"import sys; sys.argv[1:] = {['--pyargs', 'drift_checks', *options]!r}\n{run_pytest}"
    )
    assert result.ret == 0


def test_exception_is_the_records_failure(review: Review, store: BuiltStore, mine: Path) -> None:
    """One text on which the classifier fails is one record not measured, and the run continues."""
    found = review(*store.options, "--drift-records=1,2,3,4,5,6", "--drift-reviewer=mine:failing")
    agreement = found.criterion("agreement")
    assert [agreement[name] for name in ("passed", "failed", "unmeasured", "verdict")] == [5, 0, 1, "OK"]
    for file, message in (
        ("report.json", "ValueError: this text is <odd>"),
        ("index.html", "ValueError: this text is &lt;odd&gt;"),
    ):
        assert message in (found.folder / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["Closed", "AsyncClosed"])
def test_object_is_closed_after_the_last_text(review: Review, store: BuiltStore, mine: Path, kind: str) -> None:
    """What was made of a class is closed, once."""
    review(*store.options, *SMALL, f"--drift-reviewer=mine:{kind}", "--drift-stability=0")
    assert (review.folder / "notes").read_text(encoding="utf-8").split() == ["asked"] * 5 + ["closed"]


def test_hook_gives_the_reviewer(review: Review, store: BuiltStore) -> None:
    """A conftest.py beside the caller, with the package installed."""
    review.pytester.makeconftest(HOOK)
    found = review(*store.options, *SMALL)
    assert (found.exit_code, found.drift["agreement"]["agreed"]) == (1, 0)


def test_hook_in_a_checkout_gives_the_reviewer(review: Review, store: BuiltStore) -> None:
    """The checkout's own conftest.py is the place for it."""
    conftest = in_checkout(review)
    conftest.write_text(conftest.read_text(encoding="utf-8") + HOOK, encoding="utf-8")
    found = review.checkout(*store.options, *SMALL)
    assert (found.exit_code, found.drift["agreement"]["agreed"]) == (1, 0)


def test_a_setting_wins_over_the_hook(review: Review, store: BuiltStore, mine: Path) -> None:
    """From the ini file, here."""
    review.pytester.makeini("[pytest]\ndrift_reviewer = mine:function")
    review.pytester.makeconftest(HOOK)
    assert summary_of(review(*store.options, *SMALL)) == (0, "OK", 4, "mine:function")


@pytest.mark.slow
def test_demo_has_its_own_reviewer(review: Review, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a hook nor a variable changes the demo."""
    monkeypatch.setenv("DRIFT_REVIEWER", "mine:disagreeing")
    review.pytester.makeconftest(ASKED_HOOK)
    found = review("--drift-demo")
    agreement = found.drift["agreement"]
    assert (summary_of(found), agreement["reviewed"]) == ((0, "WARNING", 41, "neighbours"), 50)


def in_checkout(review: Review) -> Path:
    """Make a checkout and return its conftest.py."""
    folder = review.pytester.path / "checkout"
    make_checkout(folder, copied=False)
    return folder / "conftest.py"


@pytest.mark.parametrize(
    "address",
    [
        "nine:function",
        "mine:WithArguments",
        "broken:function",
        "mine:",
    ],
)
def test_what_is_no_classifier_is_refused(
    review: Review, store: BuiltStore, mine: Path, snapshot: SnapshotAssertion, address: str
) -> None:
    """One sentence and 4 before anything is reviewed."""
    (review.folder / "broken.py").write_text("import no_such_library\n", encoding="utf-8")
    refused = review(*store.options, *SMALL, f"--drift-reviewer={address}")
    assert refused.refusal == snapshot
    assert refused.written == []


def test_hook_that_fails_is_refused(review: Review, store: BuiltStore) -> None:
    """In one sentence, which names the line."""
    review.pytester.makeconftest(ASKED_HOOK)
    said = "reviewer: the hook pytest_drift_reviewer failed (conftest.py, line 2: RuntimeError: the hook was called)"
    assert said in review(*store.options, *SMALL).refusal


def test_classifier_that_always_fails_is_refused(
    review: Review, store: BuiltStore, mine: Path, snapshot: SnapshotAssertion
) -> None:
    """No report is written, since nothing was learnt of the store."""
    refused = review(*store.options, *SMALL, "--drift-reviewer=mine:buggy")
    assert refused.refusal == snapshot


def test_hook_that_gives_no_classifier_is_refused(
    review: Review, store: BuiltStore, snapshot: SnapshotAssertion
) -> None:
    """What a hook returns is held to the same."""
    review.pytester.makeconftest("def pytest_drift_reviewer(config):\n    return 3")
    assert review(*store.options, *SMALL).refusal == snapshot
