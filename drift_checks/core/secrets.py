"""Secrets, from the environment, a file or a systemd credential, which appear in no output."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from drift_checks.core.errors import SettingError

_REMEDY = "it must hold the secret and nothing else"


class Secret:
    """A text that is shown as an ellipsis, in tracebacks too."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def hidden_in(self, message: str) -> str:
        """Return the message with every occurrence of the secret replaced."""
        for part in (self._text, *re.findall(r"[!-~]+", self._text)):
            message = message.replace(part, "…")
        return message

    def __reduce__(self) -> str:
        raise TypeError("a secret cannot be pickled")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __repr__(self) -> str:
        return "Secret(…)"


def find_secret(names: Sequence[str], environment: Mapping[str, str], *, several_lines: bool = False) -> Secret | None:
    """Return the secret of the first name that has one; raise SettingError if a file cannot be read or holds none.

    A name is looked up as a variable, as `NAME_FILE` (a variable with the path of a file), and as a systemd credential
    in the folder `$CREDENTIALS_DIRECTORY`. With `several_lines` a secret may span lines, which are joined.
    """
    for name in names:
        if text := environment.get(name, "").strip():
            return _checked(text, name, several_lines)
        if file := environment.get(f"{name}_FILE"):
            return _read(Path(file), f"{name}_FILE", several_lines)
        folder = environment.get("CREDENTIALS_DIRECTORY")
        if folder and name in _files(Path(folder)):
            return _read(Path(folder) / name, f"the credential {name}", several_lines)
    return None


def _read(file: Path, source: str, several_lines: bool) -> Secret:
    try:
        text = file.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingError(source, f"{file} cannot be read ({reason})", _REMEDY) from None
    if not text:
        raise SettingError(source, f"{file} is empty", _REMEDY)
    return _checked(text, f"{source}: {file}", several_lines)


def _checked(text: str, source: str, several_lines: bool) -> Secret:
    if several_lines:
        text = " ".join(text.split())
    if not (text.isascii() and text.isprintable()):
        raise SettingError(source, "holds more than one line, or characters that no secret has", _REMEDY)
    return Secret(text)


def _files(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SettingError(
            "CREDENTIALS_DIRECTORY",
            f"{folder} cannot be read ({error.strerror})",
            "it must be a folder with a file for each secret",
        ) from None
