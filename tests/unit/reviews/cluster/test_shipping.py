"""How a classifier gets to the workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from drift_checks.core.errors import ReviewerError
from drift_checks.reviews.cluster.shipping import OwnShipment, shipped
from drift_checks.reviews.reviewers.own import load_object
from tests.support.session_runs import modules_kept

LOADS = "import pickle, sys; print(pickle.load(sys.stdin.buffer).unpack().classifier.source('a text'))"


def test_an_installed_classifier_is_imported_by_the_workers() -> None:
    """Nothing is sent of it."""
    found = shipped(sys.intern, "json.encoder:encode_basestring", (), is_named=True, is_local=False)
    assert found.pickled is None


def test_workers_on_this_machine_import_any_named_classifier(tmp_path: Path) -> None:
    """From the folders in which pytest looks for it."""
    assert shipped(str.upper, "mine:classify", (tmp_path,), is_named=True, is_local=True) == OwnShipment(
        "mine:classify", (tmp_path,)
    )


def test_the_code_of_modules_beside_the_tests_is_sent_along(tmp_path: Path) -> None:
    """A process that finds neither of the two modules can use it."""
    (tmp_path / "loose_words.py").write_text("WORD = 'decided'\n")
    (tmp_path / "loose_mine.py").write_text("import loose_words\n\ndef classify(text):\n    return loose_words.WORD\n")
    with modules_kept(tmp_path):
        source = load_object("loose_mine:classify", (tmp_path,))
        found = shipped(source, "loose_mine:classify", (tmp_path,), is_named=True, is_local=False)
        import pickle

        elsewhere = subprocess.run([sys.executable, "-c", LOADS], input=pickle.dumps(found), capture_output=True)
    assert elsewhere.stdout.decode().strip() == "decided", elsewhere.stderr.decode()


def test_what_a_worker_cannot_load_is_named() -> None:
    """The sentence says what to do."""
    with pytest.raises(ReviewerError, match=r"mine:Own cannot be loaded on a worker .*; install what it needs on the"):
        OwnShipment("mine:Own", (), b"c_no_such_module\nOwn\n.").unpack()
