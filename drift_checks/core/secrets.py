"""Secrets, from the environment, a file or a systemd credential, which appear in no output."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from drift_checks.core.errors import SettingError
from drift_checks.core.files import read_text
from drift_checks.core.masking import hide, may_hold_password
from drift_checks.core.text import printable

# Shorter parts of an address or of a text reveal nothing, and occur in any message.
_SHORTEST_PART, _SHORTEST_WORD = 6, 4
# No message for people quotes more of an answer.
_MOST_SEARCHED = 20_000
_REMEDY = "it must hold the secret and nothing else"
DB_PASSWORD = "DRIFT_DB_PASSWORD"  # noqa: S105 - its name
CHROMA_TOKEN, CHROMA_BASIC, CHROMA_KEY = "DRIFT_CHROMA_TOKEN", "DRIFT_CHROMA_BASIC", "CHROMA_API_KEY"
# Those of the suite itself, and those that the user's own code may share.
_OWN = (
    *("SLACK_WEBHOOK_URL", "PAGERDUTY_API_KEY", "DRIFT_SMTP_URL", "DRIFT_APPRISE_URLS", "DRIFT_LLM_API_KEY"),
    *(DB_PASSWORD, CHROMA_TOKEN, CHROMA_BASIC),
)
_SHARED = ("OPENAI_API_KEY", "GOOGLE_API_KEY", CHROMA_KEY)
_CREDENTIALS = "CREDENTIALS_DIRECTORY"
_SECRET_NAME = re.compile(r"(?:.*_)?(?:KEY|TOKEN|SECRET)|.*PASSWORD", re.IGNORECASE)
# Shorter parts, and words such as `services` in a path, occur in any report.
_SHORTEST_MASKED = 8
_ORDINARY = re.compile("[a-z]*")
# In the URLs of these servers only the password is a secret; user, host and name belong in reports.
_NAMED_SERVERS = ("smtp", "postgres", "mysql", "mariadb", "mssql", "oracle", "cockroachdb", "redshift", "snowflake")
_known: set[str] = set()


class Secret:
    """A text that is shown as an ellipsis, in tracebacks too."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def hidden_in(self, message: str) -> str:
        """Return the message with every occurrence of the secret replaced, in any form that `mask` knows."""
        words = [word for word in re.findall(r"[!-~]+", self._text) if len(word) >= _SHORTEST_WORD]
        return mask(message, [self, *map(Secret, words)])

    def __reduce__(self) -> str:
        raise TypeError("a secret cannot be pickled")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __repr__(self) -> str:
        return "Secret(…)"


def know_secrets(environment: Mapping[str, str] = os.environ) -> None:
    """Have `mask_secrets` remove the secrets in this environment, and no others; who needs one reports it."""
    _known.clear()
    others = [name for name, text in environment.items() if is_secret(name, text)]
    for name in dict.fromkeys([*_OWN, *_SHARED, *others, *credentials(environment)]):
        with suppress(SettingError):
            find_secret([name], environment, several_lines=True)


def is_secret(name: str, text: str = "") -> bool:
    """Whether a variable holds a secret, by its name or as a URL with a password; the path of a file is none."""
    if name in (*_OWN, *_SHARED):
        return True
    return not text.startswith("/") and (
        bool(_SECRET_NAME.fullmatch(name)) or ("@" in text and may_hold_password(text))
    )


def credentials(environment: Mapping[str, str]) -> list[str]:
    """Return the names of the systemd credentials; an empty list if there are none, or they cannot be listed."""
    folder = environment.get(_CREDENTIALS)
    with suppress(SettingError):
        return _files(Path(folder)) if folder else []
    return []


def export_secrets(environment: MutableMapping[str, str]) -> Callable[[], None]:
    """Set variables for the secrets in files that the user's own code may need; return what removes them.

    Such code reads only variables. The suite's own secrets, and files that are no secrets of one line, stay where they
    are.
    """
    names = [name for name in (*_SHARED, *credentials(environment)) if name not in _OWN and name.isidentifier()]
    found: dict[str, Secret] = {}
    for name in dict.fromkeys(names):
        with suppress(SettingError):
            if not environment.get(name) and (secret := find_secret([name], environment)):
                found[name] = secret
    environment.update({name: secret.reveal() for name, secret in found.items()})

    def remove() -> None:
        for name in found:
            environment.pop(name, None)

    return remove


def mask_secrets(text: str) -> str:
    """Return the text without the secrets found so far, in any form that `mask` knows."""
    return hide(text, _known) if _known else text


def masked(plain: Any) -> Any:
    """Return plain values, as in a JSON document, with `mask_secrets` applied to each text."""
    # In the finished document, digits of a number could be taken for a secret.
    if plain is None or isinstance(plain, int | float):
        return plain
    if isinstance(plain, Mapping):
        return {mask_secrets(str(key)): masked(value) for key, value in plain.items()}
    return [masked(item) for item in plain] if isinstance(plain, list | tuple) else mask_secrets(str(plain))


def remember(*secrets: str) -> None:
    """Have `mask_secrets` remove these texts, too."""
    _known.update(secret for secret in secrets if len(secret) >= _SHORTEST_MASKED)


def _remember(text: str) -> None:
    for word in text.split():
        whole, *parts = (part.reveal() for part in address_parts(Secret(word)))
        if word.startswith(_NAMED_SERVERS):
            with suppress(ValueError):
                password = urlsplit(word).password or ""
                parts = [password, unquote(password)]
        remember(whole, *(part for part in parts if not _ORDINARY.fullmatch(part)))


def mask(text: str, secrets: Iterable[Secret]) -> str:
    """Return a text from outside with each secret replaced by an ellipsis.

    A secret is found as it is, URL-encoded, escaped for JSON or HTML, and in base64, also of a longer text around it.
    """
    return hide(text, (secret.reveal() for secret in secrets))


def masked_line(text: str, secrets: Iterable[Secret], longest: int = 200) -> str:
    """Return a text from outside, such as a server's answer, as a short line without secrets and control characters."""
    known = tuple(secrets)
    shown = mask(text[:_MOST_SEARCHED], known)
    if len(text) > _MOST_SEARCHED:
        # The cut may have torn a secret, each letter of which takes up to six characters.
        shown = shown[: -6 * max((len(secret.reveal()) for secret in known), default=0) or None]
    return printable(shown, longest)


def address_parts(address: Secret) -> Iterator[Secret]:
    """Yield an address and its parts, any of which may be the secret: password, user, path and query."""
    yield address
    try:
        parts = urlsplit(address.reveal())
        values = [value for _, value in parse_qsl(parts.query)]
    except ValueError:
        return
    found = [parts.username or "", *parts.path.split("/"), parts.query, *values]
    named = [part for part in found if len(part) >= _SHORTEST_PART]
    for part in filter(None, (parts.password, *named)):
        yield Secret(part)
        if (decoded := unquote(part)) != part:
            yield Secret(decoded)


def find_secret(names: Sequence[str], environment: Mapping[str, str], *, several_lines: bool = False) -> Secret | None:
    """Return the secret of the first name that has one; raise SettingError if a file cannot be read or holds none.

    A name is looked up as a variable, as `NAME_FILE` (a variable with the path of a file), and as a systemd credential
    in the folder `$CREDENTIALS_DIRECTORY`. With `several_lines` a secret may span lines, which are joined.
    """
    for name in names:
        if text := environment.get(name, "").strip():
            return _checked(text, name, several_lines)
        if file := environment.get(f"{name}_FILE"):
            return _read(Path(file), f"{name}_FILE", several_lines)
        folder = environment.get(_CREDENTIALS)
        if folder and name in _files(Path(folder)):
            return _read(Path(folder) / name, f"the credential {name}", several_lines)
    return None


def _read(file: Path, source: str, several_lines: bool) -> Secret:
    try:
        text = read_text(file, "utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingError(source, f"{file} cannot be read ({reason})", _REMEDY) from None
    if not text:
        raise SettingError(source, f"{file} is empty", _REMEDY)
    return _checked(text, f"{source}: {file}", several_lines)


def _checked(text: str, source: str, several_lines: bool) -> Secret:
    if several_lines:
        text = " ".join(text.split())
    if not (text.isascii() and text.isprintable()):
        raise SettingError(source, "holds more than one line, or characters that no secret has", _REMEDY)
    _remember(text)
    return Secret(text)


def _files(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SettingError(
            _CREDENTIALS,
            f"{folder} cannot be read ({error.strerror})",
            "it must be a folder with a file for each secret",
        ) from None
