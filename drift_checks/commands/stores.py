"""What the subcommands that read the history have in common: its location, its stores, and the layout of tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from drift_checks.core.errors import NothingToReview
from drift_checks.core.text import printable
from drift_checks.report.history.reading import NAME as FILE
from drift_checks.report.history.reading import HistoryView, read_history
from drift_checks.settings.declarations import declared
from drift_checks.settings.loading import Origin, parse
from drift_checks.stores.identity import StoreIdentity

if TYPE_CHECKING:
    from rich.console import RenderableType

# The width of output to a pipe, whose readers work by lines.
UNBOUNDED = 100_000


def reports_folder(option: str | None) -> Path:
    """Return the folder of reports, from the option, the variable or the default."""
    variable = os.environ.get("DRIFT_REPORTS")
    if option is None and variable:
        return _reports(variable, "the variable DRIFT_REPORTS")
    return _reports("reports" if option is None else option, "--reports")


def _reports(text: str, source: str) -> Path:
    setting = next(setting for setting in declared() if setting.key == "reports")
    path = parse(setting, Origin(text, source, Path.cwd()))
    assert isinstance(path, Path)
    return path


def named_store(text: str) -> str:
    """Return the identity of the store whose location is the option --store."""
    setting = next(setting for setting in declared() if setting.key == "db")
    return str(parse(setting, Origin(text, "--store", Path.cwd())))


def existing_history(reports: Path, option: str = "--reports") -> HistoryView:
    """Return the history in the folder of reports, opened for reading; raise NothingToReview if there is none.

    The option names the folder.
    """
    history = read_history(reports)
    if history is None:
        raise NothingToReview(
            reports / FILE, "there is no history", f"a run creates it; name another folder of reports with {option}=DIR"
        )
    return history


def no_runs(history: HistoryView, db: str | None) -> NothingToReview:
    """Return the error for a history without runs, or without runs of that SQLite file."""
    known = ", ".join(sorted({printable(store.db, UNBOUNDED) for store in history.stores()}))
    of_which = f" of {printable(db, UNBOUNDED)}; there are some of: {known}" if db is not None and known else ""
    return NothingToReview(history.path, f"there are no runs{of_which or ' in it yet'}")


def store_names(stores: Iterable[StoreIdentity]) -> dict[StoreIdentity, str]:
    """Return the shortest form of names that is unique for each store."""
    different = set(stores)
    if len(different) == 1:
        return {store: printable(store.db, UNBOUNDED) for store in different}
    forms: tuple[Callable[[StoreIdentity], str], ...] = (
        lambda store: Path(store.db).name,
        lambda store: store.db,
        " ".join,
    )
    for form in forms:
        names = {store: printable(form(store), UNBOUNDED) for store in different}
        if len(set(names.values())) == len(different):
            break
    return names


def drawn_lines(above: str, table: RenderableType) -> list[str]:
    """Return a table of rich as lines for the terminal or a pipe, below the line `above`, if it is not empty."""
    from rich.console import Console

    # No colour in a pipe, in spite of FORCE_COLOR; rich itself respects NO_COLOR.
    terminal = sys.stdout.isatty()
    width = get_terminal_size().columns if terminal or os.environ.get("COLUMNS") else UNBOUNDED
    console = Console(width=width, force_terminal=terminal, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        if above:
            console.print(above, soft_wrap=True)
        console.print(table)
    return [line.rstrip() for line in captured.get().splitlines()]
