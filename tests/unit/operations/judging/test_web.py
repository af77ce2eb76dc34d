"""The page for judges over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode

import pytest

from drift_checks.core.errors import SettingError
from drift_checks.core.files import Claims
from drift_checks.operations.judging.session import JudgingSession
from drift_checks.operations.judging.site import JudgingSite
from drift_checks.operations.judging.web import JudgingServer
from drift_checks.reviews.judgements.file import JudgementFile
from tests.support.judgements import NOW
from tests.support.judging import ListedRecords

HTML = "<script>alert(1)</script> & {}"


class Served:
    """A running page for judges of five records, whose clock stands still until it is set."""

    def __init__(
        self, folder: Path, claims: Claims, judge: str | None = "anna", text: str = HTML, named: bool = False
    ) -> None:
        self.file, self.now = JudgementFile(folder), 0.0
        records = ListedRecords(self.file, text=text)
        self.site = JudgingSite(
            lambda judge, owner: JudgingSession(
                records, self.file, claims, judge, lambda: NOW, owner=owner, named=named
            ),
            ("card", "fraud", "loan"),
            lambda: ["nothing yet"],
            judge,
            clock=lambda: self.now,
        )
        self.server = JudgingServer(self.site, 0)

    @property
    def answers(self) -> list[tuple[object, str, str]]:
        """What was saved."""
        return [(item.record_id, str(item.answer), item.category) for item in self.file.read().judgements]


class Browser:
    """What a browser does: it keeps the cookie, and sends forms from the page that it shows."""

    def __init__(self, server: JudgingServer) -> None:
        self.port, self.path, self.cookie, self.page = server.port, f"/{server.token}/", "", ""

    def request(self, method: str = "GET", path: str = "", body: str = "", **headers: str) -> tuple[HTTPResponse, str]:
        """Return the answer and its content."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        given = {"Cookie": self.cookie, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request(method, path or self.path, body or None, given)
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        self.cookie = (answer.headers["Set-Cookie"] or self.cookie).partition(";")[0]
        return answer, content

    def open(self) -> str:
        """Open the page; return the record that it shows."""
        answer, self.page = self.request()
        while answer.status == 303:
            answer, self.page = self.request(path=answer.headers["Location"])
        found = re.search(r"<title>Record (\d+)", self.page)
        return found[1] if found else ""

    def send(self, **form: str) -> str:
        """Send a form of the page; return the record that is shown then."""
        of = re.search(r'name="of" value="(\w+)"', self.page)
        answer, _ = self.request(
            "POST", body=urlencode({"of": of[1] if of else "", **form}), Sec_Fetch_Site="same-origin"
        )
        assert answer.status == 303
        return self.open()


@pytest.fixture
def claims(tmp_path: Path) -> Iterator[Claims]:
    """What sessions show."""
    with Claims(tmp_path / "claims") as opened:
        yield opened


@pytest.fixture
def running(tmp_path: Path, claims: Claims, request: pytest.FixtureRequest) -> Iterator[Served]:
    """The page, served; a test may give arguments."""
    served = Served(tmp_path, claims, **getattr(request, "param", {}))
    thread = Thread(target=served.server.serve_forever, args=(0.01,))
    thread.start()
    with served.server:
        yield served
        served.server.shutdown()
        thread.join()


@pytest.fixture
def browser(running: Served) -> Browser:
    """A browser that has not opened the page yet."""
    return Browser(running.server)


def test_only_the_whole_address_opens_the_page(browser: Browser, capfd: pytest.CaptureFixture[str]) -> None:
    """By the name of this machine: another site's name may lead here. Nothing is logged."""
    statuses = [
        browser.request(path="/")[0].status,
        browser.request(path="/wrong/")[0].status,
        browser.request(Host="evil.example:80")[0].status,
        browser.request(path=f"{browser.path}more")[0].status,
        browser.request(Host="localhost:1234")[0].status,
    ]
    assert statuses == [403, 403, 403, 404, 303]
    assert capfd.readouterr() == ("", "")


def test_other_sites_can_neither_read_nor_answer(running: Served, browser: Browser) -> None:
    """Nor can the page ask another host, or be framed."""
    browser.open()
    form = urlencode({"do": "first"})
    for origin in ({"Sec_Fetch_Site": "cross-site"}, {"Origin": "http://evil.example"}, {}):
        assert browser.request("POST", body=form, **origin)[0].status == 403
    assert running.answers == []
    headers = browser.request()[0].headers
    policy = headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"} < set(policy)
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_an_old_browser_names_its_origin(running: Served, browser: Browser) -> None:
    """It does not say whether that is the same site."""
    browser.open()
    own = f"http://127.0.0.1:{browser.port}"
    assert browser.request("POST", body="do=undo", Origin=own)[0].status == 303


def test_markup_in_a_text_is_text(browser: Browser) -> None:
    """Nothing of it reaches the page as markup."""
    browser.open()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; 1" in browser.page
    assert browser.page.count("<script>") == 1


@pytest.mark.parametrize("running", [{"text": "<a> " * 500_000}], indirect=True)
def test_a_huge_text_is_folded_and_cut(browser: Browser) -> None:
    """It says how much is missing."""
    browser.open()
    assert len(browser.page) < 300_000
    assert re.search("… 1,9[0-9,]+ more characters in the store", browser.page)


def test_each_answer_is_saved_at_once(running: Served, browser: Browser) -> None:
    """All of them, and undo."""
    assert browser.open() == "1"
    for number, wish in enumerate(("both", "unknown", "none", "skip"), 2):
        assert browser.send(do=wish) == str(number)
    assert browser.send(do="other", category="crad") == "5"
    assert "did you mean &#39;card&#39;?" in browser.page
    assert browser.send(do="other", category="card") == ""
    assert "No more records wait for you" in browser.page
    assert browser.send(do="undo") == "5"
    saved = [(1, "both", ""), (2, "unknown", ""), (3, "other", ""), (5, "other", "card"), (5, "withdrawn", "")]
    assert running.answers == saved


@pytest.mark.parametrize(("running", "shown"), [({}, 0), ({"named": True}, 1)], indirect=["running"])
def test_evidence_and_roles_are_shown_only_if_they_are_wanted(browser: Browser, shown: int) -> None:
    """They argue for one side."""
    browser.open()
    found = [browser.page.count(words) for words in ("the words", "<small>store</small>", "<small>reviewer</small>")]
    assert found == [shown] * 3
    assert (browser.page.count("a fraud"), browser.page.count("a loan")) == (1, 1)


def test_two_browsers_get_different_records(running: Served, browser: Browser) -> None:
    """Until one of them pauses, or is idle for long."""
    other, third = Browser(running.server), Browser(running.server)
    assert (browser.open(), other.open()) == ("1", "2")
    browser.send(do="pause")
    assert "Nothing yet." in browser.page
    assert third.open() == "1"
    assert browser.send(do="resume") == "3"
    running.now = 3600.0
    assert Browser(running.server).open() == "1"
    assert third.open() == "2"


def test_an_old_page_cannot_answer_about_another_record(running: Served, browser: Browser) -> None:
    """As after a double click, or from a second tab."""
    browser.open()
    old = browser.page
    browser.send(do="first")
    browser.page = old
    browser.send(do="first")
    assert len(running.answers) == 1
    assert "Nothing was saved" in browser.page


@pytest.mark.parametrize("running", [{"judge": None}], indirect=True)
def test_each_browser_asks_who_judges(running: Served, browser: Browser) -> None:
    """A name of spaces is none."""
    assert browser.open() == ""
    assert browser.send(do="begin", judge="  ") == ""
    assert browser.send(do="begin", judge=" <b>Ben</b> ") == "1"
    browser.send(do="first")
    assert [item.judge for item in running.file.read().judgements] == ["<b>Ben</b>"]
    assert "&lt;b&gt;Ben&lt;/b&gt;" in browser.page


def test_a_port_in_use_is_refused(running: Served) -> None:
    """In one sentence."""
    with pytest.raises(SettingError, match=f"--port: {running.server.port} cannot be used .*name another"):
        JudgingServer(running.site, running.server.port)


def test_who_keeps_no_cookie_holds_no_record(running: Served, browser: Browser) -> None:
    """A page that is fetched again and again would keep others from judging."""
    for _ in range(3):
        answer, _ = browser.request(Cookie="")
        assert (answer.status, answer.headers["Location"]) == (303, f"{browser.path}?cookie")
    answer, content = browser.request(path=answer.headers["Location"], Cookie="")
    assert (answer.status, content[:25]) == (403, "This page needs a cookie.")
    assert running.site.visits == {}
    assert Browser(running.server).open() == "1"


def test_the_page_shows_how_far_the_work_is(browser: Browser) -> None:
    """What this judge did, and what is left for all."""
    browser.open()
    assert "0 judged · 5 disagreements wait" in browser.page
    for _ in range(4):
        browser.send(do="first")
    assert "4 judged · 1 disagreement waits" in browser.page
