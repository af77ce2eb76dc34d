"""URLs of servers: what names a store, and what nothing shows."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import hypothesis
import pytest
from hypothesis import strategies as st

from drift_checks.core.addresses import ServerURL, know_pgpass, written
from drift_checks.core.secrets import Secret, know_secrets, mask_secrets

PASSWORD = "s3cr3t-Passw0rd"


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    know_secrets({})


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://host:5432/records",
        "postgresql+psycopg://user@host:5432/records",
        "postgresql://someone:s3cr3t-Passw0rd@HOST:5432/records",
        "postgres://user:other@host:5432/records?sslmode=verify-full&application_name=drift",
        "postgresql://user:a/b@host:5432/records",
    ],
)
def test_a_store_keeps_its_name(text: str) -> None:
    """Whatever user, password, driver and options connect to it."""
    assert ServerURL.parse(text) == ServerURL.parse("postgresql://host:5432/records")
    assert str(ServerURL.parse(text)) == "postgresql://host:5432/records"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("http://host:8000/", "http://host:8000"),
        ("https://user:s3cr3t-Passw0rd@host/chroma/#top", "https://host/chroma"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("mysql+pymysql://user@127.0.0.1/records?charset=utf8mb4", "mysql://127.0.0.1/records"),
        ("postgresql:///records?host=/run/postgresql", "postgresql:///records"),
        ("postgresql://?service=Risks", "postgresql://risks"),
        ("postgresql:///records?host=one:5432&host=Two:5433", "postgresql://one:5432,two:5433/records"),
    ],
)
def test_a_store_is_named_by_scheme_host_and_path(text: str, name: str) -> None:
    """An application name or a fragment says nothing about the store."""
    assert str(ServerURL.parse(text)) == name


PASSWORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=8, max_size=20)


@hypothesis.given(PASSWORDS, st.sampled_from(["postgresql+psycopg", "mysql", "mariadb+pymysql", "http"]))
def test_a_password_arrives_and_is_not_shown(password: str, scheme: str) -> None:
    """If its special characters are escaped, any password does."""
    url = ServerURL.parse(f"{scheme}://Zq:{quote(password, safe='')}@Zq:1234/Zq?Zq=Zq")
    assert url.password is not None
    assert url.password.reveal() == password
    assert ServerURL.parse(url.complete).password.reveal() == password  # type: ignore[union-attr]
    for shown in (str(url), repr(url), url.public, written(url), mask_secrets(f"<{password}> <{url.complete}>")):
        assert password not in shown


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://user:one@two@host/db",
        "postgresql://us/er:pass@host/db",
        "postgresql://host:port/db",
        "http://host:123456",
        "postgresql host",
    ],
)
def test_a_doubtful_url_is_refused(text: str) -> None:
    """Part of its password could be taken for host or database, and be shown."""
    with pytest.raises(ValueError, match=r"^(write the characters @ : / \? # of a password as .*|)$"):
        ServerURL.parse(text)


def test_secrets_in_the_query_are_kept_apart() -> None:
    """They are used, named and masked; options stay."""
    url = ServerURL.parse("postgresql://host/db?sslmode=require&sslpassword=of-the-key&password=of-the-user")
    assert url.public == "postgresql://host/db?sslmode=require"
    assert url.secret_keys == ("sslpassword", "password")
    assert "of-the-key" in url.complete
    encoded = base64.b64encode(b"<of-the-user>").decode()
    assert mask_secrets(f"of-the-key, {encoded}") == "…, PG…Pg=="


def test_a_password_can_be_added() -> None:
    """From a variable of its own."""
    url = ServerURL.parse("postgresql://user@host/db").with_password(Secret("p@ss:w/rd"))
    assert url.complete == "postgresql://user:p%40ss%3Aw%2Frd@host/db"
    assert mask_secrets("p@ss:w/rd or p%40ss%3Aw%2Frd") == "… or …"


def test_a_password_needs_no_user() -> None:
    """The driver takes its default."""
    url = ServerURL.parse("postgresql://host/db").with_password(Secret("s3cr3t-Passw0rd"))
    assert (url.complete, url.public) == ("postgresql://:s3cr3t-Passw0rd@host/db", "postgresql://host/db")


def test_the_passwords_in_postgresqls_file_are_masked(tmp_path: Path) -> None:
    """With its escapes; comments are none, and a missing file is no fault."""
    file = tmp_path / "pgpass"
    file.write_text("# host:port:db:user:commented\nhost:*:db:us\\:er:pass\\:word1\n")
    know_pgpass({"PGPASSFILE": str(file)})
    assert mask_secrets("pass:word1 commented") == "… commented"
    know_pgpass({"PGPASSFILE": str(tmp_path / "none")})
