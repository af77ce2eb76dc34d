"""Imports that the collector of garbage leaves alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNTS = "print(gc.isenabled(), gc.get_freeze_count() > 0)"


@pytest.mark.parametrize(
    ("block", "printed"),
    [
        ("with lasting_imports(): assert not gc.isenabled()", "True True"),
        ("try:\n    with lasting_imports(): 1 / 0\nexcept ZeroDivisionError: pass", "True False"),
        ("gc.disable()\nwith lasting_imports(): pass", "False False"),
    ],
    ids=["imported", "failed", "switched off by others"],
)
def test_what_is_there_after_the_imports_is_searched_no_more(block: str, printed: str) -> None:
    """The collector is on again afterwards, unless somebody switched it off."""
    code = f"import gc\nfrom drift_checks.core.lasting import lasting_imports\n{block}\n{COUNTS}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == f"{printed}\n", done.stderr
