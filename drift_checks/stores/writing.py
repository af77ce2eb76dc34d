"""Writing a finished run back to whatever holds the records."""

from __future__ import annotations

from drift_checks.core.addresses import ServerURL
from drift_checks.stores.records import RecordStore
from drift_checks.stores.write_back import WrittenBack, refuse_unwritable_file, write_back_to_file


def refuse_unwritable(store: RecordStore) -> None:
    """Raise StoreError if the store is one to which nothing can be written back; nothing is written."""
    if not isinstance(store.file.path, ServerURL):
        refuse_unwritable_file(store)
        return
    from drift_checks.stores.engines.database import DatabaseServer
    from drift_checks.stores.write_back_server import refuse_unwritable_server

    assert isinstance(store.file, DatabaseServer)
    refuse_unwritable_server(store, store.file)


def write_back(store: RecordStore, written: WrittenBack) -> bool:
    """Write the run back, in one transaction; return False if that was done before.

    Raises:
        StoreError: The store cannot be written to.
    """
    if not isinstance(store.file.path, ServerURL):
        return write_back_to_file(store, written)
    from drift_checks.stores.engines.database import DatabaseServer
    from drift_checks.stores.write_back_server import write_back_to_server

    assert isinstance(store.file, DatabaseServer)
    return write_back_to_server(store, store.file, written)
