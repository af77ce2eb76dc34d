"""TF-IDF of texts."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.reviews.vectors import tfidf
from drift_checks.reviews.vectors.sparse import products
from drift_checks.reviews.vectors.tfidf import TfidfVectoriser, cached_tfidf

TEXTS = ["the invoice, and the fee", "a password for my account", "the the the fee", "", "я не могу войти", "我的密码"]


def fitted(texts: Sequence[str], folder: Path | None = None) -> TfidfVectoriser:
    """Return TF-IDF that knows these texts."""
    vectoriser = cached_tfidf(folder)
    vectoriser.fit(iter([texts[:2], texts[2:]]))
    return vectoriser


def test_similarities_are_those_of_scikit_learn() -> None:
    """The mean of words' and letters', or that of the only part that a text has."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    parts = [
        TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2)).fit_transform(TEXTS),
        TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(2, 5)).fit_transform(TEXTS),
    ]
    expected = normalize(np.hstack([part.toarray() for part in parts]))
    made = fitted(TEXTS).transform(TEXTS)
    assert np.allclose(products(made)(made), expected @ expected.T, atol=1e-6)


@given(st.lists(st.text(max_size=60) | st.text("ab é\n漢😀ﬁİ_-1", max_size=30), min_size=1, max_size=4))
def test_features_and_their_numbers_are_those_of_scikit_learn(texts: list[str]) -> None:
    """In any script, with any white space."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import HashingVectorizer

    texts = [text.encode(errors="replace").decode() for text in texts]
    hashing = partial(HashingVectorizer, n_features=2**20, norm=None, alternate_sign=False)
    words, letters = hashing(ngram_range=(1, 2)), hashing(analyzer="char_wb", ngram_range=(2, 5))
    expected = hstack([part.transform(texts) for part in (words, letters)], format="csr")
    found = tfidf._count(texts)
    assert [len(of_text) for of_text in found] == np.diff(expected.indptr).tolist()
    assert np.concatenate(found)["feature"].tolist() == expected.indices.tolist()
    assert np.concatenate(found)["number"].tolist() == expected.data.tolist()


def test_a_text_that_is_no_unicode_has_features() -> None:
    """Half of a pair of surrogates, as SQLite may hold."""
    assert [len(found) > 0 for found in tfidf._count(["broken \ud800", ""])] == [True, False]


def test_a_second_run_counts_only_new_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same result."""
    counted: list[str] = []
    count = tfidf._count

    def recording(texts: Sequence[str]) -> object:
        counted.extend(texts)
        return count(texts)

    monkeypatch.setattr(tfidf, "_count", recording)
    fitted(TEXTS, tmp_path / "cache")
    assert sorted(counted) == sorted(TEXTS)
    counted.clear()
    again = fitted([*TEXTS, "a new fee"], tmp_path / "cache").transform(TEXTS)
    assert counted == ["a new fee"]
    assert pickle.dumps(again) == pickle.dumps(fitted([*TEXTS, "a new fee"]).transform(TEXTS))


def test_the_file_has_no_text(tmp_path: Path) -> None:
    """It is for this user alone, as that of vectors is."""
    fitted(TEXTS, tmp_path / "cache")
    [file] = (tmp_path / "cache").iterdir()
    assert b"password" not in file.read_bytes()


def test_a_folder_that_cannot_be_written_costs_a_remark(tmp_path: Path) -> None:
    """The texts are counted again in the next run."""
    (tmp_path / "cache").write_text("mine")
    assert "the words cannot be kept for the next run (" in fitted(TEXTS, tmp_path / "cache").remark
