"""Files of the machine, written, compared and removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.operations.schedule.files import File, Folder, Owner, State, Tree, marked

ME = Owner("me", os.geteuid(), os.getegid())
PATH = Path("/etc/made/file")


def file(body: str = "one\n", mode: int = 0o600) -> File:
    """Return a file of this user."""
    return File(PATH, marked(body), mode, ME)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Return a machine on which the file is installed."""
    found = Tree(tmp_path, {}, force=False)
    found.write(file(), found.plan(file()))
    return found


def test_a_file_is_written_with_its_permissions(tree: Tree, tmp_path: Path) -> None:
    """Below the root, with nothing beside it; as long as it is unchanged, it can be replaced."""
    place = tmp_path / "etc/made/file"
    assert place.read_text() == file().text
    assert place.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in place.parent.iterdir()] == ["file"]
    assert tree.plan(file()).state is State.UNCHANGED
    assert tree.plan(file("two\n")).state is tree.plan(file(mode=0o644)).state is State.REPLACE


@pytest.mark.parametrize("content", ["anything", "", "one\n", "# sha256 x\n"])
def test_a_file_changed_by_hand_is_kept(tree: Tree, content: str) -> None:
    """Whatever its content is now."""
    tree.place(PATH).write_text(content)
    step = tree.plan(file("two\n"))
    tree.write(file("two\n"), step)
    assert step.state is State.KEEP
    assert tree.place(PATH).read_text() == content
    assert tree.plan_removal(PATH) == step


def test_force_keeps_copies_beside_it(tree: Tree, tmp_path: Path) -> None:
    """One each time, with the file's permissions, also when it removes the file."""
    forced = Tree(tmp_path, {}, force=True)
    for content in ("first", "second"):
        tree.place(PATH).write_text(content)
        forced.write(file("two\n"), forced.plan(file("two\n")))
    assert tree.place(PATH).read_text() == file("two\n").text
    copies = [tree.place(PATH).with_name(name) for name in ("file~", "file.1~")]
    assert [copy.read_text() for copy in copies] == ["first", "second"]
    assert [copy.stat().st_mode & 0o777 for copy in copies] == [0o600, 0o600]
    tree.place(PATH).write_text("third")
    step = forced.plan_removal(PATH)
    assert step is not None
    forced.remove(step)
    texts = {path.name: path.read_text() for path in tree.place(PATH).parent.iterdir()}
    assert texts == {"file~": "first", "file.1~": "second", "file.2~": "third"}


def test_a_link_is_replaced_and_not_followed(tree: Tree, tmp_path: Path) -> None:
    """Its target stays unchanged."""
    target = tmp_path / "target"
    target.write_text(file().text)
    tree.place(PATH).unlink()
    tree.place(PATH).symlink_to(target)
    tree.write(file("two\n"), tree.plan(file("two\n")))
    assert target.read_text() == file().text
    assert not tree.place(PATH).is_symlink()


def test_only_a_missing_folder_is_created(tree: Tree, tmp_path: Path) -> None:
    """With its mode."""
    (tmp_path / "srv").mkdir(mode=0o700)
    assert not tree.missing(Folder(Path("/srv")))
    made = Folder(Path("/srv/a/b"), 0o750, ME)
    assert tree.missing(made)
    tree.make(made)
    assert (tmp_path / "srv/a/b").stat().st_mode & 0o777 == 0o750


def test_neither_secrets_nor_their_digest_are_shown() -> None:
    """They could be guessed from the digest."""
    secret = File(PATH, marked('A="s3cret"\n'), secrets=("s3cret",))
    assert secret.shown() == 'A="…"\n# sha256 …\n'


def test_an_unwritable_file_is_refused(tree: Tree, tmp_path: Path) -> None:
    """With the remedy."""
    (tmp_path / "blocked").write_text("a file")
    blocked = File(Path("/blocked/file"), "text", owner=ME)
    with pytest.raises(SettingError, match=r"cannot be read or written .*; run this as root"):
        tree.write(blocked, tree.plan(blocked))
