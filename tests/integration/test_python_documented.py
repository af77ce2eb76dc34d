"""The examples of reviews from Python work, and the notebook runs from top to bottom."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.session_runs import REPOSITORY
from tests.support.stores import BuiltStore
from tests.support.whole_runs import surroundings

pytestmark = pytest.mark.slow

# Runs the cells as a notebook does, with an event loop around them, and prints what each shows as HTML or text.
KERNEL = """
import ast, asyncio, json, sys
from pathlib import Path

async def main():
    names, shown = {}, []
    for source in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        *statements, last = ast.parse(source).body
        value = None
        if isinstance(last, ast.Expr):
            exec(compile(ast.Module(statements, []), "cell", "exec"), names)
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
        else:
            exec(compile(source, "cell", "exec"), names)
        shown.append(value._repr_html_() if hasattr(value, "_repr_html_") else repr(value))
    Path("shown.json").write_text(json.dumps(shown), encoding="utf-8")

asyncio.run(main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The current folder."""
    with surroundings(tmp_path / "folder"):
        yield tmp_path / "folder"


def test_the_notebook_shows_reports(folder: Path) -> None:
    """Of the demo, and of a table with its figures and disagreements; it prints nothing, not even a warning."""
    cells = json.loads((REPOSITORY / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    (folder / "cells.json").write_text(json.dumps(sources))
    command = [sys.executable, "-W", "error", "-c", KERNEL, "cells.json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    demo, _, table, figures, rows = json.loads((folder / "shown.json").read_text(encoding="utf-8"))
    assert all(shown.startswith("<iframe") for shown in (demo, table))
    assert "DEMO" in demo
    assert "tickets" in table
    assert figures.startswith("(<Verdict.OK")
    assert "'account', 'refund'" in rows


def test_the_examples_work(folder: Path, store: BuiltStore) -> None:
    """One after the other, with a store and a table of the reader's."""
    store.folder.rename(folder / "chroma")
    (folder / "chroma" / "risk_classifications.db").rename(folder / "classifications.db")
    rows = "range AS id, 'money ' || range AS text, if(range % 9 = 0, 'other', 'refund') AS category FROM range(200)"
    others = "id AS ticket, text AS body, category AS label"
    frame, tickets = (duckdb.sql(f"SELECT {names} FROM (SELECT {rows})") for names in ("*", others))
    text = (REPOSITORY / "docs" / "python.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {"frame": frame, "tickets": tickets}
    for example in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(example, names)
