"""The settings of a pytest session: options, environment variables and ini keys."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime

import pytest

from drift_checks.settings.declarations import Settings, declared
from drift_checks.settings.ini_files import read_ini
from drift_checks.settings.loading import Sources, load


def add_settings(parser: pytest.Parser) -> None:
    """Declare every setting as an option, in its group, and as an ini key."""
    for setting in declared():
        group = parser.getgroup(f"drift-{setting.group}", f"Drift Checks: {setting.group}")
        described = setting.help + (f" (default: {setting.default})" if setting.default not in (None, (), {}) else "")
        how = {"action": "store_const", "const": "true"} if setting.default is False else {"metavar": "VALUE"}
        group.addoption(setting.option, dest=setting.ini, default=None, help=described, **how)
        parser.addini(setting.ini, described, default=None)


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
    ini = {setting.ini: config.getini(setting.ini) for setting in declared()}
    return Sources(
        options={key: text for key, text in options.items() if text is not None},
        environment=os.environ,
        ini={key: str(text) for key, text in ini.items() if text},
        folder=config.invocation_params.dir,
        ini_file=config.inipath,
    )
