"""Everything that one kind of schedule installs on a machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import drift_checks
from drift_checks.core.secrets import is_secret
from drift_checks.operations.schedule import paths
from drift_checks.operations.schedule.cron import CronJob, crontab
from drift_checks.operations.schedule.environment import quoted, read_assignments
from drift_checks.operations.schedule.files import File, Folder, Owner, Tree, digest, marked
from drift_checks.operations.schedule.machine import daemon_of, knows_zones, zone_of
from drift_checks.operations.schedule.plan import CRON, SYSTEMD, Schedule
from drift_checks.operations.schedule.preset import SECRET_NAMES, Preset
from drift_checks.operations.schedule.rendering import environment_file, heading
from drift_checks.operations.schedule.systemd import SystemdJob, units

_SECRET_MODE = 0o600
_PRIVATE_MODE = 0o700
_SHARED_MODE = 0o750


@dataclass(frozen=True)
class InstallRequest:
    """What to install.

    `mail_to` gets the output of cron's line; `vacuum_application` compacts the application's database, too; without
    `has_backup`, no backup is scheduled; `installation` is where the package and its dependencies are, None for those
    of this process.
    """

    schedule: Schedule
    owner: Owner
    preset: Preset
    root: Path
    now: datetime
    mail_to: str = ""
    vacuum_application: bool = False
    has_backup: bool = True
    interpreter: Path = Path(sys.executable)
    installation: tuple[Path, ...] | None = None


@dataclass(frozen=True)
class Contents:
    """What to install on the machine, in this order."""

    folders: tuple[Folder, ...]
    files: tuple[File, ...]


def cron_contents(request: InstallRequest, tree: Tree) -> Contents:
    """Return what to install for cron; raise SettingError if a value cannot be passed on."""
    secrets = _kept_secrets(tree) | {name: secret.reveal() for name, secret in request.preset.secrets.items()}
    variables = {"DRIFT_QUIET": "true", "DRIFT_LOG_FILE": str(paths.LOG_FILE), **request.preset.variables}
    text = environment_file(heading(CRON, request.owner.name, request.schedule), variables | secrets)
    job = CronJob(
        schedule=request.schedule,
        user=request.owner.name,
        interpreter=request.interpreter,
        mail_to=request.mail_to or request.owner.name,
        zone=None if knows_zones(daemon_of(request.root)) else zone_of(request.root),
        now=request.now,
        has_home=tree.place(request.owner.home).is_dir(),
    )
    # Secrets as they are written there.
    hidden = tuple(quoted(name, text)[1:-1] for name, text in secrets.items())
    log_folder = Path(variables["DRIFT_LOG_FILE"]).parent
    return Contents(
        (Folder(paths.ENVIRONMENT_FILE.parent), *_folders(request.owner, [*request.preset.writes, log_folder])),
        (File(paths.ENVIRONMENT_FILE, text, _SECRET_MODE, request.owner, hidden), File(paths.CRONTAB, crontab(job))),
    )


def systemd_contents(request: InstallRequest, tree: Tree) -> Contents:
    """Return what to install for systemd; raise SettingError if a value cannot be passed on."""
    preset = request.preset
    secrets = {name: f"{secret.reveal()}\n" for name, secret in preset.secrets.items()}
    known = dict.fromkeys((*SECRET_NAMES, *sorted(installed_secrets(tree) | secrets.keys())))
    existing = {name for name in known if tree.content(paths.CREDENTIALS / name) is not None}
    job = SystemdJob(
        schedule=request.schedule,
        user=request.owner.name,
        interpreter=request.interpreter,
        credentials=tuple(name for name in known if name in existing | set(secrets)),
        reads=(*preset.reads, *(request.installation or installation_paths(request.interpreter))),
        writes=preset.writes,
        stores=preset.stores,
        vacuum_application=request.vacuum_application,
        has_backup=request.has_backup,
    )
    made_by = heading(SYSTEMD, request.owner.name, request.schedule)
    private = [Folder(paths.ENVIRONMENT_FILE.parent)]
    if job.credentials:
        private.append(Folder(paths.CREDENTIALS, _PRIVATE_MODE))
    return Contents(
        (*private, *_folders(request.owner, [*preset.writes, *([paths.BACKUPS] if request.has_backup else [])])),
        (
            File(paths.ENVIRONMENT_FILE, environment_file(made_by, preset.variables), _SECRET_MODE, request.owner),
            *_credential_files(secrets, made_by, tree),
            *(File(paths.UNITS / name, text) for name, text in units(job).items()),
        ),
    )


def recorded_digests(tree: Tree) -> dict[Path, str]:
    """Return the digests of the installed credentials, by their paths."""
    lines = (tree.content(paths.DIGESTS) or b"").decode(errors="replace").splitlines()
    rows = [line.split("  ", 1) for line in lines if not line.startswith("#")]
    return {Path(row[1]): row[0] for row in rows if len(row) == 2}


def installation_paths(interpreter: Path) -> tuple[Path, ...]:
    """Return where this installation is: interpreter, environment, the Python it is based on, and the package."""
    package = Path(drift_checks.__file__).parent
    places = (interpreter, Path(sys.prefix), Path(sys.base_prefix), interpreter.resolve(), package)
    return tuple(dict.fromkeys(places))


def _credential_files(secrets: Mapping[str, str], made_by: str, tree: Tree) -> Iterator[File]:
    """Yield a file for each secret, and one with their digests, which they cannot contain themselves."""
    for name, text in secrets.items():
        yield File(paths.CREDENTIALS / name, text, _SECRET_MODE, secrets=(text.strip(),))
    before = {path: known for path, known in recorded_digests(tree).items() if tree.content(path) is not None}
    digests = before | {paths.CREDENTIALS / name: digest(text.encode()) for name, text in secrets.items()}
    if digests:
        lines = "".join(f"{known}  {path}\n" for path, known in sorted(digests.items()))
        body = f"# {made_by}\n# Digests of the files of secrets, which reveal a change by hand.\n{lines}"
        yield File(paths.DIGESTS, marked(body), _SECRET_MODE, secrets=tuple(digests.values()))


def installed_secrets(tree: Tree) -> set[str]:
    """Return the names of the secrets that `install` has written, for cron or for systemd."""
    return {*_kept_secrets(tree), *(path.name for path in recorded_digests(tree))}


def _kept_secrets(tree: Tree) -> dict[str, str]:
    """Return the secrets that are installed already, which the environment need not contain again."""
    text = (tree.content(paths.ENVIRONMENT_FILE) or b"").decode(errors="replace")
    found = {name: value for name, value in read_assignments(text).items() if value and is_secret(name, value)}
    return {name: value for name, value in found.items() if name in SECRET_NAMES or not name.startswith("DRIFT_")}


def _folders(owner: Owner, folders: Sequence[Path]) -> Iterator[Folder]:
    """Yield the folders that belong to the user; the project's own with the one they are in."""
    for path in dict.fromkeys(folders):
        if path in (paths.REPORTS, paths.SNAPSHOTS):
            yield Folder(path.parent, _SHARED_MODE, owner)
        yield Folder(path, _SHARED_MODE, owner)
