"""The notebook in the documentation runs from top to bottom."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.session_runs import REPOSITORY

pytestmark = pytest.mark.slow

# Runs the cells as a notebook does, with an event loop around them, and prints what each shows as HTML or text.
KERNEL = """
import ast, asyncio, json, sys

async def main():
    names, shown = {}, []
    for source in json.load(open(sys.argv[1], encoding="utf-8")):
        *statements, last = ast.parse(source).body
        value = None
        if isinstance(last, ast.Expr):
            exec(compile(ast.Module(statements, []), "cell", "exec"), names)
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
        else:
            exec(compile(source, "cell", "exec"), names)
        shown.append(value._repr_html_() if hasattr(value, "_repr_html_") else repr(value))
    json.dump(shown, open("shown.json", "w"))

asyncio.run(main())
"""


def test_the_notebook_shows_reports(tmp_path: Path) -> None:
    """Of the demo, and of a table, with its figures and disagreements."""
    cells = json.loads((REPOSITORY / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    (tmp_path / "cells.json").write_text(json.dumps(sources))
    command = [sys.executable, "-W", "error", "-c", KERNEL, "cells.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    demo, _, table, figures, rows = json.loads((tmp_path / "shown.json").read_text())
    assert demo.startswith("<iframe")
    assert "DEMO" in demo
    assert "tickets" in table
    assert figures.startswith("(<Verdict.")
    assert "account" in rows
