"""How scripts/review and scripts/test make their environments; stubs stand in for Python, pip and uv."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.checkout import REPOSITORY, STUB_PYTHON, STUB_UV, Checkout


def test_a_signal_breaks_off_the_making_of_the_environment(bare: Checkout) -> None:
    """What is left is made anew by the next call."""
    with bare.start(STUB_PIP_HANGS="yes") as process:
        bare.wait_for(lambda: bool(bare.calls("-m pip")))
        process.terminate()
        process.communicate(timeout=10)
    assert process.returncode == 2
    assert bare.run().returncode == 0
    assert len(bare.calls("-m pip")) == 2


def test_the_first_call_makes_the_environment_and_the_second_uses_it(bare: Checkout) -> None:
    """One line says so, and pip's own output stays in the log."""
    first = bare.run()
    second = bare.run()
    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stderr == "scripts/review: Making the environment in .venv (once, about a minute) ...\n"
    assert second.stderr == ""
    assert len(bare.calls("-m venv")) == 1
    assert bare.calls("-m pip")[0].endswith(f"--editable {bare.root}[llm]")
    assert "pip's output" in (bare.root / ".venv" / "install.log").read_text()


def test_uv_makes_the_environment_where_it_is_installed(bare: Checkout) -> None:
    """With compiled modules, which pip makes by itself."""
    bare.add_tool("uv", STUB_UV)
    assert bare.run(STUB_VENV_MISSING="1").returncode == 0
    (install,) = bare.calls("pip install")
    assert install.startswith(f"uv --directory {bare.root} pip install")
    assert install.endswith("--compile-bytecode --editable .[llm]")


def test_the_environment_is_made_anew_when_pyproject_changes(made: Checkout) -> None:
    """Its dependencies may have changed."""
    (made.root / "pyproject.toml").write_text("[project]\nname = 'another'\n")
    assert made.run().returncode == 0
    assert len(made.calls("-m pip")) == 1


def test_the_environment_of_a_moved_checkout_is_made_anew(made: Checkout) -> None:
    """An environment names its own folder and the checkout's."""
    moved = made.root.rename(made.folder / "elsewhere")
    made.root = moved
    assert made.run().returncode == 0
    assert len(made.calls("-m pip")) == 1


def test_an_environment_without_its_interpreter_is_made_anew(made: Checkout) -> None:
    """As after an upgrade of the system's Python."""
    python = made.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert made.run().returncode == 0
    assert len(made.calls("-m pip")) == 1


def test_an_environment_without_the_package_is_made_anew_before_the_review(made: Checkout) -> None:
    """As where the system's Python has become another version."""
    (made.folder / "module is missing").touch()
    assert made.run().returncode == 0
    assert len(made.calls("-m pip")) == 1
    assert len(made.calls("-m pytest")) == 1


def test_an_environment_in_which_an_import_fails_is_made_anew_and_the_review_repeated(made: Checkout) -> None:
    """A missing dependency ends pytest with 1, which is no verdict."""
    (made.folder / "import fails").touch()
    result = made.run(STUB_CODE="1")
    assert result.returncode == 3
    assert "is broken and is made again" in result.stderr
    assert len(made.calls("-m pip")) == 1
    assert len(made.calls("-m pytest")) == 2


def test_a_broken_interpreter_gives_3(bare: Checkout) -> None:
    """Also where another environment breaks in the same way."""
    result = bare.run(STUB_CODE="127")
    assert result.returncode == 3
    assert "pytest ended with 127" in result.stderr


def test_an_interpreter_that_cannot_be_executed_gives_3(made: Checkout) -> None:
    """The shell's own codes for that are 126 and 127."""
    made.add_tool("python3", "#!/bin/sh\nexit 1\n")
    (made.root / ".venv" / "bin" / "python").write_text("#!/nowhere/interpreter\n")
    assert made.run().returncode == 3


def test_a_failed_installation_gives_3_with_the_end_of_its_output(bare: Checkout) -> None:
    """And it is tried anew by the next call."""
    failed = bare.run(STUB_PIP_CODE="1")
    assert failed.returncode == 3
    assert "pip's output" in failed.stderr
    assert "could not be made" in failed.stderr
    assert bare.run().returncode == 0


def test_a_python_that_is_too_old_gives_3_and_a_remedy(bare: Checkout) -> None:
    """The message names the version found and the one needed."""
    result = bare.run(STUB_VERSION="3.9")
    assert result.returncode == 3
    assert "is Python 3.9, which is too old: install Python 3.11 or later, or set" in result.stderr
    assert not (bare.root / ".venv").exists()


def test_no_python_gives_3_and_a_remedy(bare: Checkout) -> None:
    """A command of that name which does not run is none."""
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
    """No other interpreter is taken in its place."""
    bare.variables.update(variables)
    result = bare.run()
    assert result.returncode == 3
    assert message in result.stderr


def test_a_missing_venv_module_gives_3_and_a_remedy(bare: Checkout) -> None:
    """Debian packs it by itself."""
    result = bare.run(STUB_VENV_MISSING="1")
    assert result.returncode == 3
    assert "apt-get install python3-venv" in result.stderr
    assert not (bare.root / ".venv").exists()


@pytest.mark.parametrize("has_flock", [True, False])
def test_two_first_calls_at_once_make_one_environment(bare: Checkout, has_flock: bool) -> None:
    """The second waits for the first, with or without flock."""
    if not has_flock:
        (bare.tools / "flock").unlink(missing_ok=True)
    with bare.start(STUB_PIP_SECONDS="1") as first, bare.start(STUB_PIP_SECONDS="1") as second:
        first.communicate(timeout=30)
        second.communicate(timeout=30)
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
    """The stub takes no time, so what is measured is the script's."""
    made.run()
    durations = []
    for _ in range(3):
        start = time.monotonic()
        made.run()
        durations.append(time.monotonic() - start)
    assert min(durations) < 0.5


def test_the_checks_have_their_own_environment_and_pass_arguments_and_code_on(bare: Checkout) -> None:
    """Tox is installed with the extra `dev` and told where its configuration is."""
    result = bare.run("-e", "py", script=bare.root / "scripts" / "test", STUB_CODE="1")
    assert result.returncode == 1
    assert bare.calls("-m pip")[0].endswith(f"--editable {bare.root}[dev]")
    assert bare.calls("-m tox") == [f"-m tox run -c {bare.root}/tox.ini -e py"]
    assert (bare.root / ".venv-dev" / "made-from").exists()


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
    assert "Making the environment in .venv" in result.stderr
