"""The user's own configuration of the log, also one that was made for the replaced scheduler."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.report.logs import ON_TERMINAL, open_logs

LOGGER = logging.getLogger("drift_checks.test")
# As the replaced scheduler's documentation has it.
SCHEDULERS = """
version: 1
formatters: {json: {class: pythonjsonlogger.jsonlogger.JsonFormatter, format: "%(asctime)s %(levelname)s %(message)s"}}
handlers:
  console: {class: logging.StreamHandler, formatter: json, stream: ext://sys.stdout}
  file: {class: logging.handlers.RotatingFileHandler, formatter: json, filename: FOLDER/drift.json, maxBytes: 100000}
loggers:
  sigmak.drift_detection: {level: INFO, handlers: [console, file], propagate: false}
  sigmak.drift_scheduler: {level: INFO, handlers: [console, file], propagate: false}
root: {level: WARNING, handlers: [console]}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration for the replaced scheduler, with a folder for its file."""
    (tmp_path / "log").mkdir()
    file = tmp_path / "logging.yaml"
    file.write_text(SCHEDULERS.replace("FOLDER", str(tmp_path / "log")), encoding="utf-8")
    return file


def log(config: Path, *, quiet: bool = False) -> None:
    """Log two events of a run."""
    opened = open_logs(config, None, quiet=quiet)
    LOGGER.info("begun")
    LOGGER.critical("all is lost", extra=ON_TERMINAL)
    opened.close()


def messages(text: str) -> list[str]:
    """Return the messages of a log in JSON lines."""
    return [json.loads(line)["message"] for line in text.splitlines()]


def test_a_file_for_the_replaced_scheduler_logs_our_events(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """To its console and its file, without a word about the formatter's old name."""
    with warnings.catch_warnings(action="error"):
        log(config)
    printed, written = capsys.readouterr(), (config.parent / "log/drift.json").read_text()
    assert messages(printed.out) == messages(written) == ["begun", "all is lost"]
    assert (printed.err, "shown" in written) == ("", False)


def test_closing_restores_the_loggers(config: Path) -> None:
    """A second run in the process, as in a notebook, logs nothing twice."""
    loggers = [logging.root, logging.getLogger("drift_checks")]
    before = [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]
    log(config)
    assert [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers] == before


def test_a_quiet_run_keeps_the_console_silent(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Cron mails what it prints; the file has every event."""
    log(config, quiet=True)
    assert capsys.readouterr() == ("", "")
    assert messages((config.parent / "log/drift.json").read_text()) == ["begun", "all is lost"]


def test_a_file_that_misses_our_loggers_is_pointed_out(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the loggers that it configures instead; a quiet run says nothing."""
    config.write_text(config.read_text().replace("sigmak.", "ours."), encoding="utf-8")
    log(config)
    printed = capsys.readouterr()
    assert messages(printed.out) == ["all is lost"]
    assert printed.err == (
        f"drift review: {config} configures no logger drift_checks, so this run's events do not reach"
        " ours.drift_detection, ours.drift_scheduler, and those below WARNING are lost; add drift_checks to its"
        " loggers.\n"
    )
    log(config, quiet=True)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("root", ["{level: INFO, handlers: [console]}", "{level: DEBUG, handlers: [console]}"])
def test_a_root_logger_that_takes_all_events_suffices(
    config: Path, root: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is lost."""
    text = config.read_text().replace("sigmak.", "ours.").replace("{level: WARNING, handlers: [console]}", root)
    config.write_text(text, encoding="utf-8")
    log(config)
    printed = capsys.readouterr()
    assert (messages(printed.out), printed.err) == (["begun", "all is lost"], "")


def test_our_own_logger_takes_precedence(config: Path) -> None:
    """Over those of the replaced scheduler."""
    config.write_text(
        config.read_text().replace("loggers:", "loggers:\n  drift_checks: {level: ERROR, handlers: [file]}")
    )
    log(config)
    assert messages((config.parent / "log/drift.json").read_text()) == ["all is lost"]


def test_a_missing_folder_is_named_in_one_sentence(config: Path) -> None:
    """With what to do."""
    (config.parent / "log").rmdir()
    with pytest.raises(SettingError) as refused:
        log(config)
    folder = config.parent / "log"
    assert str(refused.value) == (
        f"log-config: {folder}/drift.json, which {config} names, cannot be written (the folder {folder} does not"
        " exist); create it for the user who runs the review, or name another file."
    )
