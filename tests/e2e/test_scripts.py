"""What scripts/review and scripts/test hold to; a stub stands in for Python, pip and pytest."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = ("bash", "cat", "cksum", "cp", "id", "mkdir", "mktemp", "readlink", "rm", "sh", "sleep", "tail")

# Plays python3, its venv module, the environment's python, pip, pytest and tox, as the STUB_ variables say.
STUB_PYTHON = """#!/bin/sh
printf '%s\\n' "$*" >>"$STUB_FOLDER/calls"
case "$1 $2" in
    "-c "*ensurepip*) exit "${STUB_VENV_MISSING:-0}" ;;
    "-c "*) echo "${STUB_VERSION:-3.12} $0"; exit ;;
    "-I -c")
        case "$3" in
            *entry_points*) [ ! -e "$STUB_FOLDER/import fails" ] ;;
            *) [ ! -e "$STUB_FOLDER/module is missing" ] ;;
        esac
        exit ;;
    "-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; exit ;;
    "-m pip")
        echo "pip's output"
        [ -z "$STUB_PIP_HANGS" ] || exec sleep 20
        sleep "${STUB_PIP_SECONDS:-0}"
        rm -f "$STUB_FOLDER/import fails" "$STUB_FOLDER/module is missing"
        exit "${STUB_PIP_CODE:-0}" ;;
esac
if [ -n "$STUB_NAP" ]; then
    trap 'echo INT >>"$STUB_FOLDER/signals"' INT
    trap 'echo TERM >>"$STUB_FOLDER/signals"; exit 143' TERM
    : >"$STUB_FOLDER/napping"
    until [ -s "$STUB_FOLDER/signals" ]; do sleep 0.05; done
    sleep 0.5
fi
(: 9<&0) 2>/dev/null || exit 99
printf '%s\\n' "$PWD" >"$STUB_FOLDER/cwd"
printf '%s\\0' "$@" >"$STUB_FOLDER/arguments"
[ -z "$STUB_VERDICT" ] || printf '%s\\n' "$STUB_VERDICT" >"$DRIFT_VERDICT_FILE"
exit "${STUB_CODE:-0}"
"""

STUB_UV = """#!/bin/sh
printf 'uv %s\\n' "$*" >>"$STUB_FOLDER/calls"
for last in "$@"; do :; done
case "$3" in
    venv) mkdir -p "$last/bin"; cp "$STUB_FOLDER/tools/python3" "$last/bin/python" ;;
esac
"""


@dataclass
class Checkout:
    """A copy of the scripts, beside a folder of tools that is the whole of PATH."""

    root: Path
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def tools(self) -> Path:
        """The folder on PATH."""
        return self.folder / "tools"

    @property
    def caller(self) -> Path:
        """The folder in which the commands are given."""
        return self.folder / "caller's"

    @property
    def criteria(self) -> str:
        """What the review is given where the caller names no test path."""
        return str(self.root / "drift_checks" / "criteria")

    def add_tool(self, name: str, text: str) -> None:
        """Put a script on PATH."""
        tool = self.tools / name
        tool.write_text(text)
        tool.chmod(0o755)

    def use_system_tool(self, name: str) -> None:
        """Put one of the system's commands on PATH."""
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"{name} is not installed")
        (self.tools / name).symlink_to(found)

    def make_environment(self, name: str = ".venv") -> Path:
        """Leave an environment as a call of the scripts would, without making one."""
        binaries = self.root / name / "bin"
        binaries.mkdir(parents=True)
        python = binaries / "python"
        python.write_text(STUB_PYTHON)
        python.chmod(0o755)
        self.stamp(name)
        return python

    def stamp(self, name: str = ".venv") -> None:
        """Mark the environment as made, by the scripts' own means."""
        stamp_text = 'root=$1; . "$1/scripts/lib/environment.sh"; environment=$1/$2; stamp_text'
        command = ["bash", "-c", stamp_text, "-", str(self.root), name]
        stamp = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        (self.root / name / "made-from").write_bytes(stamp)

    def environ(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the bare environment of a call: as cron's, with no HOME."""
        return {"PATH": str(self.tools), "STUB_FOLDER": str(self.folder), **self.variables, **variables}

    def start(
        self, *arguments: str, script: Path | None = None, before: Sequence[str] = (), **variables: str
    ) -> subprocess.Popen[str]:
        """Give a command in the caller's folder, with no terminal."""
        return subprocess.Popen(
            [*before, str(script or self.root / "scripts" / "review"), *arguments],
            cwd=self.caller,
            env=self.environ(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, script: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Give a command and wait for its end."""
        process = self.start(*arguments, script=script, **variables)
        output, errors = process.communicate(timeout=30)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def calls(self, containing: str) -> list[str]:
        """Return the recorded calls of the stubs that contain a text."""
        record = self.folder / "calls"
        lines = record.read_text().splitlines() if record.exists() else []
        return [line for line in lines if containing in line]

    def given_arguments(self) -> list[str]:
        """Return what pytest was given after the options that the script always adds."""
        given = (self.folder / "arguments").read_text().split("\0")[:-1]
        fixed = ["-P", "-m", "pytest", "-c", str(self.root / "pytest.ini"), "--rootdir", str(self.caller)]
        fixed += ["-o", f"cache_dir={self.root}/.pytest_cache", "-o"]
        assert given[: len(fixed)] == fixed
        return given[len(fixed) :]

    def signals(self) -> list[str]:
        """Return the signals that reached pytest."""
        return (self.folder / "signals").read_text().split()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition of the running command holds."""
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, "the command did not get that far"
            time.sleep(0.02)

    def wait_for_nap(self) -> None:
        """Wait until pytest runs."""
        self.wait_for((self.folder / "napping").exists)


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
    """Return a checkout whose environment is made."""
    bare.make_environment()
    return bare


@pytest.mark.parametrize("code", [0, 2, 3, 4, 5, 75])
def test_pytests_exit_code_is_passed_on(made: Checkout, code: int) -> None:
    """The codes that only pytest and the plugin give need no proof."""
    assert made.run(STUB_CODE=str(code)).returncode == code


def test_1_is_passed_on_when_the_verdict_is_critical(made: Checkout) -> None:
    """CRITICAL in the run's own verdict is the proof that 1 needs."""
    result = made.run(STUB_CODE="1", STUB_VERDICT="CRITICAL")
    assert (result.returncode, result.stderr) == (1, "")


@pytest.mark.parametrize("verdict", ["", "OK", "WARNING", "CRITICALLY", "not CRITICAL"])
def test_1_becomes_3_when_the_verdict_is_not_critical(made: Checkout, verdict: str) -> None:
    """A failure that is no verdict must not read as drift."""
    result = made.run(STUB_CODE="1", STUB_VERDICT=verdict)
    assert result.returncode == 3
    assert result.stderr.startswith("scripts/review: pytest ended with 1 without a verdict")


def test_a_verdict_of_an_earlier_run_does_not_count(made: Checkout, tmp_path: Path) -> None:
    """The script names its own file, whatever the caller's environment says."""
    earlier = tmp_path / "earlier"
    earlier.write_text("CRITICAL\n")
    assert made.run(STUB_CODE="1", DRIFT_VERDICT_FILE=str(earlier)).returncode == 3


@pytest.mark.parametrize("code", [6, 99, 125, 134, 137, 139])
def test_a_code_that_is_none_of_pytests_becomes_3(made: Checkout, code: int) -> None:
    """Crashes and kills are told apart from verdicts, in one sentence."""
    result = made.run(STUB_CODE=str(code), STUB_VERDICT="CRITICAL")
    assert result.returncode == 3
    assert f"pytest ended with {code}," in result.stderr


@pytest.mark.parametrize("code", [130, 143])
def test_an_end_by_a_signal_becomes_2(made: Checkout, code: int) -> None:
    """Interrupted is one code, however it came about."""
    assert made.run(STUB_CODE=str(code)).returncode == 2


def test_no_temporary_file_is_left(made: Checkout) -> None:
    """The verdict's file goes with the run."""
    made.run(STUB_CODE="1", STUB_VERDICT="CRITICAL")
    assert list((made.folder / "temporary").iterdir()) == []


def test_a_missing_temporary_folder_gives_3(made: Checkout) -> None:
    """A shell command that fails does not end the script with its 1."""
    result = made.run(TMPDIR=str(made.folder / "missing"))
    assert result.returncode == 3
    assert "TMPDIR" in result.stderr


def test_a_missing_library_gives_3(made: Checkout) -> None:
    """An incomplete checkout is not CRITICAL."""
    (made.root / "scripts" / "lib" / "environment.sh").unlink()
    assert made.run().returncode == 3


@pytest.mark.parametrize("line", ['echo "$undefined"', 'ensure_environment() { echo "$undefined"; }', "if"])
def test_a_shell_that_breaks_off_gives_3(made: Checkout, line: str) -> None:
    """The shell itself would end with 1."""
    with (made.root / "scripts" / "lib" / "environment.sh").open("a") as library:
        library.write(f"{line}\n")
    assert made.run().returncode == 3


def test_every_argument_goes_to_pytest_as_it_is(made: Checkout) -> None:
    """Spaces, quotes, globs, empty and odd arguments survive."""
    arguments = ["-k", "a b or 'c'", "--drift-db=*.db", "", "-o", 'x="$HOME"', "line\nbreak"]
    made.run(*arguments)
    assert made.given_arguments()[-len(arguments) :] == arguments


def test_without_arguments_the_criteria_are_reviewed(made: Checkout) -> None:
    """The testpaths of pytest.ini would not count in the caller's folder."""
    made.run()
    (given,) = made.given_arguments()
    assert shlex.split(given.removeprefix("testpaths=")) == [made.criteria]


def test_demo_is_drift_demo(made: Checkout) -> None:
    """The one translation that the script makes."""
    made.run("-v", "--demo")
    assert made.given_arguments()[-2:] == ["-v", "--drift-demo"]


def test_help_goes_to_pytest(made: Checkout) -> None:
    """The help is pytest's, with the project's options in it."""
    assert made.run("--help").returncode == 0
    assert made.given_arguments()[-1] == "--help"


def test_the_callers_folder_is_kept(made: Checkout) -> None:
    """Relative paths are relative to where the command was given."""
    made.run()
    assert (made.folder / "cwd").read_text().strip() == str(made.caller)


def test_a_call_through_a_symbolic_link_finds_the_checkout(made: Checkout) -> None:
    """A link on PATH is a usual way to call it."""
    first, second = made.folder / "first link", made.caller / "second"
    first.symlink_to(made.root / "scripts" / "review")
    second.symlink_to("../first link")
    assert made.run("-q", script=second).returncode == 0
    assert made.given_arguments()[1:] == ["-q"]


def test_a_closed_input_does_no_harm(made: Checkout) -> None:
    """Some schedulers start their commands without one."""
    with made.start(before=["sh", "-c", 'exec "$0" "$@" <&-']) as process:
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(("number", "name"), [(signal.SIGTERM, "TERM"), (signal.SIGINT, "INT")])
def test_a_signal_to_the_script_reaches_pytest(made: Checkout, number: int, name: str) -> None:
    """The script waits for pytest's end and passes its code on."""
    with made.start(STUB_NAP="yes", STUB_CODE="2") as process:
        made.wait_for_nap()
        process.send_signal(number)
        process.communicate(timeout=30)
    assert process.returncode == 2
    assert made.signals() == [name]
    assert list((made.folder / "temporary").iterdir()) == []


def test_ctrl_c_in_a_terminal_reaches_pytest_once(made: Checkout) -> None:
    """A second SIGINT would break off the clean-up that the first one began."""
    in_terminal = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
    with made.start(before=[sys.executable, "-c", in_terminal], STUB_NAP="yes", STUB_CODE="2") as process:
        made.wait_for_nap()
        assert process.stdin is not None
        process.stdin.write("\x03")
        process.stdin.flush()
        made.wait_for((made.folder / "arguments").exists)
        process.communicate(timeout=30)
    assert process.returncode == 2
    assert made.signals() == ["INT"]


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
    assert bare.calls("-m pip")[0].endswith(f"--editable {bare.root}")
    assert "pip's output" in (bare.root / ".venv" / "install.log").read_text()


def test_uv_makes_the_environment_where_it_is_installed(bare: Checkout) -> None:
    """With compiled modules, which pip makes by itself."""
    bare.add_tool("uv", STUB_UV)
    assert bare.run(STUB_VENV_MISSING="1").returncode == 0
    (install,) = bare.calls("pip install")
    assert install.startswith(f"uv --directory {bare.root} pip install")
    assert install.endswith("--compile-bytecode --editable .")


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
