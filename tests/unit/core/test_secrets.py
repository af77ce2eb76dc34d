"""Secrets: where they are found, and that no output shows them."""

from __future__ import annotations

import copy
import json
import os
import pickle
import time
import traceback
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.errors import ReviewerError, SettingError
from drift_checks.core.secrets import (
    Secret,
    address_parts,
    export_secrets,
    find_secret,
    is_secret,
    know_secrets,
    mask,
    mask_secrets,
    masked_line,
)
from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import ChatServer
from tests.support.classifying import KEY, ScriptedServer, chat, completion, outcomes, question
from tests.support.processes import run_unprivileged

NAMES = ("FIRST", "SECOND")


def found(environment: dict[str, str]) -> str | None:
    """Return the secret of the first name that has one."""
    secret = find_secret(NAMES, environment)
    return None if secret is None else secret.reveal()


def with_locals(secret: Secret) -> str:
    """Return a traceback that shows local variables, including this secret."""
    try:
        raise ValueError(secret)
    except ValueError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


SHOWN: dict[str, Callable[[Secret], str]] = {
    "repr": repr,
    "f-string": lambda secret: f"{secret!r:>40} {secret!s} {secret}",
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
    "in a list": lambda secret: str([secret, {"key": secret}]),
    "json": lambda secret: json.dumps({"key": secret}, default=str),
    "traceback": with_locals,
    "copy": lambda secret: repr(copy.copy(secret)),
}


@pytest.mark.parametrize("way", SHOWN)
def test_no_output_shows_a_secret(way: str) -> None:
    """However it is formatted."""
    assert KEY not in SHOWN[way](Secret(KEY))


def test_a_secret_cannot_be_pickled_and_has_no_variables() -> None:
    """Neither shows its text."""
    for dump in (pickle.dumps, vars):
        with pytest.raises(TypeError) as refused:
            dump(Secret(KEY))
        assert KEY not in str(refused.value)


@given(st.text(min_size=3), st.text(), st.text())
def test_a_secret_is_hidden_in_a_message(text: str, before: str, after: str) -> None:
    """Every occurrence becomes an ellipsis."""
    hidden = Secret(text).hidden_in(f"{before}{text}{after}")
    assert text not in hidden or text in f"{before}…{after}" or "…" in text


PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
QUOTED: dict[str, Callable[[str], str]] = {
    "plain": str,
    "URL": lambda text: quote(text, safe=""),
    "path": quote,
    "form": quote_plus,
    "URL twice": lambda text: quote(quote(text, safe="")),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in JSON": lambda text: json.dumps(json.dumps(text))[3:-3],
    "JSON with escaped slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "HTML": escape,
}
BASE64 = {
    "base64": lambda octets: b64encode(octets).decode(),
    "base64 for URLs": lambda octets: urlsafe_b64encode(octets).decode().rstrip("="),
    "base64 in a URL": lambda octets: quote(b64encode(octets).decode(), safe=""),
}


@given(st.text(PRINTABLE, min_size=3, max_size=60), st.text(PRINTABLE), st.text(PRINTABLE), st.sampled_from([*QUOTED]))
def test_a_secret_is_masked_in_every_form(secret: str, before: str, after: str, way: str) -> None:
    """As it is, and as servers and proxies quote what they were sent."""
    form = QUOTED[way](secret)
    masked = mask(f"{before}{form}{after}", [Secret(secret)])
    assert form not in masked
    assert "…" in masked


@given(st.text(PRINTABLE, min_size=5, max_size=60), st.binary(), st.binary(), st.sampled_from([*BASE64]))
def test_a_secret_is_masked_in_base64(secret: str, before: bytes, after: bytes, way: str) -> None:
    """Alone, or within a longer text, as in the login of mail servers."""
    for octets in (secret.encode(), before + secret.encode() + after):
        form = BASE64[way](octets)
        masked = mask(f"said {form} twice", [Secret(secret)])
        assert form not in masked
        assert "…" in masked


@given(st.text(PRINTABLE, max_size=200))
def test_a_text_without_the_secret_stays_as_it_is(text: str) -> None:
    """No secret means nothing to mask."""
    assert mask(text, [Secret("sk-ünlikely")]) == mask(text, []) == mask(text, [Secret("")]) == text


@given(st.text(PRINTABLE, min_size=4, max_size=400), st.integers(0, 50_000))
def test_a_line_shows_no_part_of_a_secret_that_was_cut(secret: str, before: int) -> None:
    """However long the text is, and wherever the secret stands."""
    line = masked_line(" " * before + secret * 200, [Secret(secret)])
    assert len(line) <= 200
    assert secret[:4] not in line.replace(" ", "") or secret[:4] in secret[4:] or " " in secret


def test_a_line_is_printable() -> None:
    """Of one line, without control or direction characters."""
    assert masked_line("a\r\nb\x1b[31m\u202ec\x00", []) == "a b\ufffd[31m\ufffdc\ufffd"


@pytest.mark.parametrize("text", ["\\" * 20_000, "%25" * 7000, "&" * 20_000, "////" * 5000, "a" * 20_000])
def test_masking_takes_little_time(text: str) -> None:
    """Also of a text that almost holds the secret, again and again."""
    secrets = [Secret(f"{text[:60]}x"), Secret("\\/" * 30), Secret("%25" * 20), Secret("& " * 30)]
    began = time.monotonic()
    mask(text, secrets)
    assert time.monotonic() - began < 5


def test_the_parts_of_an_address_are_secrets() -> None:
    """The password however short it is, and others unless they are too short to tell anything."""
    address = Secret("https://longuser:pw@host.example.com/v2/t%2Bken-of-path/x?key=value-of-query")
    parts = {part.reveal() for part in address_parts(address)} - {address.reveal()}
    assert parts == {"longuser", "pw", "t%2Bken-of-path", "t+ken-of-path", "key=value-of-query", "value-of-query"}
    assert [part.reveal() for part in address_parts(Secret("http://[broken"))] == ["http://[broken"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"FIRST": "a"}, "a"),
        ({"FIRST": "a", "SECOND": "b"}, "a"),
        ({"FIRST": " \n", "SECOND": "b"}, "b"),
        ({"FIRST": " a\n"}, "a"),
        ({"FIRST_FILE": "", "SECOND": "b"}, "b"),
        ({"THIRD": "c"}, None),
    ],
)
def test_the_first_variable_that_is_set_is_found(environment: dict[str, str], expected: str | None) -> None:
    """Blank variables and surrounding blanks are ignored."""
    assert found(environment) == expected


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a secret for each of the names."""
    for name in NAMES:
        (tmp_path / name).write_text(f"{name} from a file\n", encoding="utf-8")
    return tmp_path


def test_a_secret_is_found_in_the_first_source_of_the_first_name(folder: Path) -> None:
    """A variable, the file that NAME_FILE names, or the file of that name in $CREDENTIALS_DIRECTORY."""
    (folder / "other").write_bytes(b"\xef\xbb\xbfwith a byte order mark\r\n")
    named, credentials = {"FIRST_FILE": str(folder / "other")}, {"CREDENTIALS_DIRECTORY": str(folder)}
    assert found(credentials | named | {"FIRST": "a", "SECOND": "b"}) == "a"
    assert found(credentials | named | {"SECOND": "b"}) == "with a byte order mark"
    assert found(credentials | {"SECOND": "b"}) == "FIRST from a file"
    (folder / "FIRST").unlink()
    assert found(credentials) == found({"SECOND_FILE": str(folder / "SECOND")}) == "SECOND from a file"


@pytest.mark.parametrize("there", ["", "nowhere"])
def test_a_missing_credential_is_not_an_error(there: str, tmp_path: Path) -> None:
    """Nor is a missing folder."""
    assert found({"CREDENTIALS_DIRECTORY": str(tmp_path / there)}) is None


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe\x00"], ids=["empty", "blank", "not text"])
@pytest.mark.parametrize("variable", ["FIRST_FILE", "CREDENTIALS_DIRECTORY"])
def test_a_file_without_a_secret_is_refused(
    content: bytes, variable: str, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    """The error names the source and the file."""
    file = tmp_path / "FIRST"
    file.write_bytes(content)
    with pytest.raises(SettingError) as caught:
        found({variable: str(file if variable == "FIRST_FILE" else tmp_path), "SECOND": "b"})
    assert str(caught.value).replace(f"{tmp_path}/", "") == snapshot


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """A missing one, and a folder."""
    said = []
    for file in (tmp_path / "missing", tmp_path):
        with pytest.raises(SettingError) as caught:
            found({"FIRST_FILE": str(file)})
        said.append(str(caught.value).replace(f"{tmp_path}", "FOLDER"))
    assert said == snapshot


FIND = """
import sys
from drift_checks.core.secrets import find_secret
from drift_checks.core.errors import ReviewerError, SettingError
try:
    print(find_secret(["FIRST"], {sys.argv[1]: sys.argv[2]}))
except SettingError as error:
    print(error)
except Exception as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize("variable", ["FIRST_FILE", "CREDENTIALS_DIRECTORY"])
def test_a_file_without_read_permission_is_refused(variable: str, tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """It is reported, not skipped."""
    file = tmp_path / "FIRST"
    file.write_text(KEY)
    file.chmod(0)
    said = run_unprivileged(FIND, variable, file if variable == "FIRST_FILE" else tmp_path)
    assert said.replace(str(tmp_path), "FOLDER") == snapshot


def test_a_folder_without_search_permission_is_refused(tmp_path: Path) -> None:
    """In one sentence, too."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "FIRST").write_text(KEY)
    folder.chmod(0)
    assert "cannot be read" in run_unprivileged(FIND, "CREDENTIALS_DIRECTORY", folder)


def spoken(outcome: object) -> str:
    """Return the text of an exception with its attributes and traceback."""
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
    """Neither in the exception nor in its traceback."""
    with ScriptedServer(QUOTES[way]) as server:
        (outcome,) = outcomes(chat(server), question())
    assert KEY not in spoken(outcome)


@pytest.mark.parametrize("field", ["content", "category", "refusal"])
def test_an_answer_that_quotes_the_key_does_not_show_it(field: str) -> None:
    """A proxy may write an error into a chat completion."""
    reply = {
        "content": completion(f"Wrong key {KEY}"),
        "category": completion({"category": KEY}),
        "refusal": completion(None, refusal=f"Wrong key {KEY}"),
    }[field]
    with ScriptedServer((200, reply)) as server:
        (outcome,) = outcomes(chat(server), question())
    assert KEY not in spoken(outcome)


def test_a_refused_key_is_not_shown() -> None:
    """If the endpoint quotes it, it becomes an ellipsis."""
    with ChatServer(Behaviour(api_key="another")) as server:
        (outcome,) = outcomes(chat(server), question())
    assert str(outcome) == "Incorrect API key provided: …."


def test_a_failed_connection_does_not_show_the_key() -> None:
    """No part of the exception does."""
    with ChatServer() as server:
        classifier = chat(server)
    (outcome,) = outcomes(classifier, question())
    assert KEY not in spoken(outcome)


@pytest.mark.parametrize("key", [f"{KEY}\nsecond", f"{KEY}\x00", f"{KEY}ü", f"\ufeff{KEY}"])
def test_a_key_that_no_header_can_hold_is_refused_unseen(key: str) -> None:
    """Before any call, and it is not the endpoint that is blamed."""
    with ChatServer() as server, pytest.raises(ReviewerError) as refused:
        chat(server, key=key)
    assert (KEY in str(refused.value), "the key" in str(refused.value)) == (False, True)


def test_a_secret_file_must_be_a_plain_one(tmp_path: Path) -> None:
    """A named pipe would keep the run waiting."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SettingError, match="cannot be read \\(it is a named pipe, not a file\\)"):
        found({"FIRST_FILE": str(tmp_path / "pipe")})


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("RISK_API_KEY", "", True),
        ("MY_TOKEN", "a", True),
        ("TOKEN", "a", True),
        ("client_secret", "a", True),
        ("DBPASSWORD", "a", True),
        ("SLACK_WEBHOOK_URL", "", True),
        ("DATABASE_URL", "postgresql://ann:s3cret@db/x", True),
        ("DATABASE_URL", "postgresql://db/x", False),
        ("SSH_KEY", "/home/ann/key", False),
        ("TOKENIZER", "a", False),
        ("MONKEY", "a", False),
        ("MODEL", "a:b", False),
    ],
)
def test_a_variable_with_a_secret_is_told_by_its_name_or_its_value(name: str, text: str, expected: bool) -> None:
    """The path of a file is none, and words that only contain such a name are none."""
    assert is_secret(name, text) is expected


def test_secrets_in_files_are_set_as_variables_for_the_users_code(tmp_path: Path) -> None:
    """Those of the suite itself are not, nor files of another kind; a variable that is set stays."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    for name in ("RISK_API_KEY", "SLACK_WEBHOOK_URL", "SET", "with-a-dash"):
        (folder / name).write_text(f"{name} in a file\n", encoding="utf-8")
    (folder / "certificate").write_text("several\nlines\n", encoding="utf-8")
    (folder / "blob").write_bytes(b"\xff\x00")
    key = tmp_path / "key"
    key.write_text("a key\n", encoding="utf-8")
    environment = {"CREDENTIALS_DIRECTORY": str(folder), "SET": "before", "GOOGLE_API_KEY_FILE": str(key)}
    before = dict(environment)
    remove = export_secrets(environment)
    assert environment == before | {"GOOGLE_API_KEY": "a key", "RISK_API_KEY": "RISK_API_KEY in a file"}
    remove()
    assert environment == before


def test_the_secrets_of_the_users_own_code_are_masked(tmp_path: Path) -> None:
    """Whether they are variables or credentials."""
    (tmp_path / "MODEL_TOKEN").write_text("Credential1234\n", encoding="utf-8")
    know_secrets({"RISK_API_KEY": "Variable1234", "CREDENTIALS_DIRECTORY": str(tmp_path), "REGION": "Somewhere1"})
    try:
        assert mask_secrets("Variable1234 Credential1234 Somewhere1") == "… … Somewhere1"
    finally:
        know_secrets({})
