"""judgements.jsonl."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest

from drift_checks.core.errors import ReportsError
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


def test_a_judgement_that_is_saved_only_in_part_is_refused(tmp_path: Path) -> None:
    """A full disk takes the beginning of a line without an error."""
    file = JudgementFile(tmp_path)
    file.add([judgement(1)])
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.path.stat().st_size + 10, most[1]))
    try:
        with pytest.raises(ReportsError, match="not saved"):
            file.add([judgement(2)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)
        signal.signal(signal.SIGXFSZ, former)
    file.add([judgement(3)])
    assert [item.record_id for item in file.read().judgements] == [1, 3]
