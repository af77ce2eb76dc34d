"""`install` and `uninstall`, in a folder that stands for the machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from drift_checks.commands import run_command
from drift_checks.operations.schedule.files import Owner
from drift_checks.operations.schedule.machine import closed_to

CRONTAB = "etc/cron.d/drift-checks"
SETTINGS = "etc/drift-checks/review.env"
SERVICE = "etc/systemd/system/drift-review.service"
SECRET = 'https://hooks.example.com/s3cret-$1-"quoted"-`x`'
KINDS = ["cron", "systemd"]


class Host:
    """A folder that stands for a machine with a user, and the output of the last command."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys
        (root / "etc").mkdir(parents=True)
        (root / "etc/timezone").write_text("UTC\n")
        (root / "etc/passwd").write_text(f"drift:x:{os.geteuid()}:{os.getegid()}::/:/bin/sh\n")

    def install(self, kind: str, *options: str, user: str = "drift", db: str = "/srv/x.db") -> tuple[int, str]:
        """Install; return the exit code and the output."""
        return self._run("install", kind, "--user", user, "--drift-db", db, *options)

    def uninstall(self, kind: str, *options: str) -> tuple[int, str]:
        """Uninstall; return the exit code and the output."""
        return self._run("uninstall", kind, *options)

    def _run(self, name: str, *arguments: str) -> tuple[int, str]:
        code = run_command(name, [*arguments, "--root", str(self.root)])
        said = self._capsys.readouterr()
        return code, said.out + said.err

    def files(self) -> dict[str, str]:
        """Return all files that were written by commands."""
        found = {str(path.relative_to(self.root)): path for path in self.root.rglob("*") if path.is_file()}
        return {
            name: path.read_text() for name, path in sorted(found.items()) if name not in ("etc/passwd", "etc/timezone")
        }


@pytest.fixture
def host(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Host:
    """A machine on which nothing is installed."""
    for name in ("PYTHONPATH", "SLACK_WEBHOOK_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Host(tmp_path / "host", capsys)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_run_prints_everything_and_writes_nothing(host: Host, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file with its text, but no secret."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", SECRET)
    code, said = host.install(kind, "--dry-run")
    assert (code, host.files()) == (0, {})
    assert "write     /etc/drift-checks/review.env (0600, drift)" in said
    assert '    DRIFT_DB="/srv/x.db"\n' in said
    assert "s3cret" not in said
    assert "…" in said


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_call_changes_nothing(host: Host, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps the secrets, though they are no longer in the environment."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", SECRET)
    host.install(kind)
    before = host.files()
    monkeypatch.delenv("SLACK_WEBHOOK_URL")
    code, said = host.install(kind)
    assert (code, host.files()) == (0, before)
    assert not [line for line in said.splitlines() if line.startswith(("write ", "replace ", "make "))]


@pytest.mark.parametrize(("kind", "name"), [("cron", CRONTAB), ("cron", SETTINGS), ("systemd", SERVICE)])
def test_files_changed_by_hand_are_kept(host: Host, kind: str, name: str) -> None:
    """The output and the exit code show it, and --force keeps a copy."""
    host.install(kind)
    place = host.root / name
    place.write_text(place.read_text().replace("drift", "drifter"))
    code, said = host.install(kind, "--at", "03:00")
    assert code == 1
    assert f"keep      /{name}" in said
    assert "changed by hand, so it is kept; --force replaces it and keeps a copy beside it" in said
    assert "drifter" in place.read_text()
    code, said = host.install(kind, "--at", "03:00", "--force")
    assert code == 0
    assert "drifter" not in place.read_text()
    assert "drifter" in place.with_name(f"{place.name}~").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_uninstall_removes_only_what_install_wrote(host: Host, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither other files beside it nor reports."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", SECRET)
    host.install(kind)
    (host.root / "etc/drift-checks/notes").write_text("mine")
    (host.root / "var/lib/drift-checks/reports/index.html").write_text("a report")
    before = host.files()
    assert host.uninstall(kind, "--dry-run")[0] == 0
    assert host.files() == before
    code, _ = host.uninstall(kind)
    assert code == 0
    assert host.files() == {"etc/drift-checks/notes": "mine", "var/lib/drift-checks/reports/index.html": "a report"}


def test_uninstall_leaves_no_empty_folder_and_no_broken_link(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of secrets, and to timers."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", SECRET)
    host.install("systemd")
    wants = host.root / "etc/systemd/system/timers.target.wants"
    wants.mkdir()
    (wants / "drift-review.timer").symlink_to("/etc/systemd/system/drift-review.timer")
    host.uninstall("systemd")
    assert not (host.root / "etc/drift-checks").exists()
    assert list(wants.iterdir()) == []


def test_uninstall_keeps_what_was_changed_by_hand(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Including a secret."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", SECRET)
    host.install("systemd")
    credential = host.root / "etc/drift-checks/credentials/SLACK_WEBHOOK_URL"
    credential.write_text("https://hooks.example.com/of-my-own\n")
    (host.root / SERVICE).write_text("mine")
    code, said = host.uninstall("systemd")
    assert code == 1
    assert said.count("changed by hand, so it is kept") == 2
    digests = "etc/drift-checks/credentials.sha256"
    assert set(host.files()) == {SERVICE, "etc/drift-checks/credentials/SLACK_WEBHOOK_URL", digests}
    code, _ = host.uninstall("systemd", "--force")
    assert code == 0
    assert set(host.files()) == {f"{SERVICE}~", "etc/drift-checks/credentials/SLACK_WEBHOOK_URL~"}


def test_a_secret_is_renewed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it was not changed by hand; only root can read it, and only its own file holds it."""
    for secret in ("https://hooks.example.com/first", "https://hooks.example.com/second"):
        monkeypatch.setenv("SLACK_WEBHOOK_URL", secret)
        code, said = host.install("systemd")
        credential = host.root / "etc/drift-checks/credentials/SLACK_WEBHOOK_URL"
        assert (code, credential.read_text()) == (0, f"{secret}\n")
        assert secret not in said
    assert credential.stat().st_mode & 0o777 == 0o600
    assert credential.parent.stat().st_mode & 0o777 == 0o700
    assert "LoadCredential=SLACK_WEBHOOK_URL:" in host.files()[SERVICE]
    assert [name for name, text in host.files().items() if "hooks.example.com" in text] == [
        "etc/drift-checks/credentials/SLACK_WEBHOOK_URL"
    ]


def test_settings_for_cron_are_private(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the user can read them, with the secrets."""
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret")
    host.install("cron", "--drift-sample-size", "7")
    text = (host.root / SETTINGS).read_text()
    assert (host.root / SETTINGS).stat().st_mode & 0o777 == 0o600
    for line in ('DRIFT_QUIET="true"', 'DRIFT_SAMPLE_SIZE="7"', 'OPENAI_API_KEY="s3cret"'):
        assert f"\n{line}\n" in text
    assert (host.root / "var/log/drift-checks").is_dir()


@pytest.mark.parametrize("kind", KINDS)
def test_variables_of_a_users_own_classifier_are_carried(
    host: Host, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets where other secrets are, in no unit, no crontab and no output; a second call need not have them."""
    monkeypatch.setenv("MODEL_REGION", "eu")
    monkeypatch.setenv("RISK_API_KEY", "s3cret-of-a-model")
    monkeypatch.setenv("RISK_URL", "https://ann:s3cret@models.example.com")
    names = ("--env", "MODEL_REGION", "--env=RISK_API_KEY", "--env", "RISK_URL")
    code, said = host.install(kind, *names)
    assert (code, "s3cret" in said) == (0, False)
    files = host.files()
    assert '\nMODEL_REGION="eu"\n' in files[SETTINGS]
    folder = "etc/drift-checks/credentials"
    private = {SETTINGS} if kind == "cron" else {f"{folder}/RISK_API_KEY", f"{folder}/RISK_URL"}
    assert {name for name, text in files.items() if "s3cret" in text} == private
    assert all((host.root / name).stat().st_mode & 0o777 == 0o600 for name in private)
    for name in ("RISK_API_KEY", "RISK_URL"):
        monkeypatch.delenv(name)
    assert host.install(kind, *names)[0] == 0
    assert host.files() == files
    assert host.uninstall(kind)[0] == 0
    assert host.files() == {}


def test_only_the_review_gets_the_secrets_of_its_classifier(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every service gets those for alerts."""
    monkeypatch.setenv("RISK_API_KEY", "s3cret")
    monkeypatch.setenv("SLACK_WEBHOOK_URL", SECRET)
    host.install("systemd", "--env=RISK_API_KEY")
    services = {name: text for name, text in host.files().items() if name.endswith(".service")}
    assert [name for name, text in services.items() if "LoadCredential=RISK_API_KEY:" in text] == [SERVICE]
    assert all("LoadCredential=SLACK_WEBHOOK_URL:" in text for text in services.values())


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("RISK_API_KEY", "--env: RISK_API_KEY is not set; export it before this command"),
        ("MODEL_REGION", "--env: MODEL_REGION is not set; export it before this command"),
        ("RISK_API_KEY=s3cret", "--env: 'RISK_API_KEY' is not the name of a variable alone; set the variable"),
    ],
)
def test_a_variable_that_cannot_be_carried_is_refused(host: Host, name: str, sentence: str) -> None:
    """Without the value that was given."""
    code, said = host.install("systemd", "--env", name)
    assert (code, host.files(), "s3cret" in said) == (4, {}, False)
    assert sentence in said


def test_a_file_that_a_variable_names_is_reached_in_the_sandbox(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its path is no secret, whatever the variable is called."""
    (tmp_path / "account.json").touch()
    monkeypatch.setenv("SERVICE_KEY", str(tmp_path / "account.json"))
    host.install("systemd", "--env=SERVICE_KEY")
    assert f'SERVICE_KEY="{tmp_path}/account.json"' in host.files()[SETTINGS]
    assert f"{tmp_path}/account.json" in host.files()[SERVICE]


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_of_a_log_configuration_can_be_written(host: Host, kind: str, tmp_path: Path) -> None:
    """Their folders are created for the user, and the sandbox lets the review write there."""
    config = tmp_path / "logging.yaml"
    config.write_text("version: 1\nhandlers: {file: {class: logging.FileHandler, filename: /var/log/app/drift.json}}\n")
    assert host.install(kind, f"--drift-log-config={config}")[0] == 0
    assert (host.root / "var/log/app").is_dir()
    assert kind == "cron" or "\nReadWritePaths=/var/log/app\n" in host.files()[SERVICE]


def test_cron_and_systemd_exclude_each_other(host: Host) -> None:
    """Otherwise the review would run twice a night."""
    host.install("cron")
    code, said = host.install("systemd")
    assert code == 4
    assert "cron already runs the review; remove that first, with python -m drift_checks uninstall cron." in said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--at", "25:00"], "--at: '25:00' is invalid; it must be a time of day in UTC from 00:00 to 23:59."),
        (["--user", "drifd"], "--user: there is no user 'drifd' on this machine; create one"),
        (["--mail-to", "a b"], "--mail-to: 'a b' is invalid"),
        (["--vacuum-application"], "--vacuum-application: is only available with systemd"),
        (["--drift-warn", "9"], "warn: '9' (from --drift-warn) is invalid"),
    ],
)
def test_invalid_arguments_are_refused_in_one_sentence(host: Host, options: list[str], sentence: str) -> None:
    """Nothing is written."""
    code, said = host.install("cron", *options)
    assert (code, host.files()) == (4, {})
    assert said.startswith(f"python -m drift_checks install: {sentence}")
    assert said.count("\n") == 1


def test_a_store_must_be_named(host: Host) -> None:
    """A scheduled review cannot ask for it."""
    code = run_command("install", ["cron", "--user", "drift", "--root", str(host.root)])
    assert (code, host.files()) == (4, {})


def test_nothing_to_uninstall_is_reported(host: Host) -> None:
    """With the exit code for nothing to do."""
    assert host.uninstall("cron") == (
        5,
        f"python -m drift_checks uninstall: {host.root}: no schedule for cron is installed there.\n",
    )


@pytest.mark.parametrize("name", ["install", "uninstall"])
def test_only_root_can_write_to_the_machine_itself(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Others learn of the alternatives."""
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    options = ["--user", "root", "--drift-db", "/srv/x.db"] if name == "install" else []
    assert run_command(name, ["systemd", *options]) == 4
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "/etc: only root may write there; use sudo" in said.err


def test_an_interpreter_that_the_user_cannot_reach_is_reported(host: Host, tmp_path: Path) -> None:
    """Such as one in root's home folder: the review would not even start."""
    closed = tmp_path / "closed"
    (closed / "bin").mkdir(parents=True)
    closed.chmod(0o700)
    stranger, caller = (Owner("x", os.geteuid() + more, os.getegid() + more) for more in (1, 0))
    assert closed_to(closed / "bin/python", stranger) in (closed, *closed.parents)
    assert closed_to(closed / "bin/python", caller) is None
    (host.root / "etc/passwd").write_text("drift:x:4242:4242::/:/bin/sh\n")
    reached = closed_to(Path(sys.executable), Owner("drift", 4242, 4242)) is None
    assert ("drift may not search" in host.install("cron")[1]) is not reached


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_steps_are_printed(host: Host, kind: str) -> None:
    """Enable, verify, run now, follow, undo."""
    _, said = host.install(kind)
    last = [line.split("  ")[0] for line in said.splitlines()[said.splitlines().index("") + 1 :]]
    assert {"enable", "verify", "run now", "follow", "undo"} <= set(last)


@pytest.mark.parametrize("kind", KINDS)
def test_settings_that_are_no_longer_set_are_named(host: Host, kind: str) -> None:
    """Changing only the time would silently drop them."""
    host.install(kind, "--drift-warn", "0.9", "--drift-email-to", "ann@example.com")
    _, said = host.install(kind, "--at", "03:00")
    assert "note: no longer set: DRIFT_EMAIL_TO, DRIFT_WARN; give them again to keep them." in said
    assert "no longer set" not in host.install(kind, "--at", "04:00")[1]


def test_a_secret_that_was_added_by_hand_is_kept(host: Host) -> None:
    """In any form that a shell reads; the copy of the changed file is kept and named."""
    host.install("cron")
    file = host.root / SETTINGS
    file.write_text(file.read_text() + "SLACK_WEBHOOK_URL=https://hooks.example.com/a\n")
    _, said = host.install("cron", "--force")
    assert "no longer set" not in said
    assert 'SLACK_WEBHOOK_URL="https://hooks.example.com/a"\n' in file.read_text()
    _, said = host.uninstall("cron")
    assert f"Copies made by --force are kept, with the secrets in them: {file}~" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_folders_of_another_user_are_named(host: Host) -> None:
    """Otherwise the new user's reviews would fail every night; but the folder of the store is the application's."""
    (host.root / "etc/passwd").write_text("drift:x:4242:4242::/:/bin/sh\nother:x:4343:4343::/:/bin/sh\n")
    (host.root / "srv/app").mkdir(parents=True)
    os.chown(host.root / "srv/app", 4343, 4343)
    _, said = host.install("cron", "--drift-write-back", db="/srv/app/x.db")
    assert "belongs to another" not in said
    _, said = host.install("cron", user="other")
    assert "belongs to another user than other: chown -R other" in said
    assert "belongs to another" not in host.install("cron")[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["a.csv", "b.parquet", "c.duckdb", "*.jsonl"])
def test_only_sqlite_files_are_backed_up(host: Host, kind: str, name: str) -> None:
    """A nightly backup of another file would fail every night; the output says that there is none."""
    code, said = host.install(kind, db=f"/srv/{name}")
    assert code == 0
    assert f"only SQLite files are backed up, so no backup of /srv/{name} is scheduled" in said
    assert "drift-backup" not in said
    assert not [file for file in host.files() if "backup" in file]
    assert not (host.root / "var/backups").exists()


def test_units_of_an_earlier_backup_are_named(host: Host) -> None:
    """With the command that stops them."""
    host.install("systemd")
    code, said = host.install("systemd", db="/srv/a.csv")
    assert (code, "systemctl disable --now drift-backup.timer" in said) == (0, True)


def test_only_a_sqlite_file_is_vacuumed(host: Host) -> None:
    """Others are refused at once, not every week."""
    code, said = host.install("systemd", "--vacuum-application", db="/srv/a.csv")
    assert (code, "--vacuum-application: needs a SQLite file, and /srv/a.csv is none" in said) == (4, True)
