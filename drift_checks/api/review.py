"""`drift_checks.review`: a review from Python, by the same code as under pytest."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from drift_checks.api.arguments import setting_texts
from drift_checks.api.run import Run
from drift_checks.api.session import Session
from drift_checks.core.errors import DriftError, SettingError
from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import visible
from drift_checks.plugin.keys import Call
from drift_checks.report.verdict import Verdict
from drift_checks.settings.declarations import declared
from drift_checks.stores.tables import Table

_OPTION = re.compile(r"--drift-([a-z-]+)")
_SWITCHES = {setting.key for setting in declared() if setting.default is False}


def review(source: object, reviewer: object, *, name: str, verbose: bool, settings: Mapping[str, object]) -> Run:
    """Review a store; the arguments are those of `drift_checks.review`."""
    try:
        run = _reviewed(source, reviewer, name, settings)
    except DriftError as error:
        # Its remedies name options.
        raise error.rewritten(_as_arguments) from error.__cause__
    if verbose:
        print(run.summary)
    return run


def _reviewed(source: object, reviewer: object, name: str, settings: Mapping[str, object]) -> Run:
    texts = setting_texts(settings)
    table = source if isinstance(source, Table) else None
    if source is not None:
        if "drift_db" in texts:
            raise SettingError("db", "the store is given twice", "omit db, or the first argument")
        texts["drift_db"] = _name(name) if table is not None else _path(source)
    if isinstance(reviewer, list | tuple) and reviewer and all(isinstance(item, str) for item in reviewer):
        reviewer = ",".join(reviewer)
    if isinstance(reviewer, str):
        texts["drift_reviewer"] = reviewer
    texts["drift_quiet"] = "true"
    session = Session(Call(texts, table), None if isinstance(reviewer, str) else reviewer)
    session.run()
    report, error = session.report, session.error
    if session.is_interrupted:
        raise KeyboardInterrupt(_as_arguments((report and report.facts.interrupted) or ""))
    if report is None or (error is not None and report.verdict is not Verdict.CRITICAL):
        assert error is not None
        raise error
    return Run(report, Path(session.folder) if session.folder else None)


def _path(source: object) -> str:
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    raise SettingError(
        "source",
        f"a value of type {type(source).__name__} cannot be reviewed",
        "it must be the path of a store, or a table of pandas, Polars or Arrow",
    )


def _name(name: object) -> str:
    if isinstance(name, str) and name.strip() and Path(name).name == name:
        return name
    raise SettingError("name", f"{name!r} is invalid", "it must be a word without slashes")


def _as_arguments(text: str) -> str:
    """Return a text for people, without secrets and with arguments in place of options, as in `demo=True`."""

    def argument(option: re.Match[str]) -> str:
        key = option[1].replace("-", "_")
        return f"{key}=True" if key in _SWITCHES else key

    return visible(mask_secrets(_OPTION.sub(argument, text)))
