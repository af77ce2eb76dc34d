"""`python -m drift_checks doctor` as users call it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from drift_checks.operations.doctor.check import Finding, Status
from drift_checks.operations.doctor.printing import UNICODE, as_text
from tests.support.doctoring import SLACK, put, put_sound
from tests.support.folders import contents
from tests.support.stores import BuiltStore

NOISY = "print('noise of the module')\ndef classify(text):\n    print('noise of a call')\n    return 'financial'\n"


def environment(folder: Path, **changed: str) -> dict[str, str]:
    """Return variables for a process that knows nothing of this machine."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": str(folder), "LC_ALL": "C.UTF-8", "XDG_CACHE_HOME": str(folder / "cache"), **changed}


def doctor(folder: Path, *arguments: object, **changed: str) -> subprocess.CompletedProcess[str]:
    """Run the subcommand in its own process, with a folder that stands for `/`."""
    command = [sys.executable, "-m", "drift_checks", "doctor", "--root", str(folder), *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env=environment(folder, **changed), timeout=60
    )


def options(given: Mapping[str, object]) -> list[str]:
    """Return settings as options."""
    return [f"--drift-{key.replace('_', '-')}={value}" for key, value in given.items()]


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return what was printed as JSON, by group and name."""
    return {f"{item['group']}/{item['name']}": item for item in json.loads(done.stdout)["checked"]}


def test_a_sound_machine_ends_with_0(tmp_path: Path, store: BuiltStore) -> None:
    """JSON and text hold the same lines and no secret, and the store stays unchanged."""
    given = options(put_sound(tmp_path, store))
    before = contents(store.folder)
    done = doctor(tmp_path, *given)
    assert (done.returncode, done.stderr) == (0, "")
    assert "sEcReT" not in done.stdout
    found = json.loads(doctor(tmp_path, *given, "--format=json").stdout)
    findings = [
        Finding(**item | {"status": Status(item["status"]), "remedy": item["remedy"] or ""})
        for item in found["checked"]
    ]
    text = as_text(findings, 100_000, UNICODE, colour=False)
    changing = re.compile(r"\d[\d,.]* (GB|MB|kB|bytes)|\d\d:\d\d UTC|\d+ \w+ ago")
    assert changing.sub("…", done.stdout) == changing.sub("…", text)
    assert found["schema"] == 1
    assert found["counts"]["checked"] == sum(item["status"] != "skipped" for item in found["checked"])
    assert contents(store.folder) == before


def test_settings_come_from_everywhere(tmp_path: Path, store: BuiltStore) -> None:
    """Options, variables, the ini file and, last, the file of the schedule."""
    ini = put(tmp_path / "pytest.ini", f"[pytest]\ndrift_chroma = {store.chroma}\ndrift_basline = 3\n")
    put(tmp_path / "etc/drift-checks/review.env", 'DRIFT_WARN="0.9"\nDRIFT_OLD_DAYS="30"\n', 0o600)
    found = document(doctor(tmp_path, f"--drift-db={store.db}", "-c", ini, "--format=json", DRIFT_WARN="0.8"))
    misspelt = found.pop("settings/drift_basline")
    assert misspelt["message"].startswith(f"{ini}: drift_basline")
    assert "did you mean 'drift_baseline'?" in f"{misspelt['message']}; {misspelt['remedy']}"
    assert {
        name: item["message"].rpartition(" (")[2] for name, item in found.items() if name.startswith("settings/")
    } == {
        "settings/db": "--drift-db)",
        "settings/chroma": f"drift_chroma in {ini})",
        "settings/warn": "the variable DRIFT_WARN)",
        "settings/old-days": f"DRIFT_OLD_DAYS in {tmp_path}/etc/drift-checks/review.env)",
    }


def test_a_failure_ends_with_1(tmp_path: Path, store: BuiltStore) -> None:
    """Such as a missing ini file; everything else is checked."""
    done = doctor(tmp_path, "-c", "none.ini", f"--drift-db={store.db}", "--format=json")
    assert done.returncode == 1
    assert document(done)["settings/ini file"]["status"] == "error"
    assert document(done)["store/records"]["status"] == "ok"


def test_the_output_of_a_classifier_goes_to_stderr(tmp_path: Path, store: BuiltStore) -> None:
    """It does not spoil the JSON."""
    put(tmp_path / "mine.py", NOISY)
    given = {"db": store.db, "chroma": store.chroma, "reviewer": "mine:classify"}
    done = doctor(tmp_path, *options(given), "--live", "--format=json")
    assert document(done)["reviewer/answers"]["status"] == "ok"
    assert "noise of the module" in done.stderr


@pytest.mark.parametrize("encoding", ["C.UTF-8", "POSIX"])
def test_a_terminal_gets_colours_and_lines_of_its_width(tmp_path: Path, encoding: str) -> None:
    """With the marks that its encoding can represent."""
    main, other = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "drift_checks", "doctor", "--root", str(tmp_path)],
        stdout=other,
        stderr=subprocess.STDOUT,
        cwd=tmp_path,
        env=environment(
            tmp_path,
            LC_ALL=encoding,
            COLUMNS="60",
            TERM="xterm-256color",
            SLACK_WEBHOOK_URL=SLACK,
            **({"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"} if encoding == "POSIX" else {}),
        ),
    )
    os.close(other)
    shown = b""
    try:
        while part := os.read(main, 65536):
            shown += part
    except OSError:
        # On Linux, the end of a terminal's output is an error.
        pass
    os.close(main)
    assert process.wait(timeout=60) == 1
    text = shown.decode()
    assert "\x1b[32m" in text
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert ("✗" in plain) is (encoding == "C.UTF-8")
    assert plain.isascii() is (encoding == "POSIX")
    assert max(len(line.rstrip()) for line in plain.splitlines()) <= 60
