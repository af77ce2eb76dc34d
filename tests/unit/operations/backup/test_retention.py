"""The names of backups, and which of them are removed."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.operations.backup.retention import archive_name, moment_of, prune, superfluous
from drift_checks.stores.identity import StoreIdentity
from tests.support.caring import archives, made_backup, manifest
from tests.support.stores import BuiltStore

MOMENT = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1))
NAMES = MOMENTS.map(lambda moment: archive_name(moment.replace(tzinfo=UTC)))


def test_a_name_is_the_first_free_second_in_utc() -> None:
    """Whatever the zone of the moment."""
    moment = MOMENT.astimezone(timezone(timedelta(hours=-7)))
    assert archive_name(moment) == "drift-backup-20260115T020000Z.tar.gz"
    taken = {archive_name(MOMENT), archive_name(MOMENT + timedelta(seconds=1))}
    assert archive_name(MOMENT, taken) == "drift-backup-20260115T020002Z.tar.gz"


@given(MOMENTS, MOMENTS)
def test_names_sort_by_time(one: datetime, other: datetime) -> None:
    """The oldest is found without reading the archives."""
    one, other = (moment.replace(tzinfo=UTC, microsecond=0) for moment in (one, other))
    assert (archive_name(one) < archive_name(other)) == (one < other)
    assert moment_of(archive_name(one)) == one


@pytest.mark.parametrize(
    "name",
    [
        "drift-backup-20260115T020000Z.tar.gz.tmp",
        ".drift-backup-20260115T020000Z.tar.gz",
        "drift-backup-20261315T020000Z.tar.gz",
        "drift-backup-20260115T020000Z.tar.gz\n",
        "drift-backup-٢٠٢٦٠١١٥T020000Z.tar.gz",
        "notes.txt",
    ],
)
def test_files_with_other_names_are_left_alone(name: str) -> None:
    """They are not backups."""
    assert moment_of(name) is None
    assert superfluous([name], keep=1, made=archive_name(MOMENT)) == []


@given(st.lists(st.one_of(NAMES, st.text(max_size=40))), st.integers(1, 30), NAMES)
def test_the_newest_are_kept_and_the_one_just_made(names: list[str], keep: int, made: str) -> None:
    """Exactly as many as asked for, even if the clock has gone back."""
    gone = superfluous([*names, made], keep, made)
    own = {name for name in [*names, made] if moment_of(name)}
    stay = own - set(gone)
    assert made in stay
    assert len(stay) == min(keep, len(own))
    assert gone == sorted(gone)
    assert set(gone) <= own
    assert not gone or max(gone) <= min(stay - {made}, default=max(gone))


def test_only_whole_backups_of_the_same_store_are_removed(archive: Path, tmp_path: Path, store: BuiltStore) -> None:
    """Not those of another store, damaged ones, links, or folders."""
    folder = archive.parent
    identity = StoreIdentity(**manifest(archive)["store"])
    names = [f"drift-backup-2020010{day}T000000Z.tar.gz" for day in range(1, 6)]
    old, foreign, damaged, link, made_folder = (folder / name for name in names)
    shutil.copy(archive, old)
    shutil.copy(made_backup(store, tmp_path / "others", chroma=False), foreign)
    damaged.write_bytes(archive.read_bytes()[:300])
    link.symlink_to(archive)
    made_folder.mkdir()
    removed = prune(folder, identity, keep=1, made=archive.name)
    assert removed == [old]
    assert {path.name for path in folder.iterdir()} == {archive.name, *names[1:]}


def test_a_new_backup_removes_the_oldest(store: BuiltStore, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """And reports that."""
    folder = tmp_path / "kept"
    first = made_backup(store, folder, chroma=False)
    first.rename(folder / "drift-backup-20200101T000000Z.tar.gz")
    shutil.copy(folder / "drift-backup-20200101T000000Z.tar.gz", folder / "drift-backup-20200102T000000Z.tar.gz")
    capsys.readouterr()
    made_backup(store, folder, "--keep=2", chroma=False)
    assert archives(folder)[0].name == "drift-backup-20200102T000000Z.tar.gz"
    assert f"removed {folder}/drift-backup-20200101T000000Z.tar.gz: 2 are kept\n" in capsys.readouterr().out
