"""The file of categories."""

from __future__ import annotations

from pathlib import Path

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.stores.taxonomy import read_taxonomy


def written(folder: Path, content: str | bytes) -> Path:
    """Return the path of a file with this content."""
    path = folder / "taxonomy.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_categories_with_descriptions(tmp_path: Path) -> None:
    """A description may be missing."""
    path = written(tmp_path, "financial: Debt and cash\nother:\n")
    assert read_taxonomy(path) == {"financial": "Debt and cash", "other": ""}


def test_a_plain_list_has_no_descriptions(tmp_path: Path) -> None:
    """They are empty."""
    assert read_taxonomy(written(tmp_path, "- financial\n- other\n")) == {"financial": "", "other": ""}


@pytest.mark.parametrize("content", ["", "just text", "[]", "{}", "a: [", b"\xff\xfe\x00", "42"])
def test_anything_else_is_refused(tmp_path: Path, content: str | bytes) -> None:
    """The error names setting and file."""
    path = written(tmp_path, content)
    with pytest.raises(SettingError, match=f"taxonomy: {path}"):
        read_taxonomy(path)


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    """A missing one, or a folder."""
    with pytest.raises(SettingError, match="cannot be read"):
        read_taxonomy(tmp_path / name)
