"""The rooms of the package, and which may import which."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import drift_checks

PACKAGE = Path(drift_checks.__file__).parent
# Each room imports only from those before it.
ROOMS = (
    *("core", "statistics", "settings", "stores", "reviews", "criteria"),
    *("report", "alerts", "operations", "commands", "plugin", "api", "__init__", "__main__"),
)
MOST_ENTRIES = 14


def module_name(file: Path) -> str:
    """Return the dotted name of a file of the package."""
    return ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


FILES = {module_name(file): file for file in PACKAGE.rglob("*.py")}


def imported_names(file: Path) -> Iterator[str]:
    """Yield every module that a file imports, also inside functions and for types only."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import hides its room"
            assert node.module is not None
            submodules = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from [name if name in FILES else node.module for name in submodules]


IMPORTS = {module: {*imported_names(file)} for module, file in FILES.items()}


def room(module: str) -> str:
    """Return the room of a module of the package."""
    return module.split(".")[1] if "." in module else "__init__"


def importers(library: str) -> set[str]:
    """Return the modules that import the library."""
    return {module for module, names in IMPORTS.items() if library in {name.split(".")[0] for name in names}}


def test_the_package_opens_on_few_rooms() -> None:
    """A newcomer takes them in at a glance."""
    entries = {path.name for path in PACKAGE.iterdir() if path.name not in ("__pycache__", "py.typed")}
    assert {name.removesuffix(".py") for name in entries} == {*ROOMS}
    assert len(entries) <= MOST_ENTRIES


def test_imports_go_down() -> None:
    """A room imports only from rooms above it in the list."""
    order = {name: place for place, name in enumerate(ROOMS)}
    wrong = {
        (module, name)
        for module, names in IMPORTS.items()
        for name in names & FILES.keys()
        if room(name) not in (room(module), "__init__") and order[room(name)] >= order[room(module)]
    }
    assert not wrong


def test_no_imports_form_a_cycle() -> None:
    """Neither between rooms nor inside one, imports for types included."""
    graph = {module: (names & FILES.keys()) - {module} for module, names in IMPORTS.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_only_the_pytest_side_imports_pytest() -> None:
    """The plugin, the criteria, and the two that start pytest."""
    assert {room(module) for module in importers("pytest")} <= {"plugin", "criteria", "commands", "api"}


def test_few_files_import_chromadb() -> None:
    """A new version changes two files."""
    ours = {f"drift_checks.stores.vectors.{name}" for name in ("bindings", "chroma")}
    assert importers("chromadb") | importers("chromadb_rust_bindings") == ours


def test_nothing_needs_the_libraries_that_only_tests_have() -> None:
    """They weigh 200 MB; tests compare with them."""
    assert not importers("scipy") | importers("sklearn")


def test_nothing_imports_the_criteria() -> None:
    """They are read by people and by pytest."""
    assert not {
        module for module, names in IMPORTS.items() if {"criteria"} & {room(name) for name in names & FILES.keys()}
    }
