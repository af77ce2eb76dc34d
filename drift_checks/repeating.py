"""The commands that make a run again: the whole of it, or one of its records."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator
from pathlib import Path

from drift_checks.instants import format_instant
from drift_checks.records import Sample
from drift_checks.settings import Setting, Settings, declared

# What decides about a record; the rest says which records are drawn, and what becomes of the outcome.
_DECIDING = {"store", "reviewer", "demo"}
# They say where a run goes on, what it may change and which records it is about, not how it decides.
_NOT_REPEATED = {"resume", "write_back", "records", "seed", "as_of", "naive_timezone"}


def repeat_commands(way_in: str, settings: Settings, sample: Sample) -> tuple[str, str]:
    """Return the command that makes the run again, and the one that lacks only a record's id to review that alone.

    Args:
        way_in: The command without its settings, as in `scripts/review`.
        settings: What the run was told to do.
        sample: What it drew.
    """
    given = [way_in, *_options(settings, {setting.group for setting in declared()})]
    deciding = [way_in, *_options(settings, _DECIDING)]
    drawn = [
        f"--drift-seed={sample.seed}",
        f"--drift-as-of={format_instant(sample.as_of)}",
        f"--drift-naive-timezone={sample.naive_timezone}",
    ]
    named = [f"--drift-records={shlex.quote(','.join(settings.records))}"] if settings.records else []
    return " ".join([*given, *drawn, *named]), " ".join([*deciding, "--drift-records"])


def _options(settings: Settings, groups: Collection[str]) -> Iterator[str]:
    for setting in declared():
        if setting.key in _NOT_REPEATED or setting.key not in settings.sources or setting.group not in groups:
            continue
        # The demo has a store of its own, and heeds nothing but options.
        if settings.demo and not settings.sources[setting.key].startswith("--"):
            continue
        yield from map(shlex.quote, _option(setting, settings))


def _option(setting: Setting, settings: Settings) -> Iterator[str]:
    value = getattr(settings, setting.key)
    if isinstance(value, bool):
        if value:
            yield setting.option
    elif isinstance(value, Path):
        yield f"{setting.option}={value}"
    else:
        lines = settings.texts[setting.key].strip().splitlines()
        yield f"{setting.option}={','.join(line.strip().rstrip(',') for line in lines)}"
