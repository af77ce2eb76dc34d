"""The units of systemd: what stands in them, and how paths are quoted."""

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
    """Return what the units are made of."""
    default = {"schedule": read_schedule("02:00", DAY), "user": "drift", "interpreter": Path("/opt/v/bin/python")}
    return SystemdJob(**{**default, **changed})  # type: ignore[arg-type]


def made(name: str, **changed: object) -> str:
    """Return a unit."""
    return units(job(**changed))[name]


@given(st.lists(PATHS, min_size=1, max_size=3))
def test_paths_are_read_as_they_were_written(paths: list[str]) -> None:
    """By systemd's rules for words and specifiers."""
    assert words(" ".join(map(unit_word, paths))) == paths


def test_a_path_that_no_unit_can_hold_is_refused() -> None:
    """A line feed would begin another setting."""
    with pytest.raises(SettingError, match="a path with control characters cannot stand in a unit file"):
        unit_word("/srv/a\nUser=root")


@pytest.mark.parametrize("name", [*SERVICES, *TIMERS])
def test_every_unit_says_what_made_it_and_bears_its_digest(name: str) -> None:
    """So that a change by hand is seen."""
    text = made(name)
    assert text.startswith("# Made by drift-checks ")
    assert is_as_made(text.encode())
    assert not is_as_made(text.replace("UTC", "CET").replace("drift\n", "root\n").encode())


def test_hostile_paths_arrive_at_every_place() -> None:
    """Interpreter, folders to write to and stores."""
    text = made(
        "drift-vacuum.service", interpreter=HOSTILE, writes=(HOSTILE,), stores=(HOSTILE,), vacuum_application=True
    )
    (command,) = values(text, "ExecStart")
    shell = [":/bin/sh", "-c", 'exec "$0" "$@"', str(HOSTILE)]
    assert words(command) == [*shell, "-P", "-m", "drift_checks", "vacuum", "--application"]
    assert [words(value) for value in values(text, "ReadWritePaths")] == [[str(HOSTILE)]]
    (told,) = values(made("drift-review-failed.service", interpreter=HOSTILE), "ExecStart")
    assert words(told)[-1] == str(HOSTILE)


def test_a_timer_fires_once_and_its_service_is_not_required() -> None:
    """A timer that requires its service would start it at boot."""
    text = made("drift-review.timer")
    assert values(text, "OnCalendar") == ["*-*-* 02:00:00 UTC"]
    assert (values(text, "Persistent"), values(text, "RandomizedDelaySec")) == (["true"], ["30min"])
    assert not values(text, "Requires")


def test_a_result_is_not_tried_again() -> None:
    """Another attempt is for what ended with 75, and for a crash: a limited number of them."""
    text = made("drift-review.service")
    assert values(text, "RestartPreventExitStatus") == ["1 2 3 4 5"]
    assert (values(text, "Restart"), values(text, "StartLimitBurst")) == (["on-failure"], ["3"])
    assert values(text, "OnFailure") == ["drift-review-failed.service"]
    assert not values(text, "RestartForceExitStatus")


def test_only_secrets_that_are_there_are_loaded() -> None:
    """A credential without a file would keep the service from starting."""
    assert values(made("drift-review.service"), "LoadCredential") == []
    loaded = values(made("drift-review.service", credentials=("SLACK_WEBHOOK_URL",)), "LoadCredential")
    assert loaded == ["SLACK_WEBHOOK_URL:/etc/drift-checks/credentials/SLACK_WEBHOOK_URL"]


def test_only_the_clean_up_writes_to_the_applications_files() -> None:
    """And only where it was asked to."""
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
def test_homes_are_hidden_unless_something_lies_there(reads: str, expected: str) -> None:
    """A store, a report, or the interpreter."""
    assert values(made("drift-review.service", reads=(Path(reads),)), "ProtectHome") == [expected]


def test_what_lies_below_tmp_is_shown_in_the_private_one() -> None:
    """Read-only what is read, each folder once, with all below it."""
    read, written = (Path("/tmp/a"), Path("/tmp/a/b"), Path("/srv")), (Path("/var/tmp/r"),)
    text = made("drift-review.service", reads=read, writes=written)
    assert values(text, "BindReadOnlyPaths") == ["-/tmp/a"]
    assert (values(text, "BindPaths"), values(text, "ReadWritePaths")) == (["/var/tmp/r"], [])


def test_every_section_and_key_is_known() -> None:
    """No setting stands before a section, or without one."""
    for name, text in units(job()).items():
        assert {section for section, _, _ in options(text)} <= {"Unit", "Service", "Timer", "Install"}, name
        assert all(key.isalnum() for _, key, _ in options(text)), name
