"""scripts/backup and scripts/vacuum."""

from __future__ import annotations

import pytest

from tests.support.checkout import Checkout


@pytest.mark.parametrize("name", ["backup", "vacuum"])
def test_the_script_creates_the_environment_and_passes_arguments_on(bare: Checkout, name: str) -> None:
    """It shares the review's environment and the checkout's ini file."""
    result = bare.run("--one", "two words", script=bare.root / "scripts" / name)
    assert (result.returncode, result.stdout) == (0, "")
    assert bare.calls("-m pip")[0].endswith(f"--editable {bare.root}[duckdb]")
    given = (bare.folder / "arguments").read_text().split("\0")[:-1]
    ini = str(bare.root / "pytest.ini")
    assert given == ["-P", "-m", "drift_checks", name, "-c", ini, "--one", "two words"]
    assert (bare.folder / "cwd").read_text() == f"{bare.caller}\n"


@pytest.mark.parametrize(("ended", "code"), [("0", 0), ("4", 4), ("75", 75), ("130", 2), ("1", 3), ("139", 3)])
def test_the_exit_code_is_passed_on(made: Checkout, ended: str, code: int) -> None:
    """Any other than the command's own becomes 3."""
    result = made.run(script=made.root / "scripts" / "backup", STUB_CODE=ended)
    assert result.returncode == code
    assert ("not one of its exit codes" in result.stderr) == (ended in ("1", "139"))


def test_a_signal_reaches_the_command(made: Checkout) -> None:
    """The script waits for it to end."""
    process = made.start(script=made.root / "scripts" / "vacuum", STUB_NAP="1")
    made.wait_for_nap()
    process.terminate()
    process.communicate(timeout=60)
    assert (process.returncode, made.signals()) == (2, ["TERM"])
