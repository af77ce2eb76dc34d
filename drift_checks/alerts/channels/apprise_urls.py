"""Whatever Apprise supports (Teams, Discord, Opsgenie, ntfy and others), by its URLs; needs the extra `apprise`."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http import HTTPStatus
from importlib import import_module
from queue import Empty, SimpleQueue
from threading import Thread, local
from types import ModuleType
from typing import TYPE_CHECKING, cast

from drift_checks.alerts.channels.base import Deadline, NotDelivered
from drift_checks.alerts.channels.http import TALKATIVE, silence
from drift_checks.alerts.channels.mail import text_part
from drift_checks.alerts.message import Kind, Message
from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import Secret
from drift_checks.core.text import printable, shorten
from drift_checks.report.verdict import Verdict

if TYPE_CHECKING:
    import apprise as apprise_types

VARIABLE = "DRIFT_APPRISE_URLS"
_LONGEST_TITLE, _LONGEST_BODY = 150, 4000
_CONNECT_SECONDS, _READ_SECONDS = 5.0, 10.0
_TYPES = {Verdict.OK: "success", Verdict.WARNING: "warning", Verdict.CRITICAL: "failure"}
# It tells of the addresses that it calls.
_LOGGER = "apprise"
_BEGINS_WITH_URL = re.compile(r"[\s,]*[a-z0-9]+://", re.IGNORECASE)
# What several services take as a call to many people.
_MENTION = re.compile(r"<(?=[@!#])|@(?=(?:everyone|here|channel|all)\b)", re.IGNORECASE)


class AppriseUrl:
    """One service, by its URL.

    Args:
        url: A secret.

    Raises:
        SettingError: Apprise is not installed, or does not know the URL.
    """

    name = "apprise"

    def __init__(self, url: Secret) -> None:
        self.key = f"apprise-{sha256(url.reveal().encode()).hexdigest()[:8]}"
        self._url = url
        self._service()

    def payload(self, message: Message) -> str:
        """Return title and text."""
        return f"{_title(message)}\n\n{_body(message)}"

    def send(self, message: Message, deadline: Deadline) -> str:
        """Send the message.

        Raises:
            NotDelivered: The service did not take it, or not in time.
        """
        results: SimpleQueue[tuple[bool, str]] = SimpleQueue()
        # Its time-outs are for each part of an answer, so that one that comes by the byte is left to itself.
        Thread(target=self._notify, args=(message, deadline, results), daemon=True, name=self.key).start()
        try:
            taken, why = results.get(timeout=deadline.seconds_left)
        except Empty:
            taken, why = False, "no answer in time"
        if not taken:
            raise NotDelivered(why)
        return "taken by the service"

    def _notify(self, message: Message, deadline: Deadline, results: SimpleQueue[tuple[bool, str]]) -> None:
        with _listening() as heard:
            try:
                service = self._service()
                self._limit(service, deadline)
                taken = service.notify(
                    body=_body(message), title=_title(message), notify_type=_kind(message), body_format="text"
                )
            except Exception as error:
                # Whatever a plugin raises, its words may hold the address.
                results.put((False, f"the library broke down ({type(error).__name__})"))
            else:
                results.put((bool(taken), heard.reason))

    def _limit(self, service: apprise_types.Apprise, deadline: Deadline) -> None:
        """Set times, and have texts cut to what the service takes, where the URL does not say otherwise."""
        chosen = {name.lower() for name in re.findall(r"[?&](cto|rto|overflow)=", self._url.reveal(), re.IGNORECASE)}
        for plugin in service:
            if "cto" not in chosen:
                plugin.socket_connect_timeout = max(0.1, min(_CONNECT_SECONDS, deadline.seconds_left))
            if "rto" not in chosen:
                plugin.socket_read_timeout = max(0.1, min(_READ_SECONDS, deadline.seconds_left))
            if "overflow" not in chosen:
                plugin.overflow_mode = _library().OverflowMode.TRUNCATE

    def _service(self) -> apprise_types.Apprise:
        apprise = _library()
        with _listening():
            service: apprise_types.Apprise = apprise.Apprise(asset=_asset())
            known = service.add(self._url.reveal())
        if not known:
            raise SettingError(
                VARIABLE,
                f"one of its URLs is none that Apprise knows ({self._schema()})",
                "allowed are those that https://github.com/caronc/apprise/wiki lists",
            )
        return service

    def _schema(self) -> str:
        schema, separator, _ = self._url.reveal().partition("://")
        return f"its schema is {printable(schema, 20)!r}" if separator and schema.isalnum() else "it has no schema"


def split_urls(text: str) -> tuple[str, ...]:
    """Return the URLs in a text, each once, separated by blanks, commas or lines.

    Raises:
        SettingError: There is none, something else stands before the first, or Apprise is not installed.
    """
    _library()
    try:
        parsing = import_module("apprise.utils.parse")
    except ImportError:
        # Its place in older versions.
        parsing = import_module("apprise.utils")
    # What stands before the first URL would be lost without a word.
    if not _BEGINS_WITH_URL.match(text):
        raise SettingError(
            VARIABLE,
            "does not begin with a URL",
            "allowed are those that Apprise knows, as in ntfy://topic, separated by blanks, commas or lines",
        )
    # It knows best which comma belongs to a URL.
    return tuple(dict.fromkeys(parsing.parse_urls(text)))


class _Heard(logging.Filter):
    """Drops what the library logs in a thread while that is sending, but for the status that it was answered."""

    def __init__(self) -> None:
        super().__init__()
        self.here = local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        if not getattr(self.here, "listening", False):
            return True
        if status := re.search(r"\berror=(\d{3})\b", record.getMessage()):
            self.here.status = int(status[1])
        return False

    @property
    def reason(self) -> str:
        """Why the service did not take it, as far as it can be told without its address."""
        status = getattr(self.here, "status", None)
        if status is None:
            return "the service did not take it, or could not be reached; `apprise -vv` with the same URL says why"
        words = {item.value: item.phrase for item in HTTPStatus}.get(status, "")
        return f"the service answered {status} {words}".rstrip() + "; look to its URL, and to what it allows"


_HEARD = _Heard()


@contextmanager
def _listening() -> Iterator[_Heard]:
    if getattr(_HEARD.here, "listening", False):
        yield _HEARD
        return
    logging.getLogger(_LOGGER).addFilter(_HEARD)
    _HEARD.here.status, _HEARD.here.listening = None, True
    try:
        with silence(("asyncio", *TALKATIVE)):
            yield _HEARD
    finally:
        _HEARD.here.listening = False


def _kind(message: Message) -> str:
    if message.kind is Kind.TEST:
        return "info"
    return "success" if message.kind is Kind.RECOVERY else _TYPES.get(message.verdict, "warning")


def _title(message: Message) -> str:
    return _harmless(printable(message.headline, _LONGEST_TITLE))


def _body(message: Message) -> str:
    return _harmless(shorten(text_part(message), _LONGEST_BODY))


def _harmless(text: str) -> str:
    """Return the text with nothing that calls people, looking as before."""
    return _MENTION.sub(lambda found: f"{found[0]}\N{ZERO WIDTH SPACE}", text)


def _asset() -> apprise_types.AppriseAsset:
    """Return settings with which the library sends in the thread that calls it.

    Threads of its own would log addresses past the filters, and be waited for when the process ends.
    """
    asset = _library().AppriseAsset
    try:
        return cast("apprise_types.AppriseAsset", asset(async_mode=False, service_timeout=0))
    except (AttributeError, TypeError):
        # Older versions have no such time, and no threads without async_mode.
        return cast("apprise_types.AppriseAsset", asset(async_mode=False))


def _library() -> ModuleType:
    try:
        import apprise
    except ImportError:
        raise SettingError(
            VARIABLE, "needs the library apprise, which is not installed: pip install 'drift-checks[apprise]'"
        ) from None
    return apprise
