"""Secrets: where they are found, and that nothing shows them."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.errors import SettingError
from drift_checks.core.secrets import Secret, find_secret
from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import ChatServer
from tests.support.classifying import KEY, ScriptedServer, chat, completion, outcomes, question
from tests.support.processes import run_unprivileged

NAMES = ("FIRST", "SECOND")


def found(environment: dict[str, str]) -> str | None:
    """Return the secret under the first of the names that has one."""
    secret = find_secret(NAMES, environment)
    return None if secret is None else secret.reveal()


def pickled(secret: Secret) -> str:
    """Return the bytes of its pickle, or the refusal to make one."""
    try:
        return pickle.dumps(secret).decode("latin-1")
    except Exception as error:
        return str(error)


def variables(secret: Secret) -> str:
    """Return its attributes, or that it has none to show."""
    try:
        return str(vars(secret))
    except TypeError as error:
        return str(error)


def with_locals(secret: Secret) -> str:
    """Return a traceback that shows the local variables, this secret among them."""
    try:
        raise ValueError(secret)
    except ValueError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


SHOWN: dict[str, Callable[[Secret], str]] = {
    "repr": repr,
    "str": str,
    "format": "{}".format,
    "f-string": lambda secret: f"{secret!r:>40} {secret!s} {secret}",
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
    "in a list": lambda secret: str([secret, {"key": secret}]),
    "json": lambda secret: json.dumps({"key": secret}, default=str),
    "ascii": ascii,
    "traceback": with_locals,
    "vars": variables,
    "copy": lambda secret: repr(copy.copy(secret)),
}


@pytest.mark.parametrize("way", SHOWN)
def test_no_output_shows_a_secret(way: str) -> None:
    """However it is written out, its text is not in it."""
    assert KEY not in SHOWN[way](Secret(KEY))


def test_no_pickle_holds_a_secret() -> None:
    """It is left out, or there is no pickle."""
    assert KEY not in pickled(Secret(KEY))


def test_reveals_its_text() -> None:
    """Whoever asks for it gets it."""
    assert Secret(KEY).reveal() == KEY


@given(st.text(min_size=3), st.text(), st.text())
def test_hides_itself_in_a_message(text: str, before: str, after: str) -> None:
    """Wherever it is quoted, an ellipsis stands for it."""
    hidden = Secret(text).hidden_in(f"{before}{text}{after}")
    assert text not in hidden or text in f"{before}…{after}" or "…" in text


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"FIRST": "a"}, "a"),
        ({"SECOND": "b"}, "b"),
        ({"FIRST": "a", "SECOND": "b"}, "a"),
        ({"FIRST": "", "SECOND": "b"}, "b"),
        ({"FIRST": " \n", "SECOND": "b"}, "b"),
        ({"FIRST": " a\n"}, "a"),
        ({"FIRST_FILE": "", "SECOND": "b"}, "b"),
        ({"THIRD": "c"}, None),
    ],
)
def test_finds_the_first_name_that_has_a_variable(environment: dict[str, str], expected: str | None) -> None:
    """A blank variable is none; blanks around a secret are no part of it."""
    assert found(environment) == expected


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a secret for each of the names."""
    for name in NAMES:
        (tmp_path / name).write_text(f"{name} from a file\n", encoding="utf-8")
    return tmp_path


def test_finds_a_secret_in_the_file_that_a_variable_names(folder: Path) -> None:
    """NAME_FILE names a file that holds it."""
    assert found({"SECOND_FILE": str(folder / "SECOND")}) == "SECOND from a file"


def test_finds_a_credential_of_the_service_manager(folder: Path) -> None:
    """A file of that name in $CREDENTIALS_DIRECTORY holds it."""
    (folder / "FIRST").unlink()
    assert found({"CREDENTIALS_DIRECTORY": str(folder)}) == "SECOND from a file"


def test_a_name_comes_first_wherever_its_secret_is(folder: Path) -> None:
    """A file for the first name goes before a variable for the second."""
    assert found({"CREDENTIALS_DIRECTORY": str(folder), "SECOND": "b"}) == "FIRST from a file"


def test_a_variable_goes_before_a_file(folder: Path) -> None:
    """The secret itself goes before a file for the same name."""
    assert found({"FIRST_FILE": str(folder / "FIRST"), "FIRST": "a"}) == "a"


def test_a_named_file_goes_before_a_credential(folder: Path) -> None:
    """NAME_FILE goes before the service manager's folder."""
    (folder / "other").write_text("other")
    assert found({"FIRST_FILE": str(folder / "other"), "CREDENTIALS_DIRECTORY": str(folder)}) == "other"


@pytest.mark.parametrize("there", ["", "nowhere"])
def test_no_credential_is_no_error(there: str, tmp_path: Path) -> None:
    """A folder without this file, or that is not there, holds no secret."""
    assert found({"CREDENTIALS_DIRECTORY": str(tmp_path / there)}) is None


def test_a_byte_order_mark_is_no_part_of_a_secret(tmp_path: Path) -> None:
    """A file as Windows' editor saves it holds the same secret."""
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbfa\r\n")
    assert found({"FIRST_FILE": str(tmp_path / "key")}) == "a"


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe\x00"], ids=["empty", "blank", "no text"])
@pytest.mark.parametrize("variable", ["FIRST_FILE", "CREDENTIALS_DIRECTORY"])
def test_refuses_a_file_without_a_secret(
    content: bytes, variable: str, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    """The sentence names where it was named, and the file."""
    file = tmp_path / "FIRST"
    file.write_bytes(content)
    with pytest.raises(SettingError) as caught:
        found({variable: str(file if variable == "FIRST_FILE" else tmp_path), "SECOND": "b"})
    assert str(caught.value).replace(f"{tmp_path}/", "") == snapshot


def test_refuses_a_file_that_cannot_be_read(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """One that is not there, and a folder."""
    said = []
    for file in (tmp_path / "missing", tmp_path):
        with pytest.raises(SettingError) as caught:
            found({"FIRST_FILE": str(file)})
        said.append(str(caught.value).replace(f"{tmp_path}", "FOLDER"))
    assert said == snapshot


FIND = """
import sys
from drift_checks.core.secrets import find_secret
from drift_checks.core.errors import SettingError
try:
    print(find_secret(["FIRST"], {sys.argv[1]: sys.argv[2]}))
except SettingError as error:
    print(error)
except Exception as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize("variable", ["FIRST_FILE", "CREDENTIALS_DIRECTORY"])
def test_refuses_a_file_that_may_not_be_read(variable: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """A file of somebody else's is told, not passed over."""
    file = tmp_path / "FIRST"
    file.write_text(KEY)
    file.chmod(0)
    said = run_unprivileged(FIND, variable, file if variable == "FIRST_FILE" else tmp_path)
    assert said.replace(str(tmp_path), "FOLDER") == snapshot


def test_refuses_a_folder_that_may_not_be_searched(tmp_path: Path) -> None:
    """A credentials folder of somebody else's is one sentence, too."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "FIRST").write_text(KEY)
    folder.chmod(0)
    assert "cannot be read" in run_unprivileged(FIND, "CREDENTIALS_DIRECTORY", folder)


def spoken(outcome: object) -> str:
    """Return all that an exception says, with its attributes and its traceback."""
    assert isinstance(outcome, BaseException)
    return f"{outcome!r} {vars(outcome)} {''.join(traceback.format_exception(outcome))}"


QUOTES: dict[str, tuple[int, bytes]] = {
    "message": (401, json.dumps({"error": {"message": f"Incorrect API key: {KEY}."}}).encode()),
    "code": (401, json.dumps({"error": {"code": KEY}}).encode()),
    "list": (400, json.dumps([{"error": {"message": f"API key not valid: {KEY}"}}]).encode()),
    "detail": (403, json.dumps({"detail": [{"msg": "wrong", "input": {"authorization": f"Bearer {KEY}"}}]}).encode()),
    "page": (500, f"<html>Authorization: Bearer {KEY}</html>".encode()),
    "text": (502, json.dumps(f"Bearer {KEY}").encode()),
    "parameter": (400, json.dumps({"error": {"message": f"seed: no, {KEY}", "param": "seed"}}).encode()),
    "200": (200, json.dumps({"error": {"message": f"Incorrect API key: {KEY}."}}).encode()),
    "page of 200": (200, f"<html>Authorization: Bearer {KEY}</html>".encode()),
}


@pytest.mark.parametrize("way", QUOTES)
def test_an_error_that_quotes_the_key_does_not_show_it(way: str) -> None:
    """Neither the exception nor its traceback holds it."""
    with ScriptedServer(QUOTES[way]) as server:
        (outcome,) = outcomes(chat(server), question())
    assert KEY not in spoken(outcome)


@pytest.mark.parametrize("field", ["content", "category", "refusal"])
def test_an_answer_that_quotes_the_key_does_not_show_it(field: str) -> None:
    """What a proxy writes into a chat completion is an error's text, too."""
    reply = {
        "content": completion(f"Wrong key {KEY}"),
        "category": completion({"category": KEY}),
        "refusal": completion(None, refusal=f"Wrong key {KEY}"),
    }[field]
    with ScriptedServer((200, reply)) as server:
        (outcome,) = outcomes(chat(server), question())
    assert KEY not in spoken(outcome)


def test_a_refused_key_is_not_shown() -> None:
    """Where the endpoint takes another key and quotes this one, an ellipsis stands for it."""
    with ChatServer(Behaviour(api_key="another")) as server:
        (outcome,) = outcomes(chat(server), question())
    assert str(outcome) == "Incorrect API key provided: …."


def test_an_endpoint_that_is_not_there_is_not_told_the_key() -> None:
    """The broken connection says nothing of it."""
    with ChatServer() as server:
        classifier = chat(server)
    (outcome,) = outcomes(classifier, question())
    assert KEY not in spoken(outcome)


@pytest.mark.parametrize("key", [f"{KEY}\nsecond", f"{KEY}\x00"], ids=["two lines", "null"])
def test_a_key_that_no_header_can_hold_is_not_shown(key: str) -> None:
    """A file with more than the key is answered without quoting it."""
    with ChatServer() as server:
        (outcome,) = outcomes(chat(server, key=key), question())
    assert KEY not in spoken(outcome)


@pytest.mark.parametrize("key", ["schlüssel", "\ufeffsk-1"], ids=["umlaut", "byte order mark"])
def test_a_key_that_no_header_can_hold_is_not_blamed_on_the_endpoint(key: str) -> None:
    """What is wrong with the key is not told as a wrong answer."""
    with ChatServer() as server:
        (outcome,) = outcomes(chat(server, key=key), question())
    assert "answer" not in str(outcome)
