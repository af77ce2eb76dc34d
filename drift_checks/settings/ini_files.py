"""Reading pytest's section of an ini file, as pytest does."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from drift_checks.core.errors import SettingError

# In the order in which pytest looks for them.
_NAMES = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
# These are pytest's even if they are empty.
_ALWAYS = _NAMES[:4]


def find_ini(*folders: Path) -> Path | None:
    """Return the file that pytest reads its settings from in the first of these folders that has one, or None."""
    for folder in folders:
        for name in _NAMES:
            file = folder / name
            if file.is_file() and (name in _ALWAYS or _has_section(file)):
                return file
    return None


def _has_section(file: Path) -> bool:
    try:
        return bool(read_ini(file))
    except SettingError:
        return False


def read_ini(file: Path | None) -> dict[str, str]:
    """Return the keys of pytest's section of an ini or TOML file; raise SettingError if it cannot be read."""
    if file is None or not file.is_file():
        return {}
    from iniconfig import IniConfig, ParseError

    try:
        if file.suffix == ".toml":
            return _from_toml(tomllib.loads(file.read_text(encoding="utf-8")))
        sections = IniConfig(str(file)).sections
    except (OSError, UnicodeDecodeError, ParseError, tomllib.TOMLDecodeError) as error:
        raise SettingError(file, f"cannot be read ({error})", "it must be an ini file that pytest can read") from None
    return {key: value for name in ("pytest", "tool:pytest") for key, value in sections.get(name, {}).items()}


def _from_toml(content: dict[str, Any]) -> dict[str, str]:
    section = content.get("pytest", content.get("tool", {}).get("pytest", {}))
    values = {**section, **section.get("ini_options", {})}
    return {key: _as_text(value) for key, value in values.items() if key != "ini_options"}


def _as_text(value: Any) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)
