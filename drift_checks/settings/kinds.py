"""The kinds of settings: each parses a text or raises ValueError, and describes what the text must be."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from drift_checks.core.addresses import HTTP, Location, ServerURL
from drift_checks.core.errors import nearest
from drift_checks.core.masking import mask_password, mask_url, may_hold_password

Value = TypeVar("Value")

AUTO = "auto"
ALL: Final = "all"
NONE = "none"
_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_ADDRESS = re.compile(f"{_NAME}:{_NAME}")
# Of Dask.
_SCHEDULERS = ("tcp", "tls", "ucx", "ws", "wss")
_HOST_AND_PORT = re.compile(r"[\w.-]+:\d{2,5}")
_MODEL_FILE = re.compile(r"\.(joblib|pkl|pickle|skops|onnx|pt|pth|safetensors|h5|bin|ftz)$", re.IGNORECASE)
# What SQLAlchemy calls the files that are named by their path here.
_FILE_SCHEMES = ("sqlite", "duckdb", "file")
_FLAGS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class UnknownWord(ValueError):
    """A part of the text, given as the first argument, is not one of the allowed words."""


class Mistaken(ValueError):
    """The first argument is what to do about the text, such as a question whether something else was meant."""


@dataclass(frozen=True)
class Kind(Generic[Value]):
    """A parser of a setting's text.

    Attributes:
        parse: Takes the text and the folder that relative paths start from; raises ValueError.
        allowed: What the text must be: it completes "it must be …".
        known: Returns the allowed words, if they can be listed, so that the nearest can be suggested.
        shown: Removes what must not be repeated in messages, such as a password.
    """

    parse: Callable[[str, Path], Value]
    allowed: str
    known: Callable[[], tuple[str, ...]] = tuple
    shown: Callable[[str], str] = mask_password


def simple(
    convert: Callable[[str], Value],
    allowed: str,
    is_valid: Callable[[Value], bool] = lambda _: True,
    known: Callable[[], tuple[str, ...]] = tuple,
) -> Kind[Value]:
    """Return a kind that converts the text and checks the value; relative paths play no part."""

    def parse(text: str, _: Path) -> Value:
        value = convert(text)
        if not is_valid(value):
            raise ValueError
        return value

    return Kind(parse, allowed, known)


def whole(minimum: int) -> Kind[int]:
    """Return the kind of whole numbers from `minimum`."""
    return simple(int, f"a whole number of at least {minimum}", lambda number: number >= minimum)


def size_of_sample() -> Kind[int | Literal["all"] | None]:
    """Return the kind of whole numbers from 1, `all`, or `auto`, which becomes None."""
    number = whole(1)

    def parse(text: str, folder: Path) -> int | Literal["all"] | None:
        return None if text == AUTO else ALL if text == ALL else number.parse(text, folder)

    return Kind(parse, f"{number.allowed}, {AUTO} or {ALL}", known=lambda: (AUTO, ALL))


def share() -> Kind[float]:
    """Return the kind of numbers from 0 to 1."""
    return simple(float, "a number from 0 to 1", lambda number: 0 <= number <= 1)


def positive(unit: str, most: float = 1e9) -> Kind[float]:
    """Return the kind of numbers above 0 and at most `most`, in this unit."""
    return simple(float, f"a number above 0 and at most {most:,.0f}, in {unit}", lambda number: 0 < number <= most)


def any_whole() -> Kind[int]:
    """Return the kind of whole numbers."""
    return simple(int, "a whole number")


def path(what: str) -> Kind[Path]:
    """Return the kind of paths to `what`: made absolute, links not followed."""

    def parse(text: str, folder: Path) -> Path:
        if not text or "://" in text:
            raise ValueError
        try:
            found = Path(os.path.normpath(folder / Path(text).expanduser()))
        except RuntimeError as error:
            raise ValueError from error
        # Later messages repeat a path as it is. Few files have a name like `user:password@host`.
        if may_hold_password(text) and not os.path.lexists(found):
            raise ValueError
        return found

    return Kind(parse, f"the path of {what}")


def path_or_none(what: str) -> Kind[Path | None]:
    """Return the kind of paths to `what`, or `none`."""
    named = path(what)

    def parse(text: str, folder: Path) -> Path | None:
        return None if text == NONE else named.parse(text, folder)

    return Kind(parse, f"{named.allowed}, or {NONE}")


def records_location() -> Kind[Location]:
    """Return the kind of locations of records: a path, or the URL of a database server."""
    file = path("a SQLite, CSV, JSON lines, Parquet or DuckDB file")

    def parse(text: str, folder: Path) -> Location:
        if "://" not in text:
            return file.parse(text, folder)
        url = _server(text)
        if url.scheme in HTTP:
            raise Mistaken("name a Chroma server with --drift-chroma=URL")
        if url.scheme in _FILE_SCHEMES:
            raise Mistaken("name the file itself, as in --drift-db=records.db")
        return url

    return Kind(
        parse, f"{file.allowed}, or the URL of a database, as in postgresql://user@host/database", shown=_shown_location
    )


def vectors_location() -> Kind[Location | None]:
    """Return the kind of locations of vectors: a path, the URL of a Chroma server, or `none`."""
    directory = path_or_none("a Chroma directory")

    def parse(text: str, folder: Path) -> Location | None:
        if "://" not in text:
            if _HOST_AND_PORT.fullmatch(text) and not os.path.lexists(folder / text):
                raise Mistaken(f"did you mean 'http://{text}'?")
            return directory.parse(text, folder)
        url = _server(text)
        if url.scheme not in HTTP:
            raise Mistaken("name a database with --drift-db=URL")
        if not url.host:
            raise ValueError
        return url

    allowed = "the path of a Chroma directory, the URL of a Chroma server, as in http://host:8000, or none"
    return Kind(parse, allowed, shown=_shown_location)


def _server(text: str) -> ServerURL:
    try:
        return ServerURL.parse(text)
    except ValueError as error:
        raise Mistaken(str(error)) from error


def _shown_location(text: str) -> str:
    """Return a location as it may be shown: a URL without its secrets, or what looks like one without most of it."""
    try:
        return ServerURL.parse(text).public
    except ValueError:
        return mask_password(text)


def word(what: str) -> Kind[str]:
    """Return the kind of non-empty text."""
    return simple(str, what, bool)


def choice(*words: str) -> Kind[str]:
    """Return the kind of a choice between a few words."""
    return simple(str, " or ".join(words), words.__contains__, lambda: words)


def reviewer(*words: str) -> Kind[str]:
    """Return the kind of reviewers: one of a few words, or the location of the user's own classifier."""

    def parse(text: str, _: Path) -> str:
        if text in words or (_ADDRESS.fullmatch(text) and not text.partition(":")[0].endswith(".py")):
            return text
        raise Mistaken(_meant_classifier(text))

    return Kind(parse, f"{', '.join(words)}, or package.module:name of your own classifier", lambda: words)


def reviewers(model_of: str, *words: str) -> Kind[str]:
    """Return the kind of lists of reviewers; after the first, `model_of` may name its model, as in `llm=small`."""
    one = reviewer(*words)

    def parse(text: str, folder: Path) -> str:
        names = [name.strip() for name in text.split(",")]
        if len(names) == 1:
            return one.parse(text, folder)
        if "" in names:
            raise Mistaken("one of the names is empty: omit its comma")
        for place, name in enumerate(names):
            word, equals, model = name.partition("=")
            if equals and word == model_of and not place:
                raise Mistaken(f"name the model of the first reviewer with --drift-{model_of}-model={model or 'NAME'}")
            if not (model and word == model_of):
                _parse_one(one, name, folder)
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise Mistaken(f"{twice!r} is there twice: name each reviewer once")
        return ",".join(names)

    return Kind(parse, f"{one.allowed}, or several of these with commas", one.known)


def _parse_one(one: Kind[str], name: str, folder: Path) -> None:
    try:
        one.parse(name, folder)
    except Mistaken as error:
        hint = str(error) or nearest(name, one.known())
        raise Mistaken(f"{name!r} is not a reviewer{f', {hint}' if hint else ''}") from None


def _meant_classifier(text: str) -> str:
    """Return what to do about an address that is a file, or lacks its colon."""
    if _MODEL_FILE.search(text):
        return (
            "a model's file is not loaded, because that runs the code in it: load it in a module of yours, as in"
            " model = joblib.load(…), and name module:model"
        )
    file, _, name = text.partition(":")
    module = file.removesuffix(".py").removeprefix("./").strip("/").replace("/", ".")
    if file.endswith(".py") and re.fullmatch(_NAME, module):
        return f"did you mean '{module}:{name or 'NAME'}'?"
    if re.fullmatch(_NAME, text) and "." in text:
        return "did you mean '{}:{}'?".format(*text.rsplit(".", 1))
    return ""


def embedding(*words: str) -> Kind[str]:
    """Return the kind of embeddings: one of a few words, the location of a callable, or the name of a model."""
    allowed = (
        f"{', '.join(words)}, package.module:name of your own function, or the name of a sentence-transformers model"
    )
    return simple(str, allowed, lambda text: bool(text.strip()), lambda: words)


def is_address(text: str) -> bool:
    """Return whether a text is of the form `package.module:name`."""
    return bool(_ADDRESS.fullmatch(text))


def address() -> Kind[str]:
    """Return the kind of URLs of an HTTP endpoint, which must not contain secrets."""

    def parse(text: str, _: Path) -> str:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError
        if parts.query or parts.fragment or parts.port == 0:
            raise ValueError
        return text.rstrip("/")

    return Kind(parse, "a URL such as https://host/v1, without user, password or query", shown=mask_url)


def record_address() -> Kind[str]:
    """Return the kind of URLs of one record, in which `{id}` stands for its id."""

    def parse(text: str, _: Path) -> str:
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.hostname or set("@{}") & set(parts.netloc):
            raise ValueError
        if "{id}" not in text:
            raise ValueError
        return text

    return Kind(parse, "a URL with {id} in its path or query, such as https://host/item/{id}, without user or password")


def cluster(*words: str) -> Kind[str | None]:
    """Return the kind of Dask clusters: one of a few words, the address of a scheduler, or none."""

    def parse(text: str, _: Path) -> str | None:
        if text in words:
            return text
        if text == NONE:
            return None
        parts = urlsplit(text)
        if parts.scheme not in _SCHEDULERS or not parts.hostname or not parts.port or "@" in parts.netloc:
            raise ValueError
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError
        return text.rstrip("/")

    allowed = f"{', '.join(words)}, none, or the address of a scheduler with its port, such as tcp://scheduler:8786"
    return Kind(parse, allowed, lambda: (*words, NONE), shown=mask_url)


def price() -> Kind[tuple[float, float]]:
    """Return the kind of prices of input and output tokens: two numbers from 0."""

    def convert(text: str) -> tuple[float, float]:
        for_input, for_output = (float(part) for part in text.split(","))
        return for_input, for_output

    allowed = "INPUT,OUTPUT, two numbers from 0, as in 0.15,0.60"
    return simple(convert, allowed, lambda prices: all(0 <= price < math.inf for price in prices))


def flag() -> Kind[bool]:
    """Return the kind of switches that are on or off."""

    def convert(text: str) -> bool:
        if text.lower() not in _FLAGS:
            raise ValueError
        return _FLAGS[text.lower()]

    return simple(convert, "true or false", known=lambda: tuple(_FLAGS))


def instant() -> Kind[datetime]:
    """Return the kind of ISO 8601 instants, which mean the same everywhere: they have a zone, or are dates.

    A date is its midnight in UTC.
    """

    def convert(text: str) -> datetime:
        moment = datetime.fromisoformat(text)
        if len(text) == len("2026-01-15"):
            moment = moment.replace(tzinfo=UTC)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)

    return simple(
        convert,
        "an ISO 8601 instant with a zone, as in 2026-01-15T02:00:00Z, or a date, whose midnight in UTC is meant",
    )


def zone() -> Kind[ZoneInfo]:
    """Return the kind of names of time zones."""

    def convert(text: str) -> ZoneInfo:
        try:
            return ZoneInfo(text)
        except (KeyError, OSError) as error:
            raise ValueError from error

    allowed = "the name of a time zone, as in Europe/Berlin or UTC"
    return simple(convert, allowed, known=lambda: tuple(sorted(available_timezones())))


def record_ids() -> Kind[tuple[str, ...]]:
    """Return the kind of record ids, separated by commas."""

    def convert(text: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.strip() for part in text.split(",")))

    return simple(convert, "record ids separated by commas", all)


AnyKind = Kind[Any]
