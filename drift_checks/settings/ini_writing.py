"""Adding settings to an ini file of pytest without touching what else it holds."""

from __future__ import annotations

import json
import re
import stat
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from drift_checks.core.errors import SettingError
from drift_checks.core.files import replace_file
from drift_checks.settings.ini_files import find_ini, read_ini

DEFAULT = "pytest.ini"
_HEADERS = ("[pytest]", "[tool:pytest]", "[tool.pytest.ini_options]", "[tool.pytest]")
_MODE = 0o644


class Line(NamedTuple):
    """A key with its value, and the lines that say why."""

    key: str
    value: str
    reasons: tuple[str, ...]


class Change(NamedTuple):
    """A file of settings, the lines that it lacks, and its text with them."""

    path: Path
    lines: Sequence[str]
    text: str
    exists: bool


def plan(folder: Path, lines: Sequence[Line], name: str | None = None) -> Change:
    """Return how the file that pytest reads in this folder gets these lines, or the file `name`, if it is given.

    Raises:
        SettingError: The file sets a key to another value, cannot be read, or cannot hold a value.
    """
    path = folder / name if name else find_ini(folder) or folder / DEFAULT
    if not path.exists():
        if path.suffix == ".toml":
            raise SettingError(path, "does not exist", "name an existing file, or one that ends in .ini")
        written = _written(lines, is_toml=False)
        return _checked(Change(path, written, "\n".join(["[pytest]", *written, ""]), exists=False), {}, lines)
    there = read_ini(path)
    missing = [line for line in lines if line.key not in there]
    for line in lines:
        if line not in missing and there[line.key].strip() != line.value:
            raise SettingError(
                path,
                f"sets {line.key} = {there[line.key]} already",
                f"change it to {line.value}, remove the line, or name another file with --ini=FILE",
            )
    written = _written(missing, is_toml=path.suffix == ".toml")
    return _checked(Change(path, written, _inserted(path, written), exists=True), there, missing)


def write(change: Change) -> None:
    """Write the file, all of it or nothing; raise SettingError if that is impossible."""
    try:
        # Through a link, so that it stays one.
        path = change.path.resolve()
        mode = stat.S_IMODE(path.stat().st_mode) if change.exists else _MODE
        replace_file(path, change.text.encode(), mode)
    except OSError as error:
        raise SettingError(
            change.path, f"cannot be written ({error.strerror})", "name another file with --ini=FILE"
        ) from None


def _written(lines: Sequence[Line], *, is_toml: bool) -> list[str]:
    done = []
    for line in lines:
        value = json.dumps(line.value, ensure_ascii=False) if is_toml else line.value
        done += [*(f"# {reason}" for reason in line.reasons), f"{line.key} = {value}"]
    return done


def _inserted(path: Path, lines: Sequence[str]) -> str:
    """Return the text of the file with the lines below the header of pytest's section."""
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()
    end = "\r\n" if "\r\n" in text else "\n"
    block = "".join(f"{line}{end}" for line in lines)
    for header in _HEADERS:
        found = re.search(rf"^{re.escape(header)}[ \t]*(?:[#;].*)?(?:\r?\n|\Z)", text, re.MULTILINE)
        if found is not None:
            before = text[: found.end()]
            return f"{before}{'' if before.endswith(end) else end}{block}{text[found.end() :]}"
    header = "[pytest]" if path.suffix != ".cfg" else "[tool:pytest]"
    if path.suffix == ".toml":
        raise SettingError(path, "has no section for pytest", "name another file with --ini=FILE")
    gap = "" if not text or text.endswith(end) else end
    return f"{text}{gap}{header}{end}{block}"


def _checked(change: Change, before: Mapping[str, str], added: Sequence[Line]) -> Change:
    """Refuse a change after which the file would not hold what it held and these values."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / change.path.name
        copy.write_bytes(change.text.encode("utf-8", "surrogateescape"))
        try:
            after = {key: value.strip() for key, value in read_ini(copy).items()}
        except SettingError as error:
            after = {"": str(error)}
    wanted = {key: value.strip() for key, value in before.items()} | {line.key: line.value for line in added}
    if after != wanted:
        wrong = next((line for line in added if after.get(line.key) != line.value), None)
        problem = "cannot be extended" if wrong is None else f"cannot hold {wrong.key} = {wrong.value}"
        raise SettingError(change.path, problem, "set the variables DRIFT_… instead, or name another file with --ini")
    return change
