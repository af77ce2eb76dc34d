"""Anchors in whole reviews: a reviewer that moves, and a store that does."""

from __future__ import annotations

from pathlib import Path

from tests.support.session_runs import Run
from tests.support.stores import BuiltStore, records_alone
from tests.support.whole_runs import run_here

# Right about every text that it does not turn; the first file says which it turns.
MODULE = """
from pathlib import Path

def answer(text):
    right = text.rpartition(" matters")[0].rpartition(" ")[2]
    turned = [line for line in Path("turned.txt").read_text().splitlines() if line]
    return "operational" if any(text.startswith(f"Risk number {line} ") for line in turned) else right
"""


class Nights:
    """Nightly reviews of a store with a gold set of twelve of its records."""

    def __init__(self, folder: Path, store: BuiltStore) -> None:
        self.folder = folder
        self.store = store
        folder.mkdir(exist_ok=True)
        (folder / "own.py").write_text(MODULE, encoding="utf-8")
        self.turn(())
        gold = [f"{number},{('financial', 'regulatory')[number % 3]}" for number in range(42, 60) if number % 3 < 2]
        (folder / "gold.csv").write_text("\n".join(["id,category", *gold]), encoding="utf-8")

    def turn(self, numbers: tuple[int, ...]) -> None:
        """Have the reviewer name another category for these records."""
        (self.folder / "turned.txt").write_text("\n".join(map(str, numbers)), encoding="utf-8")

    def review(self, day: int) -> Run:
        """Review on a day."""
        options = [option for option in records_alone(self.store) if "as-of" not in option and "seed" not in option]
        return run_here(
            self.folder,
            *options,
            f"--drift-as-of=2026-01-{day}T02:00:00Z",
            f"--drift-seed={day}",
            "--drift-reviewer=own:answer",
            "--drift-gold=gold.csv",
            "--drift-anchors=12",
            "--drift-stability=0",
        )


def test_a_reviewer_that_moves_is_told_from_a_store_that_moves(tmp_path: Path, doubtful: BuiltStore) -> None:
    """First the reviewer names another category for most anchors, then the store has other labels."""
    nights = Nights(tmp_path / "nights", doubtful)
    first = nights.review(15)
    assert "right on 12 of 12 anchors" in first.criterion("reviewer_accuracy")["message"]
    assert first.drift["reviewer"]["reviewed"] == len(first.record_ids) < first.drift["reviewer"]["calls"]

    nights.turn(tuple(range(1, 121)))
    moved = nights.review(16)
    assert moved.criterion("reviewer_accuracy")["verdict"] == "WARNING"
    assert "the reviewer moved: own:answer is right on 0 of 12 anchors" in moved.drift["headline"]

    nights.turn(())
    doubtful.execute("update risk_classifications set category = 'operational'")
    store = nights.review(17)
    assert store.criterion("reviewer_accuracy")["verdict"] == "OK"
    assert "no sign that the reviewer moved, so look at the store: own:answer is right on 12 of 12" in store.text
