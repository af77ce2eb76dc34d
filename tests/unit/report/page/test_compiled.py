"""Compiled templates are kept between runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from drift_checks.report.page.compiled import CompiledTemplates


def rendered(folder: Path) -> str:
    """Fill in a template, compiled with a cache in that folder."""
    compiled = CompiledTemplates(Path(__file__))
    compiled.directory = str(folder)
    environment = Environment(loader=DictLoader({"page": "{{ 1 + 1 }}"}), bytecode_cache=compiled)
    return environment.get_template("page").render()


def files(folder: Path) -> Sequence[Path]:
    """Return what a folder holds."""
    return list(folder.iterdir())


def test_a_template_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next run only reads it."""
    assert rendered(tmp_path) == "2"
    monkeypatch.setattr(Environment, "compile", None)
    assert rendered(tmp_path) == "2"


@pytest.mark.parametrize("damage", [b"", b"j2", b"garbled"])
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: bytes) -> None:
    """The page is as before, and the file, too."""
    assert rendered(tmp_path) == "2"
    (kept,) = files(tmp_path)
    content = kept.read_bytes()
    for wrong in (damage, content[:20] + damage, content[:-1]):
        kept.write_bytes(wrong)
        assert rendered(tmp_path) == "2"
        assert kept.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_left_alone(tmp_path: Path) -> None:
    """As after an installation by root."""
    assert rendered(tmp_path / "missing") == "2"
    assert not files(tmp_path)


def test_nothing_is_written_if_python_writes_no_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with PYTHONDONTWRITEBYTECODE."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered(tmp_path) == "2"
    assert not files(tmp_path)
