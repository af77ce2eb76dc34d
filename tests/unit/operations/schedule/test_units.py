"""The systemd units: their contents, and how paths are quoted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.errors import SettingError
from drift_checks.operations.schedule.files import is_as_made
from drift_checks.operations.schedule.plan import DAY, read_schedule
from drift_checks.operations.schedule.rendering import unit_word
from drift_checks.operations.schedule.systemd import SERVICES, TIMERS, SystemdJob, units
from tests.support.unit_files import options, values, words

HOSTILE = Path("/srv/a b/100% \"q\" 'p' $x \\y %n;#é")
PATHS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=30).map(lambda text: f"/{text}")


def job(**changed: object) -> SystemdJob:
    """Return what the units are made from."""
    default = {"schedule": read_schedule("02:00", DAY), "user": "drift", "interpreter": Path("/opt/v/bin/python")}
    return SystemdJob(**{**default, **changed})  # type: ignore[arg-type]


def made(name: str, **changed: object) -> str:
    """Return a unit."""
    return units(job(**changed))[name]


@given(st.lists(PATHS, min_size=1, max_size=3))
def test_paths_are_read_as_they_were_written(paths: list[str]) -> None:
    """By systemd's rules for words and specifiers; a line feed, which would start another setting, is refused."""
    assert words(" ".join(map(unit_word, paths))) == paths
    with pytest.raises(SettingError, match="a unit file cannot contain control characters"):
        unit_word("/srv/a\nUser=root")


@pytest.mark.parametrize("name", [*SERVICES, *TIMERS])
def test_every_unit_names_its_command_and_contains_its_digest(name: str) -> None:
    """The digest reveals a change by hand; every setting is in a section, and its key is a word."""
    text = made(name)
    assert text.startswith("# Made by drift-checks ")
    assert is_as_made(text.encode())
    assert not is_as_made(text.replace("UTC", "CET").replace("drift\n", "root\n").encode())
    assert {section for section, _, _ in options(text)} <= {"Unit", "Service", "Timer", "Install"}
    assert all(key.isalnum() for _, key, _ in options(text))


def test_hostile_paths_are_quoted_everywhere() -> None:
    """As interpreter, folder to write to, and store."""
    text = made(
        "drift-vacuum.service", interpreter=HOSTILE, writes=(HOSTILE,), stores=(HOSTILE,), vacuum_application=True
    )
    (command,) = values(text, "ExecStart")
    shell = [":/bin/sh", "-c", 'exec "$0" "$@"', str(HOSTILE)]
    assert words(command) == [*shell, "-P", "-m", "drift_checks", "vacuum", "--application"]
    assert [words(value) for value in values(text, "ReadWritePaths")] == [[str(HOSTILE)]]
    (alert,) = values(made("drift-review-failed.service", interpreter=HOSTILE), "ExecStart")
    assert words(alert)[-1] == str(HOSTILE)


def test_a_timer_does_not_require_its_service() -> None:
    """Otherwise it would start it at boot."""
    text = made("drift-review.timer")
    assert values(text, "OnCalendar") == ["*-*-* 02:00:00 UTC"]
    assert (values(text, "Persistent"), values(text, "RandomizedDelaySec")) == (["true"], ["30min"])
    assert not values(text, "Requires")


def test_a_verdict_is_not_retried() -> None:
    """Only exit code 75 and crashes are, a few times."""
    text = made("drift-review.service")
    assert values(text, "RestartPreventExitStatus") == ["1 2 3 4 5"]
    assert (values(text, "Restart"), values(text, "StartLimitBurst")) == (["on-failure"], ["3"])
    assert values(text, "OnFailure") == ["drift-review-failed.service"]
    assert not values(text, "RestartForceExitStatus")


def test_only_existing_secrets_are_loaded() -> None:
    """A missing file would keep the service from starting."""
    assert values(made("drift-review.service"), "LoadCredential") == []
    loaded = values(made("drift-review.service", credentials=("SLACK_WEBHOOK_URL",)), "LoadCredential")
    assert loaded == ["SLACK_WEBHOOK_URL:/etc/drift-checks/credentials/SLACK_WEBHOOK_URL"]


def test_only_the_clean_up_writes_to_the_applications_files() -> None:
    """And only if that was requested."""
    store = (Path("/srv/app"),)
    written = {
        (name, asked): "/srv/app" in values(made(name, stores=store, vacuum_application=asked), "ReadWritePaths")
        for name in SERVICES
        for asked in (False, True)
    }
    assert [key for key, writes in written.items() if writes] == [("drift-vacuum.service", True)]


@pytest.mark.parametrize(
    ("reads", "expected"),
    [("/srv/app", "yes"), ("/home/ann/store", "read-only"), ("/root/v", "read-only"), ("/homes/ann", "yes")],
)
def test_homes_are_hidden_unless_a_path_is_in_one(reads: str, expected: str) -> None:
    """That of a store, the reports, or the interpreter."""
    assert values(made("drift-review.service", reads=(Path(reads),)), "ProtectHome") == [expected]


def test_paths_below_tmp_are_mounted_into_the_private_one() -> None:
    """Read-only if they are only read; each folder once, with everything below it."""
    read, written = (Path("/tmp/a"), Path("/tmp/a/b"), Path("/srv")), (Path("/var/tmp/r"),)
    text = made("drift-review.service", reads=read, writes=written)
    assert values(text, "BindReadOnlyPaths") == ["-/tmp/a"]
    assert (values(text, "BindPaths"), values(text, "ReadWritePaths")) == (["/var/tmp/r"], [])
