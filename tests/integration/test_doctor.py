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

from drift_checks.operations.doctor.finding import Finding, Status
from drift_checks.operations.doctor.printing import UNICODE, as_text
from tests.support.chat_server import ChatServer
from tests.support.doctoring import SLACK, put, put_sound
from tests.support.folders import contents
from tests.support.stores import BuiltStore

KEY = "sk-of-the-tests-0123456789"
NOISY = "print('noise of the module')\ndef classify(text):\n    print('noise of a call')\n    return 'financial'\n"


def environment(folder: Path, **changed: str) -> dict[str, str]:
    """Return the variables of a process to which nothing of this machine's is known."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": str(folder), "LC_ALL": "C.UTF-8", "XDG_CACHE_HOME": str(folder / "cache"), **changed}


def doctor(folder: Path, *arguments: object, **changed: str) -> subprocess.CompletedProcess[str]:
    """Run the subcommand as a process of its own, in a folder that stands for `/`."""
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
    """Warnings included; the store is as it was, and no secret is told."""
    given, _ = put_sound(tmp_path, store)
    before = contents(store.folder)
    done = doctor(tmp_path, *options(given))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(
        r"\d+ checked: \d+ right, \d+ warnings?, 0 wrong; \d+ not looked at", done.stdout.splitlines()[-1]
    )
    assert "sEcReT" not in done.stdout
    assert contents(store.folder) == before


def test_a_cross_ends_with_1(tmp_path: Path) -> None:
    """With the remedy on a line of its own."""
    done = doctor(tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    [place] = [number for number, line in enumerate(lines) if "✗" in line]
    assert lines[place + 1].strip().startswith("→ name one with --drift-db FILE")


def test_json_and_text_say_the_same(tmp_path: Path, store: BuiltStore) -> None:
    """Line by line, but for the room that is left."""
    given, _ = put_sound(tmp_path, store)
    told = json.loads(doctor(tmp_path, *options(given), "--format=json").stdout)
    findings = [
        Finding(**item | {"status": Status(item["status"]), "remedy": item["remedy"] or ""}) for item in told["checked"]
    ]
    text = as_text(findings, 100_000, UNICODE, colour=False)
    printed = doctor(tmp_path, *options(given)).stdout
    changing = re.compile(r"\d[\d,.]* (GB|MB|kB|bytes)|\d\d:\d\d UTC|\d+ \w+ ago")
    assert changing.sub("…", printed) == changing.sub("…", text)
    assert told["schema"] == 1
    assert told["counts"]["checked"] == sum(item["status"] != "skipped" for item in told["checked"])


def test_settings_come_from_everywhere(tmp_path: Path, store: BuiltStore) -> None:
    """Options, variables and the ini file; the file of the schedule last."""
    ini = put(tmp_path / "pytest.ini", f"[pytest]\ndrift_chroma = {store.chroma}\ndrift_basline = 3\n")
    put(tmp_path / "etc/drift-checks/review.env", 'DRIFT_WARN="0.9"\nDRIFT_OLD_DAYS="30"\n', 0o600)
    told = document(doctor(tmp_path, f"--drift-db={store.db}", "-c", ini, "--format=json", DRIFT_WARN="0.8"))
    assert {
        name: item["message"].rpartition(" (")[2] for name, item in told.items() if name.startswith("settings/")
    } == {
        "settings/drift_basline": f"{ini}: drift_basline is no setting",
        "settings/db": "--drift-db)",
        "settings/chroma": f"drift_chroma in {ini})",
        "settings/warn": "the variable DRIFT_WARN)",
        "settings/old-days": f"DRIFT_OLD_DAYS in {tmp_path}/etc/drift-checks/review.env)",
    }
    assert told["settings/drift_basline"]["remedy"] == "did you mean 'drift_baseline'?"


def test_an_ini_file_that_is_not_there_is_a_cross(tmp_path: Path, store: BuiltStore) -> None:
    """The rest is looked at."""
    done = doctor(tmp_path, "-c", "none.ini", f"--drift-db={store.db}", "--format=json")
    assert done.returncode == 1
    assert document(done)["settings/ini file"]["status"] == "error"
    assert document(done)["store/records"]["status"] == "ok"


def test_an_unknown_option_is_wrong_usage(tmp_path: Path) -> None:
    """As of every subcommand."""
    assert doctor(tmp_path, "--drift-nothing").returncode == 4


def test_a_classifier_that_prints_does_not_spoil_the_json(tmp_path: Path, store: BuiltStore) -> None:
    """What it prints goes to stderr."""
    put(tmp_path / "mine.py", NOISY)
    given = {"db": store.db, "chroma": store.chroma, "reviewer": "mine:classify"}
    done = doctor(tmp_path, *options(given), "--live", "--format=json")
    assert document(done)["reviewer/answers"]["status"] == "ok"
    assert "noise of the module" in done.stderr


def test_a_model_is_asked_once(tmp_path: Path, store: BuiltStore) -> None:
    """Its key may be a credential of the service."""
    put(tmp_path / "etc/drift-checks/credentials/DRIFT_LLM_API_KEY", KEY, 0o600)
    with ChatServer() as server:
        given = {"db": store.db, "reviewer": "llm", "llm_base_url": server.base_url, "llm_model": "a-model"}
        done = doctor(tmp_path, *options(given), "--live", "--format=json")
        [request] = server.requests
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert document(done)["reviewer/answers"]["status"] == "ok"
    assert KEY not in done.stdout + done.stderr


@pytest.mark.parametrize("encoding", ["C.UTF-8", "POSIX"])
def test_a_terminal_shows_colour_and_its_own_width(tmp_path: Path, encoding: str) -> None:
    """With marks that its encoding has."""
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
        # So a terminal says on Linux that nobody writes any more.
        pass
    os.close(main)
    assert process.wait(timeout=30) == 1
    text = shown.decode()
    assert "\x1b[32m" in text
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    assert ("✗" in plain) is (encoding == "C.UTF-8")
    assert plain.isascii() is (encoding == "POSIX")
    assert max(len(line.rstrip()) for line in plain.splitlines()) <= 60
