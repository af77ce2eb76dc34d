"""Sources of criteria that a user might write.

They stand here and not in test modules, since a module that has the mark's name in it is taken for a criterion.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from drift_checks.plugin.keys import MARK

LONG_ENOUGH = """
def test_length(record):
    assert len(record.text) > 10, "the text is short"
"""


def source(checks: str, mark: str | None = 'question="Is it so?"', *, above: str = "") -> str:
    """Return a criterion's source: the mark with these arguments, or bare where they are None, and the checks."""
    arguments = "" if mark is None else f"({mark})"
    return f"{dedent(above)}\nimport pytest\n\npytestmark = pytest.mark.{MARK}{arguments}\n\n{dedent(checks)}"


def write_criterion(
    folder: Path, name: str = "length", checks: str = LONG_ENOUGH, mark: str | None = 'question="Is it so?"'
) -> Path:
    """Write `test_NAME.py` into a folder, made where it is missing, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"test_{name}.py"
    path.write_text(source(checks, mark), encoding="utf-8")
    return path
