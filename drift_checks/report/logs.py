"""The log of a run: a JSON object per line for programs, plain lines on a terminal; loggers are `drift_checks.*`.

Text from a store or a model is never logged raw: record texts are not logged at all, names are made printable, and of
an exception only its type is logged.
"""

from __future__ import annotations

import logging
import os
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
from drift_checks.core.files import refuse_special
from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import printable, unicode
from drift_checks.report.log_config import ROOT, configure
from drift_checks.report.verdict import Verdict

MOST_BYTES, MOST_FILES = 10_000_000, 10
LEVELS = {
    Verdict.OK: logging.INFO,
    Verdict.WARNING: logging.WARNING,
    Verdict.CRITICAL: logging.CRITICAL,
    Verdict.INCONCLUSIVE: logging.ERROR,
}
# The `extra` of an event that a terminal, or stderr, shows in another form as well, so that it is not repeated there.
ON_TERMINAL: Mapping[str, Any] = {"shown": "terminal"}
ON_STDERR: Mapping[str, Any] = {"shown": "stderr"}
_LONGEST = 2000
_NO_RUN = "-"
_RENAMED = {"levelname": "level", "name": "logger"}


class JsonLines(JsonFormatter):
    """One JSON object per event: time, level, logger, run_id, message and the event's own fields."""

    def __init__(self, **options: Any) -> None:
        super().__init__("%(levelname)s %(name)s %(run_id)s %(message)s", **{"rename_fields": _RENAMED, **options})

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Put the time first, and drop what only concerns a terminal."""
        log_data["time"] = _moment(record)
        super().add_fields(log_data, record, message_dict)
        log_data.pop("shown", None)

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        """Return JSON that strict parsers read, without secrets."""
        texts = {key: unicode(mask_secrets(value)) for key, value in log_data.items() if isinstance(value, str)}
        return super().jsonify_log_record(log_data | texts)


class PlainLines(logging.Formatter):
    """A line for people with level, logger and message."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")


@dataclass
class Logs:
    """The handlers of a run's log; `on_stderr` if all events are on stderr as JSON: nothing is repeated there then.

    `end_line` is called before an event is written to the file that is also stdout, to end what stands there.
    """

    run_id: str = _NO_RUN
    end_line: Callable[[], object] = bool
    on_stderr: bool = False
    has_losses: bool = False
    _undo: list[Callable[[], object]] = field(default_factory=list)

    def close(self) -> None:
        """Remove the handlers."""
        while self._undo:
            self._undo.pop()()


def open_logs(config: Path | None, file: Path | None, *, quiet: bool, stream: TextIO | None = None) -> Logs:
    """Start logging until the logs are closed: to stderr, or as a dictConfig in YAML says, and to a file as JSON lines.

    Raises:
        SettingError: The configuration or the file cannot be used.
    """
    logs = Logs()
    logger = logging.getLogger(ROOT)
    handlers = [*logger.handlers]
    _prepare_records(logs)
    logs._undo += [_restore(logger), _restore(logging.root)]
    try:
        if config is not None:
            configure(config, quiet=quiet)
            for handler in _handlers():
                handler.addFilter(_without_shown)
        elif not quiet:
            _add(logger, _for_stream(logs, stream), logs)
        if file is not None:
            _add(logger, _rotating(file), logs)
    except BaseException:
        logs.close()
        raise
    if config is None and logger.handlers != handlers:
        # Else only the handlers of a program that called this one listen, at its own level.
        logger.setLevel(logging.INFO)
    for handler in _handlers():
        _report_losses(handler, logs)
        if isinstance(handler, logging.StreamHandler) and _is_stdout(handler.stream):
            _begin_lines(handler, logs)
    return logs


def _handlers() -> Iterator[logging.Handler]:
    """Yield the handlers that receive our events: those of our loggers and of the root logger."""
    for name, logger in [("", logging.root), *logging.root.manager.loggerDict.items()]:
        if isinstance(logger, logging.Logger) and (not name or name.partition(".")[0] == ROOT):
            yield from logger.handlers


def _is_stdout(stream: TextIO) -> bool:
    """Whether what is written to the stream stands among what is printed, as with `2>&1`."""
    try:
        theirs, ours = (os.fstat(item.fileno()) for item in (stream, sys.stdout))
    except (OSError, ValueError, AttributeError):
        return False
    return os.path.samestat(theirs, ours)


def _begin_lines(handler: logging.Handler, logs: Logs) -> None:
    """Make each event that the handler writes begin on a line of its own."""

    def end_line(_: logging.LogRecord) -> bool:
        logs.end_line()
        return True

    # The last filter sees only what is written.
    handler.addFilter(end_line)
    logs._undo.append(partial(handler.removeFilter, end_line))


def _report_losses(handler: logging.Handler, logs: Logs) -> None:
    """Make a handler that cannot write say so once, in a sentence, instead of with a traceback per event."""

    def warn_once(_: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not logs.has_losses and sys.stderr is not None:
            reason = getattr(error, "strerror", None) or type(error).__name__
            sys.stderr.write(f"drift review: the log cannot be written ({reason}); events are lost.\n")
        logs.has_losses = True

    handler.handleError = warn_once  # type: ignore[method-assign, assignment]
    logs._undo.append(lambda: handler.__dict__.pop("handleError", None))


def log_verdict(logger: logging.Logger, level_of: Verdict | None, message: str, **fields: Any) -> None:
    """Log a message at the level of a verdict, or at INFO if nothing was measured."""
    level = logging.INFO if level_of is None else LEVELS[level_of]
    logger.log(level, message, extra={**ON_TERMINAL, **fields})


def _prepare_records(logs: Logs) -> None:
    """Add the run's id to each of our events and strip what must not be logged, whichever handler writes it."""
    factory = logging.getLogRecordFactory()

    def new_record(*arguments: Any, **named: Any) -> logging.LogRecord:
        record = factory(*arguments, **named)
        record.run_id = logs.run_id
        if record.name == ROOT or record.name.startswith(f"{ROOT}."):
            record.msg, record.args = printable(mask_secrets(record.getMessage()), _LONGEST), None
            if record.exc_info and record.exc_info[0] is not None:
                record.msg += f" ({record.exc_info[0].__name__})"
            record.exc_info = record.exc_text = record.stack_info = None
        return record

    logging.setLogRecordFactory(new_record)
    logs._undo.append(partial(logging.setLogRecordFactory, factory))


def _for_stream(logs: Logs, stream: TextIO | None) -> logging.Handler:
    handler: logging.StreamHandler[TextIO] = _Stderr() if stream is None else logging.StreamHandler(stream)
    if stream is None and sys.stderr is None:
        # Whoever started the program closed it.
        return logging.NullHandler()
    if (stream or sys.stderr).isatty():
        handler.setLevel(logging.WARNING)
        handler.setFormatter(PlainLines())
        handler.addFilter(lambda record: not hasattr(record, "shown"))
    else:
        handler.setFormatter(JsonLines())
        handler.addFilter(lambda record: getattr(record, "shown", None) != ON_STDERR["shown"])
        logs.on_stderr = True
    return handler


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to the current sys.stderr, which pytest replaces."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        """Ignore the stream that the base class sets."""


def _rotating(file: Path) -> logging.Handler:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            refuse_special(file)
        handler = RotatingFileHandler(file, maxBytes=MOST_BYTES, backupCount=MOST_FILES, encoding="utf-8")
    except OSError as error:
        raise SettingError(
            "log-file",
            f"{file} cannot be written ({error.strerror})",
            "it must be a file that the user who runs the review may write",
        ) from None
    handler.setFormatter(JsonLines())
    return handler


def _restore(logger: logging.Logger) -> Callable[[], None]:
    """Return a function that gives the logger back its level and handlers."""
    level, propagate, handlers = logger.level, logger.propagate, list(logger.handlers)

    def restore() -> None:
        logger.setLevel(level)
        logger.propagate = propagate
        for handler in [handler for handler in logger.handlers if handler not in handlers]:
            logger.removeHandler(handler)
            _close(handler)
        logger.handlers[:] = handlers

    return restore


def _without_shown(record: logging.LogRecord) -> bool:
    """Remove what only concerns the built-in handlers."""
    record.__dict__.pop("shown", None)
    return True


def _add(logger: logging.Logger, handler: logging.Handler, logs: Logs) -> None:
    logger.addHandler(handler)
    logs._undo += [partial(_close, handler), partial(logger.removeHandler, handler)]


def _close(handler: logging.Handler) -> None:
    # On a full disk, the unwritten rest is lost too.
    with suppress(OSError):
        handler.close()


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
