"""Unit files and environment files, read as systemd documents it."""

from __future__ import annotations

import re
from collections.abc import Iterator


def options(text: str) -> list[tuple[str, str, str]]:
    """Return the settings of a unit file in order, as (section, key, value), with continued lines joined."""
    joined = re.sub(r"\\\n", " ", text)
    found, section = [], ""
    for line in joined.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line.strip() and line.lstrip()[0] not in "#;":
            key, _, value = line.partition("=")
            found.append((section, key, value))
    return found


def values(text: str, key: str) -> list[str]:
    """Return the values of a key, in every section."""
    return [value for _, name, value in options(text) if name == key]


def words(value: str) -> list[str]:
    r"""Return the words of a value without their quotes, \\ and \" as \ and ", %% as %."""
    found: list[str] = []
    word, quote, escaped, open_word = "", "", False, False
    for letter in value:
        if escaped:
            word, escaped = word + letter, False
        elif letter == "\\":
            escaped = open_word = True
        elif quote:
            quote, word = ("", word) if letter == quote else (quote, word + letter)
        elif letter in "\"'":
            quote, open_word = letter, True
        elif letter in " \t":
            found += [word] if open_word else []
            word, open_word = "", False
        else:
            word, open_word = word + letter, True
    assert (quote, escaped) == ("", False), value
    found += [word] if open_word else []
    return [_without_specifiers(item) for item in found]


def _without_specifiers(word: str) -> str:
    assert not re.search(r"%[^%]|%$", word.replace("%%", "")), f"a specifier: {word}"
    return word.replace("%%", "%")


def environment(text: str) -> dict[str, str]:
    """Return the variables in an environment file."""
    return dict(_assignments(text))


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(text):
        if text[position] in "\n \t":
            position += 1
        elif text[position] in "#;":
            position = text.index("\n", position) + 1
        else:
            name, _, _ = text[position:].partition("=")
            value, position = _value(text, position + len(name) + 1)
            yield name, value


def _value(text: str, position: int) -> tuple[str, int]:
    """Read a value up to the end of its line; ours are always in double quotes."""
    assert text[position] == '"'
    position += 1
    value = ""
    while text[position] != '"':
        if text[position] == "\\":
            following = text[position + 1]
            value += following if following in '\\"$`' else "" if following == "\n" else "\\" + following
            position += 2
        else:
            value, position = value + text[position], position + 1
    assert text[position + 1] == "\n"
    return value, position + 2
