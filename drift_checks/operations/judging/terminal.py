"""Judging in a terminal: one record on the screen, one key for each answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from shutil import get_terminal_size
from textwrap import wrap
from typing import Protocol

from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import count, printable, quoted, spelled_out
from drift_checks.operations.judging.session import JudgingSession, Shown
from drift_checks.reviews.judgements.judgement import Answer, Judgement

_LONGEST_NEAR = 200
_SHOWN_AT_FIRST, _LONGEST = 3_000, 100_000
_NARROWEST = 20
_OTHERS = ("c cannot tell", "s skip", "u undo", "q quit")
_KEYS = ("1 or 2 is right", "o another", "b both", *_OTHERS)
_KEYS_OF_ONE = ("1 yes", "o another", *_OTHERS)
_END = ("", "q", "\x04")


class Screen(Protocol):
    """What shows lines and reads keys; an empty key means that there are no more."""

    @property
    def width(self) -> int:
        """How many characters a line has."""

    def show(self, text: str) -> None:
        """Show a line."""

    def note(self, text: str) -> None:
        """Show a line that need not be read."""

    def key(self) -> str:
        """Return the next key."""

    def line(self, question: str, choices: Sequence[str]) -> str:
        """Return a line that the user types, with completion of the choices; empty if there is none."""


def judge_all(session: JudgingSession, screen: Screen, categories: Sequence[str]) -> None:
    """Show record after record until the judge quits, by a key or by Ctrl-C, or nothing waits."""
    ended = ""
    try:
        while (shown := session.current) is not None:
            for line in _lines(shown, named=session.named):
                _show(screen, line)
            if not _answer(session, screen, shown, categories):
                break
        else:
            ended = "; no more records wait"
    except KeyboardInterrupt:
        # After ^C, which the terminal shows.
        screen.show("")
    screen.show(f"{count(session.answered, 'judgement')} saved{ended}")


def _answer(session: JudgingSession, screen: Screen, shown: Shown, categories: Sequence[str]) -> bool:
    """Take keys until another record is to be shown; return False if the judge quits."""
    explained = False
    while session.current is shown:
        key = screen.key().lower()
        if key in _END:
            return False
        before = session.answered
        if not _act(session, screen, shown, key, categories) and not explained:
            explained = True
            _show(screen, f"{quoted(key)} is no answer here: {_keys_of(shown)}")
        if session.answered > before and session.last is not None:
            screen.note(
                f"saved: {_said(session.last)} (record {printable(shown.waiting.record_id)}); {session.progress()}"
            )
    return True


def _act(session: JudgingSession, screen: Screen, shown: Shown, key: str, categories: Sequence[str]) -> bool:
    """Do what the key says; return False if it says nothing here."""
    actions: dict[str, Callable[[], object]] = {
        "1": lambda: session.choose(shown.first),
        "c": lambda: session.answer(Answer.UNKNOWN),
        "s": session.skip,
        "u": lambda: _undo(session, screen),
        "o": lambda: _other(session, screen, categories),
        "m": lambda: _show_rest(shown, screen),
    }
    if not shown.agreed:
        actions |= {"2": lambda: session.choose(shown.second), "b": lambda: session.answer(Answer.BOTH)}
    if key not in actions:
        return False
    actions[key]()
    return True


def _undo(session: JudgingSession, screen: Screen) -> None:
    if not session.undo():
        screen.show("nothing to undo in this session")


def _show_rest(shown: Shown, screen: Screen) -> None:
    rest = _part(shown.text, _SHOWN_AT_FIRST, _LONGEST)
    for line in rest.splitlines() or ["that was the whole text"]:
        _show(screen, line)


def _other(session: JudgingSession, screen: Screen, categories: Sequence[str]) -> None:
    typed = screen.line("category (Tab completes; leave empty if no category fits): ", categories).strip()
    if not typed:
        session.answer(Answer.OTHER)
    elif problem := session.choose_typed(typed, categories):
        _show(screen, f"{problem} (press o again)")


def _said(made: Judgement) -> str:
    """Return an answer in words, without telling which category is the store's."""
    if made.answer is Answer.UNKNOWN:
        return "cannot tell"
    if made.answer is Answer.OTHER and not made.category:
        return "no category fits"
    if made.answer is Answer.BOTH and made.stored != made.reviewed:
        return "both are acceptable"
    return f"{printable(next(iter(made.right)))} is right"


def _lines(shown: Shown, *, named: bool) -> Iterator[str]:
    yield ""
    yield f"record {printable(shown.waiting.record_id)}"
    if shown.waiting.again:
        yield "You have judged this record, and another judge contradicts you. Please look again."
    elif shown.waiting.before is not None:
        yield "You have judged this record. A new answer replaces yours."
    yield from _part(shown.text, 0, _SHOWN_AT_FIRST).splitlines() or ["(no text)"]
    if (more := len(shown.text) - _SHOWN_AT_FIRST) > 0:
        yield f"… {more:,} more characters: press m"
    if shown.evidence:
        yield f"evidence: {printable(mask_secrets(shown.evidence), 1000)}"
    yield ""
    for near in shown.near:
        yield f"similar, in {printable(near.category)}: {printable(mask_secrets(near.text), _LONGEST_NEAR)}"
    if shown.obstacle:
        yield f"no similar texts: {printable(shown.obstacle, 300)}"
    yield ""
    if shown.agreed:
        yield f"Both say {printable(shown.first)}. Right?"
    else:
        words = [f" ({role})" if named else "" for role in shown.roles]
        yield f"  1 {printable(shown.first)}{words[0]}"
        yield f"  2 {printable(shown.second)}{words[1]}"
    yield _keys_of(shown)


def _keys_of(shown: Shown) -> str:
    # A line ends after a dot.
    keys = (key.replace(" ", "\N{NO-BREAK SPACE}") for key in (_KEYS_OF_ONE if shown.agreed else _KEYS))
    return "\N{NO-BREAK SPACE}· ".join(keys)


def _show(screen: Screen, text: str) -> None:
    for line in _wrapped(text, screen):
        screen.show(line)


def _wrapped(text: str, screen: Screen) -> list[str]:
    """Return the lines of a text, broken between words where the screen ends."""
    width = max(_NARROWEST, screen.width)
    return wrap(text, width, replace_whitespace=False, break_on_hyphens=False) or [""]


def _part(text: str, begin: int, end: int) -> str:
    # A secret that is cut would stay in part.
    return spelled_out(mask_secrets(text)[begin:end])


class Terminal:
    """The terminal of the process, or a pipe, of which each line is a key or what was asked for."""

    def __init__(self) -> None:
        self._ahead: list[str] = []

    @property
    def width(self) -> int:
        """How many characters a line has now."""
        return get_terminal_size().columns

    def show(self, text: str) -> None:
        """Print a line."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Print a line in grey."""
        is_grey = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        self.show(f"\x1b[90m{text}\x1b[0m" if is_grey else text)

    def has_keys(self) -> bool:
        """Whether anybody can press a key, or a pipe has a line."""
        if sys.stdin.isatty():
            return True
        self._ahead = [sys.stdin.readline()]
        return self._ahead != [""]

    def key(self) -> str:
        """Return a single key without waiting for Enter, or the first character of a line of a pipe."""
        if not sys.stdin.isatty():
            line = self._ahead.pop() if self._ahead else sys.stdin.readline()
            return line.strip()[:1] or ("?" if line else "")
        with _single_keys():
            return sys.stdin.read(1)

    def line(self, question: str, choices: Sequence[str]) -> str:
        """Ask for a line."""
        if not sys.stdin.isatty():
            return sys.stdin.readline()
        import readline

        before = readline.get_completer()
        readline.set_completer(lambda text, state: _completion(choices, text, state))
        readline.set_completer_delims("")
        readline.parse_and_bind("tab: complete")
        try:
            return input(question)
        except EOFError:
            return ""
        finally:
            readline.set_completer(before)


def _completion(choices: Sequence[str], text: str, state: int) -> str | None:
    found = [choice for choice in choices if choice.lower().startswith(text.lower())]
    return found[state] if state < len(found) else None


@contextmanager
def _single_keys() -> Iterator[None]:
    """Let the terminal hand over each key at once."""
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
