"""Reading a collection on a Chroma server."""

from __future__ import annotations

import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import trustme
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.addresses import ServerURL
from drift_checks.core.errors import SettingError, StoreAway, StoreChanged, StoreError
from drift_checks.stores.vectors import chroma_http
from drift_checks.stores.vectors.catalogue import CollectionName
from drift_checks.stores.vectors.chroma import DirectoryCollection
from drift_checks.stores.vectors.chroma_http import Credentials
from drift_checks.stores.vectors.chroma_server import ChromaServer, ServerCollection
from tests.support.chroma_server import Fault, Relay, ServedDirectory
from tests.support.stores import DIMENSION, NAME, BuiltStore
from tests.support.waiting import PATIENCE

ERROR = b'{"error": "%b", "message": "%b"}'
HTML = {"Content-Type": "text/html; charset=utf-8"}
Opened = Callable[..., ServerCollection]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chroma_http, "_PAUSES", (0, 0, 0))


@pytest.fixture
def opened(relay: Relay) -> Iterator[Opened]:
    """Open a collection by way of the relay; it is closed after the test."""
    collections: list[ServerCollection] = []

    def open_collection(name: str | CollectionName = NAME, seconds: float = 30, **how: bool) -> ServerCollection:
        collections.append(ServerCollection(ChromaServer(ServerURL.parse(relay.url), seconds, {}), name, **how))
        return collections[-1]

    yield open_collection
    for collection in collections:
        collection.close()


def sentence(relay: Relay, error: StoreError) -> tuple[int, str]:
    """Return the exit code and the sentence of an error, without what differs between machines."""
    return error.exit_code, str(error).replace(relay.url, "http://HOST:PORT")


def test_a_server_gives_what_its_directory_gives(opened: Opened, store: BuiltStore, tmp_path: Path) -> None:
    """Entries, vectors, ids and neighbours."""
    served, local = opened(), DirectoryCollection(store.chroma, NAME, tmp_path)
    assert (served.count, served.dimension, served.space) == (120, DIMENSION, "cosine")
    assert list(served.ids()) == list(local.ids())
    ours, theirs = served.entries(["chroma-5", "nowhere"]), local.entries(["chroma-5", "nowhere"])
    assert [(entry.id, entry.document, entry.metadata) for entry in ours.values()] == [
        (entry.id, entry.document, entry.metadata) for entry in theirs.values()
    ]
    assert ours["chroma-5"].vector == pytest.approx(theirs["chroma-5"].vector)
    asked = [np.eye(DIMENSION, dtype=np.float32)[place] for place in range(DIMENSION)]
    found = [[near.id for near in nearest] for nearest in served.nearest(asked, 12)]
    assert found == [[near.id for near in nearest] for nearest in local.nearest(asked, 12)]
    local.close()


def test_many_ids_and_searches_take_several_requests(
    opened: Opened, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is larger than a server allows, and each id is found once."""
    monkeypatch.setattr(ServerCollection, "ids_at_once", 50)
    monkeypatch.setattr(ServerCollection, "entries_at_once", 40)
    monkeypatch.setattr(ServerCollection, "searches_at_once", 2)
    collection = opened()
    relay.requests.clear()
    keys = [f"chroma-{number}" for number in range(1, 121)]
    assert sorted(collection.ids()) == sorted(keys)
    assert len(collection.entries(keys)) == 120
    assert [len(near) for near in collection.nearest([np.ones(DIMENSION, dtype=np.float32)] * 5, 3)] == [3] * 5
    assert [path.rpartition("/")[2] for _, path in relay.requests] == ["get"] * 7 + ["query"] * 3


def test_requests_only_read(opened: Opened, relay: Relay) -> None:
    """Nothing else than GET, and the POST of a search."""
    collection = opened()
    collection.nearest([collection.first(1)[0].vector], 5)
    assert len(collection.spread(30)) == 30
    list(collection.ids())
    assert {(method, path.rpartition("/")[2]) for method, path in relay.requests if method != "GET"} == {
        ("POST", "get"),
        ("POST", "query"),
    }
    with pytest.raises(StoreError, match="POST /api/v2/tenants is not sent, because it may write"):
        collection._server.requests.request("POST", f"{relay.url}/api/v2/tenants")


def test_entries_are_read_without_vectors_where_none_are_needed(opened: Opened) -> None:
    """They are most of what would cross the network."""
    [entry] = opened(with_vectors=False).first(1)
    assert entry.vector.size == 0
    assert entry.document is not None


def test_deleted_entries_shift_no_ids(opened: Opened, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """If pages do not join, the ids are read again by another run; some would seem to be missing."""
    monkeypatch.setattr(ServerCollection, "ids_at_once", 50)
    collection = opened()
    pages = iter([["a", "b"], ["c", "d"]])
    monkeypatch.setattr(collection, "_page_of_ids", lambda _: next(pages))
    with pytest.raises(StoreChanged, match="entries of collection risk_classifications were deleted"):
        list(collection.ids())


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault(200, b"<html>Welcome</html>", HTML), id="a page"),
        pytest.param(Fault(404, b"<html>Not found</html>", HTML), id="another server"),
        pytest.param(Fault(302, headers={"Location": "https://u:pw@login/?token=12345678"}), id="redirect"),
        pytest.param(Fault(401, ERROR % (b"AuthError", b"Unauthorized")), id="401"),
        pytest.param(Fault(403, ERROR % (b"AuthError", b"Forbidden"), path="/collections"), id="403"),
        pytest.param(Fault(429, ERROR % (b"RateLimitError", b"too many requests")), id="429"),
        pytest.param(Fault(500, ERROR % (b"InternalError", b"no\\nspace left"), path="/get"), id="500"),
        pytest.param(Fault(503, b"upstream", HTML, path="/query"), id="503"),
        pytest.param(Fault(400, ERROR % (b"InvalidArgumentError", b"expecting 3, got 8"), path="/query"), id="400"),
        pytest.param(
            Fault(404, ERROR % (b"NotFoundError", b"Collection [1] does not exist"), path="/query"), id="gone"
        ),
        pytest.param(Fault(200, b'{"unknown": 1}', path="/query"), id="another format"),
        pytest.param(Fault(200, b'{"name": "x"}', path=f"/{NAME}"), id="another description"),
        pytest.param(Fault(200, b'{"ids": [["chr', path="/query"), id="half an answer"),
        pytest.param(Fault(path="/query"), id="closed"),
    ],
)
def test_faults_are_told_in_one_sentence(
    opened: Opened, relay: Relay, fault: Fault, snapshot: SnapshotAssertion
) -> None:
    """With the exit code: 75 for what may pass, 4 for what the user must change."""
    relay.fault = fault
    with pytest.raises(StoreError) as caught:
        opened().nearest([np.ones(DIMENSION, dtype=np.float32)], 5)
    assert sentence(relay, caught.value) == snapshot


def test_a_server_that_is_back_soon_is_waited_for(opened: Opened, relay: Relay) -> None:
    """A restart takes a few seconds, and so may be asked for again without harm."""
    relay.fault = Fault(503, path="/get", times=3)
    assert opened().count == 120
    assert sum(path.endswith("/get") for _, path in relay.requests) == 4


def test_a_server_that_does_not_run_may_be_back_later(relay: Relay) -> None:
    """75, since the next run may find it."""
    relay.close()
    with pytest.raises(StoreAway, match=r"cannot be reached \(Connection refused\); check that") as caught:
        ChromaServer(ServerURL.parse(relay.url), 5)
    assert caught.value.exit_code == 75


def test_a_server_that_hangs_is_left_in_time(opened: Opened, relay: Relay) -> None:
    """After query-timeout."""
    collection = opened(seconds=0.3)
    relay.fault = Fault(hangs=True)
    begun = time.monotonic()
    with pytest.raises(StoreAway, match=r"no answer within 0\.3 seconds \(query-timeout\)"):
        collection.first(1)
    assert time.monotonic() - begun < PATIENCE


@pytest.mark.parametrize("number", ["0.5.5", "0.4.24"])
def test_an_old_server_is_told_by_its_version(opened: Opened, relay: Relay, number: str) -> None:
    """It answers only at /api/v1."""

    def answer(path: str) -> None:
        old = path == "/api/v1/version"
        relay.fault = Fault(200, f'"{number}"'.encode()) if old else Fault(404, b'{"detail": "Not Found"}')

    relay.before = answer
    with pytest.raises(StoreError, match=rf"is a Chroma server {number}, which is too old .*; have the"):
        opened()


def test_a_missing_collection_is_answered_with_those_there(opened: Opened, relay: Relay) -> None:
    """And with the nearest name."""
    with pytest.raises(StoreError) as caught:
        opened("risk_clasifications")
    assert "has no collection 'risk_clasifications' (it has " in str(caught.value)
    assert "did you mean 'risk_classifications'?" in str(caught.value)
    assert caught.value.exit_code == 4


def test_a_collection_is_found_in_any_database(opened: Opened, chroma_server: ServedDirectory) -> None:
    """As in a directory; one of several is chosen by its database, and an empty one is refused."""
    for database in ("first", "second"):
        chroma_server.post("/default_tenant/databases", name=database)
        made = chroma_server.post(f"/default_tenant/databases/{database}/collections", name="twice")
    path = f"/default_tenant/databases/second/collections/{made['id']}/add"
    chroma_server.post(path, ids=["a"], embeddings=[[1, 2, 3]])
    chroma_server.post("/default_tenant/databases/second/collections", name="once")
    with pytest.raises(StoreError, match="collection once in tenant default_tenant, database second is empty; fill it"):
        opened("once")
    with pytest.raises(
        StoreError, match=r"has 2 collections 'twice' \(tenant default_tenant, database first; .*second"
    ):
        opened("twice")
    assert opened(CollectionName("twice", database="second")).dimension == 3


@pytest.mark.parametrize("fault", [(403, ERROR % (b"AuthError", b"Forbidden")), (405, b'{"detail": "Not Allowed"}')])
def test_where_databases_are_not_listed_those_of_the_user_are_searched(
    opened: Opened, relay: Relay, fault: tuple[int, bytes]
) -> None:
    """The user has no right to list them, or the server is older than 1.0."""
    relay.fault = Fault(*fault, path="/databases?limit")
    assert opened().count == 120


def test_databases_of_others_are_passed_over(opened: Opened, relay: Relay, chroma_server: ServedDirectory) -> None:
    """Though the server lists them."""
    chroma_server.post("/default_tenant/databases", name="theirs")
    relay.fault = Fault(403, ERROR % (b"AuthError", b"Forbidden"), path="/databases/theirs/")
    assert opened().count == 120


CLOUD, OWN = "https://api.trychroma.com", "http://chroma.internal:8000"


def basic(text: str) -> str:
    """Return a header for a user and a password."""
    return f"Basic {b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    ("url", "environment", "headers"),
    [
        (OWN, {}, {}),
        (OWN, {"CHROMA_API_KEY": "ck-1"}, {}),
        (CLOUD, {"CHROMA_API_KEY": "ck-1"}, {"X-Chroma-Token": "ck-1"}),
        (CLOUD, {"CHROMA_API_KEY": "ck-1", "DRIFT_CHROMA_TOKEN": "t"}, {"X-Chroma-Token": "t"}),
        (OWN, {"DRIFT_CHROMA_TOKEN": "t"}, {"X-Chroma-Token": "t", "Authorization": "Bearer t"}),
        (OWN, {"DRIFT_CHROMA_BASIC": "me:pw"}, {"Authorization": basic("me:pw")}),
        (
            OWN,
            {"DRIFT_CHROMA_BASIC": "me:pw", "DRIFT_CHROMA_TOKEN": "t"},
            {"Authorization": basic("me:pw"), "X-Chroma-Token": "t"},
        ),
        ("http://me:p%40w@chroma:8000", {"DRIFT_CHROMA_BASIC": "a:b"}, {"Authorization": basic("me:p@w")}),
        ("https://trychroma.com.evil.example", {"CHROMA_API_KEY": "ck-1"}, {}),
    ],
)
def test_credentials_are_sent_to_whom_they_belong(
    url: str, environment: dict[str, str], headers: dict[str, str]
) -> None:
    """The key of Chroma Cloud goes to Chroma Cloud alone."""
    address = ServerURL.parse(url)
    assert dict(Credentials.find(address, environment).headers(cloud=url == CLOUD)) == headers


@pytest.mark.parametrize("text", ["no-colon", ":"])
def test_a_user_without_password_is_refused(text: str) -> None:
    """Without the value, which may be the password."""
    with pytest.raises(SettingError) as caught:
        Credentials.find(ServerURL.parse(OWN), {"DRIFT_CHROMA_BASIC": text})
    assert str(caught.value) == "DRIFT_CHROMA_BASIC: holds no user and password; it must be user:password."


def test_no_message_repeats_a_credential(relay: Relay) -> None:
    """Though the server does, in each of its forms."""
    secret = "tok-3141592653"
    relay.fault = Fault(401, ERROR % (b"AuthError", f"bad {secret} or {b64encode(secret.encode()).decode()}".encode()))
    with pytest.raises(
        StoreError, match=r"refuses the credentials \(HTTP 401: bad … or …\S*\); check DRIFT_CHROMA_TOKEN"
    ):
        ChromaServer(ServerURL.parse(relay.url), 5, {"DRIFT_CHROMA_TOKEN": secret})
    assert relay.headers[0]["Authorization"] == f"Bearer {secret}"


def test_a_private_authority_is_trusted_if_named(
    chroma_server: ServedDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In SSL_CERT_FILE, as for an endpoint."""
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    relay = Relay(chroma_server.url, tls)
    try:
        with pytest.raises(StoreError, match=r"its certificate is not trusted .* SSL_CERT_FILE") as caught:
            ChromaServer(ServerURL.parse(relay.url), 5)
        assert caught.value.exit_code == 4
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        ChromaServer(ServerURL.parse(relay.url), 5).close()
    finally:
        relay.close()


def test_a_proxy_that_is_away_is_named(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its variable; NO_PROXY leaves it out."""
    monkeypatch.setenv("HTTP_PROXY", "http://me:secretpassword@127.0.0.1:9")
    with pytest.raises(StoreAway, match=r"reached by the proxy of HTTP_PROXY \(Connection refused\); .* in NO_PROXY"):
        ChromaServer(ServerURL.parse(relay.url), 5)
    monkeypatch.setenv("NO_PROXY", "127.0.0.0/8")
    ChromaServer(ServerURL.parse(relay.url), 5).close()


def test_https_is_told_from_http(chroma_server: ServedDirectory) -> None:
    """The usual mistake with a server of one's own."""
    url = chroma_server.url.replace("http:", "https:")
    with pytest.raises(StoreError, match=r"no encrypted connection \(.*\); name it with http:// if") as caught:
        ChromaServer(ServerURL.parse(url), 5)
    assert caught.value.exit_code == 4
