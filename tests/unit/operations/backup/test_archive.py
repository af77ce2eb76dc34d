"""Archives: what was written is read back, and anything else is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drift_checks.core.errors import ArchiveError
from drift_checks.operations.backup.archive import manifest_of, unpack
from drift_checks.operations.backup.manifest import is_allowed
from tests.support.caring import manifest, restore
from tests.support.folders import contents

DOCUMENT: dict[str, Any] = {
    "schema": 1,
    "created": "2026-01-15T02:00:00Z",
    "versions": {"drift-checks": "0.1.0"},
    "store": {"db": "/app/risks.db", "table": "risks", "collection": "risks"},
    "sources": {"db": "/app/risks.db", "chroma": None, "history": None},
    "counts": {"records": 1, "vectors": None, "runs": None},
    "verified": [],
}
RECORDS = b"SQLite format 3\0 and so on"


def facts(content: bytes) -> dict[str, object]:
    """Return a member as a manifest lists it."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "mode": "0644"}


def header(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> tarfile.TarInfo:
    """Return a header of any kind."""
    made = tarfile.TarInfo(name)
    made.type, made.size, made.linkname = kind, size, link
    return made


def build(
    path: Path,
    members: list[tuple[tarfile.TarInfo, bytes]],
    changed: dict[str, Any] | None = None,
    form: int = tarfile.GNU_FORMAT,
) -> Path:
    """Write an archive with a manifest that lists one sound member of records, and these members after it."""
    document = DOCUMENT | {"members": {"records.sqlite3": facts(RECORDS)}} | (changed or {})
    text = json.dumps(document).encode()
    with tarfile.open(path, "w:gz", format=form) as tar:
        tar.addfile(header("manifest.json", size=len(text)), io.BytesIO(text))
        for member, content in members:
            tar.addfile(member, io.BytesIO(content))
    return path


def sound() -> tuple[tarfile.TarInfo, bytes]:
    """Return the member of records."""
    return header("records.sqlite3", size=len(RECORDS)), RECORDS


def test_a_sound_archive_is_unpacked(tmp_path: Path) -> None:
    """Its members have their digests."""
    path = build(tmp_path / "a.tar.gz", [sound()])
    (tmp_path / "out").mkdir()
    found = unpack(path, lambda name: tmp_path / "out" / name)
    assert found == manifest_of(path)
    assert (tmp_path / "out" / "records.sqlite3").read_bytes() == RECORDS


HOSTILE: dict[str, Callable[[Path], Path]] = {
    "an absolute name": lambda path: build(path, [(header("/etc/cron.d/evil"), b""), sound()]),
    "a name that leads out": lambda path: build(path, [(header("../../evil"), b""), sound()]),
    "a symbolic link": lambda path: build(path, [(header("records.sqlite3", tarfile.SYMTYPE, link="/etc"), b"")]),
    "a hard link": lambda path: build(path, [(header("records.sqlite3", tarfile.LNKTYPE, link="/etc/passwd"), b"")]),
    "a device": lambda path: build(path, [(header("records.sqlite3", tarfile.CHRTYPE), b"")]),
    "a pipe": lambda path: build(path, [(header("records.sqlite3", tarfile.FIFOTYPE), b"")]),
    "a folder": lambda path: build(path, [(header("chroma", tarfile.DIRTYPE), b""), sound()]),
    "an extended header": lambda path: build(path, [(header("é" * 120), b"")], form=tarfile.PAX_FORMAT),
    "a long name": lambda path: build(path, [(header("x" * 300), b"")]),
    "a member not listed": lambda path: build(path, [sound(), (header("history.sqlite3"), b"")]),
    "a member twice": lambda path: build(path, [sound(), sound()]),
    "a member missing": lambda path: build(path, []),
    "another content": lambda path: build(path, [(sound()[0], b"x" * len(RECORDS))]),
    "another size": lambda path: build(path, [(header("records.sqlite3", size=3), b"SQL")]),
}
MANIFESTS: dict[str, dict[str, Any]] = {
    "a name that leads out": {"members": {"records.sqlite3": facts(RECORDS), "chroma/../../evil": facts(b"")}},
    "an absolute name": {"members": {"records.sqlite3": facts(RECORDS), "/evil": facts(b"")}},
    "no records": {"members": {}},
    "vectors from nowhere": {"sources": DOCUMENT["sources"] | {"chroma": "/app/chroma"}},
    "a relative source": {"sources": DOCUMENT["sources"] | {"db": "../risks.db"}},
    "a negative size": {"members": {"records.sqlite3": facts(RECORDS) | {"bytes": -1}}},
    "no digest": {"members": {"records.sqlite3": facts(RECORDS) | {"sha256": "x"}}},
    "an odd mode": {"members": {"records.sqlite3": facts(RECORDS) | {"mode": "rw"}}},
    "an older schema": {"schema": 0},
    "lists for texts": {"store": {"db": [], "table": "a", "collection": "b"}},
    "a journal from nowhere": {"sources": DOCUMENT["sources"] | {"history_journal": "/app/history.journal.jsonl"}},
    "no counts": {"counts": []},
}
OTHERS: dict[str, Callable[[Path], int]] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no archive at all"),
    "compressed text": lambda path: path.write_bytes(gzip.compress(b"no archive at all")),
    "compressed nothing": lambda path: path.write_bytes(gzip.compress(b"\0" * 10240)),
}


def refused(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the message with which restoring is refused; nothing is written."""
    target = path.parent / "target"
    before = contents(path.parent)
    assert restore(path, "--to-db", target / "risks.db") == 4
    message = capsys.readouterr().err
    assert message.startswith(f"python -m drift_checks restore: {path}: ")
    assert message.count("\n") == 1
    assert contents(path.parent) == before
    assert not target.exists()
    return message


@pytest.mark.parametrize("make", [*HOSTILE.values(), *OTHERS.values()], ids=[*HOSTILE, *OTHERS])
def test_a_hostile_or_foreign_file_is_refused(
    tmp_path: Path, make: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
) -> None:
    """In one sentence, with nothing written anywhere."""
    make(tmp_path / "a.tar.gz")
    assert "is not a sound backup" in refused(tmp_path / "a.tar.gz", capsys)


@pytest.mark.parametrize("changed", MANIFESTS.values(), ids=MANIFESTS)
def test_a_hostile_manifest_is_refused(
    tmp_path: Path, changed: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """It may contradict itself, or name dangerous paths."""
    assert "manifest.json" in refused(build(tmp_path / "a.tar.gz", [sound()], changed), capsys)


def test_an_archive_of_a_newer_schema_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the remedy; so are a missing file, and a decompression bomb, of which little is read."""
    assert "No such file or directory" in refused(tmp_path / "a.tar.gz", capsys)
    message = refused(build(tmp_path / "a.tar.gz", [sound()], {"schema": 2}), capsys)
    assert "was made by a newer version of drift-checks (schema 2, this version reads up to 1)" in message
    path = build(tmp_path / "a.tar.gz", [sound()])
    path.write_bytes(path.read_bytes() + gzip.compress(b"\0" * 50_000_000))
    assert "more follows after its end" in refused(path, capsys)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_an_archive_cut_short_anywhere_is_refused(archive: Path, share: float) -> None:
    """Even within the checksum at its end."""
    whole = archive.read_bytes()
    cut = archive.with_name("cut.tar.gz")
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ArchiveError, match="is not a sound backup"):
        unpack(cut, lambda _: None)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_anywhere(archive: Path, share: float, bit: int) -> None:
    """Unless it does not affect the content, as in gzip's header or between two compressed blocks."""
    whole = bytearray(archive.read_bytes())
    place = 10 + int((len(whole) - 10) * share)
    whole[place] ^= 1 << bit
    changed = archive.with_name("changed.tar.gz")
    changed.write_bytes(whole)
    try:
        unpack(changed, lambda _: None)
    except ArchiveError:
        return
    assert gzip.decompress(whole) == gzip.decompress(archive.read_bytes())


@given(st.text(max_size=80))
def test_no_allowed_name_leads_out_of_the_folder(name: str) -> None:
    """Whatever characters it has."""
    for tried in (name, f"chroma/{name}", f"chroma/ef538636-cc49-4595-9b1c-d52938814d64/{name}"):
        if is_allowed(tried):
            assert ".." not in Path(tried).parts
            assert not tried.startswith("/")
            assert "\n" not in tried


def test_an_archive_is_an_ordinary_tar_file(archive: Path) -> None:
    """Private to its owner, with a manifest that lists its members."""
    with tarfile.open(archive) as tar:
        names = tar.getnames()
        assert {member.mode for member in tar} == {0o600}
    found = manifest(archive)
    assert names == ["manifest.json", *found["members"]]
    assert (found["schema"], found["counts"]) == (1, {"records": 120, "vectors": 120, "runs": None})
    assert set(found["versions"]) == {"drift-checks", "chromadb", "sqlite"}
    assert archive.stat().st_mode & 0o777 == 0o600
