"""Which modules are imported when: nobody waits for what is not used."""

from __future__ import annotations

import os
import subprocess
import sys
from ast import literal_eval
from pathlib import Path

import pytest

from drift_checks.report.history.database import History
from tests.support.histories import run
from tests.support.stores import BuiltStore

# Runs a module as `python -m` does; the last line of stderr then says what was imported, and of the package, what
# pytest rewrote for its asserts.
PROBE = """
import atexit, runpy, sys
def tell():
    ours = {name: module.__loader__ for name, module in sys.modules.items() if name.startswith("drift_checks.")}
    rewritten = {name for name, loader in ours.items() if "Rewriting" in type(loader).__name__}
    print((set(sys.modules), rewritten), file=sys.__stderr__)
atexit.register(tell)
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
# pytest without the plugins of other projects that are installed for the tests.
ALONE = ("-p", "no:hypothesispytest", "-p", "no:anyio", "-p", "no:syrupy", "-p", "no:xdist", "-p", "no:cacheprovider")
REVIEW = ("pytest", *ALONE, "--pyargs", "drift_checks", "-c", "/dev/null", "--rootdir", ".", "--noconftest", "-q")

NETWORK = {"httpx", "requests", "urllib3", "smtplib", "drift_checks.reviews.reviewers.llm"}
NUMBERS = {"numpy", "scipy", "sklearn"}
STORES = {"chromadb", "sqlalchemy", "duckdb", "drift_checks.stores.records"}
PAGES = {"jinja2", "prometheus_client", "drift_checks.report.page.html"}
RUNS = {"pydantic", "rich", "tzlocal", "drift_checks.reviews.run"}
EVERYTHING = {"yaml", "apprise", "distributed", *NETWORK, *NUMBERS, *STORES, *PAGES, *RUNS}

# What is started, and what must not be imported for it.
SITUATIONS = {
    "a program that imports the package": (("drift_checks.core.errors",), {"pytest", *EVERYTHING}),
    "pytest in a project that reviews nothing": (
        ("pytest", *ALONE),
        {"drift_checks.settings.declarations", "drift_checks.core.secrets", *EVERYTHING},
    ),
    "--version": (("drift_checks", "--version"), {"pytest", *EVERYTHING}),
    "--help": (("drift_checks", "--help"), EVERYTHING),
    "doctor --help": (("drift_checks", "doctor", "--help"), {"pytest", *EVERYTHING}),
    "acknowledge --help": (("drift_checks", "acknowledge", "--help"), {"pytest", *EVERYTHING}),
    "settings": (("drift_checks", "settings"), {"pytest", *EVERYTHING - {"tzlocal"}}),
    "history": (
        ("drift_checks", "history", "--reports=."),
        {"pytest", "yaml", *NETWORK, *NUMBERS, *STORES, *PAGES},
    ),
    "--collect-only": (
        (*REVIEW, "--collect-only"),
        {"yaml", "chromadb", "duckdb", "scipy", "sklearn", "pydantic", "rich", "drift_checks.alerts", *NETWORK, *PAGES},
    ),
    "a run that compares words": (
        (*REVIEW, "--drift-embedding=tfidf"),
        {"yaml", "apprise", "distributed", "chromadb", "duckdb", *NETWORK},
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_nothing_is_imported_in_vain(situation: str, store: BuiltStore, tmp_path: Path) -> None:
    """Each situation has its list of modules that must not be imported."""
    with History(tmp_path) as history:
        history.add(run())
    command, never = SITUATIONS[situation]
    settings = [f"--drift-db={store.db}", "--drift-chroma=none"] if command[: len(REVIEW)] == REVIEW else []
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *command, *settings],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": os.defpath, "HOME": str(tmp_path)},
        timeout=60,
    )
    imported, rewritten = literal_eval(done.stderr.splitlines()[-1])
    assert sorted(never & imported) == []
    # Only its criteria have asserts.
    assert {name.split(".")[1] for name in rewritten} <= {"criteria", "plugin", "core", "settings"}
