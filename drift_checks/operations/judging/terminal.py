"""Judging in a terminal: one record on the screen, one key for each answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import count, printable, spelled_out
from drift_checks.operations.judging.session import JudgingSession, Shown
from drift_checks.reviews.judgements.judgement import Answer

_LONGEST_NEAR = 200
_SHOWN_AT_FIRST, _LONGEST = 3_000, 100_000
_KEYS = "1 left · 2 right · o other · b both · c cannot tell · s skip · u undo · q quit"
_KEYS_OF_ONE = "1 yes · o other · c cannot tell · s skip · u undo · q quit"
_END = ("", "q", "\x04")


class Screen(Protocol):
    """What shows lines and reads keys; an empty key means that there are no more."""

    def show(self, text: str) -> None:
        """Show a line."""

    def key(self) -> str:
        """Return the next key."""

    def line(self, question: str, choices: Sequence[str]) -> str:
        """Return a line that the user types, with completion of the choices; empty if there is none."""


def judge_all(session: JudgingSession, screen: Screen, categories: Sequence[str]) -> None:
    """Show record after record until the judge quits or nothing waits."""
    while (shown := session.current) is not None:
        for line in _lines(shown, named=session.named):
            screen.show(line)
        # Another key does not print the record again.
        while session.current is shown:
            key = screen.key()
            if key in _END:
                screen.show(f"{count(session.answered, 'judgement')} saved")
                return
            _act(session, screen, shown, key.lower(), categories)
    screen.show(f"{count(session.answered, 'judgement')} saved; no more records wait")


def _act(session: JudgingSession, screen: Screen, shown: Shown, key: str, categories: Sequence[str]) -> None:
    if key == "1":
        session.choose(shown.left)
    elif key == "2" and not shown.agreed:
        session.choose(shown.right)
    elif key == "b" and not shown.agreed:
        session.answer(Answer.BOTH)
    elif key == "c":
        session.answer(Answer.UNKNOWN)
    elif key == "s":
        session.skip()
    elif key == "u":
        if not session.undo():
            screen.show("nothing to undo in this session")
    elif key == "o":
        _other(session, screen, categories)
    elif key == "m":
        screen.show(_part(shown.text, _SHOWN_AT_FIRST, _LONGEST) or "that was the whole text")
    else:
        screen.show(_KEYS_OF_ONE if shown.agreed else _KEYS)


def _other(session: JudgingSession, screen: Screen, categories: Sequence[str]) -> None:
    typed = screen.line("category (Tab completes, empty: none of the known ones): ", categories).strip()
    if not typed:
        session.answer(Answer.OTHER)
    elif problem := session.choose_typed(typed, categories):
        screen.show(f"{problem} (press o again)")


def _lines(shown: Shown, *, named: bool) -> Iterator[str]:
    yield ""
    yield f"record {printable(shown.waiting.record_id)}"
    if shown.waiting.again:
        yield "you have judged this record, and another judge contradicts: please look again"
    yield from _part(shown.text, 0, _SHOWN_AT_FIRST).splitlines() or ["(no text)"]
    if (more := len(shown.text) - _SHOWN_AT_FIRST) > 0:
        yield f"… {more:,} more characters: press m"
    if shown.evidence:
        yield f"evidence: {printable(mask_secrets(shown.evidence), 1000)}"
    yield ""
    for near in shown.near:
        yield f"near, {printable(near.category)}: {printable(mask_secrets(near.text), _LONGEST_NEAR)}"
    if shown.obstacle:
        yield f"no nearest texts: {printable(shown.obstacle, 300)}"
    yield ""
    if shown.agreed:
        yield f"  1 {printable(shown.left)}: is it right?"
        yield _KEYS_OF_ONE
    else:
        words = [f" ({role})" if named else "" for role in shown.roles]
        yield f"  1 {printable(shown.left)}{words[0]}"
        yield f"  2 {printable(shown.right)}{words[1]}"
        yield _KEYS


def _part(text: str, begin: int, end: int) -> str:
    # A secret that is cut would stay in part.
    return spelled_out(mask_secrets(text)[begin:end])


class Terminal:
    """The terminal of the process, or a pipe, of which each line is a key or what was asked for."""

    def show(self, text: str) -> None:
        """Print a line."""
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def key(self) -> str:
        """Return a single key without waiting for Enter, or the first character of a line of a pipe."""
        if not sys.stdin.isatty():
            line = sys.stdin.readline()
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
