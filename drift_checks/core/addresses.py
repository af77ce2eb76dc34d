"""The URL of a server that holds a store, whose password nothing shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from drift_checks.core.secrets import Secret, remember

if TYPE_CHECKING:
    import sqlalchemy as sa

HTTP = ("http", "https")
_SECRET_KEY = re.compile(r"pass(?:wd|phrase)?|.*(?:password|pwd|token|secret|api_?key)|odbc_connect", re.IGNORECASE)
# libpq accepts this name, and SQLAlchemy does not.
_OTHER_NAMES = {"postgres": "postgresql"}
# The fields of a line in ~/.pgpass, in which a backslash escapes a colon or another backslash.
_PGPASS_FIELD = re.compile(r"((?:\\.|[^:\\])*)(?::|\Z)")


@dataclass(frozen=True)
class ServerURL:
    """The URL of a server of records or vectors; two are equal if they name the same store.

    `str()` is without user, password, driver, query and fragment: history and reports know the store by it.
    """

    _shown: str
    _url: sa.URL = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> ServerURL:
        """Return the URL in a text; raise ValueError if it is none, with what to do if that is known."""
        # It takes a tenth of a second to import, which a file of records need not wait for.
        import sqlalchemy as sa

        try:
            url = sa.make_url(text.strip())
        except ValueError:
            # Its message repeats a part of the text.
            raise ValueError from None
        except sa.exc.ArgumentError as error:
            raise ValueError from error
        host, path = url.host or "", url.database or ""
        if "@" in host + path or ":" in path:
            # They may be what follows such a character of a password.
            raise ValueError("write the characters @ : / ? # of a password as %40 %3A %2F %3F %23")
        if url.port is not None and not 0 < url.port < 65536:
            raise ValueError
        scheme, plus, driver = url.drivername.partition("+")
        url = url.set(drivername=f"{_OTHER_NAMES.get(scheme.lower(), scheme.lower())}{plus}{driver}")
        if scheme.lower() in HTTP:
            url = url._replace(database=path.partition("#")[0].rstrip("/") or None)
        return cls._of(url)

    @classmethod
    def _of(cls, url: sa.URL) -> ServerURL:
        for secret in _secrets(url):
            remember(secret, quote(secret, safe=""), quote_plus(secret))
        return cls(_identity(url), url)

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"ServerURL({self._shown!r})"

    @property
    def scheme(self) -> str:
        """The scheme without the driver, as in `postgresql`."""
        return self._url.get_backend_name()

    @property
    def host(self) -> str:
        """The name or address of the server's host; empty if the URL has none."""
        return self._url.host or ""

    @property
    def user(self) -> str:
        """The user; empty if the URL has none."""
        return self._url.username or ""

    @property
    def port(self) -> int | None:
        """The port, if the URL has one."""
        return self._url.port

    @property
    def name(self) -> str:
        """What is behind the host: the name of the database, or a path."""
        return self._url.database or ""

    @property
    def complete(self) -> str:
        """The URL with its secrets, for whoever connects."""
        return self._url.render_as_string(hide_password=False)

    @property
    def public(self) -> str:
        """The URL without its secrets, which may be shown and stored."""
        query = {key: value for key, value in self._url.query.items() if not _SECRET_KEY.fullmatch(key)}
        return self._without_password().set(query=query).render_as_string(hide_password=False)

    @property
    def password(self) -> Secret | None:
        """The password of its user, if it has one."""
        return None if self._url.password is None else Secret(str(self._url.password))

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The names of the values in its query that are secrets."""
        return tuple(key for key in self._url.query if _SECRET_KEY.fullmatch(key))

    @property
    def paths(self) -> tuple[Path, ...]:
        """The existing files and folders that its query names, such as a certificate or a socket's folder."""
        values = [value for value in self._url.query.values() if isinstance(value, str) and value.startswith("/")]
        return tuple(path for path in map(Path, values) if path.exists())

    def with_password(self, password: Secret) -> ServerURL:
        """Return the same URL with this password."""
        # Without any user, SQLAlchemy would leave out the password; for an empty one, the driver takes its default.
        return self._of(self._url.set(username=self._url.username or "", password=password.reveal()))

    def _without_password(self) -> sa.URL:
        # `set` takes None for no change.
        return self._url._replace(username=self._url.username or None, password=None)


Location = Path | ServerURL


def written(location: Location) -> str:
    """Return a location as a command or a file names it, without secrets."""
    return location.public if isinstance(location, ServerURL) else str(location)


def know_pgpass(environment: Mapping[str, str]) -> None:
    """Have the passwords masked that PostgreSQL's own file holds, `PGPASSFILE` or `~/.pgpass`."""
    with suppress(OSError, RuntimeError, UnicodeDecodeError):
        file = environment.get("PGPASSFILE") or Path("~/.pgpass").expanduser()
        for line in Path(file).read_text(encoding="utf-8").splitlines():
            fields = _PGPASS_FIELD.findall(line)
            if len(fields) > 4 and not line.startswith("#"):
                remember(re.sub(r"\\(.)", r"\1", fields[4]))


def _secrets(url: sa.URL) -> list[str]:
    found = [] if url.password is None else [str(url.password)]
    for key, value in url.query.items():
        if _SECRET_KEY.fullmatch(key):
            found += [value] if isinstance(value, str) else value
    return found


def _identity(url: sa.URL) -> str:
    named = url.host or ""
    host = f"[{named}]" if ":" in named else named.lower()
    if not host and url.get_backend_name() == "postgresql":
        # As libpq spells several servers of which one answers, or a section of its service file.
        found = url.query.get("host") or url.query.get("service", ())
        hosts = (found,) if isinstance(found, str) else found
        host = ",".join(part.lower() for part in hosts if not part.startswith("/"))
    port = f":{url.port}" if url.port is not None else ""
    path = f"/{url.database}" if url.database else ""
    return f"{url.get_backend_name()}://{host}{port}{path}"
