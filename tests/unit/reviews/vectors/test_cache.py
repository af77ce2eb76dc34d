"""Vectors that are kept for the next run."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drift_checks.core.errors import SettingError
from drift_checks.reviews.vectors.cache import ArrayFile
from drift_checks.reviews.vectors.cached_embedding import CachedVectoriser
from drift_checks.reviews.vectors.embedding import EmbeddingVectoriser

TEXTS = [f"text {number}" for number in range(40)]


class Model:
    """Embeds texts by their letters, and counts them."""

    def __init__(self, dimension: int = 4, factor: int = 1) -> None:
        self.asked: list[str] = []
        self._dimension = dimension
        self._factor = factor

    def __call__(self, texts: Sequence[str]) -> Any:
        """Return a vector for each text."""
        self.asked += texts
        return [
            [1.0 + (sum(text.encode()) * self._factor) % (place + 7) for place in range(self._dimension)]
            for text in texts
        ]


def night(
    folder: Path, texts: Sequence[str], model: Callable[[list[str]], Any], name: str = "mine"
) -> CachedVectoriser:
    """Embed the texts as a run does."""
    vectoriser = CachedVectoriser(EmbeddingVectoriser("mine", model), ArrayFile(folder, [name], np.float32))
    vectoriser.fit(iter([texts[:10], texts[10:]]))
    return vectoriser


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the cache, which the first run makes."""
    return tmp_path / "cache" / "embeddings"


def only_file(folder: Path) -> Path:
    """Return the one file in the folder."""
    [file] = folder.iterdir()
    return file


def test_a_second_run_embeds_only_new_texts(folder: Path) -> None:
    """Apart from a few known ones, which show that the embedding is still the same; the vectors are the same."""
    first, second = Model(), Model()
    before = night(folder, TEXTS, first).transform(TEXTS)
    again = night(folder, [*TEXTS, "new", "new"], second)
    assert first.asked == TEXTS
    assert len(second.asked) < 20
    assert second.asked.count("new") == 1
    assert np.array_equal(again.transform(TEXTS), before)
    assert night(folder, ["new"], third := Model()).remark == ""
    assert third.asked == ["new"]


def test_the_file_is_for_this_user_alone_and_has_no_text(folder: Path) -> None:
    """Vectors can reveal texts."""
    night(folder, TEXTS, Model())
    file = only_file(folder)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert b"text 1" not in file.read_bytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(place=st.integers(0, 10**6), flipped=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_file_is_ignored_and_written_again(folder: Path, place: int, flipped: int, *, cut: bool) -> None:
    """Whichever byte is changed, or wherever it is cut short."""
    night(folder, TEXTS, Model())
    file = only_file(folder)
    whole = file.read_bytes()
    place %= len(whole)
    file.write_bytes(whole[:place] if cut else whole[:place] + bytes([whole[place] ^ flipped]) + whole[place + 1 :])
    night(folder, TEXTS, model := Model())
    assert model.asked == TEXTS
    assert file.read_bytes() == whole


def test_another_embeddings_file_is_ignored(folder: Path) -> None:
    """Also under the name of the right one."""
    night(folder, TEXTS, Model())
    other = only_file(folder)
    night(folder, TEXTS, Model(), "changed")
    [right] = set(folder.iterdir()) - {other}
    right.write_bytes(other.read_bytes())
    night(folder, TEXTS, model := Model(), "changed")
    assert model.asked == TEXTS


@pytest.mark.parametrize("changed", [Model(factor=3), Model(dimension=5)])
def test_an_embedding_that_changed_unnoticed_is_asked_about_all_texts(folder: Path, changed: Model) -> None:
    """As with another model behind the same function."""
    night(folder, TEXTS, Model())
    found = night(folder, TEXTS, changed).transform(TEXTS)
    assert np.array_equal(found, EmbeddingVectoriser("mine", changed).transform(TEXTS))
    assert set(changed.asked) == set(TEXTS)


def test_a_change_of_dimension_is_noticed_among_new_texts(folder: Path) -> None:
    """Before any known text is embedded."""
    night(folder, TEXTS, Model())
    found = night(folder, [f"other {number}" for number in range(20)], Model(5))
    assert found.transform([TEXTS[0]]).shape == (1, 5)


def test_vectors_made_before_an_error_are_kept(folder: Path) -> None:
    """An endpoint that fails halfway is not paid twice."""
    model = Model()

    def failing(texts: list[str]) -> Any:
        if TEXTS[20] in texts:
            raise ConnectionError
        return model(texts)

    with pytest.raises(SettingError):
        night(folder, TEXTS, failing)
    night(folder, TEXTS[:10], again := Model())
    assert again.asked == TEXTS[:10]


@pytest.mark.parametrize("obstacle", ["a file", "open to others", "a link"])
def test_a_folder_that_cannot_be_trusted_costs_a_remark(folder: Path, obstacle: str) -> None:
    """And all texts are embedded."""
    folder.parent.mkdir()
    if obstacle == "a file":
        folder.write_text("mine")
    elif obstacle == "a link":
        folder.symlink_to(folder.parent)
    else:
        folder.mkdir()
        folder.chmod(0o777)
    made = night(folder, TEXTS, model := Model())
    assert model.asked == TEXTS
    assert made.remark.startswith("the vectors of the texts cannot be kept for the next run (")
    assert not list(folder.parent.glob("**/*.arrays"))


def test_a_full_disk_costs_a_remark(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written before stays."""

    def full(handle: int) -> None:
        raise OSError(28, os.strerror(28))

    night(folder, TEXTS[:20], Model())
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        made = night(folder, TEXTS, Model())
    assert made.remark.endswith("No space left on device)")
    night(folder, TEXTS[:20], model := Model())
    assert len(model.asked) == 10


def test_the_files_used_last_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as fit in the folder's limit."""
    night(folder, TEXTS, Model(), "0")
    [first] = folder.iterdir()
    monkeypatch.setattr("drift_checks.reviews.vectors.cache._MOST_BYTES_IN_ALL", 4 * first.stat().st_size)
    for number in range(6):
        night(folder, TEXTS, Model(), str(number))
        for file in folder.iterdir():
            status = file.stat()
            os.utime(file, (status.st_atime, status.st_mtime - 100))
        night(folder, TEXTS, Model(), "0")
    assert len(list(folder.iterdir())) == 4
    night(folder, TEXTS, model := Model(), "0")
    assert len(model.asked) < 20


def test_a_file_has_a_largest_size(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The texts of the last run take precedence."""
    monkeypatch.setattr("drift_checks.reviews.vectors.cache._MOST_BYTES", 40 + 10 * (16 + 4 + 16))
    night(folder, TEXTS, Model())
    made = night(folder, ["new", *TEXTS], Model())
    assert only_file(folder).stat().st_size == 40 + 10 * (16 + 4 + 16)
    assert made.transform(TEXTS).shape == (40, 4)
    night(folder, ["new"], model := Model())
    assert model.asked == ["new"]


def test_a_run_does_not_wait_for_another_one(folder: Path) -> None:
    """What holds the folder's lock embeds the same texts."""
    import fcntl

    night(folder, TEXTS[:10], Model())
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    before = only_file(folder).read_bytes()
    assert night(folder, TEXTS, Model()).remark == ""
    assert only_file(folder).read_bytes() == before
    os.close(handle)


def test_any_name_may_tell_files_apart(tmp_path: Path) -> None:
    """Also that of a folder that is not in UTF-8."""
    name = os.fsdecode(b"B\xfcro")
    file = ArrayFile(tmp_path / "kept", (name,), np.uint8)
    file.save({b"k" * 16: np.ones(3, np.uint8)})
    assert len(ArrayFile(tmp_path / "kept", (name,), np.uint8).load()) == 1
