"""Files of the machine's that are written, compared and removed; one that somebody changed by hand is left alone."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from drift_checks.core.errors import SettingError
from drift_checks.operations.schedule.paths import below

_MARK = re.compile(rb"\A(.*\n)# sha256 ([0-9a-f]{64})\n\Z", re.DOTALL)
_HIDDEN = re.compile(r"# sha256 [0-9a-f]{64}\n\Z")


class State(StrEnum):
    """What becomes of a file."""

    WRITE = "write"
    REPLACE = "replace"
    UNCHANGED = "unchanged"
    REMOVE = "remove"
    KEEP = "keep"
    COPY = "copy"


@dataclass(frozen=True)
class Owner:
    """A user of the machine that the files are for."""

    name: str
    uid: int
    gid: int
    home: Path = Path("/")


ROOT = Owner("root", 0, 0)


@dataclass(frozen=True)
class File:
    """A file that is to be there.

    Attributes:
        path: As the machine will know it, whatever the root that it is written under.
        text: All of it.
        mode: Its rights.
        owner: Whose it is.
        secrets: Texts in it that are never shown.
    """

    path: Path
    text: str
    mode: int = 0o644
    owner: Owner = ROOT
    secrets: tuple[str, ...] = ()

    def shown(self) -> str:
        """Return the text without its secrets, and then without its digest, which tells of them."""
        text = self.text
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "…")
        return _HIDDEN.sub("# sha256 …\n", text) if self.secrets else text


@dataclass(frozen=True)
class Folder:
    """A folder that is to be there; one that is there stays as it is."""

    path: Path
    mode: int = 0o755
    owner: Owner = ROOT


@dataclass(frozen=True)
class Step:
    """What is done with one path, and where a copy of it goes."""

    state: State
    path: Path
    copy: Path | None = None


def marked(body: str) -> str:
    """Return a text with its last line, by which a change by hand is seen."""
    return f"{body}# sha256 {digest(body.encode())}\n"


def digest(content: bytes) -> str:
    """Return the SHA-256 of what a file holds, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def is_as_made(content: bytes, known: str | None = None) -> bool:
    """Whether nobody changed a file since it was made.

    Args:
        content: Of the file.
        known: Its digest, where the file itself has no line for it.
    """
    if known is not None:
        return digest(content) == known
    found = _MARK.match(content)
    return found is not None and digest(found[1]) == found[2].decode()


class Tree:
    """The machine's files, below a root.

    Args:
        root: `/`, or the folder that stands in for it.
        known: Digests of files that bear none themselves.
        force: Whether files that were changed by hand give way; a copy is kept beside each.
    """

    def __init__(self, root: Path, known: Mapping[Path, str], *, force: bool) -> None:
        self._root = root
        self._known = known
        self._force = force

    def place(self, path: Path) -> Path:
        """Return where a path of the machine's is."""
        return below(self._root, path)

    def content(self, path: Path) -> bytes | None:
        """Return what a file holds, None where there is none.

        Raises:
            SettingError: It cannot be read.
        """
        try:
            return self.place(path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _refused(self.place(path), error) from None

    def plan(self, file: File) -> Step:
        """Return what writing the file would do."""
        content = self.content(file.path)
        if content is None:
            return Step(State.WRITE, file.path)
        if content == file.text.encode():
            same = self.place(file.path).stat().st_mode & 0o777 == file.mode
            return Step(State.UNCHANGED if same else State.REPLACE, file.path)
        if is_as_made(content, self._known.get(file.path)):
            return Step(State.REPLACE, file.path)
        return Step(State.COPY, file.path, self._beside(file.path)) if self._force else Step(State.KEEP, file.path)

    def plan_removal(self, path: Path) -> Step | None:
        """Return what removing the file would do, None where there is none."""
        content = self.content(path)
        if content is None:
            return None
        if is_as_made(content, self._known.get(path)):
            return Step(State.REMOVE, path)
        return Step(State.COPY, path, self._beside(path)) if self._force else Step(State.KEEP, path)

    def missing(self, folder: Folder) -> bool:
        """Whether a folder is not there."""
        return not self.place(folder.path).is_dir()

    def make(self, folder: Folder) -> None:
        """Make a folder that is not there.

        Raises:
            SettingError: It cannot be made.
        """
        place = self.place(folder.path)
        try:
            place.mkdir(parents=True)
            place.chmod(folder.mode)
            _give(place, folder.owner)
        except OSError as error:
            raise _refused(place, error) from None

    def write(self, file: File, step: Step) -> None:
        """Do what was planned for the file: it is there whole, or as it was.

        Raises:
            SettingError: It cannot be written.
        """
        if step.state in (State.KEEP, State.UNCHANGED):
            return
        place = self.place(file.path)
        aside = place.with_name(f".{place.name}.new~")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            self._keep_copy(step)
            aside.unlink(missing_ok=True)
            # Its rights from the first moment, since secrets may be in it.
            aside.touch(0o600, exist_ok=False)
            aside.write_bytes(file.text.encode())
            aside.chmod(file.mode)
            _give(aside, file.owner)
            aside.replace(place)
        except OSError as error:
            raise _refused(place, error) from None

    def remove(self, step: Step) -> None:
        """Do what was planned for a file that goes.

        Raises:
            SettingError: It cannot be removed.
        """
        try:
            self._keep_copy(step)
            if step.state in (State.REMOVE, State.COPY):
                self.place(step.path).unlink()
        except OSError as error:
            raise _refused(self.place(step.path), error) from None

    def remove_if_empty(self, path: Path) -> bool:
        """Remove a folder in which nothing is left; say whether that was so."""
        place = self.place(path)
        if not place.is_dir() or any(place.iterdir()):
            return False
        place.rmdir()
        return True

    def _keep_copy(self, step: Step) -> None:
        if step.copy is not None:
            # A link has the rights of the file at every moment, and secrets may be in it.
            self.place(step.copy).hardlink_to(self.place(step.path))

    def _beside(self, path: Path) -> Path:
        """Return a free name beside a file; neither cron nor systemd heeds one that ends in a tilde."""
        names = [f"{path.name}~", *(f"{path.name}.{number}~" for number in range(1, 1000))]
        return next(path.with_name(name) for name in names if not self.place(path.with_name(name)).exists())


def _give(path: Path, owner: Owner) -> None:
    # Only root can; who writes below a root of their own packs the files for somebody else.
    if os.geteuid() == 0:
        os.chown(path, owner.uid, owner.gid)


def _refused(path: Path, error: OSError) -> SettingError:
    return SettingError(
        path,
        f"cannot be read or written ({error.strerror})",
        "run this as root, or write below another folder with --root",
    )
