"""Judging with keys, without a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from drift_checks.core.files import Claims
from drift_checks.operations.judging.session import JudgingSession
from drift_checks.operations.judging.terminal import judge_all
from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.reviews.judgements.judgement import Answer, standing
from tests.support.judgements import NOW
from tests.support.judging import ListedRecords


class Script:
    """A screen on which the keys of a script are pressed."""

    def __init__(self, keys: str, *lines: str) -> None:
        self.keys, self.lines, self.shown = list(keys), list(lines), ""

    def show(self, text: str) -> None:
        """Keep what is shown."""
        self.shown += f"{text}\n"

    def key(self) -> str:
        """Return the next key of the script."""
        return self.keys.pop(0) if self.keys else ""

    def line(self, question: str, choices: Sequence[str]) -> str:
        """Return the next line of the script."""
        return self.lines.pop(0)


def judged(
    folder: Path, keys: str, *lines: str, named: bool = False, text: str = "text {}"
) -> tuple[Script, list[Answer]]:
    """Judge records that are fraud in the store; return the screen and the answers that stand."""
    folder.mkdir(exist_ok=True)
    file, screen = JudgementFile(folder), Script(keys, *lines)
    with Claims(folder / "claims") as claims:
        session = JudgingSession(ListedRecords(file, text=text), file, claims, "anna", lambda: NOW, named=named)
        judge_all(session, screen, ["card", "fraud", "loan"])
    return screen, [item.answer for item in standing(file.read().judgements)]


def test_each_key_is_saved_at_once(tmp_path: Path) -> None:
    """Undo takes the last answer back and shows its record again."""
    screen, answers = judged(tmp_path, "12bcu1q", named=True)
    assert answers == [Answer.STORE, Answer.REVIEWER, Answer.BOTH, Answer.STORE]
    assert screen.shown.count("record 4\n") == 2
    assert screen.shown.endswith("4 judgements saved\n")


def test_another_category_is_one_of_the_store(tmp_path: Path) -> None:
    """A misspelt one is asked for again."""
    screen, answers = judged(tmp_path, "oooq", "crad", "card", "loan")
    assert answers == [Answer.OTHER, Answer.REVIEWER]
    assert "did you mean 'card'?" in screen.shown


def test_by_default_nothing_shows_which_category_is_stored(tmp_path: Path) -> None:
    """The sides differ from record to record, and the evidence stays hidden."""
    blind, _ = judged(tmp_path / "blind", "sssss")
    named, _ = judged(tmp_path / "named", "sssss", named=True)
    assert {line for line in blind.shown.splitlines() if line.startswith("  1")} == {"  1 fraud", "  1 loan"}
    assert "the words" not in blind.shown
    near = [line for line in blind.shown.splitlines() if line.startswith(("near", "  1"))]
    assert {(near[at], near[at + 2]) for at in range(0, 15, 3)} == {
        ("near, fraud: a fraud", "  1 fraud"),
        ("near, loan: a loan", "  1 loan"),
    }
    assert named.shown.count("  1 fraud (store)") == named.shown.count("the words") == 5


def test_a_long_text_is_cut_until_the_judge_asks_for_more(tmp_path: Path) -> None:
    """Its end is not printed at all if it is huge."""
    screen, _ = judged(tmp_path, "mq", text="a" * 3_000 + "b" * 300_000)
    first, _, more = screen.shown.partition("press m")
    assert (first.count("b"), more.count("bbb")) == (0, 97_000 // 3)
