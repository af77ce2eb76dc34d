"""Imports go down the layers only."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import drift_checks
from tests.support.stores import BuiltStore

PACKAGE = Path(drift_checks.__file__).parent
BASICS = (
    "records",
    "instants",
    "credentials",
    "journal",
    "configuration",
    "taxonomy",
)
# What each part may import of the others; a part may import itself.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    **{name: {"errors", *BASICS} - {name} for name in BASICS},
    "statistics": {"errors", "records", "instants"},
    "sampling": {"errors", "records", "instants"},
    "stores": {"errors", "records", "instants"},
    "reviewers": {"errors", "records", "instants", "credentials"},
    "reporting": {"errors", "records", "instants", "journal", "statistics"},
}
LOWER = {*ALLOWED}
ALLOWED["logs"] = {"errors", "reporting"}
ALLOWED["alerts"] = {
    *("errors", "records", "credentials", "configuration", "statistics", "reporting", "logs"),
}
ALLOWED |= {
    "comparing": LOWER,
    "drawing": LOWER,
    "detailing": {*LOWER, "redaction"},
    "redaction": {"records"},
    "repeating": LOWER,
    "slices": LOWER,
    "variants": LOWER,
    "ledger": LOWER,
    "resuming": LOWER,
    "reviewer_choice": LOWER,
    "demo": {*LOWER, "pipeline"},
    "pipeline": {
        *LOWER,
        *("comparing", "demo", "drawing", "ledger", "redaction", "resuming", "reviewer_choice", "variants"),
    },
    "plugin": {
        *LOWER,
        *(
            "alerts",
            "comparing",
            "demo",
            "detailing",
            "ledger",
            "logs",
            "pipeline",
            "redaction",
            "repeating",
            "resuming",
            "slices",
        ),
    },
    "doctor": {*LOWER, "alerts", "care", "demo", "redaction", "reviewer_choice", "scheduling"},
    "care": {"errors", "records", "instants", "configuration", "stores", "reporting"},
    "scheduling": {*LOWER, "alerts"},
    "commands": {*LOWER, "alerts", "care", "doctor", "scheduling"},
    "cli": {*LOWER, "commands", "demo", "pipeline"},
    "criteria": {*LOWER, "comparing", "demo", "pipeline", "slices"},
    "__main__": {"cli", "commands"},
    "__init__": set(),
}
WITH_PYTEST = {"plugin", "cli", "criteria"}
HEAVY = ("chromadb", "scipy", "rich", "jinja2", "numpy")


def part_of(file: Path) -> str:
    """Return the part of the package that a file belongs to."""
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(file: Path) -> Iterator[str]:
    """Yield the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide their layer"
            assert node.module is not None
            if node.module == "drift_checks":
                yield from (f"drift_checks.{alias.name}" for alias in node.names)
            else:
                yield node.module


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_go_down_the_layers(file: Path) -> None:
    """A part imports only what lies below it."""
    own = part_of(file)
    parts = {name.split(".")[1] for name in imports(file) if name.startswith("drift_checks.")}
    assert parts - {own} <= ALLOWED[own]


def importers(library: str) -> set[Path]:
    """Return the files of the package that import the library."""
    return {
        file.relative_to(PACKAGE) for file in FILES if library in {name.partition(".")[0] for name in imports(file)}
    }


def test_every_part_has_its_layer() -> None:
    """A new one is given a place here."""
    assert {part_of(file) for file in FILES} <= set(ALLOWED)


def test_only_pytests_own_side_imports_pytest() -> None:
    """Plugin, command line and criteria; beside them the conftest."""
    assert {path.parts[0].removesuffix(".py") for path in importers("pytest")} <= WITH_PYTEST


def test_only_one_file_imports_chromadb() -> None:
    """Another version changes one file."""
    assert importers("chromadb") == {Path("stores/chroma.py")}


@pytest.mark.parametrize("upper", ["plugin", "criteria", "conftest"])
def test_nothing_imports_the_top(upper: str) -> None:
    """But a part its own, and the conftest, which stands above all."""
    for file in FILES:
        if part_of(file) != upper:
            names = {name.removeprefix("drift_checks.").split(".")[0] for name in imports(file)}
            assert upper not in names, file


@pytest.mark.parametrize("library", HEAVY)
def test_the_plugin_starts_without_heavy_libraries(library: str) -> None:
    """Every pytest session on the machine loads it."""
    code = f"import sys, drift_checks.plugin; print({library!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


PROBE = """
import sys
def pytest_unconfigure(config):
    print("heavy:", sorted({"chromadb", "scipy", "rich"} & set(sys.modules)))
"""


def test_collecting_opens_no_vectors(store: BuiltStore, tmp_path: Path) -> None:
    """The records are drawn from SQLite alone."""
    (tmp_path / "import_probe.py").write_text(PROBE)
    command = [sys.executable, "-m", "pytest", "--pyargs", "drift_checks", "-c", "/dev/null", "--rootdir", "."]
    switched_off = ["-p", "no:hypothesispytest", "-p", "no:syrupy", "-p", "no:xdist"]
    done = subprocess.run(
        [*command, *switched_off, "--noconftest", "-p", "import_probe", "--collect-only", "-q", *store.options],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)},
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "heavy: []" in done.stdout
    assert "test_agreement[" in done.stdout
