"""The commands in a report work when they are copied into a shell elsewhere."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.session_criteria import write_criterion
from tests.support.session_damage import columns_option, other_schema
from tests.support.session_runs import Run, make_checkout, run_folders
from tests.support.shown_commands import repeat, repeat_for_real, shell_words, shown_commands
from tests.support.stores import NAME, BuiltStore
from tests.support.whole_runs import LOW_CONFIDENCE, run_here

# Thresholds that are not the defaults, so that a command must repeat them.
STRICT = ("--drift-warn=0.99", "--drift-critical=0.98")
SECRETS = {
    "DRIFT_LLM_API_KEY": "sk-secret-of-the-llm",
    "OPENAI_API_KEY": "sk-secret-of-openai",
    "SLACK_WEBHOOK_URL": "https://hooks.example.org/secret-of-slack",
    "PAGERDUTY_API_KEY": "secret-of-pagerduty",
    "DRIFT_SMTP_URL": "smtps://user:secret-of-mail@mail.example.org",
}
CLASSIFIER = "def own(text):\n    return 'financial', 0.9\n"


@pytest.fixture
def awkward(doubtful: BuiltStore, tmp_path: Path) -> BuiltStore:
    """A doubtful store whose path has spaces, quotes and other characters with a meaning in shells."""
    folder = tmp_path / 'it\'s "theirs" $HOME & `co`; *'
    shutil.move(doubtful.folder, folder)
    return BuiltStore(folder)


def drawn_and_judged(run: Run) -> tuple[object, ...]:
    """Return what a repeated run has in common with the first: exit code, sample, verdicts and figures."""
    drift = run.drift
    sample = {name: drift["sample"][name] for name in ("size", "seed", "strata", "record_ids")}
    return run.exit_code, drift["verdict"], sample, drift["agreement"], drift["disagreements"], run.verdicts()


def same_again(run: Run, elsewhere: Path) -> Run:
    """Repeat a run elsewhere with the command in its report; a difference fails the test."""
    again = repeat(shown_commands(run)[0], elsewhere)
    assert again.written, again.text
    assert drawn_and_judged(again) == drawn_and_judged(run)
    return again


@pytest.mark.parametrize("way", ["pyargs", "module"])
def test_run_is_repeated(awkward: BuiltStore, tmp_path: Path, way: str) -> None:
    """Records, verdict, figures and exit code are the same in another folder."""
    run = run_here(tmp_path / "run", *awkward.options, "--drift-sample-size=20", *STRICT, way=way)
    assert shell_words(shown_commands(run)[0], tmp_path / "read")[1] == ("python" if way == "module" else "pytest")
    same_again(run, tmp_path / "else where")


@pytest.mark.parametrize("way", ["pyargs", "module"])
def test_one_record_is_reviewed_alone(awkward: BuiltStore, tmp_path: Path, way: str) -> None:
    """By the command shown with it."""
    run = run_here(tmp_path / "run", *awkward.options, *LOW_CONFIDENCE, way=way)
    commands = shown_commands(run)[1]
    reviewed = [repeat(command, tmp_path / f"else {number}").record_ids for number, command in enumerate(commands[:2])]
    assert (len(commands), len(reviewed)) == (10, 2)
    shown = [shell_words(command, tmp_path / "read")[-1].rpartition("=")[2] for command in commands]
    assert sorted(map(int, shown)) == sorted(item["record_id"] for item in run.drift["disagreements"])
    assert reviewed == [[int(key)] for key in shown[:2]]


def test_scheduler_line_is_repeated(awkward: BuiltStore, tmp_path: Path) -> None:
    """With the options of the scheduler that this replaces, and the run's seed and reference time."""
    line = ("--run-once", "--sample-size", "20", "--db-path", awkward.db, "--chroma-path", awkward.chroma)
    same_again(run_here(tmp_path / "run", *line, way="module"), tmp_path / "elsewhere")


def test_settings_of_environment_and_ini_file_are_repeated(awkward: BuiltStore, tmp_path: Path) -> None:
    """Where neither exists; relative paths still mean the same files."""
    (tmp_path / "run").mkdir()
    relative = f"../{awkward.folder.name}"
    environment = {
        "DRIFT_DB": f"{relative}/{awkward.db.name}",
        "CHROMA_PERSIST_PATH": relative,
        "DRIFT_SAMPLE_SIZE": "20",
        "DRIFT_BASELINE": "0",
    }
    ini = f"[pytest]\naddopts = {' '.join(STRICT)}"
    (tmp_path / "run" / "pytest.ini").write_text(ini, encoding="utf-8")
    same_again(run_here(tmp_path / "run", environment=environment), tmp_path / "elsewhere")


def test_settings_with_quotes_are_repeated(awkward: BuiltStore, tmp_path: Path) -> None:
    """Names of table and columns with spaces and quotes, and text ids."""
    columns = {"id": "the id", "text": "what's said", "category": "label", "confidence": "sure", "timestamp": "when"}
    other_schema(awkward, {**columns, "chroma_id": "vector", "text_hash": "hash"}, "my 'notes'")
    awkward.execute('update "my \'notes\'" set "the id" = \'N \' || "the id"')
    renamed = columns_option({**columns, "chroma_id": "vector", "text_hash": "hash"})
    run = run_here(tmp_path / "run", *awkward.options, *LOW_CONFIDENCE, "--drift-table=my 'notes'", renamed)
    same_again(run, tmp_path / "elsewhere")
    commands = shown_commands(run)[1]
    assert len(repeat(commands[0], tmp_path / "alone").record_ids) == 1


def test_resumed_run_is_repeated(awkward: BuiltStore, tmp_path: Path) -> None:
    """It needs nothing of the run that was cut short."""
    for name in ("run", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(CLASSIFIER, encoding="utf-8")
    options = (*awkward.options, *LOW_CONFIDENCE, "--drift-reviewer=mine:own", "--drift-stability=0")
    first = run_here(tmp_path / "run", *options, "--drift-max-calls=5")
    run = run_here(tmp_path / "run", *options, "--drift-resume")
    assert (first.exit_code, run.exit_code) == (75, 1)
    same_again(replace(run, written=first.written), tmp_path / "elsewhere")


@pytest.mark.parametrize(
    "options",
    [
        ("--drift-records=4,1,7",),
        (*LOW_CONFIDENCE, "--drift-reviewer=mine:own", "--drift-stability=0"),
        (*LOW_CONFIDENCE, "-k", "test_record_integrity.py"),
    ],
    ids=["chosen records", "own classifier", "partial run"],
)
def test_records_classifier_and_criteria_are_the_same(
    awkward: BuiltStore, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """A module in the current folder is found from elsewhere."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.py").write_text(CLASSIFIER, encoding="utf-8")
    same_again(run_here(tmp_path / "run", *awkward.options, *options), tmp_path / "elsewhere")


def test_own_criterion_is_repeated(store: BuiltStore, tmp_path: Path) -> None:
    """It is checked like the built-in ones."""
    never = "def test_never(record):\n    assert record.id < 0\n"
    own = write_criterion(tmp_path / "run" / "own", "never", never)
    run = run_here(tmp_path / "run", *store.options, *LOW_CONFIDENCE, own.relative_to(tmp_path / "run"))
    assert run.criterion("never")["failed"] == 30
    same_again(run, tmp_path / "elsewhere")


def test_run_of_a_checkout_is_repeated(awkward: BuiltStore, tmp_path: Path) -> None:
    """Plain `pytest`, from the checkout and from another folder."""
    make_checkout(tmp_path / "checkout", copied=False)
    run = run_here(tmp_path / "checkout", *awkward.options, *LOW_CONFIDENCE, way="pytest")
    same_again(run, tmp_path / "elsewhere")
    same_again(run, tmp_path / "checkout")


def test_secrets_are_in_no_file(awkward: BuiltStore, tmp_path: Path) -> None:
    """Neither in a command nor anywhere else."""
    run = run_here(tmp_path / "run", *awkward.options, *LOW_CONFIDENCE, "--drift-alerts=none", environment=SECRETS)
    left = [path for path in run.reports.rglob("*") if path.is_file()]
    leaking = {
        path.name for path in left if any(secret in path.read_bytes() for secret in (b"sk-secret", b"secret-of"))
    }
    assert (len(left) > 5, leaking) == (True, set())


@pytest.mark.slow
@pytest.mark.parametrize("way", ["pyargs", "module"])
def test_shell_runs_the_command(awkward: BuiltStore, tmp_path: Path, way: str) -> None:
    """Copied as it is, in another folder."""
    run = run_here(tmp_path / "run", *awkward.options, *LOW_CONFIDENCE, way=way)
    done = repeat_for_real(shown_commands(run)[0], tmp_path / "else where", str(Path(sys.executable).parent))
    (folder,) = run_folders(tmp_path / "else where" / "again")
    drift = json.loads((folder / "report.json").read_text(encoding="utf-8"))["drift"]
    assert (done.returncode, drift["verdict"]) == (run.exit_code, run.drift["verdict"])
    assert drift["sample"]["record_ids"] == run.record_ids
    assert drift["store"]["db"] == str(awkward.db)
    assert NAME in done.stdout
