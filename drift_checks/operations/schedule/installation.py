"""Everything that one way of scheduling puts on a machine, and what is done with it afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import drift_checks
from drift_checks.operations.schedule.cron import CronJob, crontab
from drift_checks.operations.schedule.environment import quoted, read_assignments
from drift_checks.operations.schedule.files import File, Folder, Owner, Tree, digest, marked
from drift_checks.operations.schedule.machine import daemon_of, knows_zones, zone_of
from drift_checks.operations.schedule.paths import (
    BACKUPS,
    CREDENTIALS,
    CRONTAB,
    DIGESTS,
    ENVIRONMENT_FILE,
    LOG_FILE,
    REPORTS,
    SNAPSHOTS,
    UNITS,
)
from drift_checks.operations.schedule.plan import CRON, SYSTEMD, Schedule
from drift_checks.operations.schedule.preset import SECRET_NAMES, Given
from drift_checks.operations.schedule.rendering import environment_file, heading
from drift_checks.operations.schedule.systemd import SystemdJob, units

_SECRET_MODE = 0o600
_PRIVATE_MODE = 0o700
_SHARED_MODE = 0o750


@dataclass(frozen=True)
class Order:
    """What was ordered.

    Attributes:
        schedule: When the review runs.
        owner: As whom.
        given: Settings and secrets at hand.
        root: Of the machine's files.
        now: The moment.
        mail_to: Who gets what cron's line prints.
        vacuum_application: Whether the application's own files are cleaned up, too.
        interpreter: Of the reviews.
        installation: Where the package and what it needs lie; None for where they do.
    """

    schedule: Schedule
    owner: Owner
    given: Given
    root: Path
    now: datetime
    mail_to: str = ""
    vacuum_application: bool = False
    interpreter: Path = Path(sys.executable)
    installation: tuple[Path, ...] | None = None


@dataclass(frozen=True)
class Contents:
    """What is to be on the machine, in the order in which it is made."""

    folders: tuple[Folder, ...]
    files: tuple[File, ...]


def cron_contents(order: Order, tree: Tree) -> Contents:
    """Return what cron needs.

    Raises:
        SettingError: A value cannot be passed on.
    """
    secrets = _kept_secrets(tree) | {name: secret.reveal() for name, secret in order.given.secrets.items()}
    variables = {
        "DRIFT_QUIET": "true",
        "DRIFT_LOG_FILE": str(LOG_FILE),
        **order.given.variables,
    }
    made_by = heading(CRON, order.owner.name, order.schedule)
    text = environment_file(made_by, variables | secrets)
    job = CronJob(
        schedule=order.schedule,
        user=order.owner.name,
        interpreter=order.interpreter,
        mail_to=order.mail_to or order.owner.name,
        zone=None if knows_zones(daemon_of(order.root)) else zone_of(order.root),
        now=order.now,
        has_home=tree.place(order.owner.home).is_dir(),
    )
    settings = File(ENVIRONMENT_FILE, text, _SECRET_MODE, order.owner, _as_written(secrets))
    log_folder = Path(variables["DRIFT_LOG_FILE"]).parent
    return Contents(
        (Folder(ENVIRONMENT_FILE.parent), *_folders(order, [*order.given.writes, log_folder])),
        (settings, File(CRONTAB, crontab(job))),
    )


def systemd_contents(order: Order, tree: Tree) -> Contents:
    """Return what systemd needs.

    Raises:
        SettingError: A value cannot be passed on.
    """
    secrets = {name: f"{secret.reveal()}\n" for name, secret in order.given.secrets.items()}
    there = {name for name in SECRET_NAMES if tree.content(CREDENTIALS / name) is not None}
    job = SystemdJob(
        schedule=order.schedule,
        user=order.owner.name,
        interpreter=order.interpreter,
        credentials=tuple(name for name in SECRET_NAMES if name in there | set(secrets)),
        reads=(*order.given.reads, *(order.installation or installation_paths(order.interpreter))),
        writes=order.given.writes,
        stores=order.given.stores,
        vacuum_application=order.vacuum_application,
    )
    made_by = heading(SYSTEMD, order.owner.name, order.schedule)
    settings = File(ENVIRONMENT_FILE, environment_file(made_by, order.given.variables), _SECRET_MODE, order.owner)
    private = [Folder(ENVIRONMENT_FILE.parent)]
    if job.credentials:
        private.append(Folder(CREDENTIALS, _PRIVATE_MODE))
    return Contents(
        (*private, *_folders(order, [*order.given.writes, BACKUPS])),
        (
            settings,
            *_credential_files(secrets, made_by, tree),
            *(File(UNITS / name, text) for name, text in units(job).items()),
        ),
    )


def recorded_digests(tree: Tree) -> dict[Path, str]:
    """Return the digests of the credentials that were written, by their paths."""
    lines = (tree.content(DIGESTS) or b"").decode(errors="replace").splitlines()
    rows = [line.split("  ", 1) for line in lines if not line.startswith("#")]
    return {Path(row[1]): row[0] for row in rows if len(row) == 2}


def installation_paths(interpreter: Path) -> tuple[Path, ...]:
    """Return where this installation lies: interpreter, environment, what it was made from, and the package."""
    package = Path(drift_checks.__file__).parent
    places = (interpreter, Path(sys.prefix), Path(sys.base_prefix), interpreter.resolve(), package)
    return tuple(dict.fromkeys(places))


def _credential_files(secrets: Mapping[str, str], made_by: str, tree: Tree) -> Iterator[File]:
    """Yield a file for each secret, and one with their digests, since they can bear none themselves."""
    for name, text in secrets.items():
        yield File(CREDENTIALS / name, text, _SECRET_MODE, secrets=(text.strip(),))
    before = {path: known for path, known in recorded_digests(tree).items() if tree.content(path) is not None}
    digests = before | {CREDENTIALS / name: digest(text.encode()) for name, text in secrets.items()}
    if digests:
        lines = "".join(f"{known}  {path}\n" for path, known in sorted(digests.items()))
        body = f"# {made_by}\n# Digests of the files of secrets, by which a change by hand is seen.\n{lines}"
        yield File(DIGESTS, marked(body), _SECRET_MODE, secrets=tuple(digests.values()))


def _kept_secrets(tree: Tree) -> dict[str, str]:
    """Return the secrets that an earlier call wrote: this one need not have them in its environment."""
    text = (tree.content(ENVIRONMENT_FILE) or b"").decode(errors="replace")
    return {name: value for name, value in read_assignments(text).items() if name in SECRET_NAMES and value}


def _as_written(secrets: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(quoted(name, text)[1:-1] for name, text in secrets.items())


def _folders(order: Order, paths: Sequence[Path]) -> Iterator[Folder]:
    """Yield the folders that are the user's: those of this project's own with the one that they are in."""
    for path in dict.fromkeys(paths):
        if path in (REPORTS, SNAPSHOTS):
            yield Folder(path.parent, _SHARED_MODE, order.owner)
        yield Folder(path, _SHARED_MODE, order.owner)
