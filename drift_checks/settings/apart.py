"""Options whose value is apart, as in `--drift-db FILE`: pytest may take the value for a path of tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from drift_checks.settings.declarations import declared


def values_apart(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each option of a setting whose value is the next argument, with that value."""
    options = _options()
    for option, value in pairwise(arguments):
        if option in options and not value.startswith("-"):
            yield option, value


def joined(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with each such option and its value joined by `=`."""
    options = _options()
    done: list[str] = []
    for argument in arguments:
        if done and done[-1] in options and not argument.startswith("-"):
            done[-1] = f"{done[-1]}={argument}"
        else:
            done.append(argument)
    return done


def _options() -> set[str]:
    return {setting.option for setting in declared() if setting.default is not False}
