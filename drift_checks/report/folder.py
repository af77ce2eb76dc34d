"""The folder of reports: one run at a time, and each run's folder complete or absent."""

from __future__ import annotations

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
from drift_checks.core.files import replace_file, try_lock
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
# How long a killed run can be resumed.
_KEPT_SECONDS = 7 * 24 * 3600


class ReportsFolder:
    """The folder of reports, created if it is missing and locked by one run at a time.

    What killed runs left is removed, except reviews of the last days and the folder `unfinished`, which is resumed.

    Raises:
        ReportsError: It cannot be written to.
        RunInProgress: Another run has locked it; the message says which.
    """

    def __init__(self, path: Path, unfinished: Path | None = None) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock: IO[str] = (path / _LOCK).open("a+")
        except OSError as error:
            raise _not_writable(path, error) from None
        try:
            locked = try_lock(self._lock)
        except OSError as error:
            self._lock.close()
            raise _not_writable(path, error) from None
        if not locked:
            self._lock.seek(0)
            holder = self._lock.read().strip() or "another process"
            self._lock.close()
            raise RunInProgress(
                path, f"another run is in progress ({holder})", "wait for it, or give this one its own --drift-reports"
            ) from None
        self._aside: Path | None = None
        self._name_holder()
        self._refuse_unwritable()
        for aside in (*path.glob(f".*{_ASIDE}"), *path.glob(".*.old")):
            if aside != unfinished:
                _remove_unless_kept(aside)

    def begin(self, run_id: str, unfinished: Path | None = None) -> Path:
        """Return the hidden folder that the run writes into until it is complete; copy the reviews of `unfinished`.

        Raises:
            ReportsError: It cannot be created.
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
        """Write a run's folder and put it in place; point `latest` to it unless it is partial; return the HTML report.

        Raises:
            ReportsError: It cannot be written, as on a full disk; nothing incomplete is left.
        """
        aside = self._aside or self.begin(report.facts.run_id)
        folder = self.path / report.facts.run_id
        try:
            # The template engine is not needed before the end of a run.
            from drift_checks.report.page.html import render

            # Names of files may not be Unicode.
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
        """Replace a run's report.json.

        Raises:
            ReportsError: It cannot be written.
        """
        if (self.path / run_id).is_dir():
            self.write_file(f"{run_id}/{DOCUMENT}", _as_json(document))

    def write_file(self, name: str, text: str) -> None:
        """Write a file beside the runs, or in the folder of one, atomically.

        Raises:
            ReportsError: It cannot be written.
        """
        try:
            replace_file(self.path / name, text.encode("utf-8", "backslashreplace"), _FILE_MODE)
        except OSError as error:
            raise _not_writable(self.path, error) from None

    def prune(self, before: datetime, keep: str) -> None:
        """Remove the folders of runs that began before an instant, except the newest whole run and `keep`."""
        kept = {keep, Path(os.path.realpath(self.path / LATEST)).name}
        for folder in self.path.glob("[0-9]*"):
            moment = _began(folder.name)
            if moment is not None and moment < before and folder.name not in kept and _is_run(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def release(self) -> None:
        """Unlock the folder. If the run did not finish, its reviews stay, so that it can be resumed."""
        if self._aside is not None:
            _remove_unless_kept(self._aside)
        with suppress(OSError):
            self._lock.truncate(0)
        self._lock.close()

    def _name_holder(self) -> None:
        """Write who has locked the folder, for those who find it locked."""
        try:
            self._lock.truncate(0)
            self._lock.write(
                f"process {os.getpid()} on {socket.gethostname()} since {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            )
            self._lock.flush()
            (self.path / _LOCK).chmod(_FILE_MODE)
        except OSError as error:
            # Closing tries again to write what could not be written.
            with suppress(OSError):
                self._lock.close()
            raise _not_writable(self.path, error) from None

    def _put_in_place(self, aside: Path, folder: Path) -> None:
        if folder.exists():
            # The run was interrupted after it had written its folder, and was resumed.
            before = aside.with_suffix(".old")
            folder.rename(before)
            aside.rename(folder)
            shutil.rmtree(before, ignore_errors=True)
        else:
            aside.rename(folder)

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
    """Return when a run began, from its id; None for other names."""
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
        "make room and allow writing there, or name another folder with --drift-reports",
    )
