"""The user's own configuration of the log: a dictConfig in YAML."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from drift_checks.core.errors import SettingError
from drift_checks.core.files import read_text
from drift_checks.core.text import printable

ROOT = "drift_checks"
# The loggers of the scheduler that this replaces.
REPLACED = ("sigmak.drift_scheduler", "sigmak.drift_detection")
_MOST_NAMES = 200


def configure(file: Path, *, quiet: bool) -> None:
    """Configure logging as the file says; a quiet run writes to no standard stream.

    A file for the replaced scheduler configures our loggers as that scheduler's. If any other file leaves out our
    events, a line on stderr says so.

    Raises:
        SettingError: The file, or one that it names, cannot be used.
    """
    # Few runs have their own configuration, so the others need not import this.
    import logging.config

    content = _for_our_loggers(_read(file))
    try:
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            # By default dictConfig silences the loggers that already exist.
            logging.config.dictConfig({"disable_existing_loggers": False, **content})
    except (ValueError, TypeError, AttributeError, ImportError, KeyError) as error:
        raise _refused(file, error) from None
    names = _names(content)
    if quiet:
        _silence_streams(names)
    elif not logging.getLogger(ROOT).isEnabledFor(logging.INFO) and not any(map(_is_ours, names)):
        _say_what_is_lost(file, names)


def log_files(file: Path) -> list[Path]:
    """Return the files that the handlers write to, as far as their paths are absolute.

    Raises:
        SettingError: The file cannot be used.
    """
    handlers = _read(file).get("handlers")
    described = handlers.values() if isinstance(handlers, Mapping) else []
    found = [handler.get("filename") for handler in described if isinstance(handler, Mapping)]
    return [Path(name) for name in found if isinstance(name, str) and name.startswith("/")]


def _read(file: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(read_text(file))
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(file, f"it cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None
    except yaml.YAMLError as error:
        raise _invalid(file, f"it is not valid YAML: {printable(error, 300)}") from None
    if not isinstance(content, dict):
        raise _invalid(file, "it is not a mapping")
    return content


def _for_our_loggers(content: dict[str, Any]) -> dict[str, Any]:
    names = _names(content)
    replaced = next((name for name in REPLACED if name in names), None)
    if replaced is None or any(map(_is_ours, names)):
        return content
    return {**content, "loggers": {**content["loggers"], ROOT: content["loggers"][replaced]}}


def _names(content: Mapping[str, Any]) -> list[str]:
    loggers = content.get("loggers")
    return [name for name in loggers if isinstance(name, str)] if isinstance(loggers, Mapping) else []


def _is_ours(name: str) -> bool:
    return name == ROOT or name.startswith(f"{ROOT}.")


def _silence_streams(names: list[str]) -> None:
    streams = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
    for handler in _handlers(names):
        if isinstance(handler, logging.StreamHandler) and handler.stream in streams:
            handler.setLevel(logging.CRITICAL + 1)


def _handlers(names: list[str]) -> Iterator[logging.Handler]:
    for name in ("", *names):
        yield from logging.getLogger(name or None).handlers


def _say_what_is_lost(file: Path, names: list[str]) -> None:
    if sys.stderr is not None:
        level = logging.getLevelName(logging.getLogger(ROOT).getEffectiveLevel())
        others = f" do not reach {printable(', '.join(names), _MOST_NAMES)}, and those" if names else ""
        sys.stderr.write(
            f"drift review: {file} configures no logger {ROOT}, so this run's events{others} below {level} are lost;"
            f" add {ROOT} to its loggers.\n"
        )


def _refused(file: Path, error: Exception) -> SettingError:
    # dictConfig wraps the actual reason.
    cause = error.__cause__
    if isinstance(cause, OSError) and isinstance(cause.filename, str):
        target = Path(cause.filename)
        missing = isinstance(cause, FileNotFoundError)
        reason = f"the folder {target.parent} does not exist" if missing else cause.strerror
        return SettingError(
            "log-config",
            f"{target}, which {file} names, cannot be written ({reason})",
            f"{'create it' if missing else 'make it writable'} for the user who runs the review, or name another file",
        )
    return _invalid(file, ": ".join(printable(item, 200) for item in (error, cause) if item is not None))


def _invalid(file: Path, reason: str) -> SettingError:
    return SettingError(
        "log-config",
        f"{file} cannot be used ({reason})",
        "it must be a dictConfig of Python's logging in YAML, with version: 1 and, for JSON lines, a formatter with "
        "(): drift_checks.report.logs.JsonLines",
    )
