"""The file of settings that cron's line sources and systemd reads, quoted so that both read it alike."""

from __future__ import annotations

import re
from collections.abc import Mapping

from drift_checks.core.errors import SettingError

_SPECIAL = re.compile(r'([\\"$`])')
# As sh and systemd read it: a value in double quotes may span lines.
_ASSIGNMENT = re.compile(
    r"""^(?:export[ \t]+)?([A-Za-z_]\w*)=(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^"'\n][^\n]*|))[ \t]*$""",
    re.MULTILINE | re.DOTALL,
)
_ESCAPE = re.compile(r'\\([\\"$`])')


def quoted(name: str, text: str) -> str:
    r"""Return the text in double quotes, as `sh` and `EnvironmentFile=` read it; raise SettingError if they cannot."""
    if not is_printable(text.replace("\n", "").replace("\t", "")):
        raise SettingError(
            name,
            "its value contains control characters or is not valid UTF-8, so a schedule cannot pass it on",
            "it must be plain text: choose another name or value",
        )
    return '"' + _SPECIAL.sub(r"\\\1", text) + '"'


def is_printable(text: str) -> bool:
    """Whether the text has no control characters and can be encoded as UTF-8."""
    return not re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", text)


def assignments(variables: Mapping[str, str]) -> str:
    """Return the lines that set the variables; raise SettingError if a value cannot be passed on."""
    return "".join(f"{name}={quoted(name, text)}\n" for name, text in variables.items())


def read_assignments(text: str) -> dict[str, str]:
    """Return the variables that a file of `NAME=value` lines sets, as `sh` and `EnvironmentFile=` read it."""
    return {found[1]: _value(found) for found in _ASSIGNMENT.finditer(text)}


def _value(found: re.Match[str]) -> str:
    _, in_double_quotes, in_quotes, bare = found.groups()
    if in_double_quotes is not None:
        return _ESCAPE.sub(r"\1", in_double_quotes)
    return in_quotes if in_quotes is not None else bare.strip()
