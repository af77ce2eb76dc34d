"""Judging with keys, without a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from drift_checks.core.files import Claims
from drift_checks.operations.judging.session import JudgingSession
from drift_checks.operations.judging.terminal import judge_all
from drift_checks.report.waiting import Waiting
from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.reviews.judgements.judgement import Answer, standing
from tests.support.judgements import NOW
from tests.support.judging import ListedRecords


class Script:
    """A screen on which the keys of a script are pressed."""

    def __init__(self, keys: str, *lines: str) -> None:
        self.keys, self.lines, self.shown = list(keys), list(lines), ""
        self.width = 200

    def show(self, text: str) -> None:
        """Keep what is shown."""
        self.shown += f"{text}\n"

    note = show

    def key(self) -> str:
        """Return the next key of the script."""
        key = self.keys.pop(0) if self.keys else ""
        if key == "\x03":
            raise KeyboardInterrupt
        return key

    def line(self, question: str, choices: Sequence[str]) -> str:
        """Return the next line of the script."""
        return self.lines.pop(0)


def judged(
    folder: Path, keys: str, *lines: str, named: bool = False, text: str = "text {}", width: int = 200
) -> tuple[Script, list[Answer]]:
    """Judge records that are fraud in the store; return the screen and the answers that stand."""
    folder.mkdir(exist_ok=True)
    file, screen = JudgementFile(folder), Script(keys, *lines)
    screen.width = width
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
    near = [line for line in blind.shown.splitlines() if line.startswith(("similar", "  1"))]
    assert {(near[at], near[at + 2]) for at in range(0, 15, 3)} == {
        ("similar, in fraud: a fraud", "  1 fraud"),
        ("similar, in loan: a loan", "  1 loan"),
    }
    assert named.shown.count("  1 fraud (store)") == named.shown.count("the words") == 5


def test_a_long_text_is_cut_until_the_judge_asks_for_more(tmp_path: Path) -> None:
    """Its end is not printed at all if it is huge."""
    screen, _ = judged(tmp_path, "mq", text="a" * 3_000 + "ж" * 300_000)
    first, _, more = screen.shown.partition("press m")
    assert (first.count("ж"), more.count("ж")) == (0, 97_000)


def test_lines_end_between_words(tmp_path: Path) -> None:
    """Where the screen ends; what the text has for lines stays."""
    screen, _ = judged(tmp_path, "q", text="one two\n" + "many words " * 20, width=40)
    assert "\none two\nmany words many words many words many\nwords many " in screen.shown
    assert max(map(len, screen.shown.splitlines())) <= 40


def test_each_answer_says_what_was_saved_and_how_far_the_work_is(tmp_path: Path) -> None:
    """Without telling which category is the store's."""
    screen, _ = judged(tmp_path, "1bcoq", "", named=True)
    assert [line for line in screen.shown.splitlines() if line.startswith("saved: ")] == [
        "saved: fraud is right (record 1); 1 so far; 1 of 5 disagreements judged",
        "saved: both are acceptable (record 2); 2 so far; 2 of 5 disagreements judged",
        "saved: cannot tell (record 3); 3 so far; 3 of 5 disagreements judged",
        "saved: no category fits (record 4); 4 so far; 4 of 5 disagreements judged",
    ]


def test_a_key_that_is_no_answer_says_so_once(tmp_path: Path) -> None:
    """For each record."""
    screen, _ = judged(tmp_path, "xxysxq")
    assert screen.shown.count("'x' is no answer here: 1") == 2
    assert "'y'" not in screen.shown


def test_a_record_on_which_both_agree_has_one_question(tmp_path: Path) -> None:
    """Keys for a second category are no answers."""
    file, screen = JudgementFile(tmp_path), Script("b21")
    records = ListedRecords(file)
    agreed = Waiting(1, "fraud", "fraud", records.run, "old")
    records.waiting = lambda judge: iter(() if file.read().judgements else [agreed])  # type: ignore[method-assign]
    with Claims(tmp_path / "claims") as claims:
        judge_all(JudgingSession(records, file, claims, "anna", lambda: NOW), screen, [])
    assert "Both say fraud. Right?\n1\N{NO-BREAK SPACE}yes" in screen.shown
    assert screen.shown.count("is no answer here") == 1
    assert "saved: fraud is right (record 1)" in screen.shown


def test_ctrl_c_ends_like_the_key_for_it(tmp_path: Path) -> None:
    """Each answer is saved already."""
    screen, answers = judged(tmp_path, "1\x031")
    assert len(answers) == 1
    assert screen.shown.endswith("\n\n1 judgement saved\n")
