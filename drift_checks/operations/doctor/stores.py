"""The store: whether records and vectors exist, can be read, are undamaged, and have what the criteria need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from importlib import metadata

from sqlalchemy import Connection, inspect

from drift_checks.core.addresses import ServerURL
from drift_checks.core.records import COLUMNS
from drift_checks.core.secrets import DB_PASSWORD
from drift_checks.core.text import count, printable, readable_size
from drift_checks.operations.doctor import database
from drift_checks.operations.doctor.check import Check, CheckResult, NotChecked, failed, passed, skipped, warning
from drift_checks.operations.doctor.chroma import COMPONENTS, ChromaDirectory, ServedCollection, installed_steps
from drift_checks.operations.doctor.room import size_of
from drift_checks.operations.doctor.setup import Setup
from drift_checks.reviews.vectors.table import COLUMN
from drift_checks.settings.declarations import DATABASE_NAME, NEIGHBOURS
from drift_checks.stores.engines.sources import files_named
from drift_checks.stores.engines.sqlite import Access
from drift_checks.stores.records import RecordStore
from drift_checks.stores.vectors.opening import VectorPlace

GROUP = "store"
# Reading a file of this size takes a second or two.
QUICKLY_READ = 256_000_000
# Below this, a scan of the table is as quick as an index.
_LARGE = 100_000
INDEXED = ("text_hash", "chroma_id", "confidence", "timestamp", "source", "last_reviewed_at")
# The only ones of these that a review of a large store scans.
_SCANNED = ("confidence", "timestamp")
_PART = "part of "
# The criteria that are not measured, or only in part, if the store lacks a column.
CRITERIA = {
    "confidence": ("calibration", "confidence_change", "confidence_distribution"),
    "timestamp": (
        *("class_mix", "confidence_distribution", "embedding_drift", "latency_and_tokens"),
        "part of label_issues",
    ),
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
_RECORDS_NEED = ("db", "table", "columns", "snapshot_dir", "demo")
_VECTORS_NEED = ("chroma", "collection", "chroma_tenant", "chroma_database", "snapshot_dir", "demo")
_SERVER_NEEDS = (*_VECTORS_NEED, "query_timeout")


def checks(setup: Setup) -> list[Check]:
    """Return the checks of records and vectors."""
    settings = setup.settings
    if settings.db is None:
        found = [Check("records", partial(_no_records, setup), _RECORDS_NEED)]
        if settings.chroma is None:
            return found
    else:
        parts = {"records": _records, "columns": _columns}
        if not isinstance(settings.db, ServerURL):
            parts |= {"indexes": _indexes, "journal": _journal, "integrity": _integrity}
        found = [Check(name, partial(part, setup), _RECORDS_NEED) for name, part in parts.items()]
        if isinstance(settings.db, ServerURL):
            found += database.checks(setup, settings.db, _RECORDS_NEED)
    if setup.vector_place is None:
        needs = (*_RECORDS_NEED, *_VECTORS_NEED, "embedding", "reviewer")
        return [*found, Check("vectors", partial(_no_vectors, setup), needs)]
    return [*found, *_checks_of_vectors(setup, setup.vector_place)]


def _checks_of_vectors(setup: Setup, place: VectorPlace) -> list[Check]:
    if isinstance(place.location, ServerURL):
        served = ServedCollection(place)
        return [
            Check("vectors", lambda: _served(served), _SERVER_NEEDS),
            Check("Chroma's version", lambda: _version(served), _SERVER_NEEDS),
            Check("counts", lambda: _counts(setup, served), (*_RECORDS_NEED, *_SERVER_NEEDS)),
        ]
    directory = ChromaDirectory(place.location, place.name, place.snapshot_dir)
    return [
        Check("vectors", lambda: _vectors(directory), _VECTORS_NEED),
        Check("Chroma's format", lambda: _format(directory), _VECTORS_NEED),
        Check("counts", lambda: _counts(setup, directory), (*_RECORDS_NEED, *_VECTORS_NEED)),
    ]


def _no_records(setup: Setup) -> CheckResult:
    if setup.settings.chroma is not None:
        return failed(
            f"{setup.settings.chroma} contains no {DATABASE_NAME}", "name the SQLite file with --drift-db=FILE"
        )
    return failed(
        "no store is configured",
        "name one with --drift-db=FILE, or the variable DRIFT_DB",
    )


def _no_vectors(setup: Setup) -> CheckResult:
    settings, without = setup.settings, "store_consistency and self_retrieval are not measured without Chroma"
    remedy = "if there is a Chroma directory, name it with --drift-chroma=DIR"
    if settings.embedding is not None:
        return passed(f"{settings.embedding}, made from the texts; {without}", remedy)
    if setup.store.table.has(COLUMN):
        return passed(f"those in the table, in {setup.store.table.columns[COLUMN]}; {without}", remedy)
    if NEIGHBOURS not in settings.reviewers:
        return passed(f"none: {without}", remedy)
    return warning(
        f"none, so that neighbours compares TF-IDF of the texts, which agrees with fewer sound labels; {without}",
        f"{remedy}, or make vectors with --drift-embedding=NAME",
    )


def _records(setup: Setup) -> CheckResult:
    db = setup.settings.db
    if isinstance(db, ServerURL) and db.password is None and DB_PASSWORD in setup.hidden:
        raise NotChecked(f"unknown: this user may not read the credential {DB_PASSWORD}")
    table = setup.store.open()
    path, number = setup.store.file.path, setup.store.records
    if not number:
        return failed(f"{path}: table {table.name} is empty: nothing to review", "name another store with --drift-db")
    pending = f", {table.pending:,} more without a category yet" if table.pending else ""
    size = f", {readable_size(sum(file.stat().st_size for file in files))}" if (files := files_named(path)) else ""
    return passed(f"{path}: {count(number, 'record')} in {table.name}{pending}{size}")


def _columns(setup: Setup) -> CheckResult:
    missing = [ours for ours in COLUMNS if not setup.store.table.has(ours)]
    if not missing:
        return passed(f"all {len(COLUMNS)} columns exist")
    affected = unmeasured(missing)
    effect = f"not measured: {', '.join(affected)}" if affected else "every criterion is measured anyway"
    message = f"{count(len(missing), 'column')} of {len(COLUMNS)} missing: {', '.join(missing)}; {effect}"
    hint = "if they exist under other names, map them with --drift-columns=OURS=THEIRS"
    return warning(message, hint) if affected else passed(message, hint)


def unmeasured(missing: Sequence[str]) -> list[str]:
    """Return the criteria that are not measured without these columns; a whole criterion stands for its parts."""
    effects = {effect for ours in missing for effect in CRITERIA.get(ours, ())}
    for effect in sorted(effects):
        columns = [ours for ours, affected in CRITERIA.items() if effect in affected]
        if len(columns) > 1 and all(ours in missing for ours in columns):
            effects.add(effect.removeprefix(_PART))
    return sorted(effect for effect in effects if effect.removeprefix(_PART) not in effects - {effect})


def _indexes(setup: Setup) -> CheckResult:
    table, number = setup.store.table, setup.store.records
    indexed, lookup = setup.store.sqlite.read(lambda connection: _indexed(connection, table))
    expected = [ours for ours in INDEXED if table.has(ours)]
    missing = [ours for ours in expected if ours not in indexed]
    slow = [*lookup, *(ours for ours in _SCANNED if ours in missing)]
    if not missing and not lookup:
        return passed(f"on {', '.join(expected) or 'the id'}")
    message = f"none on {', '.join((*lookup, *missing))}"
    if number < _LARGE or not slow:
        return passed(f"{message}: {count(number, 'record')} can be read quickly without")
    columns = "; ".join(f"create index by_{ours} on {table.name} ({table.columns[ours]})" for ours in slow)
    return warning(f"{message}: each review scans all {number:,} records", f"have the application run: {columns}")


def _indexed(connection: Connection, table: RecordStore) -> tuple[set[str], tuple[str, ...]]:
    """Return which of our columns have an index, and the id if it has none."""
    inspector = inspect(connection)
    if table.name in inspector.get_view_names():
        raise NotChecked(f"{table.name} is a view: its tables have the indexes")
    found: list[Sequence[str | None]] = [
        *(index["column_names"] for index in inspector.get_indexes(table.name)),
        *(unique["column_names"] for unique in inspector.get_unique_constraints(table.name)),
        inspector.get_pk_constraint(table.name)["constrained_columns"],
    ]
    first = {str(columns[0]) for columns in found if columns}
    indexed = {ours for ours, theirs in table.columns.items() if theirs in first}
    return indexed, () if "id" in indexed else ("id",)


def _journal(setup: Setup) -> CheckResult:
    access = setup.store.sqlite.access()
    if access is Access.COPIED:
        return passed(
            "a write-ahead log that no process has open, or that a crash left: each review reads a private copy",
            "nothing to do if there is room for the copy; reviews need none once the application opens the file",
        )
    if access is Access.IMMUTABLE:
        return passed("an empty write-ahead log: read in place")
    mode = setup.store.sqlite.read(lambda connection: connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())
    return passed(f"journal mode {mode}: read in place, under SQLite's own locks")


def _integrity(setup: Setup) -> CheckResult:
    file = setup.store.sqlite
    size = file.path.stat().st_size
    if size > QUICKLY_READ and not setup.options.thorough:
        return skipped(f"not checked: reading {readable_size(size)} takes a while", "--thorough checks it for damage")
    found = file.read(
        lambda connection: list(connection.exec_driver_sql("PRAGMA quick_check(3)").scalars()), timed=False
    )
    if found == ["ok"]:
        return passed("no damage found")
    return failed(f"{file.path} is damaged ({'; '.join(found)})", "restore it from a backup")


def _vectors(directory: ChromaDirectory) -> CheckResult:
    directory.open()
    place, collection, number = directory.directory, directory.collection.name, directory.count()
    if not number:
        return failed(f"{place}: collection {collection} is empty", "name another with --drift-collection")
    return passed(f"{place}: {count(number, 'vector')} in {collection}, {readable_size(size_of(place))}")


def _served(served: ServedCollection) -> CheckResult:
    found = served.open()
    return passed(f"{found}, {count(served.count(), 'vector')}")


def _version(served: ServedCollection) -> CheckResult:
    return passed(f"Chroma {printable(served.version, 40)} on the server, chromadb {metadata.version('chromadb')} here")


def _format(directory: ChromaDirectory) -> CheckResult:
    found, installed, version = directory.steps(), installed_steps(), metadata.version("chromadb")
    older, newer = list(_behind(found, installed)), list(_behind(installed, found))
    if newer:
        return warning(
            f"written by a newer chromadb than the installed {version}: {', '.join(newer)}",
            "install the application's version here: pip install 'chromadb==VERSION'",
        )
    if older:
        return passed(
            f"written by an older chromadb than the installed {version}: {', '.join(older)}",
            "nothing to do: reviews read a private copy; never open it with a newer chromadb elsewhere, which would"
            " migrate it so that the application can no longer read it",
        )
    return passed(f"that of the installed chromadb {version}")


def _behind(one: dict[str, int], other: dict[str, int]) -> Iterator[str]:
    """Yield the parts in which one format is older than the other."""
    for component, name in COMPONENTS.items():
        if one.get(component, 0) < other.get(component, 0):
            yield f"{name} {one.get(component, 0)} of {other[component]}"


def _counts(setup: Setup, collection: ChromaDirectory | ServedCollection) -> CheckResult:
    records, vectors = setup.store.records, collection.count()
    if records == vectors:
        return passed(f"as many vectors as records: {vectors:,}")
    lack = "have no vector" if records > vectors else "have no record"
    return warning(
        f"{count(records, 'record')}, {count(vectors, 'vector')}: at least {abs(records - vectors):,} {lack}",
        "a review lists them under store_consistency",
    )
