"""Reading all of a collection, in this process or in another."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from drift_checks.stores.vectors.chroma import DirectoryCollection

READ_ALL = """
import sys
from pathlib import Path
import numpy as np
from drift_checks.core.errors import StoreError
from drift_checks.stores.vectors.chroma import DirectoryCollection
try:
    opened = DirectoryCollection(Path(sys.argv[1]), "many", Path(sys.argv[2]))
    opened.entries(list(opened.ids()))
    opened.nearest([np.ones(8, dtype=np.float32)], 10)
    print("read")
except StoreError as error:
    print(error)
"""


def read_all(directory: Path, snapshots: Path) -> None:
    """Read all of a collection, and search it."""
    opened = DirectoryCollection(directory, "many", snapshots)
    try:
        opened.entries(list(opened.ids()))
        opened.nearest([np.ones(8, dtype=np.float32)], 10)
    finally:
        opened.close()
