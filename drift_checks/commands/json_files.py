"""The file that an option `--json` names."""

from __future__ import annotations

from pathlib import Path

from drift_checks.core.errors import SettingError
from drift_checks.core.files import replace_file

_MODE = 0o640


def write_json(name: str | None, text: str) -> None:
    """Write a JSON document to the file, if one is named.

    Raises:
        SettingError: It cannot be written.
    """
    if name is None:
        return
    path = Path.cwd() / Path(name).expanduser()
    try:
        replace_file(path, f"{text}\n".encode(), _MODE)
    except OSError as error:
        raise SettingError("--json", f"{path} cannot be written ({error.strerror})", "name another file") from None
