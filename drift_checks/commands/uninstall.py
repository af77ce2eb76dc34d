"""Remove what `install` wrote, except for files changed by hand and the results of reviews."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from drift_checks.commands.install import EXIT_KEPT, add_place
from drift_checks.core.errors import NothingToReview
from drift_checks.operations.schedule.files import State, Step, Tree
from drift_checks.operations.schedule.installation import recorded_digests
from drift_checks.operations.schedule.machine import refuse_unless_root
from drift_checks.operations.schedule.next_steps import after_uninstall
from drift_checks.operations.schedule.paths import CREDENTIALS, CRONTAB, DIGESTS, ENVIRONMENT_FILE, UNITS, WANTED
from drift_checks.operations.schedule.plan import CRON
from drift_checks.operations.schedule.systemd import SERVICES, TIMERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_place(parser)


def run(arguments: argparse.Namespace) -> int:
    """Remove the files; return 1 if one was kept because it was changed by hand."""
    root: Path = arguments.root
    if not arguments.dry_run:
        refuse_unless_root(root)
    known = recorded_digests(Tree(root, {}, force=False))
    tree = Tree(root, known, force=arguments.force)
    steps = _steps(arguments.kind, tree, known)
    if not steps:
        raise NothingToReview(root, f"no schedule for {arguments.kind} is installed there")
    sys.stdout.writelines(f"{line}\n" for line in _planned(steps))
    if not arguments.dry_run:
        for step in steps:
            tree.remove(step)
        _remove_links(tree)
        for folder in (CREDENTIALS, ENVIRONMENT_FILE.parent):
            tree.remove_if_empty(folder)
    sys.stdout.writelines(f"{line}\n" for line in (*after_uninstall(arguments.kind), *_copies(tree)))
    return EXIT_KEPT if any(step.state is State.KEEP for step in steps) else 0


def _steps(kind: str, tree: Tree, known: dict[Path, str]) -> list[Step]:
    steps = [step for path in _paths(kind, tree, known) if (step := tree.plan_removal(path))]
    if any(step.state is State.KEEP and step.path in known for step in steps):
        # The digests are needed as long as a secret is kept because it was changed.
        steps = [step for step in steps if step.path != DIGESTS]
    return steps


def _paths(kind: str, tree: Tree, known: dict[Path, str]) -> Iterator[Path]:
    """Yield the files that an installation may consist of; the settings only if they belong to that kind."""
    own = [CRONTAB] if kind == CRON else [UNITS / name for name in (*TIMERS, *SERVICES)]
    yield from own
    first = (tree.content(ENVIRONMENT_FILE) or b"").partition(b"\n")[0]
    if f" install {kind} ".encode() in first or any(tree.content(path) is not None for path in own):
        yield ENVIRONMENT_FILE
    if kind != CRON:
        yield from (*sorted(known), DIGESTS)


def _planned(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        note = f": changed by hand, a copy is kept in {step.copy}" if step.copy else ""
        if step.state is State.KEEP:
            note = ": changed by hand, so it is kept; --force removes it and keeps a copy beside it"
        yield f"{State.REMOVE if step.copy else step.state:<10}{step.path}{note}"


def _copies(tree: Tree) -> Iterator[str]:
    """Yield a note about the copies that --force made, which may hold secrets."""
    folders = [tree.place(folder) for folder in (ENVIRONMENT_FILE.parent, CREDENTIALS)]
    found = sorted(str(path) for folder in folders if folder.is_dir() for path in folder.glob("*~"))
    if found:
        yield f"Copies made by --force are kept, with the secrets in them: {', '.join(found)}"


def _remove_links(tree: Tree) -> None:
    """Remove the links of `systemctl enable` that are now broken."""
    for name in TIMERS:
        link = tree.place(WANTED / name)
        if link.is_symlink() and tree.content(UNITS / name) is None:
            link.unlink()
