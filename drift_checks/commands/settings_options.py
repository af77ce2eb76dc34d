"""The settings of a run as options of subcommands."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from drift_checks.core.errors import SettingError
from drift_checks.settings.declarations import Settings, declared
from drift_checks.settings.ini_files import find_ini, read_ini
from drift_checks.settings.loading import Sources, load

_PREFIX = "drift_"


def add_settings(parser: argparse.ArgumentParser, *, finds_ini: bool = False) -> None:
    """Declare every setting as an option, and `-c` for an ini file; without it, `finds_ini` looks where pytest does.

    What runs by a schedule reads no file that is not named.
    """
    default = " (default: the one that pytest would read)" if finds_ini else ""
    said = f"ini file with settings, as in pytest -c FILE{default}"
    parser.add_argument("-c", dest="ini_file", metavar="FILE", help=said)
    parser.set_defaults(finds_ini=finds_ini)
    group = parser.add_argument_group(
        "settings", "every --drift-NAME of a review; `drift-checks settings` explains them"
    )
    for setting in declared():
        if setting.default is False:
            group.add_argument(
                setting.option, dest=setting.ini, action="store_const", const="true", help=argparse.SUPPRESS
            )
        else:
            group.add_argument(setting.option, dest=setting.ini, metavar="VALUE", help=argparse.SUPPRESS)


def read_settings(arguments: argparse.Namespace, environment: Mapping[str, str], now: datetime) -> Settings:
    """Return the settings: options override variables, and variables the ini file."""
    return load(read_sources(arguments, environment), now)


def read_sources(arguments: argparse.Namespace, environment: Mapping[str, str], *, with_ini: bool = True) -> Sources:
    """Return everything that settings are read from; raise SettingError if the ini file cannot be read."""
    given = {setting.ini: getattr(arguments, setting.ini) for setting in declared()}
    ini_file = _ini_file(arguments) if with_ini else None
    return Sources(
        options={key: text for key, text in given.items() if text is not None},
        environment=environment,
        ini={key: value for key, value in read_ini(ini_file).items() if key.startswith(_PREFIX)},
        folder=Path.cwd(),
        ini_file=ini_file,
    )


def _ini_file(arguments: argparse.Namespace) -> Path | None:
    folder = Path.cwd()
    if arguments.ini_file is None:
        return find_ini(folder, *folder.parents) if arguments.finds_ini else None
    file = folder / Path(arguments.ini_file).expanduser()
    if not file.is_file():
        raise SettingError("-c", f"{file} is not a file", "it must be an ini file with settings, such as pytest.ini")
    return file
