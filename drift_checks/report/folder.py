"""The folder of reports: one run at a time, each run's folder whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from drift_checks.core.errors import ReportsError, RunInProgress
from drift_checks.report.junit import junit_document
from drift_checks.report.run import RunReport
from drift_checks.review.journal import JOURNAL_FILE as JOURNAL

PAGE = "index.html"
DOCUMENT = "report.json"
LATEST = "latest"
_LOCK = ".lock"
_ASIDE = ".tmp"
_FOLDER_MODE = 0o750
_FILE_MODE = 0o640
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
# How long a run that was killed can be taken up again.
_KEPT_SECONDS = 7 * 24 * 3600


class ReportsFolder:
    """Where runs write, held by one run at a time.

    Args:
        path: The folder; made where it is missing.
        unfinished: The folder of a run that was broken off and goes on, however old.

    Raises:
        ReportsError: It cannot be written to.
        RunInProgress: Another run holds it; the message says which.
    """

    def __init__(self, path: Path, unfinished: Path | None = None) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock: IO[str] = (path / _LOCK).open("a+")
        except OSError as error:
            raise _not_writable(path, error) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.seek(0)
            holder = self._lock.read().strip() or "another process"
            self._lock.close()
            raise RunInProgress(
                path, f"another run is under way ({holder})", "wait for it, or give this one its own --drift-reports"
            ) from None
        self._aside: Path | None = None
        self._name_holder()
        self._refuse_unwritable()
        self._remove_leftovers(unfinished)

    def begin(self, run_id: str, unfinished: Path | None = None) -> Path:
        """Return the folder that the run writes into, aside until it is whole.

        Args:
            run_id: Of the run.
            unfinished: Where the run wrote before it was broken off; what stands there comes along.

        Raises:
            ReportsError: It cannot be made.
        """
        self._aside = self.path / f".{run_id}{_ASIDE}"
        try:
            self._aside.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            if unfinished is not None and unfinished != self._aside:
                shutil.copy(unfinished / JOURNAL, self._aside / JOURNAL)
        except OSError as error:
            raise _not_writable(self.path, error) from None
        return self._aside

    def write(self, report: RunReport, document: Mapping[str, Any]) -> Path:
        """Write a run's folder aside, then put it in place whole; `latest` then points to it, if it is a whole run.

        Args:
            report: The run.
            document: What goes into report.json.

        Returns:
            The HTML report.

        Raises:
            ReportsError: It cannot be written, as on a full disk; nothing half-written stays.
        """
        aside = self._aside or self.begin(report.facts.run_id)
        folder = self.path / report.facts.run_id
        try:
            # Its template engine is not needed before the end of a run.
            from drift_checks.report.page.html import render

            # Names of files may hold bytes that are no text.
            (aside / PAGE).write_text(render(report), encoding="utf-8", errors="backslashreplace")
            (aside / DOCUMENT).write_text(_as_json(document), encoding="utf-8")
            junit_document(report).write(aside / "junit.xml", encoding="utf-8", xml_declaration=True)
            for file in aside.iterdir():
                file.chmod(_FILE_MODE)
            self._put_in_place(aside, folder)
            if not report.facts.partial:
                self._point_latest_to(folder)
        except OSError as error:
            _remove_unless_kept(aside)
            raise _not_writable(self.path, error) from None
        self._aside = None
        return folder / PAGE

    def write_document(self, run_id: str, document: Mapping[str, Any]) -> None:
        """Put a run's report.json in place of the one that is there.

        Raises:
            ReportsError: It cannot be written.
        """
        if (self.path / run_id).is_dir():
            self.write_file(f"{run_id}/{DOCUMENT}", _as_json(document))

    def write_file(self, name: str, text: str) -> None:
        """Put a file beside the runs, or into the folder of one, whole or not at all.

        Raises:
            ReportsError: It cannot be written.
        """
        path = self.path / name
        aside = path.with_name(f".{path.name}{_ASIDE}")
        try:
            aside.write_text(text, encoding="utf-8", errors="backslashreplace")
            aside.chmod(_FILE_MODE)
            aside.replace(path)
        except OSError as error:
            with suppress(OSError):
                aside.unlink()
            raise _not_writable(self.path, error) from None

    def prune(self, before: datetime, keep: str) -> None:
        """Remove the folders of runs that began before, but not the newest finished one.

        Args:
            before: With a zone.
            keep: The id of a run that stays.
        """
        kept = {keep, Path(os.path.realpath(self.path / LATEST)).name}
        for folder in self.path.glob("[0-9]*"):
            moment = _began(folder.name)
            if moment is not None and moment < before and folder.name not in kept and _is_run(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def release(self) -> None:
        """Let the next run begin; what this one paid for stays, where it did not come to its end."""
        if self._aside is not None:
            _remove_unless_kept(self._aside)
        with suppress(OSError):
            self._lock.truncate(0)
        self._lock.close()

    def _name_holder(self) -> None:
        """Write who holds the folder, for those who find it held."""
        try:
            self._lock.truncate(0)
            self._lock.write(
                f"process {os.getpid()} on {socket.gethostname()} since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            )
            self._lock.flush()
            (self.path / _LOCK).chmod(_FILE_MODE)
        except OSError as error:
            # What could not be written would be tried again when the file is closed.
            with suppress(OSError):
                self._lock.close()
            raise _not_writable(self.path, error) from None

    def _put_in_place(self, aside: Path, folder: Path) -> None:
        if folder.exists():
            # The run was broken off after it had written its folder, and has gone on.
            before = aside.with_suffix(".old")
            folder.rename(before)
            aside.rename(folder)
            shutil.rmtree(before, ignore_errors=True)
        else:
            aside.rename(folder)

    def _remove_leftovers(self, unfinished: Path | None) -> None:
        """Remove what killed runs left, but not yet the reviews that one of them made."""
        for aside in (*self.path.glob(f".*{_ASIDE}"), *self.path.glob(".*.old")):
            if aside != unfinished:
                _remove_unless_kept(aside)

    def _point_latest_to(self, folder: Path) -> None:
        link = self.path / f".{LATEST}.tmp"
        link.unlink(missing_ok=True)
        link.symlink_to(folder.name)
        link.replace(self.path / LATEST)

    def _refuse_unwritable(self) -> None:
        probe = self.path / f".{os.getpid()}.probe"
        try:
            probe.mkdir()
            probe.rmdir()
        except OSError as error:
            self.release()
            raise _not_writable(self.path, error) from None


def _began(run_id: str) -> datetime | None:
    """Return when a run began, from its id; None for what is no run's folder."""
    try:
        moment = datetime.strptime(run_id.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return moment if _RUN_ID.fullmatch(run_id) else None


def _as_json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, default=str) + "\n"


def _is_run(folder: Path) -> bool:
    return not folder.is_symlink() and any((folder / name).is_file() for name in (DOCUMENT, JOURNAL))


def _remove_unless_kept(aside: Path) -> None:
    journal = aside / JOURNAL
    with suppress(OSError):
        if aside.suffix == _ASIDE and time.time() - journal.stat().st_mtime < _KEPT_SECONDS:
            for file in aside.iterdir():
                if file != journal:
                    file.unlink()
            return
    shutil.rmtree(aside, ignore_errors=True)


def _not_writable(path: Path, error: OSError) -> ReportsError:
    return ReportsError(
        path,
        f"reports cannot be written there ({error.strerror})",
        "make room and give the right to write there, or name another folder with --drift-reports",
    )
