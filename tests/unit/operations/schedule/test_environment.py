"""The file of settings: the shell and systemd read what was written."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drift_checks.core.errors import SettingError
from drift_checks.operations.schedule.environment import assignments, read_assignments
from drift_checks.operations.schedule.rendering import environment_file
from tests.support import unit_files

PLAIN = st.text(st.characters(exclude_categories=("Cc", "Cs")) | st.sampled_from("\t\n\"'`$\\%#; !=~*"), max_size=40)
VARIABLES = st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True), PLAIN, max_size=4)
HOSTILE = "a b\n\"c\" 'd' `id` $(id) $HOME ${X} \\ \\\\ \\n %n %% #e ;f !g é 🙂 \\"


def as_shell_reads(text: str, name: str) -> str:
    """Return the value of a variable after the shell has sourced the text."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "review.env"
        file.write_text(text, encoding="utf-8")
        done = subprocess.run(["sh", "-c", f'. "$0"; printf %s "${name}"', file], capture_output=True, env={})
    assert done.stderr == b""
    return done.stdout.decode()


@given(PLAIN)
@settings(max_examples=60)
@example(HOSTILE)
def test_the_shell_reads_what_was_written(text: str) -> None:
    """Whatever characters it contains."""
    assert as_shell_reads(environment_file("made", {"VALUE": text}), "VALUE") == text


@given(VARIABLES)
def test_systemd_and_a_later_call_read_what_was_written(variables: dict[str, str]) -> None:
    """By systemd's documented rules; secrets need not be given again."""
    text = environment_file("made", variables)
    assert unit_files.environment(text) == read_assignments(text) == variables


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('NAME="a b"', "a b"),
        (r'NAME="a \"b\" \$c \\ \`d\`"', 'a "b" $c \\ `d`'),
        ('NAME="two\nlines"', "two\nlines"),
        ("NAME='a $b'", "a $b"),
        ("NAME=plain words ", "plain words"),
        ("export NAME=1", "1"),
        ("NAME=", ""),
    ],
)
def test_lines_written_by_hand_are_read(written: str, value: str) -> None:
    """In every form that the shell and systemd accept."""
    assert read_assignments(f"# a comment\n{written}\nOTHER=2\n") == {"NAME": value, "OTHER": "2"}


@pytest.mark.parametrize("text", ["a\0", "a\r", "\x1b[31m", "\udcff", "\x7f"])
def test_characters_that_systemd_drops_are_refused(text: str) -> None:
    """The message does not repeat them."""
    with pytest.raises(SettingError, match="DRIFT_DB: its value contains control characters") as caught:
        assignments({"DRIFT_DB": text})
    assert text not in str(caught.value)
