"""What scripts/review passes on: arguments, exit codes and signals; a stub stands in for pytest."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path

import pytest

from tests.support.checkout import Checkout


@pytest.mark.parametrize("code", [0, 2, 3, 4, 5, 75])
def test_pytests_exit_code_is_passed_on(made: Checkout, code: int) -> None:
    """Only pytest and the plugin exit with these codes."""
    assert made.run(STUB_CODE=str(code)).returncode == code


def test_1_is_passed_on_when_the_verdict_is_critical(made: Checkout) -> None:
    """The run itself wrote its verdict."""
    result = made.run(STUB_CODE="1", STUB_VERDICT="CRITICAL")
    assert (result.returncode, result.stderr) == (1, "")


@pytest.mark.parametrize("verdict", ["", "OK", "WARNING", "CRITICALLY", "not CRITICAL"])
def test_1_becomes_3_when_the_verdict_is_not_critical(made: Checkout, verdict: str) -> None:
    """A failure without a verdict must not be taken for drift."""
    result = made.run(STUB_CODE="1", STUB_VERDICT=verdict)
    assert result.returncode == 3
    assert result.stderr.startswith("scripts/review: pytest ended with 1 without a verdict")


def test_a_verdict_of_an_earlier_run_does_not_count(made: Checkout, tmp_path: Path) -> None:
    """The script uses its own file, whatever the caller's environment says."""
    earlier = tmp_path / "earlier"
    earlier.write_text("CRITICAL\n")
    assert made.run(STUB_CODE="1", DRIFT_VERDICT_FILE=str(earlier)).returncode == 3


@pytest.mark.parametrize("code", [6, 99, 125, 134, 137, 139])
def test_a_code_that_is_not_pytests_becomes_3(made: Checkout, code: int) -> None:
    """A crash or kill is no verdict; one sentence says so."""
    result = made.run(STUB_CODE=str(code), STUB_VERDICT="CRITICAL")
    assert result.returncode == 3
    assert f"pytest ended with {code}," in result.stderr


@pytest.mark.parametrize("code", [130, 143])
def test_an_end_by_a_signal_becomes_2(made: Checkout, code: int) -> None:
    """Every interruption has the same code."""
    assert made.run(STUB_CODE=str(code)).returncode == 2


def test_no_temporary_file_is_left(made: Checkout) -> None:
    """The verdict's file is removed."""
    made.run(STUB_CODE="1", STUB_VERDICT="CRITICAL")
    assert list((made.folder / "temporary").iterdir()) == []


def test_a_missing_temporary_folder_gives_3(made: Checkout) -> None:
    """A shell command that fails does not make the script exit with 1."""
    result = made.run(TMPDIR=str(made.folder / "missing"))
    assert result.returncode == 3
    assert "TMPDIR" in result.stderr


def test_a_missing_library_gives_3(made: Checkout) -> None:
    """An incomplete checkout is not CRITICAL."""
    (made.root / "scripts" / "lib" / "environment.sh").unlink()
    assert made.run().returncode == 3


@pytest.mark.parametrize("line", ['echo "$undefined"', 'ensure_environment() { echo "$undefined"; }', "if"])
def test_a_shell_that_breaks_off_gives_3(made: Checkout, line: str) -> None:
    """The shell itself would exit with 1."""
    with (made.root / "scripts" / "lib" / "environment.sh").open("a") as library:
        library.write(f"{line}\n")
    assert made.run().returncode == 3


def test_every_argument_goes_to_pytest_as_it_is(made: Checkout) -> None:
    """Spaces, quotes, globs, line breaks and empty arguments are kept."""
    arguments = ["-k", "a b or 'c'", "--drift-db=*.db", "", "-o", 'x="$HOME"', "line\nbreak"]
    made.run(*arguments)
    assert made.given_arguments()[-len(arguments) :] == arguments


def test_without_arguments_the_criteria_are_reviewed(made: Checkout) -> None:
    """The testpaths of pytest.ini do not apply in the caller's folder."""
    made.run()
    (given,) = made.given_arguments()
    assert shlex.split(given.removeprefix("testpaths=")) == [made.criteria]


def test_demo_is_drift_demo(made: Checkout) -> None:
    """The only argument that the script translates."""
    made.run("-v", "--demo")
    assert made.given_arguments()[-2:] == ["-v", "--drift-demo"]


def test_help_goes_to_pytest(made: Checkout) -> None:
    """It is pytest's help, with the project's options."""
    assert made.run("--help").returncode == 0
    assert made.given_arguments()[-1] == "--help"


def test_the_callers_folder_is_kept(made: Checkout) -> None:
    """Relative paths are relative to the caller's folder."""
    made.run()
    assert (made.folder / "cwd").read_text().strip() == str(made.caller)


def test_a_call_through_a_symbolic_link_finds_the_checkout(made: Checkout) -> None:
    """For example through a link on PATH."""
    first, second = made.folder / "first link", made.caller / "second"
    first.symlink_to(made.root / "scripts" / "review")
    second.symlink_to("../first link")
    assert made.run("-q", script=second).returncode == 0
    assert made.given_arguments()[1:] == ["-q"]


def test_a_closed_input_does_no_harm(made: Checkout) -> None:
    """Some schedulers start commands without an input."""
    with made.start(before=["sh", "-c", 'exec "$0" "$@" <&-']) as process:
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(("number", "name"), [(signal.SIGTERM, "TERM"), (signal.SIGINT, "INT")])
def test_a_signal_to_the_script_reaches_pytest(made: Checkout, number: int, name: str) -> None:
    """The script waits for pytest to end and passes its code on."""
    with made.start(STUB_NAP="yes", STUB_CODE="2") as process:
        made.wait_for_nap()
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == 2
    assert made.signals() == [name]
    assert list((made.folder / "temporary").iterdir()) == []


def test_ctrl_c_in_a_terminal_reaches_pytest_once(made: Checkout) -> None:
    """A second SIGINT would interrupt the clean-up that the first one started."""
    in_terminal = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
    with made.start(before=[sys.executable, "-c", in_terminal], STUB_NAP="yes", STUB_CODE="2") as process:
        made.wait_for_nap()
        assert process.stdin is not None
        process.stdin.write("\x03")
        process.stdin.flush()
        made.wait_for((made.folder / "arguments").exists)
        process.communicate(timeout=60)
    assert process.returncode == 2
    assert made.signals() == ["INT"]
