"""Whatever lies in the folder of reports, a run neither fails nor waits nor believes it."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prometheus_client.parser import text_string_to_metric_families

from drift_checks.commands import history as history_command
from drift_checks.core.errors import ReportsError, RunInProgress, SettingError
from drift_checks.core.files import LONGEST_LINE
from drift_checks.core.records import Record, Review, Sample, Stratum
from drift_checks.report.changes import changes_since
from drift_checks.report.document import drift_document
from drift_checks.report.folder import ReportsFolder
from drift_checks.report.history.database import History, finished_run
from drift_checks.report.history.journal import NAME as HISTORY_JOURNAL
from drift_checks.report.history.journal import _checksum
from drift_checks.report.history.kept import kept_runs
from drift_checks.report.history.reading import NAME as HISTORY
from drift_checks.report.history.reading import open_for_reading
from drift_checks.report.history.recorded import LARGEST_REPORT
from drift_checks.report.keeping import Keeper
from drift_checks.report.metrics import metrics_text
from drift_checks.report.page.html import render_list
from drift_checks.reviews.journal import JOURNAL_FILE, RUN_ID, Journal, read_journal
from drift_checks.reviews.resuming import find_unfinished, header
from drift_checks.settings.declarations import Settings
from tests.support.histories import NIGHTS, RUN, document, run, write
from tests.support.mutations import damages, mutations
from tests.support.reports import known_criterion, known_record, report, reviewed

NOW = datetime(2026, 1, 15, 2, tzinfo=UTC)


def forged_reports() -> Iterator[bytes]:
    """Yield a run's report.json, damaged or forged in each place."""
    whole = document()
    whole["drift"]["criteria"] = whole["drift"]["criteria"][:1]
    yield from mutations(whole)
    yield from damages(json.dumps(whole).encode())


@pytest.mark.slow
def test_forged_report_is_skipped_or_can_be_shown(tmp_path: Path) -> None:
    """A report that is taken up can be written to history, list and metrics, printed, and compared with."""
    file = write(tmp_path, document()) / "report.json"
    current = report(reviewed(45, 5), run_id=NIGHTS[5])
    with History(tmp_path) as history:
        for content in forged_reports():
            file.write_bytes(content)
            found = finished_run(file)
            kept = kept_runs(tmp_path, [])
            render_list(kept, [item.run for item in kept])
            if found is None:
                continue
            history.add(found)
            (stored,) = [item for item in history.runs() if item.run_id == found.run_id]
            assert list(text_string_to_metric_families(metrics_text([stored])))
            changes_since(stored, current)
            for form in ("table", "json", "csv"):
                assert list(history_command._FORMATS[form]([stored]))
            history.prune(NOW + timedelta(days=9999), keep=RUN)


def test_report_of_any_size_is_not_read(tmp_path: Path) -> None:
    """It is skipped, as a damaged one is."""
    file = write(tmp_path, document()) / "report.json"
    assert finished_run(file) is not None
    os.truncate(file, LARGEST_REPORT + 1)
    assert finished_run(file) is None
    assert kept_runs(tmp_path, []) == []


SETTINGS: dict[str, Any] = {"seed": 7, "as_of": NOW, "naive_timezone": ZoneInfo("UTC")}
SAMPLE = Sample(
    records=(Record(1, Stratum.LOW_CONFIDENCE, {"id": 1}),),
    sizes={Stratum.LOW_CONFIDENCE: 30},
    judged=(Stratum.LOW_CONFIDENCE,),
    seed=7,
    as_of=NOW,
    naive_timezone="UTC",
)


def test_forged_header_of_a_journal_is_refused_or_sound(tmp_path: Path) -> None:
    """No value becomes a path, a query or a traceback."""
    settings = Settings(db=tmp_path / "risks.db", reports=tmp_path, **SETTINGS)
    folder = tmp_path / f".{RUN}.tmp"
    folder.mkdir()
    journal = folder / JOURNAL_FILE
    begun = {"event": "begun", **header(settings, "llm", RUN, NOW, SAMPLE)}
    refused: list[str] = []
    for content in (*mutations(begun), *damages(json.dumps(begun).encode())):
        journal.write_bytes(content + b"\n")
        try:
            found = find_unfinished(settings)
            found.resumed(settings, "llm")
        except SettingError as error:
            refused.append(str(error))
        else:
            assert RUN_ID.fullmatch(found.run_id)
            assert found.started.tzinfo is not None
            {key: Stratum(stratum) for key, stratum in found.sample["records"]}
    assert len(refused) > 300
    assert not any("\n" in sentence for sentence in refused)


def test_forged_lines_of_a_journal_are_passed_over(tmp_path: Path) -> None:
    """What is read of them is a review, or a number."""
    path = tmp_path / JOURNAL_FILE
    lines = [{"event": "review", **asdict(Review(1, "financial", 0.5))}, {"event": "spent", "amount": 2.5}]
    for line in lines:
        for content in (*mutations(line), *damages(json.dumps(line).encode())):
            path.write_bytes(content + b'\n{"event": "call"}\n')
            found = read_journal(path)
            assert found.calls == 1
            assert 0 <= found.spent < 1e31
            for review in found.reviews:
                assert isinstance(review.record_id, int | str)
                assert isinstance(review.category, str | None)


def test_journal_with_an_endless_line_is_read_to_its_end(tmp_path: Path) -> None:
    """Line by line, within a bound."""
    journal = Journal(tmp_path / JOURNAL_FILE)
    journal.add_call(1)
    with journal.path.open("ab") as file:
        file.truncate(25 * LONGEST_LINE)
    journal.resume()
    journal.add_call(2)
    assert read_journal(journal.path).calls == 2


def test_forged_lines_of_the_history_journal_restore_nothing_unreadable(tmp_path: Path) -> None:
    """Their checksum is no secret, and a row that cannot be read would damage the new history at once."""
    with History(tmp_path) as history:
        from drift_checks.report.history.acknowledged import Acknowledgements

        Acknowledgements(history).add(known_record(1, 0))
        Acknowledgements(history).add(known_criterion("class_mix", run().verdict, 0))
    lines = [json.loads(line) for line in (tmp_path / HISTORY_JOURNAL).read_text().splitlines()]
    contents = [content for line in lines for content in mutations(line["row"])][::7]
    forged = []
    for number, content in enumerate(contents, 1):
        with suppress(ValueError, RecursionError):
            row = json.loads(content)
            key = ("acknowledgements", number)
            forged.append({"table": key[0], "number": number, "row": row, "check": _checksum(key, row)})
    forged += [{"table": "alerts", "number": 10**30, "row": [], "check": _checksum(("alerts", 10**30), [])}]  # type: ignore[arg-type]
    text = "".join(json.dumps(line) + "\n" for line in forged)
    (tmp_path / HISTORY).unlink()
    (tmp_path / HISTORY_JOURNAL).write_text(text + "[" * 100_000)
    for _ in range(2):
        with History(tmp_path) as history:
            from drift_checks.report.history.acknowledged import kept_acknowledgements

            assert kept_acknowledgements(history)
            assert not history._damage


@pytest.mark.parametrize("value", ["[]", "NaN", '{"a": 1}', "{", "[" * 10_000, "x" * 100, b"\xff", 3])
def test_forged_rows_of_a_history_are_set_aside(tmp_path: Path, value: Any) -> None:
    """The new history has its runs from their reports."""
    write(tmp_path, document())
    with History(tmp_path) as history:
        history.take_up_missing()
    with closing(sqlite3.connect(tmp_path / HISTORY)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE runs SET document = ?", (value,))
    view = open_for_reading(tmp_path)
    assert view is not None
    with view, pytest.raises(ReportsError, match="cannot be read"):
        view.runs()
    with History(tmp_path) as history:
        history.take_up_missing()
        assert [item.run_id for item in history.runs()] == [RUN]


NAMES = (".lock", "latest", "metrics.prom", "index.html", HISTORY, HISTORY_JOURNAL, ".index.html.tmp", ".latest.tmp")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path) -> None:
    (path / "inner").mkdir(parents=True)


def _link(path: Path) -> None:
    path.symlink_to("../precious")


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _noise(path: Path) -> None:
    path.write_bytes(b"\xff\x00\x1b[2J" * 1000)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("put", [_pipe, _folder, _link, _loop, _noise])
@pytest.mark.parametrize("name", NAMES)
def test_odd_file_in_the_folder_loses_no_run(tmp_path: Path, name: str, put: Any) -> None:
    """The run's folder is written, or the run refused in a sentence before it begins; nothing outside changes."""
    reports, precious = tmp_path / "reports", tmp_path / "precious"
    reports.mkdir()
    precious.write_text("precious")
    put(reports / name)
    found = report(reviewed(45, 5), run_id=RUN)
    if name == ".lock" and put is not _noise:
        with pytest.raises(ReportsError, match=r"cannot be written there \([^N]"):
            ReportsFolder(reports)
    else:
        folder = ReportsFolder(reports)
        keeper = Keeper(folder, timedelta(days=90))
        try:
            page = keeper.keep(found, {"drift": drift_document(found)})
        finally:
            keeper.close()
            folder.release()
        assert finished_run(page.parent / "report.json") is not None
        assert all(warning.count("\n") == 0 for warning in keeper.warnings)
    assert precious.read_text() == "precious"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("put", [_pipe, _folder, _loop, _noise])
@pytest.mark.parametrize("name", ["report.json", JOURNAL_FILE])
def test_odd_file_of_an_earlier_run_is_passed_over(tmp_path: Path, name: str, put: Any) -> None:
    """A named pipe would never end."""
    (tmp_path / RUN).mkdir()
    put(tmp_path / RUN / name)
    with History(tmp_path) as history:
        history.take_up_missing()
        assert history.runs() == []
    assert kept_runs(tmp_path, []) == []
    with pytest.raises(SettingError, match="holds no interrupted run"):
        find_unfinished(Settings(db=tmp_path / "risks.db", reports=tmp_path, **SETTINGS))


def test_lock_that_somebody_filled_is_no_message(tmp_path: Path) -> None:
    """What it says of its holder is one short line."""
    first = ReportsFolder(tmp_path)
    (tmp_path / ".lock").write_bytes(b"\xff\x1b[2J\n" * 100_000)
    with pytest.raises(RunInProgress) as refused:
        ReportsFolder(tmp_path)
    first.release()
    assert len(str(refused.value)) < 500
    assert str(refused.value).isprintable()
