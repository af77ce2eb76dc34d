"""How scripts/review and scripts/test create their environments; stubs stand in for Python, pip and uv."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.checkout import REPOSITORY, STUB_PYTHON, STUB_UV, Checkout


def test_a_signal_ends_the_creation_of_the_environment(bare: Checkout) -> None:
    """The next call starts again."""
    with bare.start(STUB_PIP_HANGS="yes") as process:
        bare.wait_for(lambda: bool(bare.calls("-m pip")))
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 2
    assert bare.run().returncode == 0
    assert len(bare.calls("-m pip")) == 2


def test_the_first_call_creates_the_environment_and_the_second_uses_it(bare: Checkout) -> None:
    """One line says so, and pip's own output stays in the log."""
    first = bare.run()
    second = bare.run()
    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stderr == "scripts/review: Creating the environment .venv (once, about a minute) ...\n"
    assert second.stderr == ""
    assert len(bare.calls("-m venv")) == 1
    assert bare.calls("-m pip")[0].endswith(f"--editable {bare.root}[duckdb]")
    assert "pip's output" in (bare.root / ".venv" / "install.log").read_text()


def test_uv_creates_the_environment_if_it_is_installed(bare: Checkout) -> None:
    """It needs no venv module."""
    bare.add_tool("uv", STUB_UV)
    assert bare.run(STUB_VENV_MISSING="1").returncode == 0
    (install,) = bare.calls("pip install")
    assert install.startswith(f"uv --directory {bare.root} pip install")
    assert install.endswith("--resolution highest --editable .[duckdb]")


def test_the_environment_is_replaced_when_pyproject_changes(made: Checkout) -> None:
    """Its dependencies may have changed."""
    (made.root / "pyproject.toml").write_text("[project]\nname = 'another'\n")
    assert made.run().returncode == 0
    assert len(made.calls("-m pip")) == 1


def test_the_environment_of_a_moved_checkout_is_replaced(made: Checkout) -> None:
    """An environment names its own folder and the checkout's."""
    moved = made.root.rename(made.folder / "elsewhere")
    made.root = moved
    assert made.run().returncode == 0
    assert len(made.calls("-m pip")) == 1


def test_an_environment_without_its_interpreter_is_replaced(made: Checkout) -> None:
    """As after an upgrade of the system's Python."""
    python = made.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert made.run().returncode == 0
    assert len(made.calls("-m pip")) == 1


def test_an_environment_without_the_package_is_replaced_before_the_review(made: Checkout) -> None:
    """As after an upgrade of the system's Python to another version."""
    (made.folder / "module is missing").touch()
    assert made.run().returncode == 0
    assert len(made.calls("-m pip")) == 1
    assert len(made.calls("-m pytest")) == 1


def test_an_environment_in_which_an_import_fails_is_replaced_and_the_review_repeated(made: Checkout) -> None:
    """Without a dependency pytest exits with 1, which is no verdict."""
    (made.folder / "import fails").touch()
    result = made.run(STUB_CODE="1")
    assert result.returncode == 3
    assert "is broken and is created again" in result.stderr
    assert len(made.calls("-m pip")) == 1
    assert len(made.calls("-m pytest")) == 2


def test_a_broken_interpreter_gives_3(bare: Checkout) -> None:
    """Also if the new environment breaks in the same way."""
    result = bare.run(STUB_CODE="127")
    assert result.returncode == 3
    assert "pytest ended with 127" in result.stderr


def test_an_interpreter_that_cannot_be_executed_gives_3(made: Checkout) -> None:
    """The shell itself exits with 126 or 127."""
    made.add_tool("python3", "#!/bin/sh\nexit 1\n")
    (made.root / ".venv" / "bin" / "python").write_text("#!/nowhere/interpreter\n")
    assert made.run().returncode == 3


def test_a_failed_installation_gives_3_with_the_end_of_its_output(bare: Checkout) -> None:
    """The next call tries again."""
    failed = bare.run(STUB_PIP_CODE="1")
    assert failed.returncode == 3
    assert "pip's output" in failed.stderr
    assert "could not be created" in failed.stderr
    assert bare.run().returncode == 0


def test_a_python_that_is_too_old_gives_3_and_a_remedy(bare: Checkout) -> None:
    """The message names the version found and the one needed."""
    result = bare.run(STUB_VERSION="3.9")
    assert result.returncode == 3
    assert "is Python 3.9, which is too old: install Python 3.11 or later, or set" in result.stderr
    assert not (bare.root / ".venv").exists()


def test_no_python_gives_3_and_a_remedy(bare: Checkout) -> None:
    """A command of that name that does not run does not count."""
    bare.add_tool("python3", "#!/bin/sh\nexit 127\n")
    result = bare.run()
    assert result.returncode == 3
    assert "No Python was found on PATH: install Python 3.11 or later" in result.stderr


def test_a_new_enough_python_is_preferred_to_the_systems(bare: Checkout) -> None:
    """The system's python3 may be an old one."""
    bare.add_tool("python3", "#!/bin/sh\necho 3.9 /usr/bin/python3\n")
    bare.add_tool("python3.13", "#!/bin/sh\nexit 127\n")
    bare.add_tool("python3.12", STUB_PYTHON)
    assert bare.run().returncode == 0
    assert len(bare.calls("-m venv")) == 1


def test_drift_python_chooses_the_interpreter(bare: Checkout, tmp_path: Path) -> None:
    """It need not be on PATH."""
    chosen = shutil.move(bare.tools / "python3", tmp_path / "chosen python")
    assert bare.run(DRIFT_PYTHON=str(chosen)).returncode == 0


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"DRIFT_PYTHON": "/nowhere/python"}, "is /nowhere/python, which does not run"),
        ({"DRIFT_PYTHON": "python3", "STUB_VERSION": "3.10"}, "is python3, which is Python 3.10"),
    ],
)
def test_an_unusable_drift_python_gives_3(bare: Checkout, variables: dict[str, str], message: str) -> None:
    """No other interpreter replaces it."""
    bare.variables.update(variables)
    result = bare.run()
    assert result.returncode == 3
    assert message in result.stderr


def test_a_missing_venv_module_gives_3_and_a_remedy(bare: Checkout) -> None:
    """On Debian it is a package of its own."""
    result = bare.run(STUB_VENV_MISSING="1")
    assert result.returncode == 3
    assert "apt-get install python3-venv" in result.stderr
    assert not (bare.root / ".venv").exists()


@pytest.mark.parametrize("has_flock", [True, False])
def test_two_first_calls_at_once_create_one_environment(bare: Checkout, has_flock: bool) -> None:
    """The second waits for the first, with or without flock."""
    if not has_flock:
        (bare.tools / "flock").unlink(missing_ok=True)
    with bare.start(STUB_PIP_SECONDS="1") as first, bare.start(STUB_PIP_SECONDS="1") as second:
        first.communicate(timeout=60)
        second.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(bare.calls("-m pip")) == 1
    assert not (bare.root / ".venv.lock").exists()


def test_an_abandoned_lock_folder_gives_3_and_a_remedy(bare: Checkout) -> None:
    """Only without flock, whose locks end with their holders."""
    (bare.tools / "flock").unlink(missing_ok=True)
    lock = bare.root / ".venv.lock"
    lock.mkdir()
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    (lock / "holder").write_text(str(ended.pid))
    result = bare.run()
    assert result.returncode == 3
    assert "remove that folder" in result.stderr


def test_a_later_call_adds_little_to_pytests_own_time(made: Checkout) -> None:
    """The stub takes no time: this measures what the script makes the processor do."""
    made.run()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    made.run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


def test_tests_have_their_own_environment(bare: Checkout) -> None:
    """It holds the extra `test`; pytest runs all tests but the slow ones, with the caller's arguments."""
    result = bare.run("-k", "one or two", script=bare.root / "scripts" / "test")
    assert result.returncode == 0
    assert re.fullmatch(r"scripts/test: passed in 0 min \d+ s\n", result.stdout)
    assert bare.calls("-m pip")[0].endswith(f"--editable {bare.root}[test]")
    given = (bare.folder / "arguments").read_text().split("\0")[:-1]
    assert given[given.index("-o") :] == [
        *("-o", "testpaths=tests/unit tests/integration"),
        *("-m", "not slow", "-k", "one or two"),
    ]
    assert (bare.folder / "cwd").read_text() == f"{bare.root}\n"
    assert (bare.folder / "thorough").read_text() == ""


def test_slow_tests_run_if_they_are_named(bare: Checkout) -> None:
    """By a path, or a path and a name."""
    bare.run("scripts/test::test_slow", script=bare.root / "scripts" / "test")
    given = (bare.folder / "arguments").read_text().split("\0")[:-1]
    assert given[-2:] == ["testpaths=tests/unit tests/integration", "scripts/test::test_slow"]


@pytest.mark.parametrize(("ended", "code"), [("1", 1), ("2", 1), ("4", 4), ("5", 5), ("137", 1)])
def test_failed_tests_are_reported_on_the_last_line(bare: Checkout, ended: str, code: int) -> None:
    """Pytest's codes for wrong usage and for no tests are passed on."""
    result = bare.run(script=bare.root / "scripts" / "test", STUB_CODE=ended)
    assert result.returncode == code
    assert re.fullmatch(r"scripts/test: failed in 0 min \d+ s: tests\n", result.stdout)


def test_thorough_is_passed_on_to_the_tests(bare: Checkout) -> None:
    """As a variable, which pytest's workers inherit."""
    bare.run("--thorough", script=bare.root / "scripts" / "test")
    assert (bare.folder / "thorough").read_text() == "1"


def test_all_runs_every_check(bare: Checkout) -> None:
    """A failure of one of them keeps none of the others from running."""
    bare.add_tool("uv", STUB_UV)
    bare.add_tool("python3.11", STUB_PYTHON)
    result = bare.run("--all", script=bare.root / "scripts" / "test", STUB_MYPY_CODE="1")
    assert result.returncode == 1
    assert re.fullmatch(r"mypy's output\nscripts/test: failed in 0 min \d+ s: types\n", result.stdout)
    newest, oldest = bare.calls("-m pytest")
    assert "testpaths=tests/e2e tests/hostile tests/unit tests/integration" in newest
    assert "tests/unit/stores" in oldest
    assert [len(bare.calls(text)) for text in ("format --check", "-m mypy", "lowest-direct")] == [1, 1, 1]


def test_tests_with_the_oldest_dependencies_need_an_old_python(bare: Checkout) -> None:
    """Without it they are skipped, which a line says."""
    result = bare.run("--all", script=bare.root / "scripts" / "test")
    assert result.returncode == 0
    assert "tests with the oldest dependencies: skipped, they need Python 3.11" in result.stderr
    assert len(bare.calls("-m pytest")) == 1


def test_paths_of_the_tests_with_the_oldest_dependencies_exist() -> None:
    """They are listed in the script."""
    text = (REPOSITORY / "scripts" / "test").read_text().partition("of_dependencies=(")[2].partition(")")[0]
    assert [path for path in text.split() if not (REPOSITORY / path).exists()] == []


def copy_of_the_checkout(target: Path) -> Path:
    """Copy what Git tracks or would track."""
    if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
        pytest.skip("not a Git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listing.split("\0")):
        if (REPOSITORY / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, target / name)
    return target


@pytest.mark.slow
def test_a_fresh_checkout_reviews_the_demo(tmp_path: Path) -> None:
    """From nothing to a verdict, with a real environment."""
    root = copy_of_the_checkout(tmp_path / "fresh checkout")
    ours = ("DRIFT_", "PYTEST_", "PYTHONPATH")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command = [str(root / "scripts" / "review"), "--demo"]
    result = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=1200)
    assert result.returncode in {0, 1}, result.stdout + result.stderr
    assert "Creating the environment .venv" in result.stderr
