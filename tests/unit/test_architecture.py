"""The rooms of the package, and which may import which."""

from __future__ import annotations

import ast
import subprocess
import sys
from ast import literal_eval
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import drift_checks
from tests.support.stores import BuiltStore

PACKAGE = Path(drift_checks.__file__).parent
# Each room imports only from those before it.
ROOMS = (
    *("core", "statistics", "settings", "stores", "reviews", "criteria"),
    *("report", "alerts", "operations", "commands", "plugin", "api", "__init__", "__main__"),
)
MOST_ENTRIES = 14
HEAVY = ("chromadb", "scipy", "rich", "jinja2", "numpy", "pydantic")


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


def test_the_package_itself_is_light() -> None:
    """A program that imports it pays for a review only when it calls one."""
    code = f"import sys, drift_checks; print([name for name in {('pytest', *HEAVY)!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_the_plugin_starts_without_heavy_libraries() -> None:
    """Every pytest session on the machine loads it: pytest's hooks and the declarations of the settings, no more."""
    code = "import sys, drift_checks.plugin; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {*HEAVY, "asyncio", "sqlalchemy"} & set(loaded)
    assert {room(module) for module in loaded if module in FILES} == {"__init__", "core", "settings", "plugin"}


PROBE = """
import sys
def pytest_unconfigure(config):
    print("heavy:", sorted({"chromadb", "scipy", "rich", "jinja2", "pydantic", "requests"} & set(sys.modules)))
    ours = {name: module.__loader__ for name, module in sys.modules.items() if name.startswith("drift_checks.")}
    print("rewritten:", {name.split(".")[1] for name, loader in ours.items() if "Rewriting" in type(loader).__name__})
"""


def test_collecting_opens_no_vectors(store: BuiltStore, tmp_path: Path) -> None:
    """The records are drawn from SQLite alone. Of the package, pytest rewrites the plugin and the criteria only."""
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
    rewritten = literal_eval(done.stdout.partition("rewritten: ")[2].splitlines()[0])
    assert "criteria" in rewritten
    assert not {"commands", "reviews", "report", "stores", "statistics"} & rewritten
    assert "test_agreement[" in done.stdout
