"""Rendering the templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import drift_checks
from drift_checks.core.errors import SettingError
from drift_checks.operations.schedule.environment import assignments, is_printable
from drift_checks.operations.schedule.files import marked
from drift_checks.operations.schedule.plan import Schedule

if TYPE_CHECKING:
    from jinja2 import Environment

_PLAIN = re.compile(r"[A-Za-z0-9_@:=+,./~-]+")


def heading(kind: str, user: str, schedule: Schedule) -> str:
    """Return the first line of every file, without the comment sign."""
    command = f"python -m drift_checks install {kind} --user {user} --at {schedule.clock} --every {schedule.every}"
    return f"Made by drift-checks {drift_checks.__version__}: {command}"


def environment_file(made_by: str, variables: Mapping[str, str]) -> str:
    """Return the file that cron's line sources and systemd reads; raise SettingError if a value cannot be passed on."""
    return marked(rendered("review.env.j2", made_by=made_by, assignments=assignments(variables)))


def rendered(template: str, **values: object) -> str:
    """Return a template filled with these values."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    import jinja2

    environment = jinja2.Environment(  # noqa: S701 - not HTML; each value is quoted for its own format
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"unit_word": unit_word, "unit_command": unit_command}
    return environment


def unit_word(text: object, prefix: str = "") -> str:
    """Return a path as one quoted and escaped word of a unit file; raise SettingError if that cannot contain it."""
    path = str(text)
    if not is_printable(path):
        raise SettingError(f"{path!r}", "a unit file cannot contain control characters", "rename that file or folder")
    word = (prefix + path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return word if _PLAIN.fullmatch(word) else f'"{word}"'


def unit_command(program: object) -> str:
    """Return a program's path for `ExecStart=`; raise SettingError if a unit file cannot contain it."""
    # systemd does not run a program with one of these in its path.
    if re.search(r"[\"'\\]", str(program)):
        return f""":/bin/sh -c 'exec "$0" "$@"' {unit_word(program)}"""
    return unit_word(program, ":")
