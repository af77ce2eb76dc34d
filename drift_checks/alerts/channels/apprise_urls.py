"""Services that Apprise supports (Teams, Discord, Opsgenie, ntfy and others), by URL; needs the extra `apprise`."""

from __future__ import annotations

import re
from hashlib import sha256
from importlib import import_module
from queue import Empty, SimpleQueue
from threading import Thread
from types import ModuleType
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from drift_checks.alerts.channels.base import Deadline, NotDelivered
from drift_checks.alerts.channels.guard import guard_plugins, guarded
from drift_checks.alerts.channels.http import TALKATIVE, silence
from drift_checks.alerts.channels.mail import text_part
from drift_checks.alerts.channels.session import environment_fault
from drift_checks.alerts.message import Kind, Message
from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import Secret, address_parts
from drift_checks.core.text import printable, shorten
from drift_checks.report.verdict import Verdict

if TYPE_CHECKING:
    import apprise as apprise_types

VARIABLE = "DRIFT_APPRISE_URLS"
_LONGEST_TITLE, _LONGEST_BODY, _LONGEST_COMMAND = 150, 4000, 1000
_CONNECT_SECONDS, _READ_SECONDS = 5.0, 10.0
_TYPES = {Verdict.OK: "success", Verdict.WARNING: "warning", Verdict.CRITICAL: "failure"}
# They log the addresses that they call.
_LOGGERS = ("apprise", "asyncio", *TALKATIVE)
_BEGINS_WITH_URL = re.compile(r"[\s,]*[a-z0-9]+://", re.IGNORECASE)
# What several services take as a mention.
_MENTION = re.compile(r"<(?=[@!#])|@(?=(?:everyone|here|channel|all)\b)", re.IGNORECASE)


class AppriseUrl:
    """One service; raises SettingError if Apprise is not installed, or does not support the URL."""

    name = "apprise"

    def __init__(self, url: Secret) -> None:
        self.key = f"apprise-{sha256(url.reveal().encode()).hexdigest()[:8]}"
        self._url = url
        self._service()

    def obstacle(self) -> str:
        """Return what in the environment keeps every HTTPS request from being sent, as most services need."""
        return environment_fault("https://service.invalid")

    def payload(self, message: Message) -> str:
        """Return title and text."""
        return f"{_title(message)}\n\n{_body(message)}"

    def send(self, message: Message, deadline: Deadline) -> str:
        """Send the message."""
        results: SimpleQueue[str] = SimpleQueue()
        # The library's time-outs begin anew with every byte, so that only a thread can be left behind.
        Thread(target=self._notify, args=(message, deadline, results), daemon=True, name=self.key).start()
        try:
            failure = results.get(timeout=deadline.seconds_left)
        except Empty:
            failure = "no answer in time"
        if failure:
            raise NotDelivered(failure)
        return "accepted by the service"

    def _notify(self, message: Message, deadline: Deadline, results: SimpleQueue[str]) -> None:
        """Send the message, and put why it failed, empty if it did not."""
        with silence(_LOGGERS), guarded(deadline) as exchange:
            try:
                service = self._service()
                self._limit(service, deadline)
                accepted = service.notify(
                    body=_body(message), title=_title(message), notify_type=_kind(message), body_format="text"
                )
            except Exception as error:
                # The words of a plugin's exception may hold the address.
                results.put(exchange.failure or f"the library broke down ({type(error).__name__})")
            else:
                results.put(exchange.why_refused(_secrets(self._url), accepted=bool(accepted)))

    def _limit(self, service: apprise_types.Apprise, deadline: Deadline) -> None:
        """Set time-outs, and have long texts cut for the service, unless the URL says otherwise."""
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
        with silence(_LOGGERS):
            service: apprise_types.Apprise = apprise.Apprise(asset=_asset())
            supported = service.add(self._url.reveal())
            guard_plugins()
        if not supported:
            raise SettingError(
                VARIABLE,
                f"Apprise does not support one of its URLs ({self._schema()})",
                "https://github.com/caronc/apprise/wiki lists those that it supports",
            )
        return service

    def _schema(self) -> str:
        schema, separator, _ = self._url.reveal().partition("://")
        return f"its schema is {printable(schema, 20)!r}" if separator and schema.isalnum() else "it has no schema"


def split_urls(text: str) -> tuple[str, ...]:
    """Return the URLs in a text, each once, separated by spaces, commas or lines.

    Raises:
        SettingError: The text does not begin with a URL, or Apprise is not installed.
    """
    _library()
    try:
        parsing = import_module("apprise.utils.parse")
    except ImportError:
        # As older versions name it.
        parsing = import_module("apprise.utils")
    # Text before the first URL would be ignored.
    if not _BEGINS_WITH_URL.match(text):
        raise SettingError(
            VARIABLE,
            "does not begin with a URL",
            "it must be URLs that Apprise supports, as in ntfy://topic, separated by spaces, commas or lines",
        )
    # The library knows which comma belongs to a URL.
    return tuple(dict.fromkeys(parsing.parse_urls(text)))


def _secrets(url: Secret) -> tuple[Secret, ...]:
    """Return the parts of a URL that must not be shown; in many of Apprise's the host is a token."""
    host = urlsplit(url.reveal()).netloc.rpartition("@")[2]
    return *address_parts(url), Secret(host), Secret(host.partition(":")[0])


def _kind(message: Message) -> str:
    if message.kind is Kind.TEST:
        return "info"
    return "success" if message.kind is Kind.RECOVERY else _TYPES.get(message.verdict, "warning")


def _title(message: Message) -> str:
    return shorten(_harmless(printable(message.headline, _LONGEST_TITLE)), _LONGEST_TITLE)


def _body(message: Message) -> str:
    return shorten(_harmless(text_part(message, _LONGEST_BODY, _LONGEST_COMMAND)), _LONGEST_BODY)


def _harmless(text: str) -> str:
    """Return the text without anything that mentions people; it looks the same."""
    return _MENTION.sub(lambda found: f"{found[0]}\N{ZERO WIDTH SPACE}", text)


def _asset() -> apprise_types.AppriseAsset:
    """Return settings with which the library sends in the calling thread.

    Its own threads would log addresses past the filters, and be waited for at the end of the process.
    """
    asset = _library().AppriseAsset
    try:
        return cast("apprise_types.AppriseAsset", asset(async_mode=False, service_timeout=0))
    except (AttributeError, TypeError):
        # Older versions do not know service_timeout, and start no threads without async_mode.
        return cast("apprise_types.AppriseAsset", asset(async_mode=False))


def _library() -> ModuleType:
    try:
        import apprise
    except ImportError:
        raise SettingError(
            VARIABLE, "needs the library apprise, which is not installed", "pip install 'drift-checks[apprise]'"
        ) from None
    return apprise
