"""Vectors from the user's own function."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.errors import SettingError
from drift_checks.reviews.vectors.embedding import EmbeddingVectoriser, load_embedding

MODULE = """
import numpy as np

def good(texts):
    return [[len(text), 1] for text in texts]

def raises(texts):
    return [len(text) / 0 for text in texts]

def one_row(texts):
    return np.ones(3)

def too_few(texts):
    return np.ones((1, 3))

def ragged(texts):
    return [[1], [1, 2]]

def infinite(texts):
    return [[float("inf")] * 2 for text in texts]

def leaves(texts):
    raise SystemExit("done")

class Model:
    pass

word = "no function"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a user's module."""
    (tmp_path / "my_embedding.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "my_embedding", raising=False)
    return tmp_path


def test_the_function_makes_a_vector_of_each_text(folder: Path) -> None:
    """Of length 1."""
    vectoriser = load_embedding("my_embedding:good", (folder,))
    found = vectoriser.transform(["abc", ""])
    assert (str(found.dtype), found.shape) == ("float32", (2, 2))
    assert vectoriser.basis == "vectors made by my_embedding:good"
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1])


@pytest.mark.parametrize(
    "name", ["raises", "one_row", "too_few", "ragged", "infinite", "leaves", "Model", "word", "missing"]
)
def test_a_function_that_fails_is_named_with_its_line(folder: Path, snapshot: SnapshotAssertion, name: str) -> None:
    """And what it must return."""
    with pytest.raises(SettingError) as refused:
        load_embedding(f"my_embedding:{name}", (folder,)).transform(["a", "b"])
    assert str(refused.value).replace(str(folder), "<tmp>") == snapshot


def test_a_change_of_dimension_is_refused() -> None:
    """Between two calls."""
    sizes = iter((2, 3))
    vectoriser = EmbeddingVectoriser("mine", lambda texts: np.ones((len(texts), next(sizes))))
    vectoriser.transform(["a"])
    with pytest.raises(SettingError, match="vectors of 2 and of 3 numbers"):
        vectoriser.transform(["a"])


def test_a_model_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has the command that installs it."""
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(SettingError, match=r"pip install 'drift-checks\[sentence-transformers\]'"):
        load_embedding("all-MiniLM-L6-v2", ())


def test_another_file_makes_another_embedding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors from before the change are not compared with those after it; without a file, nothing shows a change."""
    first = load_embedding("my_embedding:good", (folder,)).identity
    assert first == load_embedding("my_embedding:good", (folder,)).identity != ()
    assert first != load_embedding("my_embedding:ragged", (folder,)).identity
    (folder / "my_embedding.py").write_text(f"{MODULE}\n", encoding="utf-8")
    assert first != load_embedding("my_embedding:good", (folder,)).identity
    assert load_embedding("builtins:len", ()).identity == ()
