"""The pipelines in scripts/ci: valid for their services, and tested with a stub in place of pytest."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from drift_checks.operations.schedule.preset import SECRET_NAMES
from drift_checks.settings.declarations import declared
from tests.support.checkout import REPOSITORY

FOLDER = REPOSITORY / "scripts" / "ci"
GITHUB, GITLAB = FOLDER / "github-actions.yml", FOLDER / "gitlab-ci.yml"
# Leaves a run as pytest does, if the exit code means one, and prints text that a hostile store might cause.
STUB = """#!/bin/sh
echo "$*" >arguments
echo '::set-env name=A::b'
echo '```'
if [ "$STUB_CODE" -le 1 ] || [ "$STUB_CODE" -eq 75 ]; then
    mkdir -p reports/new
    echo new >reports/new/junit.xml
    ln -sfn new reports/latest
fi
exit "$STUB_CODE"
"""


def script(kind: str) -> str:
    """Return the script of the review in a pipeline."""
    if kind == "github":
        steps: list[dict[str, Any]] = yaml.safe_load(GITHUB.read_text())["jobs"]["review"]["steps"]
        return str(next(step["run"] for step in steps if step.get("name") == "Review"))
    # The runner joins the lines and stops at the first that fails.
    return "\n".join(yaml.safe_load(GITLAB.read_text())["drift-review"]["script"])


def run(kind: str, code: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script in a folder that contains the report of an older run."""
    (folder / "tools").mkdir()
    for name, text in {"pytest": STUB, "python": f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'}.items():
        (folder / "tools" / name).write_text(text)
        (folder / "tools" / name).chmod(0o755)
    (folder / "reports/old").mkdir(parents=True)
    (folder / "reports/old/junit.xml").write_text("old\n")
    (folder / "reports/latest").symlink_to("old")
    environment = {
        "PATH": f"{folder}/tools:{os.environ['PATH']}",
        "STUB_CODE": str(code),
        "GITHUB_STEP_SUMMARY": str(folder / "page"),
    }
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script(kind)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize(("schema", "file"), [("vendor.github-workflows", GITHUB), ("vendor.gitlab-ci", GITLAB)])
def test_a_pipeline_is_valid(schema: str, file: Path) -> None:
    """According to its service's schema."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("code", [0, 1, 4, 75])
def test_github_is_red_unless_there_is_nothing_to_fix(tmp_path: Path, code: int) -> None:
    """INCONCLUSIVE is a warning."""
    done = run("github", code, tmp_path)
    assert done.returncode == (0 if code == 75 else code), done.stderr
    annotations = [line.split()[0] for line in done.stdout.splitlines() if line.startswith(("::error", "::warning"))]
    assert annotations == {0: [], 75: ["::warning"]}.get(code, ["::error"])


@pytest.mark.parametrize("kind", ["github", "gitlab"])
@pytest.mark.parametrize(("code", "expected"), [(0, "new\n"), (1, "new\n"), (75, "new\n"), (4, None)])
def test_only_the_report_of_this_run_is_kept(tmp_path: Path, kind: str, code: int, expected: str | None) -> None:
    """If there is none, the older one is not taken for it; GitLab gets the exit code, and 75 is a warning there."""
    done = run(kind, code, tmp_path)
    report = tmp_path / "report/junit.xml"
    assert (report.read_text() if report.exists() else None) == expected
    assert (tmp_path / "arguments").read_text() == "--pyargs drift_checks --color=no\n"
    assert kind == "github" or done.returncode == code
    assert yaml.safe_load(GITLAB.read_text())["drift-review"]["allow_failure"] == {"exit_codes": [75]}


def test_no_output_is_a_command_to_github(tmp_path: Path) -> None:
    """On the job's page it is plain text."""
    lines = run("github", 0, tmp_path).stdout.splitlines()
    token = lines[0].removeprefix("::stop-commands::")
    assert lines.index("::set-env name=A::b") < lines.index(f"::{token}::")
    assert len(token) == 32
    page = (tmp_path / "page").read_text().splitlines()
    assert page[:2] == ["### Drift review", ""]
    assert all(line.startswith("    ") for line in page[2:])


@pytest.mark.parametrize("file", [GITHUB, GITLAB])
def test_every_variable_is_a_setting_or_a_secret(file: Path) -> None:
    """None is misspelt."""
    known = {setting.variable for setting in declared()} | set(SECRET_NAMES)
    assert set(re.findall(r"\bDRIFT_(?!NAME)[A-Z_]+", file.read_text())) <= known
