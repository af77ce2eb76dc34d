"""A model of a disk whose power is cut: what it may hold afterwards, given what was flushed to it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Set
from pathlib import Path
from typing import Any

import pytest

_EFFECTS = ("fsync", "rename", "replace", "unlink", "remove", "rmdir", "mkdir", "symlink")
# A folder by its entries, a file by its content, and a link by its target.
Tree = dict[str, Any]
Entries = dict[str, int]


class Disk:
    """Notes at each effect on a folder what a power cut just before it may leave there.

    The content of a file is on the disk once it was flushed, the entries of a folder once the folder was; of what came
    later, each folder may or may not have kept its entries, and each file its content. Files whose names begin with
    one of `trusted` are exempt: SQLite looks after its own.

    Args:
        root: An existing folder.
        trusted: The prefixes.
        seen: Called with each state that is possible.
    """

    def __init__(self, root: Path, trusted: tuple[str, ...], seen: Callable[[Tree], None]) -> None:
        self.root = root
        self._trusted = trusted
        self._seen = seen
        # By inode, whether they still have a name or not.
        self._live: dict[int, bytes | Path | Entries] = {}
        self._flushed: dict[int, bytes | Path | Entries] = {}
        self._read: dict[int, tuple[int, int]] = {}
        # An open file's inode is not used for another.
        self._pins: dict[int, int] = {}
        self._walk(root)
        self._flushed |= self._live

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Note what happens from now on."""
        for name in _EFFECTS:
            patch.setattr(os, name, self._watched(getattr(os, name), flushes=name == "fsync"))

    def close(self) -> None:
        """Forget everything."""
        for pin in self._pins.values():
            os.close(pin)

    def cut(self) -> None:
        """Note what a power cut may leave now."""
        # What has no name any more keeps its last content.
        self._live = {inode: {} if isinstance(value, dict) else value for inode, value in self._live.items()}
        self._walk(self.root)
        for state in self._possible():
            self._seen(state)

    def _watched(self, effect: Callable[..., Any], *, flushes: bool) -> Callable[..., Any]:
        def watched(*arguments: Any, **named: Any) -> Any:
            self.cut()
            answer = effect(*arguments, **named)
            if flushes:
                inode = os.fstat(arguments[0]).st_ino
                self._flushed[inode] = self._live.get(inode, {})
            return answer

        return watched

    def _walk(self, path: Path) -> int:
        status = path.lstat()
        inode = status.st_ino
        if inode not in self._pins:
            self._pins[inode] = os.open(path, os.O_PATH | os.O_NOFOLLOW)
        if stat.S_ISDIR(status.st_mode):
            self._live[inode] = {entry.name: self._walk(entry) for entry in sorted(path.iterdir())}
        else:
            # The same object while it is unchanged, so that its hash is computed once.
            state = (status.st_mtime_ns, status.st_size)
            if self._read.get(inode) != state:
                self._live[inode] = path.readlink() if path.is_symlink() else path.read_bytes()
                self._read[inode] = state
        return inode

    def _possible(self) -> Iterator[Tree]:
        folders = [inode for inode, value in self._live.items() if isinstance(value, dict)]
        unsettled = [inode for inode in folders if self._flushed.get(inode) != self._live[inode]]
        choices = [frozenset(), frozenset(unsettled), *({one} for one in unsettled)]
        choices += [frozenset(unsettled) - {one} for one in unsettled]
        root = self.root.lstat().st_ino
        for kept in choices:
            for written in (False, True):
                yield self._tree(root, kept, written)

    def _tree(self, inode: int, kept: Set[int], written: bool) -> Tree:
        live = self._live[inode]
        entries = live if inode in kept else self._flushed.get(inode, {})
        assert isinstance(live, dict)
        assert isinstance(entries, dict)
        trusted = {name: child for name, child in live.items() if name.startswith(self._trusted)}
        others = {name: child for name, child in entries.items() if not name.startswith(self._trusted)}
        tree: Tree = {}
        for name, child in sorted({**others, **trusted}.items()):
            value = self._live[child]
            if isinstance(value, dict):
                tree[name] = self._tree(child, kept, written)
            elif isinstance(value, Path) or written or name in trusted:
                tree[name] = value
            else:
                tree[name] = self._flushed.get(child, b"")
        return tree


def digest(tree: Tree) -> int:
    """Return a number that equal states share."""
    return hash(
        tuple((name, digest(value) if isinstance(value, dict) else hash(value)) for name, value in tree.items())
    )


def build(tree: Tree, folder: Path) -> None:
    """Put a state into a new folder."""
    folder.mkdir()
    for name, value in tree.items():
        path = folder / name
        if isinstance(value, dict):
            build(value, path)
        elif isinstance(value, Path):
            path.symlink_to(value)
        else:
            path.write_bytes(value)
