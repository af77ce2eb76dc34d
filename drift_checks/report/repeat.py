"""The commands that make a run again: the whole of it, or one of its records."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path

from drift_checks.core.instants import format_instant
from drift_checks.core.records import Sample
from drift_checks.settings.declarations import Setting, Settings, declared

# What decides about a record; the rest says which records are drawn, and what becomes of the outcome.
_DECIDING = {"store", "reviewer"}
# They say where a run goes on, what it may change and which records it is about, not how it decides.
_NOT_REPEATED = {"quiet", "demo", "resume", "write_back", "records", "seed", "as_of", "naive_timezone"}
# The demo has its own, whatever is configured.
_NOT_OF_THE_DEMO = {"db", "chroma", "taxonomy", "table", "collection", "columns"}


def repeat_commands(way_in: str, settings: Settings, sample: Sample) -> tuple[str, str]:
    """Return the command that makes the run again, and the one that lacks only a record's id at its end.

    Args:
        way_in: The command without its settings, as in `scripts/review`.
        settings: What the run was told to do.
        sample: What it drew.
    """
    begun = [way_in, *(["--drift-demo"] if settings.demo else [])]
    given = [*begun, *_options(settings, list(declared()))]
    # A report that leaves texts out does so again.
    deciding = [setting for setting in declared() if setting.group in _DECIDING or setting.key == "redact"]
    drawn = [
        f"--drift-seed={sample.seed}",
        f"--drift-as-of={format_instant(sample.as_of)}",
        f"--drift-naive-timezone={sample.naive_timezone}",
    ]
    named = [f"--drift-records={shlex.quote(','.join(settings.records))}"] if settings.records else []
    return " ".join([*given, *drawn, *named]), " ".join([*begun, *_options(settings, deciding), "--drift-records="])


def _options(settings: Settings, among: Iterable[Setting]) -> Iterator[str]:
    for setting in among:
        # Whoever repeats a run looks at it, and alarms nobody.
        if setting.group == "alerts" or setting.key in _NOT_REPEATED or setting.key not in settings.sources:
            continue
        if settings.demo and not _is_heeded_by_the_demo(setting, settings):
            continue
        yield from map(shlex.quote, _option(setting, settings))


def _is_heeded_by_the_demo(setting: Setting, settings: Settings) -> bool:
    is_option = settings.sources[setting.key].startswith("--")
    return setting.key not in _NOT_OF_THE_DEMO and (setting.key != "reviewer" or is_option)


def _option(setting: Setting, settings: Settings) -> Iterator[str]:
    value = getattr(settings, setting.key)
    if isinstance(value, bool):
        if value:
            yield setting.option
    elif isinstance(value, Path):
        yield f"{setting.option}={value}"
    else:
        yield f"{setting.option}={_on_one_line(settings.texts[setting.key])}"


def _on_one_line(text: str) -> str:
    lines = text.strip().splitlines()
    return ",".join(line.strip().rstrip(",") for line in lines) if len(lines) > 1 else text
