"""The commands, or the calls from Python, that repeat a run: all of it, or one of its records."""

from __future__ import annotations

import shlex
from collections.abc import Container, Iterable, Iterator, Mapping

from drift_checks.core.addresses import Location, written
from drift_checks.core.instants import format_instant
from drift_checks.core.records import Sample
from drift_checks.settings.declarations import Setting, Settings, declared

# The settings that decide on a record; the others choose the records, or say what to do with the outcome.
_DECIDING = {"store", "reviewer"}
# Either the command names them itself, or they say where a run continues and what it may change.
_NOT_REPEATED = {"quiet", "demo", "resume", "write_back", "records", "seed", "as_of", "naive_timezone"}
# The demo has its own, whatever is configured.
_NOT_IN_DEMO = {"db", "chroma", "taxonomy", "table", "collection", "columns"}


def repeat_commands(program: str, settings: Settings, sample: Sample) -> tuple[str, str]:
    """Return the command that repeats the run, and the one that reviews the record whose id is appended to it.

    The `program` is the command without settings, as in `scripts/review`.
    """
    start = [program, *(["--drift-demo"] if settings.demo else [])]
    whole = [
        *start,
        *_options(settings, declared()),
        f"--drift-seed={sample.seed}",
        f"--drift-as-of={format_instant(sample.as_of)}",
        f"--drift-naive-timezone={sample.naive_timezone}",
        *([f"--drift-records={shlex.quote(','.join(settings.records))}"] if settings.records else []),
    ]
    return " ".join(whole), " ".join([*start, *_options(settings, _deciding()), "--drift-records="])


def repeat_calls(objects: Mapping[str, str], settings: Settings, sample: Sample) -> tuple[str, str]:
    """Return the call that repeats a run from Python, and the one that reviews the record whose id is appended to it.

    The `objects` are the arguments for settings whose value has no text: a table, or the caller's own classifier.
    """
    start = [*objects.values(), *(["demo=True"] if settings.demo else [])]
    whole = [
        *start,
        *_arguments(settings, declared(), objects),
        f"seed={sample.seed}",
        f"as_of={format_instant(sample.as_of)!r}",
        f"naive_timezone={str(sample.naive_timezone)!r}",
        *([f"records={list(settings.records)}"] if settings.records else []),
    ]
    deciding = [*start, *_arguments(settings, _deciding(), objects)]
    return f"drift_checks.review({', '.join(whole)})", f"drift_checks.review({', '.join(deciding)}) with records="


def _deciding() -> list[Setting]:
    # Repeating a redacted run must not reveal the texts.
    return [setting for setting in declared() if setting.group in _DECIDING or setting.key == "redact"]


def _options(settings: Settings, candidates: Iterable[Setting]) -> Iterator[str]:
    for setting, value in _repeated(settings, candidates):
        yield setting.option if value is True else shlex.quote(f"{setting.option}={value}")


def _arguments(settings: Settings, candidates: Iterable[Setting], besides: Container[str]) -> Iterator[str]:
    for setting, value in _repeated(settings, candidates):
        if setting.key not in besides:
            yield f"{setting.key}={value!r}"


def _repeated(settings: Settings, candidates: Iterable[Setting]) -> Iterator[tuple[Setting, str | bool]]:
    """Yield each setting that a repetition needs, with its text, or True for a switch."""
    for setting in candidates:
        # Whoever repeats a run looks at it, and needs no alert.
        if setting.group == "alerts" or setting.key in _NOT_REPEATED or setting.key not in settings.sources:
            continue
        if settings.demo and not _applies_to_demo(setting, settings):
            continue
        value = getattr(settings, setting.key)
        if isinstance(value, bool):
            if value:
                yield setting, True
        else:
            yield setting, written(value) if isinstance(value, Location) else _on_one_line(settings.texts[setting.key])


def _applies_to_demo(setting: Setting, settings: Settings) -> bool:
    is_option = settings.sources[setting.key].startswith("--")
    return setting.key not in _NOT_IN_DEMO and (setting.key != "reviewer" or is_option)


def _on_one_line(text: str) -> str:
    lines = text.strip().splitlines()
    return ",".join(line.strip().rstrip(",") for line in lines) if len(lines) > 1 else text
