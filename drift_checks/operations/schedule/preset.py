"""What a scheduled run starts with: the current settings and secrets as variables, and the paths it needs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from drift_checks.alerts.configuration import SECRETS
from drift_checks.core.addresses import Location, ServerURL, written
from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import CHROMA_BASIC, CHROMA_KEY, CHROMA_TOKEN, DB_PASSWORD, Secret, find_secret
from drift_checks.operations.schedule.carried import Carried
from drift_checks.operations.schedule.paths import REPORTS, SNAPSHOTS
from drift_checks.report.log_config import log_files
from drift_checks.reviews.reviewers.llm import KEYS
from drift_checks.settings.declarations import Settings, declared
from drift_checks.stores.engines.sources import folder_of
from drift_checks.stores.vectors.chroma_http import Credentials

SECRET_NAMES = (*SECRETS.values(), *KEYS, DB_PASSWORD, CHROMA_TOKEN, CHROMA_BASIC, CHROMA_KEY)
# What every service needs, to alert; the others are for the reviewer.
ALERT_SECRETS = frozenset(SECRETS.values())
_SEVERAL_LINES = SECRETS["apprise"]
# The settings whose paths a run writes below; all others it reads.
_WRITTEN = ("reports", "snapshot_dir")


@dataclass(frozen=True)
class Preset:
    """What a scheduled run starts with; all paths are absolute.

    It reads `reads`, and writes below `writes`; `stores` are the folders of the application's files.
    """

    variables: Mapping[str, str]
    secrets: Mapping[str, Secret]
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    stores: tuple[Path, ...] = ()


def make_preset(settings: Settings, environment: Mapping[str, str], folder: Path, own: Carried | None = None) -> Preset:
    """Return the current settings and secrets, for a caller in this folder, with what the user's own code needs.

    Raises:
        SettingError: One of them is invalid.
    """
    own = own or Carried()
    variables = dict(own.variables)
    for setting in declared():
        if setting.key in settings.sources:
            value = getattr(settings, setting.key)
            # The text of a path may be relative, or come from a variable of another name.
            text = written(value) if isinstance(value, Location) else settings.texts.get(setting.key, "")
            variables[setting.variable] = text
    variables.setdefault("DRIFT_REPORTS", str(REPORTS))
    variables.setdefault("DRIFT_SNAPSHOT_DIR", str(SNAPSHOTS))
    files = _secret_files(environment, folder)
    secrets = {name: secret for name in SECRET_NAMES if (secret := _secret(name, environment)) is not None}
    secrets |= {name: secret for name, secret in _in_urls(settings) if f"{name}_FILE" not in files}
    search = _search_path(settings, environment, folder)
    if search:
        variables["PYTHONPATH"] = ":".join(search)
    stores = tuple(dict.fromkeys(_store_folders(settings)))
    return Preset(
        variables | files,
        own.secrets | secrets,
        reads=(*stores, *_read_paths(settings), *map(Path, (*files.values(), *search)), *_paths_among(own.variables)),
        writes=tuple(dict.fromkeys(_written_folders(variables, settings, stores))),
        stores=stores,
    )


def _in_urls(settings: Settings) -> Iterable[tuple[str, Secret]]:
    """Yield the passwords of a database and a Chroma server, which their URLs in a schedule are without.

    Raises:
        SettingError: There are other secrets in a URL.
    """
    for name, url in (("db", settings.db), ("chroma", settings.chroma)):
        if not isinstance(url, ServerURL):
            continue
        if url.secret_keys:
            problem = f"{url.public!r} holds {url.secret_keys[0]}, for which a schedule has no safe place"
            raise SettingError(name, problem, "leave it out, and configure it as the server's client does")
        if name == "chroma" and (basic := Credentials.find(url, {}).basic) is not None:
            yield CHROMA_BASIC, basic
        elif name == "db" and url.password is not None:
            yield DB_PASSWORD, url.password


def _paths_among(variables: Mapping[str, str]) -> Iterator[Path]:
    """Yield the files and folders that variables name, as `GOOGLE_APPLICATION_CREDENTIALS` does."""
    yield from (path for path in map(Path, variables.values()) if path.is_absolute() and os.path.lexists(path))


def _secret(name: str, environment: Mapping[str, str]) -> Secret | None:
    return find_secret([name], {name: environment.get(name, "")}, several_lines=name == _SEVERAL_LINES)


def _secret_files(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the variables that name a secret's file, unless the secret itself is set, which has precedence."""
    found = {f"{name}_FILE": environment.get(f"{name}_FILE") for name in SECRET_NAMES if not environment.get(name)}
    return {name: str(folder / file) for name, file in found.items() if file}


def _store_folders(settings: Settings) -> Iterator[Path]:
    # SQLite reads the files beside it, too.
    if isinstance(settings.db, Path):
        yield folder_of(settings.db)
    if isinstance(settings.chroma, Path):
        yield settings.chroma


def _read_paths(settings: Settings) -> Iterator[Path]:
    for setting in declared():
        value = getattr(settings, setting.key)
        if isinstance(value, ServerURL):
            yield from value.paths
        if isinstance(value, Path) and setting.key in settings.sources and setting.key != "db":
            yield value


def _written_folders(variables: Mapping[str, str], settings: Settings, stores: Sequence[Path]) -> Iterator[Path]:
    yield from (Path(variables[f"DRIFT_{key.upper()}"]) for key in _WRITTEN)
    if log_file := variables.get("DRIFT_LOG_FILE"):
        yield Path(log_file).parent
    if settings.log_config is not None:
        yield from (file.parent for file in log_files(settings.log_config))
    if settings.write_back and isinstance(settings.db, Path):
        yield from stores[:1]


def _search_path(settings: Settings, environment: Mapping[str, str], folder: Path) -> list[str]:
    """Return additional folders for Python's modules: the user's own classifier or embedding may be in the caller's."""
    parts = filter(None, environment.get("PYTHONPATH", "").split(":"))
    found = [os.path.normpath(folder / part) for part in parts]
    for named in (*settings.reviewers, settings.embedding or ""):
        module, separator, _ = named.partition(":")
        name = module.partition(".")[0]
        if separator and ((folder / name).is_dir() or (folder / f"{name}.py").is_file()):
            found.append(str(folder))
    return list(dict.fromkeys(found))
