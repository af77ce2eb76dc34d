"""All settings by topic, with their values and where these come from, or one setting in full."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import groupby
from shutil import get_terminal_size
from textwrap import wrap

from drift_checks.commands.settings_options import add_settings, read_sources
from drift_checks.core.errors import SettingError, nearest
from drift_checks.core.text import printable, visible
from drift_checks.settings.declarations import Setting, declared
from drift_checks.settings.loading import Sources
from drift_checks.settings.usable import configure

_WIDTH = 100
_LABEL = 12
_LONGEST = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="a setting, such as sample-size, or a topic")
    add_settings(parser, finds_ini=True)


def run(arguments: argparse.Namespace) -> int:
    """Print the settings; those that a review would refuse are marked."""
    sources = read_sources(arguments, os.environ)
    faults = {fault.key: str(fault.error) for fault in configure(sources, datetime.now(UTC)).faults}
    width = min(get_terminal_size().columns, _WIDTH) if sys.stdout.isatty() or os.environ.get("COLUMNS") else _WIDTH
    settings = declared() if arguments.name is None else _named(arguments.name)
    if arguments.name is not None and len(settings) == 1:
        lines = _in_full(settings[0], sources, faults, width)
    else:
        lines = _by_topic(settings, sources, faults, width)
    sys.stdout.writelines(f"{visible(line)}\n" for line in lines)
    return 0


def _named(text: str) -> tuple[Setting, ...]:
    """Return the setting with this name in any of its forms, or the settings of this topic."""
    name = text.strip().lower().removeprefix("--").replace("_", "-").removeprefix("drift-")
    found = tuple(setting for setting in declared() if setting.name == name)
    found = found or tuple(setting for setting in declared() if setting.group == name)
    if not found:
        topics = ", ".join(dict.fromkeys(setting.group for setting in declared()))
        closest = nearest(name, [*(setting.name for setting in declared()), *(setting.group for setting in declared())])
        raise SettingError(printable(text), "is neither a setting nor a topic", f"the topics are {topics}", closest)
    return found


def _by_topic(settings: tuple[Setting, ...], sources: Sources, faults: Mapping[str, str], width: int) -> Iterator[str]:
    yield f"ini file    {sources.ini_file or 'none here: set variables or options, or name a file with -c FILE'}"
    yield "A setting NAME is --drift-NAME=VALUE, the variable DRIFT_NAME or the ini key drift_NAME (_ for each -)."
    yield "An option overrides a variable, and a variable the ini file."
    # The declarations of a topic need not follow each other.
    topics = list(dict.fromkeys(setting.group for setting in settings))
    for topic, members in groupby(sorted(settings, key=lambda one: topics.index(one.group)), lambda one: one.group):
        yield ""
        yield topic
        for setting in members:
            yield f"  {setting.name} = {_value(setting, sources)}"
            yield from _indented(setting.help, "      ", width)
            if setting.key in faults:
                yield from _indented(f"REFUSED: {faults[setting.key]}", "      ", width)
    unknown = [text for key, text in faults.items() if key not in {setting.key for setting in declared()}]
    if unknown:
        yield from ("", *unknown)


def _in_full(setting: Setting, sources: Sources, faults: Mapping[str, str], width: int) -> Iterator[str]:
    yield setting.name
    yield from _indented(setting.help, "  ", width)
    rows = {
        "value": _value(setting, sources),
        "must be": setting.kind.allowed,
        "default": _default(setting),
        "option": setting.option if setting.default is False else f"{setting.option}=VALUE",
        "variable": setting.variable,
        "ini key": setting.ini,
    }
    yield ""
    for label, text in rows.items():
        first, *others = wrap(text, max(20, width - _LABEL), break_on_hyphens=False, break_long_words=False) or [""]
        yield f"{label:<{_LABEL}}{first}".rstrip()
        yield from (f"{'':<{_LABEL}}{other}" for other in others)
    if setting.key in faults:
        yield from ("", *_indented(f"REFUSED: {faults[setting.key]}", "", width))


def _value(setting: Setting, sources: Sources) -> str:
    origin = sources.find(setting)
    if origin is None:
        variable = "CHROMA_PERSIST_PATH"
        if setting.key == "chroma" and sources.environment.get(variable):
            shown = setting.kind.shown(sources.environment[variable])
            return f"{printable(shown, _LONGEST)}  (the variable {variable})"
        return f"{_default(setting)}  (default)" if _default(setting) else "(not set)"
    return f"{printable(setting.kind.shown(origin.text), _LONGEST)}  ({origin.source})"


def _default(setting: Setting) -> str:
    """Return the default as it would be written; empty if it is none, or depends on something else."""
    default = setting.default
    if default is None or default == ():
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


def _indented(text: str, indent: str, width: int) -> list[str]:
    return wrap(
        text,
        max(width, 40),
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
