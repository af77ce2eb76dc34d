"""judgements.jsonl."""

from __future__ import annotations

from pathlib import Path

from drift_checks.reviews.judgements.file import JudgementFile
from drift_checks.reviews.judgements.judgement import Answer
from tests.support.judgements import judgement


def test_a_line_cut_short_loses_no_other(tmp_path: Path) -> None:
    """It is counted, and the next judgement begins a new line."""
    file = JudgementFile(tmp_path / "reports")
    assert not file.read().judgements
    first, second = judgement("a-1", versions={"model_version": "gpt-4"}), judgement(2, Answer.OTHER, category="card")
    file.add([first])
    with file.path.open("ab") as opened:
        opened.write(b'{"store": {"db"')
    file.add([second])
    content = file.read()
    assert (content.judgements, content.damaged) == ([first, second], 1)
