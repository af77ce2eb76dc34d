"""Settings are added to the file that pytest reads, and nothing else in it changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.errors import SettingError
from drift_checks.settings.ini_files import find_ini, read_ini
from drift_checks.settings.ini_writing import Line, plan, write

LINES = (
    Line("drift_db", "data/tickets.db", ("The records.",)),
    Line("drift_columns", 'text="a,b",category=label', ("text: 56 characters on average", "category: 3 values")),
)
NEW = """[pytest]
# The records.
drift_db = data/tickets.db
# text: 56 characters on average
# category: 3 values
drift_columns = text="a,b",category=label
"""


def test_a_new_file_has_each_setting_with_its_reason(tmp_path: Path) -> None:
    """It is pytest.ini."""
    write(plan(tmp_path, LINES))
    assert (tmp_path / "pytest.ini").read_text(encoding="utf-8") == NEW


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pytest.ini", "# mine\n[pytest]\naddopts = -q\n# drift_db = x\n\n[other]\na = b\n"),
        ("pytest.ini", ""),
        ("pytest.ini", "[pytest]"),
        ("pytest.ini", "[pytest]\r\naddopts = -q\r\n"),
        (".pytest.ini", "[pytest]\naddopts = -q"),
        ("tox.ini", "[tox]\nenvlist = py\n[pytest]\naddopts = -q\n"),
        ("setup.cfg", "[metadata]\nname = x\n[tool:pytest]\naddopts = -q\n"),
        ("pyproject.toml", '[project]\nname = "x"\n\n[tool.pytest.ini_options] # pytest\naddopts = "-q"\n[tool.x]\n'),
        ("pytest.toml", '[pytest]\naddopts = ["-q"]\n'),
    ],
)
def test_an_existing_file_keeps_all_that_it_has(tmp_path: Path, name: str, content: str) -> None:
    """Every line of it stays, in its order, and pytest reads the new keys."""
    file = tmp_path / name
    file.write_bytes(content.encode())
    before = read_ini(file)
    write(plan(tmp_path, LINES))
    after = file.read_bytes().decode()
    rest = iter(after.splitlines())
    assert all(line in rest for line in content.splitlines())
    assert read_ini(file) == before | {line.key: line.value for line in LINES}
    assert ("\r\n" in content) == ("\r\n" in after)


def test_the_same_settings_are_not_added_twice(tmp_path: Path) -> None:
    """The file stays as it is."""
    write(plan(tmp_path, LINES))
    assert plan(tmp_path, LINES).lines == []


def test_another_value_is_refused(tmp_path: Path) -> None:
    """The user decides, and the file stays as it is."""
    file = tmp_path / "pytest.ini"
    file.write_text("[pytest]\ndrift_db = other.db\n", encoding="utf-8")
    with pytest.raises(SettingError, match=r"sets drift_db = other\.db already; change it to data/tickets\.db"):
        plan(tmp_path, LINES)


def test_a_link_stays_one(tmp_path: Path) -> None:
    """Its target gets the settings, and keeps its mode."""
    target = tmp_path / "shared.ini"
    target.write_text("[pytest]\n", encoding="utf-8")
    target.chmod(0o640)
    (tmp_path / "pytest.ini").symlink_to(target)
    write(plan(tmp_path, LINES))
    assert (tmp_path / "pytest.ini").is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert read_ini(target)["drift_db"] == "data/tickets.db"


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    """In one sentence."""
    with pytest.raises(SettingError, match="cannot be written"):
        write(plan(tmp_path / "missing", LINES))


@given(st.text(min_size=1, max_size=30))
def test_a_value_is_read_back_or_refused(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    """Never is another value written."""
    folder = tmp_path_factory.mktemp("ini")
    try:
        change = plan(folder, [Line("drift_table", value, ())])
    except SettingError:
        return
    write(change)
    assert read_ini(folder / "pytest.ini") == {"drift_table": value}


def test_pyproject_without_pytest_is_not_pytests_file(tmp_path: Path) -> None:
    """As pytest decides."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n', encoding="utf-8")
    assert find_ini(tmp_path) is None
