"""Records and vectors: there, readable, whole, and as the criteria need them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, inspect

from drift_checks.core.records import COLUMNS
from drift_checks.core.text import count, readable_size
from drift_checks.operations.doctor.finding import Check, NotChecked, Said, left_out, right, warned, wrong
from drift_checks.operations.doctor.formats import COMPONENTS, installed_format
from drift_checks.operations.doctor.setup import Setup
from drift_checks.operations.doctor.sizes import size_of
from drift_checks.operations.doctor.vectors import ChromaDirectory
from drift_checks.settings.declarations import DATABASE_NAME, NEIGHBOURS
from drift_checks.stores.chroma import DATABASE
from drift_checks.stores.records import RecordStore
from drift_checks.stores.sqlite import Access

GROUP = "store"
# Reading all of it takes a second or two.
QUICKLY_READ = 256_000_000
# Below this, a pass over the table is as quick as the indexes.
_LARGE = 100_000
INDEXED = ("text_hash", "chroma_id", "confidence", "timestamp", "source", "last_reviewed_at")
# A review of a large store passes over these alone.
_PASSED_OVER = ("confidence", "timestamp")
_PART = "part of "
# What is not measured, or not the whole of it, where the store lacks a column.
CRITERIA = {
    "confidence": ("calibration", "confidence_change", "confidence_distribution"),
    "timestamp": ("class_mix", "confidence_distribution", "embedding_drift", "latency_and_tokens"),
    "text_hash": ("part of record_integrity",),
    "chroma_id": ("store_consistency", "self_retrieval"),
    "embedding_json": ("embedding_drift", "neighbourhood", "part of label_conflicts", "self_retrieval"),
    "embedding_model": ("part of provenance",),
    "archive_version": ("part of provenance",),
    "response_time_ms": ("part of latency_and_tokens",),
    "input_tokens": ("part of latency_and_tokens",),
    "output_tokens": ("part of latency_and_tokens",),
    "model_version": ("slices by model",),
    "prompt_version": ("slices by prompt",),
    "source": ("slices by source",),
}


def checks(setup: Setup) -> list[Check]:
    """Return the checks of both stores."""
    settings = setup.settings
    needs = ("db", "table", "columns", "snapshot_dir", "demo")
    vectors = ("chroma", "collection", "snapshot_dir", "demo")
    if settings.db is None:
        found = [Check(GROUP, "records", lambda: _no_records(settings.chroma), needs)]
    else:
        found = [
            Check(GROUP, name, partial(make, setup), needs)
            for name, make in (
                ("records", _records),
                ("columns", _columns),
                ("indexes", _indexes),
                ("journal", _journal),
                ("integrity", _integrity),
            )
        ]
    if settings.chroma is None and settings.db is None:
        return found
    if settings.chroma is None:
        return [*found, Check(GROUP, "vectors", lambda: _no_vectors(settings.reviewer, settings.db), vectors)]
    opened = ChromaDirectory(settings.chroma, settings.collection, setup.snapshots)
    return [
        *found,
        Check(GROUP, "vectors", lambda: _vectors(opened), vectors),
        Check(GROUP, "Chroma's format", lambda: _format(opened), vectors),
        Check(GROUP, "counts", lambda: _as_many(setup, opened), (*needs, *vectors)),
    ]


def _no_records(chroma: Path | None) -> Said:
    if chroma is not None:
        return wrong(f"{chroma} holds no {DATABASE_NAME}", "name the SQLite file with --drift-db FILE")
    return wrong(
        "no store is configured",
        "name one with --drift-db FILE --drift-chroma DIR, or the variables DRIFT_DB and DRIFT_CHROMA",
    )


def _no_vectors(reviewer: str, db: Path | None) -> Said:
    beside = db is not None and (db.parent / DATABASE).exists()
    remedy = f"name the Chroma directory with --drift-chroma {db.parent if beside and db else 'DIR'}"
    if reviewer == NEIGHBOURS:
        return wrong("no Chroma directory is configured, and the neighbours vote by its vectors", remedy)
    return warned("no Chroma directory is configured: store_consistency and self_retrieval are not measured", remedy)


def _records(setup: Setup) -> Said:
    table = setup.store.open()
    path, number = setup.store.file.path, setup.store.counted()
    if not number:
        return wrong(f"{path}: table {table.name} is empty: there is nothing to review", "name another with --drift-db")
    return right(f"{path}: {count(number, 'record')} in {table.name}, {readable_size(path.stat().st_size)}")


def _columns(setup: Setup) -> Said:
    table = setup.store.table
    missing = [ours for ours in COLUMNS if not table.has(ours)]
    if not missing:
        return right(f"all {len(COLUMNS)} that the criteria know")
    said = unmeasured(missing)
    effect = f"; not measured: {', '.join(said)}" if said else "; every criterion is measured all the same"
    message = f"{count(len(missing), 'column')} of {len(COLUMNS)} not there: {', '.join(missing)}{effect}"
    hint = "where they are there under other names, name them with --drift-columns OURS=THEIRS"
    return warned(message, hint) if said else right(message, hint)


def unmeasured(missing: Sequence[str]) -> list[str]:
    """Return what is not measured where these columns are missing, by their names here."""
    effects = {effect for ours in missing for effect in CRITERIA.get(ours, ())}
    for effect in sorted(effects):
        columns = [ours for ours, told in CRITERIA.items() if effect in told]
        if len(columns) > 1 and all(ours in missing for ours in columns):
            effects.add(effect.removeprefix(_PART))
    return sorted(effect for effect in effects if effect.removeprefix(_PART) not in effects - {effect})


def _indexes(setup: Setup) -> Said:
    table, number = setup.store.table, setup.store.counted()
    there, needed = setup.store.file.read(lambda connection: _indexed(connection, table))
    expected = [ours for ours in INDEXED if table.has(ours)]
    missing = [ours for ours in expected if ours not in there]
    slow = [*needed, *(ours for ours in _PASSED_OVER if ours in missing)]
    if not missing and not needed:
        return right(f"on {', '.join(expected) or 'the id'}")
    message = f"none on {', '.join((*needed, *missing))}"
    if number < _LARGE or not slow:
        return right(f"{message}: {count(number, 'record')} are read quickly without")
    columns = "; ".join(f"create index by_{ours} on {table.name} ({table.columns[ours]})" for ours in slow)
    return warned(
        f"{message}: each review passes over all {number:,} records", f"let the application make it: {columns}"
    )


def _indexed(connection: Connection, table: RecordStore) -> tuple[set[str], tuple[str, ...]]:
    """Return which of our columns have an index of their own, and the id where nothing finds it."""
    inspector = inspect(connection)
    if table.name in inspector.get_view_names():
        raise NotChecked(f"{table.name} is a view: its indexes are those of its tables")
    found: list[Sequence[str | None]] = [
        *(index["column_names"] for index in inspector.get_indexes(table.name)),
        *(unique["column_names"] for unique in inspector.get_unique_constraints(table.name)),
        inspector.get_pk_constraint(table.name)["constrained_columns"],
    ]
    first = {str(columns[0]) for columns in found if columns}
    there = {ours for ours, theirs in table.columns.items() if theirs in first}
    return there, () if "id" in there else ("id",)


def _journal(setup: Setup) -> Said:
    access = setup.store.file.access()
    if access is Access.COPIED:
        return right(
            "a write-ahead log that nobody has open, or one that a crash left: each review reads a private copy",
            "nothing to do, where there is room for the copy; it ends when the application opens the file",
        )
    if access is Access.IMMUTABLE:
        return right("a write-ahead log that is empty: read in place")
    mode = setup.store.file.read(lambda connection: connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())
    return right(f"journal mode {mode}: read in place, under SQLite's own locks")


def _integrity(setup: Setup) -> Said:
    file = setup.store.file
    size = file.path.stat().st_size
    if size > QUICKLY_READ and not setup.thorough:
        return left_out(
            f"{readable_size(size)} take their time to read", "--thorough checks them for damage all the same"
        )

    def damage(connection: Connection) -> list[str]:
        return [str(row[0]) for row in connection.exec_driver_sql("PRAGMA quick_check(3)").all()]

    found = file.read(damage)
    if found == ["ok"]:
        return right("no damage found")
    return wrong(f"{file.path} is damaged ({'; '.join(found)})", "restore it from a backup")


def _vectors(opened: ChromaDirectory) -> Said:
    opened.open()
    number = opened.counted()
    size = size_of(opened.directory)
    if not number:
        return wrong(
            f"{opened.directory}: collection {opened.collection} is empty", "name another with --drift-collection"
        )
    return right(f"{opened.directory}: {count(number, 'vector')} in {opened.collection}, {readable_size(size)}")


def _format(opened: ChromaDirectory) -> Said:
    here, installed = opened.steps(), installed_format()
    older = list(_behind(here, installed.steps))
    newer = list(_behind(installed.steps, here))
    if newer:
        return warned(
            f"of a newer chromadb than is installed ({installed.version}): {', '.join(newer)}",
            "install the application's chromadb here: pip install 'chromadb==VERSION'",
        )
    if older:
        return right(
            f"of an older chromadb than is installed ({installed.version}): {', '.join(older)}",
            "nothing to do: reviews read a private copy; but do not open it with a newer chromadb elsewhere, which"
            " would change it so that the application can no longer read it",
        )
    return right(f"that of chromadb {installed.version}, which is installed")


def _behind(one: dict[str, int], other: dict[str, int]) -> Iterator[str]:
    """Yield what the one format lacks of the other."""
    for component, name in COMPONENTS.items():
        if one.get(component, 0) < other.get(component, 0):
            yield f"{name} {one.get(component, 0)} of {other[component]}"


def _as_many(setup: Setup, opened: ChromaDirectory) -> Said:
    records, vectors = setup.store.counted(), opened.counted()
    if records == vectors:
        return right(f"as many as records: {vectors:,}")
    more = "without a vector" if records > vectors else "without a record"
    return warned(
        f"{count(records, 'record')}, {count(vectors, 'vector')}: {abs(records - vectors):,} at the least are {more}",
        "a review tells which, under store_consistency",
    )
