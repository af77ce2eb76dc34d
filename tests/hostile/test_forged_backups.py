"""Whatever is in a backup, it is read or refused in a sentence."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from contextlib import suppress
from pathlib import Path

import pytest

from drift_checks.core.errors import ArchiveError
from drift_checks.operations.backup.archive import manifest_of, unpack
from tests.support.mutations import damages, mutations
from tests.unit.operations.backup.test_archive import DOCUMENT, RECORDS, facts, header

WHOLE = DOCUMENT | {"members": {"records.sqlite3": facts(RECORDS)}}


def tar_of(manifest: bytes) -> bytes:
    """Return a tar with this manifest and a sound member."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(header("manifest.json", size=len(manifest)), io.BytesIO(manifest))
        tar.addfile(header("records.sqlite3", size=len(RECORDS)), io.BytesIO(RECORDS))
    return made.getvalue()


def read_or_refused(archive: Path) -> None:
    """Read an archive twice, as `restore` does; anything but a refusal fails."""
    with suppress(ArchiveError):
        unpack(archive, lambda name: None)
    with suppress(ArchiveError):
        manifest_of(archive).to_json()


@pytest.mark.slow
def test_a_forged_manifest_is_read_or_refused(tmp_path: Path) -> None:
    """Each value missing, of another type or out of range."""
    archive = tmp_path / "backup.tar.gz"
    for forged in (*mutations(WHOLE), *damages(json.dumps(WHOLE).encode())):
        archive.write_bytes(gzip.compress(tar_of(forged), 1))
        read_or_refused(archive)


@pytest.mark.slow
def test_a_forged_header_is_read_or_refused(tmp_path: Path) -> None:
    """Each byte of both headers of the tar changed, with a checksum that is right again."""
    archive, whole = tmp_path / "backup.tar.gz", tar_of(json.dumps(WHOLE).encode())
    starts = [0, whole.index(b"records.sqlite3\0")]
    for start in starts:
        for place in range(start, start + 512):
            for byte in (0, 0x37, 0x80, 0xFF):
                forged = bytearray(whole)
                forged[place] = byte
                forged[start + 148 : start + 156] = b" " * 8
                forged[start + 148 : start + 156] = b"%06o\0 " % sum(forged[start : start + 512])
                archive.write_bytes(gzip.compress(bytes(forged), 1))
                read_or_refused(archive)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_beyond_the_calendar_is_refused(tmp_path: Path, moment: str) -> None:
    """In UTC, it has no date."""
    archive = tmp_path / "backup.tar.gz"
    archive.write_bytes(gzip.compress(tar_of(json.dumps(WHOLE | {"created": moment}).encode())))
    with pytest.raises(ArchiveError, match="a time beyond the calendar"):
        manifest_of(archive)


def test_a_tar_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    """Below a sound compression."""
    archive, whole = tmp_path / "backup.tar.gz", tar_of(json.dumps(WHOLE).encode())
    content = whole[: whole.rindex(RECORDS) + len(RECORDS)]
    for length in range(0, len(content), 7):
        archive.write_bytes(gzip.compress(content[:length], 1))
        with pytest.raises(ArchiveError):
            unpack(archive, lambda name: None)
