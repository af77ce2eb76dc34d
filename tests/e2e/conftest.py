"""Fixtures of the tests of the scripts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.checkout import REPOSITORY, STUB_PYTHON, TOOLS, Checkout


@pytest.fixture
def bare(tmp_path: Path) -> Checkout:
    """Return a checkout without an environment, on a machine without uv."""
    checkout = Checkout(tmp_path / "a checkout", tmp_path)
    shutil.copytree(REPOSITORY / "scripts", checkout.root / "scripts")
    (checkout.root / "pyproject.toml").write_text("[project]\n")
    checkout.tools.mkdir()
    checkout.caller.mkdir()
    for name in TOOLS:
        checkout.use_system_tool(name)
    if found := shutil.which("flock"):
        (checkout.tools / "flock").symlink_to(found)
    checkout.add_tool("python3", STUB_PYTHON)
    checkout.variables["TMPDIR"] = str(tmp_path / "temporary")
    (tmp_path / "temporary").mkdir()
    return checkout


@pytest.fixture
def made(bare: Checkout) -> Checkout:
    """Return a checkout with its environment."""
    bare.make_environment()
    return bare
