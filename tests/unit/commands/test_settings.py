"""`settings`: all of them by topic, or one in full."""

from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.commands import run_command
from drift_checks.settings.declarations import declared
from tests.support.machine import variables_of_the_machine


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, without the machine's settings."""
    monkeypatch.chdir(tmp_path)
    for name in variables_of_the_machine():
        monkeypatch.delenv(name, raising=False)


def settings(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run `settings`; return the exit code and what was printed."""
    code = run_command("settings", arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_every_setting_is_explained_in_its_topic(capsys: pytest.CaptureFixture[str]) -> None:
    """With its value."""
    code, out, _ = settings(capsys)
    topics = out.split("\n\n")
    assert code == 0
    for setting in declared():
        (topic,) = [text for text in topics if text.startswith(f"{setting.group}\n")]
        assert f"\n  {setting.name} = " in topic


def test_values_have_their_sources(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The option, the variable, or the ini file that pytest reads here."""
    (tmp_path / "pytest.ini").write_text("[pytest]\ndrift_warn = 0.9\ndrift_seed = 1\n", encoding="utf-8")
    monkeypatch.setenv("DRIFT_SEED", "2")
    _, out, _ = settings(capsys, "--drift-critical=0.5")
    assert f"  warn = 0.9  (drift_warn in {tmp_path / 'pytest.ini'})\n" in out
    assert "  seed = 2  (the variable DRIFT_SEED)\n" in out
    assert "  critical = 0.5  (--drift-critical)\n" in out
    assert "  old-days = 90  (default)\n" in out


@pytest.mark.parametrize("name", ["sample-size", "sample_size", "drift_sample_size", "DRIFT_SAMPLE_SIZE"])
def test_one_setting_is_explained_in_full(
    capsys: pytest.CaptureFixture[str], snapshot: SnapshotAssertion, name: str
) -> None:
    """By any of its names, with what it must be; a value that a review would refuse is marked."""
    code, out, _ = settings(capsys, name, "--drift-sample-size=aut")
    assert code == 0
    assert out == snapshot(name="sample-size")


def test_a_topic_is_explained_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Its name may be given in place of a setting's."""
    _, out, _ = settings(capsys, "windows")
    assert [line.split()[0] for line in out.splitlines() if " = " in line] == ["recent-days", "reference-days"]


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With the nearest."""
    code, _, err = settings(capsys, "sampel-size")
    assert (code, "did you mean 'sample-size'?" in err) == (4, True)
