"""Files of the machine, written, compared and removed; a file that was changed by hand is left alone."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from drift_checks.core.errors import SettingError
from drift_checks.core.files import replace_file
from drift_checks.operations.schedule.paths import below

_MARK = re.compile(rb"\A(.*\n)# sha256 ([0-9a-f]{64})\n\Z", re.DOTALL)
_DIGEST = re.compile(r"# sha256 [0-9a-f]{64}\n\Z")


class State(StrEnum):
    """What is done with a file."""

    WRITE = "write"
    REPLACE = "replace"
    UNCHANGED = "unchanged"
    REMOVE = "remove"
    KEEP = "keep"
    COPY = "copy"


@dataclass(frozen=True)
class Owner:
    """A user of the machine."""

    name: str
    uid: int
    gid: int
    home: Path = Path("/")


ROOT = Owner("root", 0, 0)


@dataclass(frozen=True)
class File:
    """A file to install, with its path on the machine, whatever the root; its secrets are never shown."""

    path: Path
    text: str
    mode: int = 0o644
    owner: Owner = ROOT
    secrets: tuple[str, ...] = ()

    def shown(self) -> str:
        """Return the text without its secrets; then also without its digest, from which they could be guessed."""
        text = self.text
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "…")
        return _DIGEST.sub("# sha256 …\n", text) if self.secrets else text


@dataclass(frozen=True)
class Folder:
    """A folder to create; an existing one stays as it is."""

    path: Path
    mode: int = 0o755
    owner: Owner = ROOT


@dataclass(frozen=True)
class Step:
    """What is done with one path, and where a copy of it is kept."""

    state: State
    path: Path
    copy: Path | None = None


def marked(body: str) -> str:
    """Return a text with its digest as the last line, which reveals a change by hand."""
    return f"{body}# sha256 {digest(body.encode())}\n"


def digest(content: bytes) -> str:
    """Return the SHA-256 of a content in hex."""
    return hashlib.sha256(content).hexdigest()


def is_as_made(content: bytes, known: str | None = None) -> bool:
    """Whether a file is as it was installed, by the digest in its last line or the one that is known."""
    if known is not None:
        return digest(content) == known
    found = _MARK.match(content)
    return found is not None and digest(found[1]) == found[2].decode()


class Tree:
    """The machine's files below a root; `force` replaces those changed by hand, and keeps a copy beside each."""

    def __init__(self, root: Path, known: Mapping[Path, str], *, force: bool) -> None:
        self._root = root
        self._known = known
        self._force = force

    def place(self, path: Path) -> Path:
        """Return a path of the machine below the root."""
        return below(self._root, path)

    def content(self, path: Path) -> bytes | None:
        """Return a file's content, None if it does not exist; raise SettingError if it cannot be read."""
        with _explained(self.place(path)):
            try:
                return self.place(path).read_bytes()
            except FileNotFoundError:
                return None

    def plan(self, file: File) -> Step:
        """Return what writing the file would do."""
        content = self.content(file.path)
        if content is None:
            return Step(State.WRITE, file.path)
        if content == file.text.encode():
            same = self.place(file.path).stat().st_mode & 0o777 == file.mode
            return Step(State.UNCHANGED if same else State.REPLACE, file.path)
        return self._plan_change(file.path, content, State.REPLACE)

    def plan_removal(self, path: Path) -> Step | None:
        """Return what removing the file would do, None if it does not exist."""
        content = self.content(path)
        return None if content is None else self._plan_change(path, content, State.REMOVE)

    def missing(self, folder: Folder) -> bool:
        """Whether a folder does not exist."""
        return not self.place(folder.path).is_dir()

    def make(self, folder: Folder) -> None:
        """Create a folder; raise SettingError if that fails."""
        place = self.place(folder.path)
        with _explained(place):
            place.mkdir(parents=True)
            place.chmod(folder.mode)
            _set_owner(place, folder.owner)

    def write(self, file: File, step: Step) -> None:
        """Do what was planned for a file to install; raise SettingError if that fails, and leave the file as it is."""
        if step.state in (State.KEEP, State.UNCHANGED):
            return
        place = self.place(file.path)
        with _explained(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            self._keep_copy(step)
            replace_file(place, file.text.encode(), file.mode)
            _set_owner(place, file.owner)

    def remove(self, step: Step) -> None:
        """Do what was planned for a file to remove; raise SettingError if that fails."""
        with _explained(self.place(step.path)):
            self._keep_copy(step)
            if step.state in (State.REMOVE, State.COPY):
                self.place(step.path).unlink()

    def remove_if_empty(self, path: Path) -> None:
        """Remove a folder if it is empty."""
        place = self.place(path)
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()

    def _plan_change(self, path: Path, content: bytes, change: State) -> Step:
        if is_as_made(content, self._known.get(path)):
            return Step(change, path)
        return Step(State.COPY, path, self._beside(path)) if self._force else Step(State.KEEP, path)

    def _keep_copy(self, step: Step) -> None:
        if step.copy is not None:
            # A link always has the file's permissions: there may be secrets in it.
            self.place(step.copy).hardlink_to(self.place(step.path))

    def _beside(self, path: Path) -> Path:
        """Return a free name beside a file; cron and systemd ignore names that end in a tilde."""
        names = [f"{path.name}~", *(f"{path.name}.{number}~" for number in range(1, 1000))]
        return next(path.with_name(name) for name in names if not self.place(path.with_name(name)).exists())


def _set_owner(path: Path, owner: Owner) -> None:
    # Only root can; others write below a root of their own, to pack the files for another machine.
    if os.geteuid() == 0:
        os.chown(path, owner.uid, owner.gid)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SettingError(
            path,
            f"cannot be read or written ({error.strerror})",
            "run this as root, or write below another folder with --root",
        ) from None
