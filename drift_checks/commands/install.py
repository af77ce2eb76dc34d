"""Schedule reviews: write the files of cron or systemd, but never over files that were changed by hand."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from drift_checks.commands.arguments import full_path
from drift_checks.commands.settings_options import add_settings, read_settings
from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import DB_PASSWORD
from drift_checks.operations.schedule.carried import carried
from drift_checks.operations.schedule.environment import read_assignments
from drift_checks.operations.schedule.files import File, Folder, State, Step, Tree
from drift_checks.operations.schedule.installation import (
    Contents,
    InstallRequest,
    cron_contents,
    installed_secrets,
    recorded_digests,
    systemd_contents,
)
from drift_checks.operations.schedule.machine import closed_to, daemon_of, default_user, find_user, refuse_unless_root
from drift_checks.operations.schedule.next_steps import after_install
from drift_checks.operations.schedule.paths import CRONTAB, ENVIRONMENT_FILE, OWN, REVIEW_TIMER, UNITS, below
from drift_checks.operations.schedule.plan import CRON, DAY, SYSTEMD, WEEK, read_schedule
from drift_checks.operations.schedule.preset import make_preset
from drift_checks.operations.schedule.systemd import BACKUP_UNITS
from drift_checks.stores.engines.sources import is_sqlite

EXIT_KEPT = 1

_CONTENTS = {CRON: cron_contents, SYSTEMD: systemd_contents}
# The file that exists only if this kind of schedule is installed.
_SIGNS = {CRON: CRONTAB, SYSTEMD: REVIEW_TIMER}
_NOTES = {
    State.WRITE: "",
    State.REPLACE: ": not changed since it was written",
    State.UNCHANGED: "",
    State.KEEP: ": changed by hand, so it is kept; --force replaces it and keeps a copy beside it",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_place(parser)
    parser.add_argument("--user", metavar="NAME", help="user that runs the reviews (default: you)")
    parser.add_argument("--at", metavar="HH:MM", default="02:00", help="time of the review in UTC (default: 02:00)")
    parser.add_argument(
        "--every", choices=(DAY, WEEK), default=DAY, help="how often to review; week means on Mondays (default: day)"
    )
    parser.add_argument(
        "--mail-to", metavar="ADDRESS", help="cron: recipient of mail about problems (default: the user)"
    )
    parser.add_argument(
        "--vacuum-application", action="store_true", help="systemd: also vacuum the application's database every week"
    )
    parser.add_argument(
        "--env",
        metavar="NAME",
        action="append",
        default=[],
        help="also carry this variable, which your own classifier needs; a secret goes where other secrets do",
    )
    add_settings(parser)


def add_place(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that install and uninstall have in common."""
    parser.add_argument("kind", choices=(CRON, SYSTEMD), help="what starts the reviews: cron or systemd")
    parser.add_argument(
        "--root", metavar="DIR", type=full_path, default="/", help="write below this folder (default: /)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would be done, and change nothing")
    parser.add_argument(
        "--force", action="store_true", help="include files that were changed by hand; a copy is kept beside each"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the files; return 1 if one was kept because it was changed by hand."""
    _refuse_other_kind(arguments)
    root: Path = arguments.root
    tree = Tree(root, recorded_digests(Tree(root, {}, force=False)), force=arguments.force)
    request = _request(arguments, root, tree)
    if not arguments.dry_run:
        refuse_unless_root(root)
    _refuse_both(arguments.kind, tree)
    contents = _CONTENTS[arguments.kind](request, tree)
    steps = [tree.plan(file) for file in contents.files]
    folders = [folder for folder in contents.folders if tree.missing(folder)]
    remarks = [
        *_remarks(arguments, request, installed_secrets(tree)),
        *_lost(contents.files, steps, tree),
        *_of_others(contents.folders, tree),
    ]
    sys.stdout.writelines(f"{line}\n" for line in _planned(folders, contents, steps))
    if arguments.dry_run:
        sys.stdout.writelines(f"{line}\n" for line in _shown(contents.files, steps))
    else:
        for folder in folders:
            tree.make(folder)
        for file, step in zip(contents.files, steps, strict=True):
            tree.write(file, step)
    lines = (*remarks, *after_install(arguments.kind, request))
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return EXIT_KEPT if any(step.state is State.KEEP for step in steps) else 0


def _request(arguments: argparse.Namespace, root: Path, tree: Tree) -> InstallRequest:
    schedule = read_schedule(arguments.at, arguments.every)
    owner = find_user(default_user(os.environ) if arguments.user is None else arguments.user, root)
    now = datetime.now(UTC)
    settings = read_settings(arguments, os.environ, now)
    if settings.db is None and not settings.demo:
        raise SettingError(
            "db",
            "is not set, which a scheduled review needs",
            "name the records with --drift-db, or an ini file that does with -c",
        )
    if arguments.vacuum_application and settings.db is not None and not is_sqlite(settings.db):
        raise SettingError("--vacuum-application", f"needs a SQLite file, and {settings.db} is none", "omit it")
    own = carried(arguments.env, os.environ, installed_secrets(tree))
    return InstallRequest(
        schedule=schedule,
        owner=owner,
        preset=make_preset(settings, os.environ, Path.cwd(), own),
        root=root,
        now=now,
        mail_to=arguments.mail_to or "",
        vacuum_application=arguments.vacuum_application,
        has_backup=settings.db is None or is_sqlite(settings.db),
    )


def _refuse_other_kind(arguments: argparse.Namespace) -> None:
    if arguments.kind == CRON and arguments.vacuum_application:
        raise SettingError("--vacuum-application", "is only available with systemd", "omit it")
    if arguments.kind == SYSTEMD and arguments.mail_to:
        raise SettingError("--mail-to", "is only available with cron", "use --drift-email-to or another alert")


def _refuse_both(kind: str, tree: Tree) -> None:
    other = SYSTEMD if kind == CRON else CRON
    if tree.content(_SIGNS[other]) is not None:
        raise SettingError(
            tree.place(_SIGNS[other]),
            f"{other} already runs the review",
            f"remove that first, with python -m drift_checks uninstall {other}",
        )


def _planned(folders: Sequence[Folder], contents: Contents, steps: Sequence[Step]) -> Iterator[str]:
    for folder in folders:
        yield f"{'make':<10}{folder.path} (folder, {folder.mode:04o}, {folder.owner.name})"
    for file, step in zip(contents.files, steps, strict=True):
        note = f": changed by hand, a copy is kept in {step.copy}" if step.copy else _NOTES[step.state]
        action = State.REPLACE if step.copy else step.state
        yield f"{action:<10}{file.path} ({file.mode:04o}, {file.owner.name}){note}"


def _shown(files: Sequence[File], steps: Iterable[Step]) -> Iterator[str]:
    for file, step in zip(files, steps, strict=True):
        if step.state in (State.WRITE, State.REPLACE, State.COPY):
            yield f"\n{file.path}:"
            yield from (f"    {line}".rstrip() for line in file.shown().splitlines())


def _lost(files: Iterable[File], steps: Iterable[Step], tree: Tree) -> Iterator[str]:
    """Yield a note about variables that are no longer set."""
    for file, step in zip(files, steps, strict=True):
        if file.path == ENVIRONMENT_FILE and step.state in (State.REPLACE, State.COPY):
            before = (tree.content(file.path) or b"").decode(errors="replace")
            if lost := sorted(read_assignments(before).keys() - read_assignments(file.text).keys()):
                yield f"\nnote: no longer set: {', '.join(lost)}; give them again to keep them."


def _of_others(folders: Iterable[Folder], tree: Tree) -> Iterator[str]:
    """Yield notes about the project's own folders that belong to another user; only root may change that."""
    for folder in folders:
        is_own = any(folder.path.is_relative_to(own) for own in OWN)
        if is_own and os.geteuid() == 0 and not tree.missing(folder):
            place, name = tree.place(folder.path), folder.owner.name
            if place.stat().st_uid != folder.owner.uid:
                yield f"\nnote: {place} belongs to another user than {name}: chown -R {name} {shlex.quote(str(place))}"


def _remarks(arguments: argparse.Namespace, request: InstallRequest, installed: Collection[str]) -> Iterator[str]:
    if request.owner.uid == 0:
        yield "\nnote: the reviews will run as root; name a user with fewer rights with --user."
    if closed := closed_to(request.interpreter, request.owner):
        yield (
            f"\nnote: {request.owner.name} may not search {closed}, and so cannot start {request.interpreter}; install"
            " the package where everyone can read it, as in /opt, and run this command from there."
        )
    db = request.preset.variables.get("DRIFT_DB")
    is_server = db is not None and "://" in db
    if is_server and DB_PASSWORD not in {*request.preset.secrets, *installed}:
        yield (
            f"\nnote: no password is known for {db}; unless the server needs none, or {request.owner.name}'s own file"
            f" of passwords has it, set {DB_PASSWORD} and run this command again."
        )
    if db is not None and not is_server and request.root == Path("/") and not Path(db).exists():
        yield f"\nnote: {db} does not exist; until it does, each review exits with 4."
    if not request.has_backup:
        whose = (
            "the server's own backups, such as pg_dump or mariadb-dump, keep it" if is_server else "copy it yourself"
        )
        yield f"\nnote: only SQLite files are backed up, so no backup of {db} is scheduled; {whose}."
        if any(below(request.root, UNITS / name).exists() for name in BACKUP_UNITS):
            yield f"\nnote: earlier units still make backups: systemctl disable --now {BACKUP_UNITS[1]}"
    if arguments.kind == CRON and daemon_of(request.root) is None:
        yield f"\nnote: there is no cron daemon below {request.root}; install one (Debian: apt-get install cron)."
