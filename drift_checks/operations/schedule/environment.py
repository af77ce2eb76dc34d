"""The file of settings that cron's line sources and systemd reads: one form of quoting that both read alike."""

from __future__ import annotations

import re
from collections.abc import Mapping

from drift_checks.core.errors import SettingError

_SPECIAL = re.compile(r'([\\"$`])')
# As sh and systemd read it: a value in double quotes may be of several lines.
_ASSIGNMENT = re.compile(
    r"""^(?:export[ \t]+)?([A-Za-z_]\w*)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^"'\n][^\n]*|))[ \t]*$""",
    re.MULTILINE | re.DOTALL,
)
_ESCAPE = re.compile(r'\\([\\"$`])')


def quoted(name: str, text: str) -> str:
    r"""Return the text as `sh` and `EnvironmentFile=` read it: in double quotes, with \ before the characters \ " $ `.

    Args:
        name: The variable, for the message.
        text: Its value; tabs and line feeds may be in it.

    Raises:
        SettingError: It holds what systemd drops: other control characters, or bytes that are no UTF-8.
    """
    if not is_printable(text.replace("\n", "").replace("\t", "")):
        raise SettingError(
            name,
            "its value holds control characters or bytes that are no UTF-8, which no schedule can pass on",
            "allowed is plain text: give it another name or value",
        )
    return '"' + _SPECIAL.sub(r"\\\1", text) + '"'


def is_printable(text: str) -> bool:
    """Whether the text has no control characters and can be written as UTF-8."""
    return not re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", text)


def assignments(variables: Mapping[str, str]) -> str:
    """Return the lines that set the variables, in the order that they have.

    Raises:
        SettingError: A value cannot be passed on.
    """
    return "".join(f"{name}={quoted(name, text)}\n" for name, text in variables.items())


def read_assignments(text: str) -> dict[str, str]:
    """Return the variables that a file of `NAME=value` lines sets, as `sh` and `EnvironmentFile=` read it."""
    return {found[1]: _value(found) for found in _ASSIGNMENT.finditer(text)}


def _value(found: re.Match[str]) -> str:
    _, in_double_quotes, in_quotes, bare = found.groups()
    if in_double_quotes is not None:
        return _ESCAPE.sub(r"\1", in_double_quotes)
    return in_quotes if in_quotes is not None else bare.strip()
