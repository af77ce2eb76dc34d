"""The variables and secrets of a scheduled review, as far as this user can read them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import Secret, credentials, find_secret, is_secret
from drift_checks.operations.schedule.environment import read_assignments
from drift_checks.operations.schedule.preset import SECRET_NAMES

_CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"


def with_env_file(environment: Mapping[str, str], file: Path) -> tuple[dict[str, str], frozenset[str]]:
    """Return the variables, completed from a file if it is readable, and the names of those taken from it."""
    try:
        found = read_assignments(file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        found = {}
    added = {name: text for name, text in found.items() if not environment.get(name)}
    return {**environment, **added}, frozenset(added)


def with_credentials(environment: Mapping[str, str], folder: Path) -> tuple[dict[str, str], frozenset[str]]:
    """Return the variables with a schedule's credentials, as its service manager passes them on, from this folder.

    Also return the names of the secrets that this user cannot read; the service manager reads them as root.
    """
    if _CREDENTIALS_VARIABLE in environment or not os.path.isdir(folder):  # noqa: PTH112 - False if it may not be searched
        return dict(environment), frozenset()
    try:
        files = list(folder.iterdir())
    except OSError:
        return dict(environment), frozenset(SECRET_NAMES)
    unreadable = [file.name for file in files if not os.access(file, os.R_OK, effective_ids=True)]
    return {**environment, _CREDENTIALS_VARIABLE: str(folder)}, frozenset(unreadable)


def readable_secrets(environment: Mapping[str, str]) -> Iterator[Secret]:
    """Yield every secret that can be read."""
    others = [name for name, text in environment.items() if is_secret(name, text)]
    for name in dict.fromkeys([*SECRET_NAMES, *others, *credentials(environment)]):
        with suppress(SettingError):
            if secret := find_secret([name], environment, several_lines=True):
                yield secret


@contextmanager
def added_variables(environment: Mapping[str, str]) -> Iterator[None]:
    """Add these variables to the process's own, for the user's code; those that are set already stay as they are."""
    added = {name: text for name, text in environment.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
