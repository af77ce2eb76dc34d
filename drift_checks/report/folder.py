"""The folder of reports: one run at a time, and each run's folder complete or absent."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import tostring

from drift_checks.core.errors import ReportsError, RunInProgress
from drift_checks.core.files import make_folder, open_plain, replace_file, sync_folder, try_lock, write_new
from drift_checks.core.plain import to_json
from drift_checks.core.secrets import mask_secrets, masked
from drift_checks.core.text import printable
from drift_checks.report.junit import junit_document
from drift_checks.report.listing import MOST_SHOWN, RECORDS_FILE, as_csv, listed_records
from drift_checks.report.run import RunReport
from drift_checks.reviews.journal import JOURNAL_FILE as JOURNAL
from drift_checks.reviews.journal import RUN_ID

PAGE = "index.html"
DOCUMENT = "report.json"
LATEST = "latest"
_JUNIT = "junit.xml"
_LOCK = ".lock"
_ASIDE = ".tmp"
_LONGEST_HOLDER = 200
_FOLDER_MODE = 0o750
_FILE_MODE = 0o640
# How long a killed run can be resumed.
_KEPT_SECONDS = 7 * 24 * 3600
_CLOCKS_DIFFER_SECONDS = 3600


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
            make_folder(path)
            self._lock = _open_lock(path / _LOCK)
        except OSError as error:
            raise _not_writable(path, error) from None
        try:
            locked = try_lock(self._lock)
        except OSError as error:
            self._lock.close()
            raise _not_writable(path, error) from None
        if not locked:
            self._lock.seek(0)
            holder = printable(self._lock.read(_LONGEST_HOLDER)) or "another process"
            self._lock.close()
            raise RunInProgress(
                path, f"another run is in progress ({holder})", "wait for it, or give this one its own --drift-reports"
            ) from None
        self._aside: Path | None = None
        self._name_holder()
        self._refuse_unwritable()
        self._take_back()
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
                with open_plain(unfinished / JOURNAL) as source:
                    replace_file(self._aside / JOURNAL, source.read(), _FILE_MODE)
        except OSError as error:
            raise _not_writable(self.path, error) from None
        return self._aside

    def write(self, report: RunReport, document: Mapping[str, Any]) -> Path:
        """Write a run's folder and put it in place; return the HTML report.

        Raises:
            ReportsError: It cannot be written, as on a full disk; nothing incomplete is left.
        """
        aside = self._aside or self.begin(report.facts.run_id)
        folder = self.path / report.facts.run_id
        try:
            # The template engine is not needed before the end of a run.
            from drift_checks.report.page.html import render

            # Names of files may not be Unicode.
            page = mask_secrets(render(report)).encode("utf-8", "backslashreplace")
            write_new(aside / PAGE, page, _FILE_MODE)
            listed = listed_records(report.outcomes)
            if len(listed) > MOST_SHOWN:
                records = mask_secrets(as_csv(listed)).encode("utf-8", "backslashreplace")
                write_new(aside / RECORDS_FILE, records, _FILE_MODE)
            write_new(aside / DOCUMENT, _as_json(document).encode(), _FILE_MODE)
            junit = tostring(junit_document(report).getroot(), encoding="utf-8", xml_declaration=True)
            write_new(aside / _JUNIT, junit, _FILE_MODE)
            _finish_journal(aside / JOURNAL)
            sync_folder(aside)
            self._put_in_place(aside, folder)
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
            replace_file(self.path / name, mask_secrets(text).encode("utf-8", "backslashreplace"), _FILE_MODE)
        except OSError as error:
            raise _not_writable(self.path, error) from None

    def point_latest_to(self, run_id: str) -> None:
        """Make `latest` a link to the run's folder.

        Raises:
            ReportsError: Something else has that name.
        """
        link, latest = self.path / f".{LATEST}.tmp", self.path / LATEST
        try:
            link.unlink(missing_ok=True)
            link.symlink_to(run_id)
            link.replace(latest)
        except OSError as error:
            raise ReportsError(
                latest, f"cannot become the link to the newest run ({error.strerror})", "remove what has that name"
            ) from None

    def prune(self, before: datetime, keep: str, most: int | None = None) -> None:
        """Remove the folders of runs that began before an instant, except the newest whole run and `keep`.

        At most the `most` oldest, if that is given.
        """
        kept = {keep, Path(os.path.realpath(self.path / LATEST)).name}
        old = [
            folder
            for folder in sorted(self.path.glob("[0-9]*"))
            if (moment := _began(folder.name)) and moment < before and folder.name not in kept and _is_run(folder)
        ]
        for folder in old[:most]:
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
            # A power cut may undo the renames, but not the removal.
            sync_folder(self.path)
            shutil.rmtree(before, ignore_errors=True)
        else:
            aside.rename(folder)
            sync_folder(self.path)

    def _take_back(self) -> None:
        """Put back what a run that was killed between two renames had moved aside."""
        for before in self.path.glob(".*.old"):
            folder = self.path / before.stem.removeprefix(".")
            if RUN_ID.fullmatch(folder.name) and not os.path.lexists(folder):
                with suppress(OSError):
                    before.rename(folder)

    def _refuse_unwritable(self) -> None:
        # Removed with what killed runs left, should this one be killed in between.
        probe = self.path / f".probe{_ASIDE}"
        try:
            probe.mkdir(exist_ok=True)
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
    return moment if RUN_ID.fullmatch(run_id) else None


def _open_lock(path: Path) -> IO[str]:
    # It is emptied below: never a file elsewhere, to which somebody has put a link.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(path, flags, _FILE_MODE)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, f"{path.name} is not a plain file")
    return open(handle, "r+", encoding="utf-8", errors="replace")  # noqa: PTH123 - closed when it is released


def _finish_journal(path: Path) -> None:
    """Have the reviews on the disk before the folder gets its name."""
    with suppress(FileNotFoundError), open_plain(path) as file:
        os.fchmod(file.fileno(), _FILE_MODE)
        os.fsync(file.fileno())


def _as_json(document: Mapping[str, Any]) -> str:
    return to_json(masked(document), indent=1) + "\n"


def _is_run(folder: Path) -> bool:
    if folder.is_symlink() or not folder.is_dir():
        return False
    # A power cut or a kill may have left any of them, or none, of a run that was being removed.
    return not any(folder.iterdir()) or any((folder / name).is_file() for name in (DOCUMENT, JOURNAL, PAGE, _JUNIT))


def _remove_unless_kept(aside: Path) -> None:
    journal = aside / JOURNAL
    if aside.is_symlink() or not aside.is_dir():
        # rmtree would wait for the writer of a named pipe.
        return
    with suppress(OSError):
        now, written = time.time(), journal.stat().st_mtime
        if written > now + _CLOCKS_DIFFER_SECONDS:
            # The clock was ahead: the days count from now.
            os.utime(journal, follow_symlinks=False)
        if aside.suffix == _ASIDE and now - written < _KEPT_SECONDS:
            for file in aside.iterdir():
                if file != journal:
                    file.unlink()
            return
    shutil.rmtree(aside, ignore_errors=True)


def _not_writable(path: Path, error: OSError) -> ReportsError:
    return ReportsError(
        path,
        f"reports cannot be written there ({error.strerror or error})",
        "make room and allow writing there, or name another folder with --drift-reports",
    )
