"""Compiles the modules that a review imports, by reviewing the demo once; called when an environment is created.

Where PYTHONDONTWRITEBYTECODE is set, or the user of the reviews may not write, each review would compile them again,
which takes longer than the review itself.
"""

from __future__ import annotations

import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

ROOT = Path(__file__).resolve().parents[2]


class EveryModule:
    """A plugin that imports all of the package in a session of pytest, which rewrites some of its assertions."""

    def pytest_configure(self) -> None:
        """Import it."""
        import drift_checks

        for module in walk_packages(drift_checks.__path__, "drift_checks."):
            if not module.name.endswith("__main__"):
                import_module(module.name)


def main() -> int:
    """Review the demo in a temporary folder, without the caller's settings."""
    sys.dont_write_bytecode = False
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.chdir(folder)
        for name in [name for name in os.environ if name != "PATH"]:
            del os.environ[name]
        os.environ["XDG_CACHE_HOME"] = folder
        import pytest

        options = ["-c", str(ROOT / "pytest.ini"), "--rootdir", folder, "-p", "no:cacheprovider"]
        review = [str(ROOT / "drift_checks" / "criteria"), "--drift-demo", "--drift-alerts=none"]
        return int(pytest.main([*options, *review], plugins=[EveryModule()]))


if __name__ == "__main__":
    sys.exit(main())
