"""What a run logs: one JSON object a line for programs, plain lines on a terminal; loggers are `drift_checks.*`.

Nothing that a store or a model wrote is logged as it is: texts of records are not logged at all, names are made
printable, and an exception is told by its kind alone.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

from pythonjsonlogger.json import JsonFormatter

from drift_checks.core.errors import SettingError
from drift_checks.core.text import printable
from drift_checks.report.verdict import Verdict

ROOT = "drift_checks"
MOST_BYTES, MOST_FILES = 10_000_000, 10
LEVELS = {
    Verdict.OK: logging.INFO,
    Verdict.WARNING: logging.WARNING,
    Verdict.CRITICAL: logging.CRITICAL,
    Verdict.INCONCLUSIVE: logging.ERROR,
}
# Marks an event that a terminal is told in its own way as well, or that stands on stderr in words anyhow.
TOLD: Mapping[str, Any] = {"told": "terminal"}
SAID: Mapping[str, Any] = {"told": "stderr"}
_LONGEST = 2000
_NO_RUN = "-"


class JsonLines(JsonFormatter):
    """One JSON object an event: time, level, logger, run_id, message, and what else belongs to it."""

    def __init__(self, **options: Any) -> None:
        super().__init__("%(levelname)s %(name)s %(run_id)s %(message)s", **{"rename_fields": _RENAMED, **options})

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Put the time first, and leave out what only a terminal heeds."""
        log_data["time"] = _moment(record)
        super().add_fields(log_data, record, message_dict)
        log_data.pop("told", None)


_RENAMED = {"levelname": "level", "name": "logger"}


class PlainLines(logging.Formatter):
    """A line for people: level, logger and message."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")


@dataclass
class Logs:
    """The handlers of a run, and what is on each of its lines.

    Attributes:
        run_id: Of the run, once it is known.
        on_stderr: Whether every event is a JSON object on stderr, so that nothing needs to be said there again.
        has_losses: Whether an event could not be written.
    """

    run_id: str = _NO_RUN
    on_stderr: bool = False
    has_losses: bool = False
    _undo: list[Callable[[], object]] = field(default_factory=list)

    def close(self) -> None:
        """Take the handlers away again."""
        while self._undo:
            self._undo.pop()()


def open_logs(config: Path | None, file: Path | None, *, quiet: bool, stream: TextIO | None = None) -> Logs:
    """Have events written as the settings say, until the logs are closed.

    Args:
        config: A `logging` dictConfig in YAML, in place of what is built in.
        file: A further file for JSON lines, which is rotated at 10 MB.
        quiet: Whether stderr is left alone.
        stream: In place of stderr.

    Raises:
        SettingError: The configuration or the file cannot be used.
    """
    logs = Logs()
    logger = logging.getLogger(ROOT)
    _on_every_line(logs)
    logs._undo.append(partial(logger.setLevel, logger.level))
    try:
        if config is not None:
            _configure(config)
        else:
            logger.setLevel(logging.INFO)
            if not quiet:
                _add(logger, _for_stream(logs, stream), logs)
        if file is not None:
            _add(logger, _rotating(file), logs)
    except BaseException:
        logs.close()
        raise
    for handler in _handlers():
        _have_losses_told(handler, logs)
    return logs


def _handlers() -> Iterator[logging.Handler]:
    """Yield the handlers that get events of ours: those of our loggers, and of the root."""
    for name, logger in [("", logging.root), *logging.root.manager.loggerDict.items()]:
        if isinstance(logger, logging.Logger) and (not name or name.partition(".")[0] == ROOT):
            yield from logger.handlers


def _have_losses_told(handler: logging.Handler, logs: Logs) -> None:
    """Have a handler that cannot write say so once, in a sentence, in place of a traceback for each event."""

    def tell(_: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not logs.has_losses and sys.stderr is not None:
            reason = getattr(error, "strerror", None) or type(error).__name__
            sys.stderr.write(f"drift review: the log cannot be written ({reason}): events are lost.\n")
        logs.has_losses = True

    handler.handleError = tell  # type: ignore[method-assign, assignment]
    logs._undo.append(lambda: handler.__dict__.pop("handleError", None))


def log_verdict(logger: logging.Logger, level_of: Verdict | None, message: str, **fields: Any) -> None:
    """Log what something came to, at the level of a verdict; what has none was not measured."""
    level = logging.INFO if level_of is None else LEVELS[level_of]
    logger.log(level, message, extra={**TOLD, **fields})


def _on_every_line(logs: Logs) -> None:
    """Have each event of ours bear the run, and nothing that must not be logged, whichever handler writes it."""
    make = logging.getLogRecordFactory()

    def made(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = make(*arguments, **named)
        record.run_id = logs.run_id
        if record.name == ROOT or record.name.startswith(f"{ROOT}."):
            record.msg, record.args = printable(record.getMessage(), _LONGEST), None
            if record.exc_info and record.exc_info[0] is not None:
                record.msg += f" ({record.exc_info[0].__name__})"
            record.exc_info = record.exc_text = record.stack_info = None
        return record

    logging.setLogRecordFactory(made)
    logs._undo.append(partial(logging.setLogRecordFactory, make))


def _for_stream(logs: Logs, stream: TextIO | None) -> logging.Handler:
    handler: logging.StreamHandler[TextIO] = _Stderr() if stream is None else logging.StreamHandler(stream)
    if stream is None and sys.stderr is None:
        # Closed by whoever started the program.
        return logging.NullHandler()
    if (stream or sys.stderr).isatty():
        handler.setLevel(logging.WARNING)
        handler.setFormatter(PlainLines())
        handler.addFilter(lambda record: not hasattr(record, "told"))
    else:
        handler.setFormatter(JsonLines())
        handler.addFilter(lambda record: getattr(record, "told", None) != SAID["told"])
        logs.on_stderr = True
    return handler


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what is stderr when there is something to write: pytest exchanges it."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        """Keep to that."""


def _rotating(file: Path) -> logging.Handler:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(file, maxBytes=MOST_BYTES, backupCount=MOST_FILES, encoding="utf-8")
    except OSError as error:
        raise SettingError(
            "log-file",
            f"{file} cannot be written ({error.strerror})",
            "allowed is a file in a folder in which the user who runs the review may write",
        ) from None
    handler.setFormatter(JsonLines())
    return handler


def _configure(file: Path) -> None:
    # Imported here, since few runs have a configuration of their own.
    import logging.config

    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(file, f"it cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}") from None
    except yaml.YAMLError as error:
        raise _refused(file, f"it is no YAML: {printable(error, 300)}") from None
    if not isinstance(content, dict):
        raise _refused(file, "it is no mapping")
    try:
        # Without it, what was imported before the configuration would fall silent.
        logging.config.dictConfig({"disable_existing_loggers": False, **content})
    except (ValueError, TypeError, AttributeError, ImportError, KeyError) as error:
        raise _refused(file, _reason(error)) from None


def _reason(error: BaseException) -> str:
    """Return what dictConfig says, with the reason that it wraps."""
    said = [printable(error, 200)]
    if error.__cause__ is not None:
        said.append(printable(error.__cause__, 200))
    return ": ".join(said)


def _refused(file: Path, reason: str) -> SettingError:
    return SettingError(
        "log-config",
        f"{file} cannot be used ({reason})",
        "allowed is a dictConfig of Python's logging in YAML, with version: 1 and, for JSON "
        "lines, a formatter with (): drift_checks.report.logs.JsonLines",
    )


def _add(logger: logging.Logger, handler: logging.Handler, logs: Logs) -> None:
    logger.addHandler(handler)
    logs._undo += [partial(_close, handler), partial(logger.removeHandler, handler)]


def _close(handler: logging.Handler) -> None:
    # On a full disk, what is not written yet is lost like the rest.
    with suppress(OSError):
        handler.close()


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
