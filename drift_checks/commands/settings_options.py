"""The settings of a run, for subcommands that need them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from drift_checks.core.errors import SettingError
from drift_checks.settings.declarations import Setting, Settings, declared
from drift_checks.settings.ini_files import read_ini
from drift_checks.settings.kinds import Kind
from drift_checks.settings.loading import Sources, load

_PREFIX = "drift_"


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Declare every setting as an option, and the ini file to read."""
    parser.add_argument(
        "-c", dest="ini_file", metavar="FILE", help="the ini file with the settings of the review, as in pytest -c FILE"
    )
    group = parser.add_argument_group("settings", "every --drift-NAME of a review; `pytest --help` explains them")
    for setting in declared():
        if _is_flag(setting):
            group.add_argument(
                setting.option, dest=setting.ini, action="store_const", const="true", help=argparse.SUPPRESS
            )
        else:
            group.add_argument(setting.option, dest=setting.ini, metavar="VALUE", help=argparse.SUPPRESS)


def read_settings(arguments: argparse.Namespace, environment: Mapping[str, str], now: datetime) -> Settings:
    """Return the settings: the option wins over the variable, the variable over the ini file.

    Args:
        arguments: As they were given.
        environment: The variables.
        now: The moment.

    Raises:
        SettingError: One is unknown, impossible or at odds with another, or there is no such ini file.
    """
    return load(read_sources(arguments, environment), now)


def read_sources(arguments: argparse.Namespace, environment: Mapping[str, str], *, with_ini: bool = True) -> Sources:
    """Return where the settings are.

    Args:
        arguments: As they were given.
        environment: The variables.
        with_ini: Whether the ini file is read.

    Raises:
        SettingError: The ini file is none.
    """
    given = {setting.ini: getattr(arguments, setting.ini) for setting in declared()}
    ini_file = _ini_file(arguments.ini_file) if with_ini else None
    found = {key: value for key, value in read_ini(ini_file).items() if key.startswith(_PREFIX)}
    return Sources(
        options={key: text for key, text in given.items() if text is not None},
        environment=environment,
        ini=found,
        folder=Path.cwd(),
        ini_file=ini_file,
    )


def _ini_file(name: str | None) -> Path | None:
    if name is None:
        return None
    file = Path.cwd() / Path(name).expanduser()
    if not file.is_file():
        raise SettingError("-c", f"{file} is no file", "allowed is an ini file with the settings, such as pytest.ini")
    return file


def _is_flag(setting: Setting) -> bool:
    return setting.default is False and isinstance(setting.kind, Kind)
