"""A classifier of the user's own, found by its address."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.errors import ReviewerError
from drift_checks.reviews.reviewers.own import load_classifier
from tests.support.classifying import OWN_MODULE, ask, question

MODULES = {
    "own_module": OWN_MODULE,
    "own_package/__init__": "",
    "own_package/inner": OWN_MODULE,
    "own_package/relative": "from . import other",
    "own_syntax": "def decide(text:\n",
    "own_needs": "import not_installed_anywhere",
    "own_lacks": "from own_module import nothing",
    "own_fails": "raise ValueError('first line\\nsecond line')",
    "own_nulls": "x = '\0'",
    "own_exits": "import sys; sys.exit(3)",
    "own_stops": "class Stop(BaseException): pass\nraise Stop",
    "own_lazy": "def __getattr__(name): raise RuntimeError('no weights')",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the user's modules, known to Python for this test alone."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name, source in MODULES.items():
        file = tmp_path / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(source)
    importlib.invalidate_caches()
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


def refusal(address: str, *folders: Path) -> str:
    """Return why there is no classifier at the address, without the folders' place."""
    with pytest.raises(ReviewerError) as caught:
        load_classifier(address, folders)
    said = str(caught.value)
    for folder in folders:
        said = said.replace(str(folder), "FOLDER")
    return said


@pytest.mark.parametrize(
    "address",
    [
        *("own_module:decide", "own_module:Model", "own_module:made", "own_module:made.classify"),
        *("own_module:Model.decide", "own_module:Space.inner.classify", "own_package.inner:decide"),
    ],
)
def test_finds_a_classifier_by_its_address(address: str, folder: Path) -> None:
    """A name in a module, or an attribute of one, is asked."""
    found = load_classifier(address, (folder,))
    assert (ask(found, question("a")).category, found.name) == ("A", address)


def test_a_module_below_src_is_found_for_the_user(tmp_path: Path) -> None:
    """Where many projects have it, and where Python does not look."""
    (tmp_path / "src/app_of_the_user").mkdir(parents=True)
    with pytest.raises(ReviewerError) as refused:
        load_classifier("app_of_the_user.classifier:Classifier", (tmp_path,))
    assert refused.value.remedy == f"set PYTHONPATH={tmp_path}/src"


@pytest.mark.parametrize("name", ["json", "colorsys", "tzlocal"])
def test_a_local_module_does_not_shadow_an_installed_one(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders are searched after everything that is installed, whether it was imported before or not."""
    (folder / f"{name}.py").write_text("raise RuntimeError('the wrong one')")
    for loaded in [key for key in sys.modules if key.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, loaded)
    assert "has no 'decide'" in refusal(f"{name}:decide", folder)
    assert sys.path[-1] == str(folder)


def test_searches_the_folders_in_their_order(folder: Path) -> None:
    """The first folder with a module of that name has it."""
    second = folder / "second"
    second.mkdir()
    (second / "own_module.py").write_text("def decide(text): return 'second'")
    (second / "own_second.py").write_text("def decide(text): return 'second'")
    found = [load_classifier(f"{name}:decide", (folder, second)) for name in ("own_module", "own_second")]
    assert [ask(classifier, question("a")).category for classifier in found] == ["A", "second"]


@pytest.mark.parametrize(
    "address",
    ["own_modul:decide", "own_package.other:decide", "own_nowhere.inner.most:decide"],
)
def test_a_module_that_is_not_there_is_reported(address: str, folder: Path, snapshot: SnapshotAssertion) -> None:
    """The sentence says where it was looked for."""
    assert [refusal(address, folder), refusal(address)] == snapshot


@pytest.mark.parametrize("name", ["syntax", "needs", "lacks", "fails"])
def test_a_module_that_fails_is_reported(name: str, folder: Path, snapshot: SnapshotAssertion) -> None:
    """A SyntaxError, a package that it lacks and any other error are one sentence that says what to mend."""
    assert refusal(f"own_{name}:decide", folder) == snapshot


@pytest.mark.parametrize("address", ["own_package.relative:decide", "own_nulls:decide"])
def test_a_module_that_fails_is_reported_in_one_line(address: str, folder: Path) -> None:
    """The words of the error, which change with Python's version, stand in the sentence."""
    said = refusal(address, folder)
    assert said.startswith(f"reviewer: importing {address.partition(':')[0]} failed (")
    assert "\n" not in said


@pytest.mark.parametrize("name", ["exits", "stops"])
def test_a_module_that_ends_the_process_is_reported(name: str, folder: Path) -> None:
    """Like a script that calls `sys.exit` at import, or pytest's `skip`, which is not an Exception."""
    assert f"importing own_{name} failed" in refusal(f"own_{name}:decide", folder)


@pytest.mark.parametrize(
    "address", ["own_module:decid", "own_module:model", "own_module:zzz", "own_module:made.classfy", "own_module:x.y"]
)
def test_a_name_that_the_module_lacks_is_reported(address: str, folder: Path, snapshot: SnapshotAssertion) -> None:
    """The nearest name is named, where there is one."""
    assert refusal(address, folder) == snapshot


def test_a_name_that_fails_is_reported(folder: Path) -> None:
    """A module whose attributes are made when they are asked for, and fail, is one sentence."""
    assert "no weights" in refusal("own_lazy:decide", folder)


@pytest.mark.parametrize("address", ["own_module:number", "own_module:Space"])
def test_a_name_of_something_else_is_reported(address: str, folder: Path, snapshot: SnapshotAssertion) -> None:
    """The sentence says what a classifier is."""
    assert refusal(address, folder) == snapshot
