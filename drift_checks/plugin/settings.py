"""The settings of a pytest session: options, environment variables and ini keys."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from inspect import signature
from pathlib import Path

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.plugin.keys import CALL
from drift_checks.settings.apart import values_apart
from drift_checks.settings.declarations import Setting, Settings, declared
from drift_checks.settings.ini_files import read_ini
from drift_checks.settings.loading import Sources, load

_ONLY_LINE = (
    "the records that `pytest --pyargs drift_checks` reviews; that command explains all settings with --help, and so"
    " does `drift-checks settings`"
)


def add_settings(parser: pytest.Parser, *, explained: bool = True) -> None:
    """Declare every setting as an option, and as an ini key if `pytest --help` is to explain all of them."""
    for setting in declared():
        group = parser.getgroup(f"drift-{setting.group}", f"Drift Checks: {setting.group}")
        how = {"action": "store_const", "const": "true"} if setting.default is False else {"metavar": "VALUE"}
        described = _described(setting)
        if not explained:
            described = _ONLY_LINE if setting.key == "db" else argparse.SUPPRESS
        group.addoption(setting.option, dest=setting.ini, default=None, help=described, **how)
    if explained:
        add_ini_keys(parser)


def add_ini_keys(parser: pytest.Parser) -> None:
    """Declare every setting as an ini key; `pytest --help` shows all keys that are declared before."""
    for setting in declared():
        parser.addini(setting.ini, _described(setting), default=None)


def serves_reviews(config: pytest.Config) -> bool:
    """Whether this session's arguments or ini file name this package, so that its settings are of interest."""
    try:
        keys = read_ini(config.inipath)
    except SettingError:
        return True
    return any("drift" in str(argument) for argument in config.invocation_params.args) or any(
        key.startswith("drift_") or (key == "testpaths" and "drift_checks" in value) for key, value in keys.items()
    )


def _described(setting: Setting) -> str:
    return setting.help + (f" (default: {setting.default})" if setting.default not in (None, (), {}) else "")


def refuse_hidden_ini(config: pytest.Config, args: Sequence[str]) -> None:
    """Refuse `--drift-NAME VALUE` if its value makes pytest use another ini file.

    pytest looks for its ini file before it knows the options of plugins, so it takes such a value for a path of tests.

    Raises:
        pytest.UsageError: With the same options as pytest reads them correctly.
    """
    apart = list(values_apart(args))
    if apart and (usual := _ini_without_values(config)) != config.inipath:
        given = f"uses {config.inipath}" if usual is None else f"ignores {usual}"
        problem = f"pytest takes its value for a path of tests, and so {given}"
        joined = " ".join(f"{option}={shlex.quote(value)}" for option, value in apart)
        raise pytest.UsageError(str(SettingError(apart[0][0], problem, f"write {joined}")))


def _ini_without_values(config: pytest.Config) -> Path | None:
    """Return the ini file that pytest finds from the paths of tests alone; there is no public way."""
    known = config.known_args_namespace
    given = {
        "inifile": known.inifilename,
        "override_ini": known.override_ini,
        "args": known.file_or_dir,
        "rootdir_cmd_arg": known.rootdir or None,
        "invocation_dir": config.invocation_params.dir,
    }
    try:
        from _pytest.config.findpaths import determine_setup

        # Before pytest 9 there was no `override_ini`.
        accepted = signature(determine_setup).parameters
        return determine_setup(**{name: value for name, value in given.items() if name in accepted})[1]
    except (ImportError, TypeError):
        return config.inipath


def read_settings(config: pytest.Config, now: datetime) -> Settings:
    """Return the settings of this session; raise SettingError if one is unknown, invalid or conflicts with another."""
    sources = sources_of(config)
    overrides = {override.partition("=")[0] for override in config.option.override_ini or ()}
    keys = set(read_ini(config.inipath)) | overrides
    known = {setting.ini for setting in declared()}
    unknown = {key: "" for key in keys if key.startswith("drift_") and key not in known}
    return load(replace(sources, ini={**sources.ini, **unknown}), now)


def sources_of(config: pytest.Config) -> Sources:
    """Return the source of each setting."""
    options = {setting.ini: config.getoption(setting.ini) for setting in declared()}
    if CALL in config.stash:
        options |= config.stash[CALL].settings
    ini = {setting.ini: config.getini(setting.ini) for setting in declared()}
    return Sources(
        options={key: text for key, text in options.items() if text is not None},
        environment=os.environ,
        ini={key: str(text) for key, text in ini.items() if text},
        folder=config.invocation_params.dir,
        ini_file=config.inipath,
        in_program=CALL in config.stash,
    )
