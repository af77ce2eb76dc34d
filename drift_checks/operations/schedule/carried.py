"""The variables that the user's own code needs, from the environment of the installation into a scheduled run."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import Secret, find_secret, is_secret

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Carried:
    """Variables, and the secrets among them."""

    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)


def carried(names: Iterable[str], environment: Mapping[str, str], installed: Collection[str] = ()) -> Carried:
    """Return these variables; a secret that is not set any more stays as it is installed.

    Raises:
        SettingError: A name is invalid, or its variable is not set.
    """
    found = Carried()
    for name in names:
        if not _NAME.fullmatch(name):
            raise SettingError(
                "--env",
                f"{name.partition('=')[0]!r} is not the name of a variable alone",
                "set the variable in the environment of this command, and give its name",
            )
        text = environment.get(name, "")
        secret = find_secret([name], environment) if is_secret(name, text) else None
        if secret is not None:
            found.secrets[name] = secret
        elif text:
            found.variables[name] = text
        elif name not in installed:
            raise SettingError(
                "--env",
                f"{name} is not set",
                f"export it before this command, and keep it with sudo --preserve-env={name}",
            )
    return found
