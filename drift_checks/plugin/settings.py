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
from typing import Any

import pytest

from drift_checks.core.errors import SettingError, nearest
from drift_checks.plugin.keys import CALL
from drift_checks.settings.apart import values_apart
from drift_checks.settings.declarations import Setting, Settings, declared
from drift_checks.settings.ini_files import read_ini
from drift_checks.settings.loading import Sources, load, parse

_ONLY_LINE = (
    "the records that `pytest --pyargs drift_checks` reviews; that command explains all settings with --help, and so"
    " does `drift-checks settings`"
)


def explain_settings(parser: pytest.Parser, config: pytest.Config | None) -> None:
    """Declare every setting with its explanation, for `pytest --help`.

    Where nobody reviews anything, this has a line on this package, not three hundred.
    """
    if config is None or _serves_reviews(config):
        add_settings(parser)
        return
    group = parser.getgroup("drift-store", "Drift Checks: store")
    for setting in declared():
        shown = _ONLY_LINE if setting.key == "db" else argparse.SUPPRESS
        group.addoption(setting.option, dest=setting.ini, default=None, help=shown, **_how(setting))


def add_settings(parser: pytest.Parser) -> None:
    """Declare every setting as an option and an ini key, both with an explanation."""
    for setting in declared():
        group = parser.getgroup(f"drift-{setting.group}", f"Drift Checks: {setting.group}")
        group.addoption(setting.option, dest=setting.ini, default=None, help=_described(setting), **_how(setting))
        parser.addini(setting.ini, _described(setting), default=None)


def _how(setting: Setting) -> dict[str, Any]:
    return {"action": "store_const", "const": "true"} if setting.default is False else {"metavar": "VALUE"}


def _serves_reviews(config: pytest.Config) -> bool:
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


def refuse_misspelled(args: Sequence[str]) -> None:
    """Refuse an option with the prefix of the settings that is not one.

    Raises:
        pytest.UsageError: With the most similar option.
    """
    options = [setting.option for setting in declared()]
    for argument in args:
        option = argument.partition("=")[0]
        if option.startswith("--drift-") and option not in options:
            closest = nearest(option, options, prefix="--drift-")
            raise pytest.UsageError(
                str(SettingError(option, "unknown setting", closest or "`drift-checks settings` lists them"))
            )


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


def is_quiet(config: pytest.Config) -> bool:
    """Whether the output is to be held back; an invalid value is refused later, with all settings."""
    setting = next(item for item in declared() if item.key == "quiet")
    try:
        origin = sources_of(config).find(setting)
        is_set = origin is not None and bool(parse(setting, origin))
    except SettingError:
        return False
    return is_set and config.pluginmanager.has_plugin("terminalreporter") and not hasattr(config, "workerinput")
