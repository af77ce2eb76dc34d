"""Run the production checklist: everything that reviews need, with the remedy for what is missing."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import redirect_stdout
from datetime import UTC, datetime
from shutil import get_terminal_size

from drift_checks.commands.arguments import full_path
from drift_checks.commands.settings_options import add_settings, read_sources
from drift_checks.commands.stores import UNBOUNDED
from drift_checks.core.errors import SettingError
from drift_checks.operations.doctor.check import Check, Finding, Status, count_statuses, failed_with, run_check
from drift_checks.operations.doctor.printing import as_json, as_text, marks_for
from drift_checks.settings.loading import Sources

EXIT_WRONG = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--live", action="store_true", help="let the reviewer review one record, which may cost a call")
    parser.add_argument("--thorough", action="store_true", help="check all of a store for damage, even if it is large")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="output format (default: text)")
    parser.add_argument(
        "--root", metavar="DIR", type=full_path, default="/", help="root of the file system to check (default: /)"
    )
    parser.add_argument(
        "--backups",
        metavar="DIR",
        type=full_path,
        help="folder of backups (default: var/backups/drift-checks below the root)",
    )
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; return 1 if something is wrong."""
    # `--help` does not need what the checks load.
    from drift_checks.operations.doctor.checklist import run_checklist
    from drift_checks.operations.doctor.setup import DoctorOptions

    now = datetime.now(UTC)
    options = DoctorOptions(
        root=arguments.root, backups=arguments.backups, live=arguments.live, thorough=arguments.thorough
    )
    # The output of the user's own code must not mix with output that programs read.
    with redirect_stdout(sys.stderr):
        sources, refusals = _read_sources(arguments)
        findings = [*refusals, *run_checklist(sources, options, now)]
    sys.stdout.write(as_json(findings) if arguments.format == "json" else _text(findings))
    return EXIT_WRONG if count_statuses(findings)[Status.ERROR] else 0


def _read_sources(arguments: argparse.Namespace) -> tuple[Sources, list[Finding]]:
    """Return the sources of the settings, and an error if the ini file cannot be read."""
    try:
        return read_sources(arguments, os.environ), []
    except SettingError as error:
        result = failed_with(error)
        finding = run_check("settings", Check("ini file", lambda: result))
        return read_sources(arguments, os.environ, with_ini=False), [finding]


def _text(findings: list[Finding]) -> str:
    terminal = sys.stdout.isatty()
    width = get_terminal_size().columns if terminal or os.environ.get("COLUMNS") else UNBOUNDED
    return as_text(findings, width, marks_for(sys.stdout.encoding), colour=terminal)
