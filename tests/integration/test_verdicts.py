"""From rates to verdicts and exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.session_criteria import source, write_criterion
from tests.support.session_damage import without_vectors
from tests.support.session_runs import SMALL, Review
from tests.support.stores import NAME, BuiltStore

AGREEING = range(1, 120, 2)
DISAGREEING = range(4, 44, 4)
DRIFTED = "--drift-records=4,8,1"
FEW = "--drift-records=1,2,3"


def chosen(disagreeing: int, agreeing: int) -> str:
    """Return the option that reviews that many disagreeing and agreeing records of the store `doubtful`."""
    ids = [*DISAGREEING[:disagreeing], *AGREEING[:agreeing]]
    return f"--drift-records={','.join(map(str, ids))}"


@pytest.mark.parametrize(
    ("disagreeing", "agreeing", "verdict", "exit_code"),
    [
        (3, 17, "OK", 0),
        (3, 16, "WARNING", 0),
        (5, 15, "WARNING", 0),
        (6, 17, "CRITICAL", 1),
    ],
)
def test_agreement_at_and_below_its_thresholds(
    review: Review, doubtful: BuiltStore, disagreeing: int, agreeing: int, verdict: str, exit_code: int
) -> None:
    """Exactly 0.85 is OK and exactly 0.75 is WARNING; below 0.75 is CRITICAL."""
    found = review(*doubtful.options, chosen(disagreeing, agreeing))
    assert (found.drift["verdict"], found.exit_code) == (verdict, exit_code)


def test_thresholds_are_settings(review: Review, doubtful: BuiltStore) -> None:
    """Agreement of a half is OK if both thresholds are below it."""
    found = review(*doubtful.options, chosen(2, 2), "--drift-warn=0.5", "--drift-critical=0.4")
    assert (found.drift["verdict"], found.exit_code) == ("OK", 0)


@pytest.mark.parametrize(("damaged", "verdict"), [(1, "OK"), (2, "WARNING"), (5, "WARNING"), (6, "CRITICAL")])
def test_stricter_criteria_at_and_below_their_thresholds(
    review: Review, store: BuiltStore, damaged: int, verdict: str
) -> None:
    """Of 100 records: exactly 0.99 is OK, exactly 0.95 WARNING, less CRITICAL, whatever the thresholds of agreement."""
    # No valid confidence, and not the one in Chroma.
    store.execute(f"update {NAME} set confidence = 2 where id <= ?", damaged)
    ids = ",".join(str(number) for number in range(1, 101))
    lenient = ("--drift-warn=0", "--drift-critical=0")
    found = review(*store.options, f"--drift-records={ids}", *lenient, "-k", "integrity or consistency")
    assert found.verdicts() == {"record_integrity": verdict, "store_consistency": verdict}


@pytest.mark.parametrize(
    ("lacking", "verdict", "exit_code"), [(4, "OK", 0), (5, "INCONCLUSIVE", 75), (20, "INCONCLUSIVE", 75)]
)
def test_too_few_reviews_are_inconclusive(
    review: Review, store: BuiltStore, lacking: int, verdict: str, exit_code: int
) -> None:
    """Exactly 0.8 of the sample reviewed is enough; less exits with 75."""
    without_vectors(store, list(range(1, 2 * lacking, 2)))
    found = review(*store.options, chosen(0, 20), "-k", "test_agreement.py")
    assert (found.criterion("agreement")["verdict"], found.exit_code) == (verdict, exit_code)


def test_baseline_does_not_count_for_the_reviewed_share(review: Review, store: BuiltStore) -> None:
    """A baseline without reviews does not make a reviewed sample INCONCLUSIVE."""
    without_vectors(store, list(range(2, 121, 4)))
    found = review(*store.options, "-k", "test_agreement.py")
    assert found.criterion("agreement")["verdict"] == "OK"


def test_nothing_reviewed_has_no_rate(review: Review, store: BuiltStore) -> None:
    """The rate is null, never 0."""
    without_vectors(store, list(range(1, 120)))
    found = review(*store.options, "--drift-records=1,2,3", "-k", "test_agreement.py")
    assert (found.drift["agreement"]["rate"], found.criterion("agreement")["rate"]) == (None, None)


def test_critical_is_not_hidden_by_an_outage(review: Review, store: BuiltStore) -> None:
    """Damaged records are CRITICAL although few records could be reviewed."""
    without_vectors(store, list(range(1, 120)))
    store.execute(f"update {NAME} set confidence = 2")
    found = review(*store.options, *SMALL)
    assert (found.drift["verdict"], found.exit_code) == ("CRITICAL", 1)


def test_missing_vectors_count_over_the_whole_store(review: Review, store: BuiltStore) -> None:
    """Records without a vector are found although the sample has none of them."""
    store.execute(f"update {NAME} set chroma_id = 'gone-' || id where id > 110")
    found = review(*store.options, "--drift-records=1,2,3")
    assert (found.criterion("store_consistency")["verdict"], found.exit_code) == ("CRITICAL", 1)


def test_orphaned_vectors_count_over_the_whole_store(review: Review, store: BuiltStore) -> None:
    """Vectors without a record are found: 4 of 120 are WARNING."""
    store.execute(f"delete from {NAME} where id > 116")
    found = review(*store.options, "--drift-records=1,2,3")
    assert (found.criterion("store_consistency")["verdict"], found.exit_code) == ("WARNING", 0)


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("def test_broken(record):\n    raise RuntimeError('no disk')", "RuntimeError: no disk"),
        ("def test_broken(no_such_fixture):\n    pass", "no_such_fixture"),
        (
            "@pytest.fixture\ndef broken():\n    yield\n    1 / 0\n\ndef test_broken(record, broken):\n    pass",
            "ZeroDivisionError",
        ),
    ],
    ids=["check", "setup", "teardown"],
)
def test_broken_criterion_is_an_internal_error(review: Review, store: BuiltStore, check: str, said: str) -> None:
    """A criterion that raises exits with 3, and the error is printed."""
    own = write_criterion(review.folder / "own", "broken", check)
    found = review(*store.options, FEW, own)
    assert (found.exit_code, said in found.out) == (3, True)


def test_broken_criterion_hides_no_critical(review: Review, doubtful: BuiltStore) -> None:
    """Drift is CRITICAL although another criterion raised."""
    own = write_criterion(review.folder / "own", "broken", "def test_broken(record):\n    1 / 0")
    assert review(*doubtful.options, DRIFTED, own).exit_code == 1


def test_criterion_that_cannot_be_imported_gives_no_verdict(review: Review, doubtful: BuiltStore) -> None:
    """A syntax error in a criterion ends the run with pytest's 2."""
    own = write_criterion(review.folder / "own", "broken", "def test_broken(record:\n    pass")
    assert review(*doubtful.options, DRIFTED, own).exit_code == 2


@pytest.mark.parametrize("stage", ["call", "teardown"])
def test_ordinary_failure_beside_criteria_is_kept(review: Review, store: BuiltStore, stage: str) -> None:
    """If a test of the user's own fails in the same session, it exits with pytest's 1."""
    broken = {"teardown": "yield; assert False", "call": "yield"}[stage]
    review.pytester.makepyfile(
        test_ordinary=f"""
        import pytest

        @pytest.fixture
        def fixture():
            {broken}

        def test_ordinary(fixture):
            assert {stage != "call"}
        """
    )
    assert review(*store.options, FEW, "test_ordinary.py").exit_code == 1


def test_ordinary_test_beside_criteria_changes_no_verdict(review: Review, doubtful: BuiltStore) -> None:
    """A passing test of the user's own does not hide CRITICAL."""
    review.pytester.makepyfile(test_ordinary="def test_ordinary():\n    pass")
    assert review(*doubtful.options, DRIFTED, "test_ordinary.py").exit_code == 1


PLAIN = "def pytest_sessionfinish(session, exitstatus):\n    session.exitstatus = exitstatus | 2"
BEFORE = "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n    return (yield)"
AFTER = "def pytest_sessionfinish(session):\n    yield\n    session.exitstatus |= 2"


@pytest.mark.parametrize(
    ("order", "hook"),
    [
        ("trylast=True", PLAIN),
        ("wrapper=True", BEFORE),
        ("wrapper=True", AFTER),
    ],
)
def test_other_plugins_do_not_change_the_exit_code(review: Review, doubtful: BuiltStore, order: str, hook: str) -> None:
    """CRITICAL exits with 1 whatever other plugins set as the session's status."""
    review.pytester.makeconftest(f"import pytest\n\n@pytest.hookimpl({order})\n{hook}")
    assert review(*doubtful.options, DRIFTED).exit_code == 1


def test_disagreements_are_no_failures_while_the_criterion_holds(review: Review, doubtful: BuiltStore) -> None:
    """The run exits with 0, and a sentence counts them."""
    found = review(*doubtful.options, chosen(1, 19), "-k", "test_agreement.py")
    assert (found.exit_code, "failed" in found.out, "1 of 20 disagree, 5 %" in found.out) == (0, False, True)


def test_interrupted_run_has_no_verdict(review: Review, doubtful: BuiltStore, tmp_path: Path) -> None:
    """`pytest.exit` in a run that would be CRITICAL exits with pytest's 2."""
    stop = "def test_stop(record):\n    pytest.exit('enough')"
    own = tmp_path / "test_stop.py"
    own.write_text(source(stop), encoding="utf-8")
    assert review(*doubtful.options, DRIFTED, own).exit_code == 2


def test_nothing_selected_is_nothing_reviewed(review: Review, store: BuiltStore) -> None:
    """`-k` without a match exits with pytest's 5."""
    assert review(*store.options, FEW, "-k", "nothing_of_the_kind").exit_code == 5


def test_full_disk_hides_no_critical(review: Review, doubtful: BuiltStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """CRITICAL exits with 1 although its report cannot be written."""

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("drift_checks.report.page.html.render", full)
    assert review(*doubtful.options, DRIFTED).exit_code == 1
