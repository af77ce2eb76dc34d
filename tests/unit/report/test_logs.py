"""What is logged, where, and what never is."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.errors import SettingError
from drift_checks.report.logs import MOST_FILES, ON_STDERR, ON_TERMINAL, Logs, log_verdict, open_logs
from drift_checks.report.verdict import Verdict

LOGGER = logging.getLogger("drift_checks.test")
RUN = "20260115T020000Z-abc123"


class Terminal(StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """Return whether it is one."""
        return True


@pytest.fixture
def stream() -> StringIO:
    """The stream that replaces stderr."""
    return StringIO()


@pytest.fixture
def logs(stream: StringIO) -> Iterator[Logs]:
    """The logs of a run, written to the stream."""
    opened = open_logs(None, None, quiet=False, stream=stream)
    opened.run_id = RUN
    yield opened
    opened.close()


def events(text: str) -> list[dict[str, Any]]:
    """Return the events in a log, one per line."""
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("shared", [True, False])
def test_an_event_begins_on_a_line_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: bool) -> None:
    """Where stderr is the file that is also stdout; elsewhere nothing is added to what is printed."""
    with (tmp_path / "out").open("a", buffering=1) as out, (tmp_path / ("out" if shared else "err")).open("a") as err:
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        logs = open_logs(None, None, quiet=False)
        out.write("...")
        logs.end_line = lambda: out.write("\n")
        LOGGER.info("reviewed", extra=ON_STDERR)
        LOGGER.info("reviewed")
        logs.close()
        LOGGER.warning("later")
    printed = (tmp_path / "out").read_text()
    assert printed.startswith("...\n{") if shared else printed == "..."


def test_an_event_is_one_json_object_with_the_run(logs: Logs, stream: StringIO) -> None:
    """It has a time with a zone, level, logger and its own fields."""
    LOGGER.info("%d reviewed", 60, extra={"calls": 61})
    (event,) = events(stream.getvalue())
    moment = datetime.fromisoformat(event.pop("time"))
    assert moment.utcoffset() is not None
    shown = {"level": "INFO", "logger": "drift_checks.test", "run_id": RUN, "message": "60 reviewed", "calls": 61}
    assert list(event.items()) == list(shown.items())


@given(text=st.text(max_size=300))
def test_no_text_breaks_a_line_or_controls_a_terminal(text: str) -> None:
    """Lone surrogates, escapes and line breaks included."""
    stream = StringIO()
    opened = open_logs(None, None, quiet=False, stream=stream)
    try:
        LOGGER.warning("table %s", text, extra={"table": text})
    finally:
        opened.close()
    assert stream.getvalue().isascii()
    (event,) = events(stream.getvalue())
    assert event["level"] == "WARNING"
    assert "\x1b" not in stream.getvalue()


def test_of_an_exception_only_the_type_is_logged(logs: Logs, stream: StringIO) -> None:
    """Its message may quote a record."""
    try:
        raise ValueError("the text of a record")
    except ValueError:
        LOGGER.exception("it broke")
    assert "the text of a record" not in stream.getvalue()
    assert events(stream.getvalue())[0]["message"] == "it broke (ValueError)"


@pytest.mark.parametrize(
    ("verdict", "level"),
    [("OK", "INFO"), ("WARNING", "WARNING"), ("CRITICAL", "CRITICAL"), ("INCONCLUSIVE", "ERROR")],
)
def test_the_level_is_that_of_the_verdict(logs: Logs, stream: StringIO, verdict: str, level: str) -> None:
    """So filtering by level finds what matters."""
    log_verdict(LOGGER, Verdict(verdict), "a message")
    assert events(stream.getvalue())[0]["level"] == level


def test_a_terminal_gets_plain_lines_of_what_it_does_not_show_anyway() -> None:
    """The summary has the rest."""
    terminal = Terminal()
    opened = open_logs(None, None, quiet=False, stream=terminal)
    LOGGER.info("begun")
    LOGGER.warning("in the summary", extra=ON_TERMINAL)
    LOGGER.warning("the reviewer is down")
    opened.close()
    assert terminal.getvalue() == "WARNING drift_checks.test: the reviewer is down\n"
    assert not opened.on_stderr


def test_a_quiet_run_writes_only_to_its_file(tmp_path: Path, stream: StringIO) -> None:
    """Cron mails what is on stderr."""
    file = tmp_path / "new" / "review.log"
    opened = open_logs(None, file, quiet=True, stream=stream)
    LOGGER.critical("all is lost")
    opened.close()
    assert stream.getvalue() == ""
    assert [event["message"] for event in events(file.read_text())] == ["all is lost"]


def test_a_file_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten old files are kept."""
    monkeypatch.setattr("drift_checks.report.logs.MOST_BYTES", 300)
    opened = open_logs(None, tmp_path / "review.log", quiet=True)
    for number in range(60):
        LOGGER.info("event %d", number)
    opened.close()
    files = sorted(tmp_path.iterdir())
    assert len(files) == MOST_FILES + 1
    assert all(events(file.read_text()) for file in files)


def test_closing_restores_logging(stream: StringIO) -> None:
    """Handlers, level and record factory are as before."""
    logger = logging.getLogger("drift_checks")
    before = (logger.level, list(logger.handlers), logging.getLogRecordFactory())
    open_logs(None, None, quiet=False, stream=stream).close()
    assert (logger.level, list(logger.handlers), logging.getLogRecordFactory()) == before


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """The error has the reason, and logging is as before."""
    before = logging.getLogRecordFactory()
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match=r"^log-file: .*/file/review\.log cannot be written \(.*\); it must be"):
        open_logs(None, tmp_path / "file" / "review.log", quiet=False)
    assert logging.getLogRecordFactory() is before


@pytest.mark.parametrize("device", ["/dev/null", "/dev/full"])
def test_a_device_is_refused(device: str) -> None:
    """A named pipe without a reader would keep the run waiting."""
    with pytest.raises(SettingError, match=r"cannot be written \(it is a device, not a file\)"):
        open_logs(None, Path(device), quiet=True)


def test_lost_events_are_reported_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a full disk, in one sentence instead of a traceback per event."""
    opened = open_logs(None, tmp_path / "review.log", quiet=True)
    for handler in logging.getLogger("drift_checks").handlers:
        if isinstance(handler, RotatingFileHandler):
            handler.setStream(Path("/dev/full").open("a"))  # noqa: SIM115 - the handler closes it
    for _ in range(3):
        LOGGER.info("begun")
    opened.close()
    printed = capsys.readouterr().err
    assert printed == "drift review: the log cannot be written (No space left on device); events are lost.\n"


def test_without_stderr_only_the_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever started the program may have closed it."""
    monkeypatch.setattr("sys.stderr", None)
    opened = open_logs(None, tmp_path / "review.log", quiet=False)
    LOGGER.info("begun")
    opened.close()
    assert [event["message"] for event in events((tmp_path / "review.log").read_text())] == ["begun"]


CONFIG = """
version: 1
formatters: {{json: {{(): drift_checks.report.logs.JsonLines}}}}
handlers: {{file: {{class: logging.FileHandler, filename: {file}, formatter: json}}}}
loggers: {{drift_checks: {{level: WARNING, handlers: [file]}}}}
"""


def test_a_configuration_replaces_the_built_in_one(tmp_path: Path, stream: StringIO) -> None:
    """It has its own levels and handlers; each line still has the run's id."""
    config, file = tmp_path / "logging.yaml", tmp_path / "own.log"
    config.write_text(CONFIG.format(file=file))
    opened = open_logs(config, None, quiet=False, stream=stream)
    opened.run_id = RUN
    LOGGER.info("begun")
    LOGGER.warning("a warning")
    opened.close()
    assert [(event["message"], event["run_id"]) for event in events(file.read_text())] == [("a warning", RUN)]
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("version: 2", "Unsupported version: 2"),
        ("version: [", "it is not valid YAML"),
        ("", "it is not a mapping"),
        ("version: 1\nhandlers: {a: {class: no.Such}}", "Unable to configure handler 'a'"),
        ("version: 1\nloggers: {a: {level: LOUD}}", "Unable to configure logger 'a': Unknown level: 'LOUD'"),
    ],
)
def test_an_invalid_configuration_is_refused_with_the_reason(tmp_path: Path, content: str, reason: str) -> None:
    """Before anything runs."""
    config = tmp_path / "logging.yaml"
    config.write_text(content)
    with pytest.raises(SettingError) as refused:
        open_logs(config, None, quiet=False)
    assert (refused.value.what, reason in refused.value.problem) == ("log-config", True)
    assert refused.value.problem.startswith(f"{config} cannot be used (")
