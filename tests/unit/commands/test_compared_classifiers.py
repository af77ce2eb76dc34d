"""`python -m drift_checks compare --a --b`, with endpoints that answer on 127.0.0.1."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.chat_behaviour import Behaviour, name_category
from tests.support.chat_server import ChatServer
from tests.support.llm_runs import KEY, KEYS, load, record_of
from tests.support.stores import CATEGORIES, BuiltStore
from tests.support.whole_runs import surroundings
from tests.unit.commands.test_compare import compare

load()
# Of most records of the built store.
MODEL = "model-1"
CLASSIFY = "def classify(text):\n    return next(name for name in {names!r} if name in text)\n"


def mistaken(text: str) -> dict[str, object]:
    """Answer with the category after the stored one, which the text names."""
    answer = name_category(text)
    return answer | {"category": CATEGORIES[(CATEGORIES.index(str(answer["category"])) + 1) % len(CATEGORIES)]}


def wrong_on_every(number: int) -> Behaviour:
    """Return an endpoint that is mistaken about the records whose id is a multiple of the number."""
    return Behaviour(answer=lambda text: name_category(text) if record_of(text) % number else mistaken(text))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The current folder, with a key for the endpoints."""
    with surroundings(tmp_path, {KEYS[0]: KEY}):
        yield tmp_path


def sides(first: ChatServer, second: ChatServer) -> list[str]:
    """Return the options that compare two endpoints."""
    return [
        *("--a=llm=old", f"--a=llm-base-url={first.base_url}", "--a=llm-price=1,2"),
        *("--b=llm:new", f"--b=llm-base-url={second.base_url}", "--b=llm-price=2,4"),
    ]


def of(store: BuiltStore) -> list[str]:
    """Return the options of the store, without vectors."""
    return [f"--drift-db={store.db}", "--drift-chroma=none", "--drift-seed=1"]


def test_two_endpoints_are_asked_at_once_and_the_worse_one_fails_a_pipeline(
    store: BuiltStore, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the costs, tokens and latencies of both, what changes, and a file for programs."""
    with ChatServer() as first, ChatServer(wrong_on_every(2)) as second:
        code = compare(*sides(first, second), *of(store), "--fail-if-worse", "--json=found.json")
        asked = len(first.requests), len(second.requests)
    printed, found = capsys.readouterr(), json.loads((folder / "found.json").read_text(encoding="utf-8"))
    assert (code, found["conclusion"], found["gained"]) == (1, "worse", 0)
    # A tenth of the records is reviewed together at most, so few are superfluous.
    assert asked == (found["a"]["calls"], found["b"]["calls"]) == (found["records"],) * 2
    assert found["records"] <= 40
    assert found["b"]["cost"] == pytest.approx(2 * found["a"]["cost"], rel=0.05)
    assert found["a"]["p95_seconds"] >= found["a"]["median_seconds"] > 0
    assert f"{len(found['changed'])} labels would change, from A's to B's:" in printed.out
    assert printed.out.splitlines()[-1].startswith("Keep A: B agrees with the store less often than A")
    assert "at most 120 records and 240 calls, apart from retries" in printed.err
    assert "all calls of B would cost at most" in printed.err


def test_both_sides_work_at_the_same_time(store: BuiltStore, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second endpoint is asked before the first has answered."""
    with ChatServer(Behaviour(latency=0.2)) as first, ChatServer(Behaviour(latency=0.2)) as second:
        assert compare(*sides(first, second), *of(store), "--drift-sample-size=3") == 0
        assert second.requests[0].arrived < first.requests[0].arrived + 0.2
    assert "Not decided: both agree with the store equally often" in capsys.readouterr().out


def test_a_budget_is_that_of_both_sides(store: BuiltStore, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What it does not allow has no verdict: exit 75."""
    with ChatServer() as first, ChatServer() as second:
        assert compare(*sides(first, second), *of(store), "--drift-max-calls=30") == 75
        assert (len(first.requests), len(second.requests)) == (15, 15)
    assert "B, 5 records: the budget of 15 calls is spent" in capsys.readouterr().out


def test_an_interrupted_comparison_is_resumed(
    store: BuiltStore, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is asked twice, and other classifiers are another comparison."""
    with ChatServer() as first, ChatServer(wrong_on_every(2)) as second:
        options = [*sides(first, second), *of(store), "--drift-resume"]
        assert compare(*options) == 4
        assert "holds no interrupted comparison of these two" in capsys.readouterr().err
        assert compare(*options[:-1], "--drift-max-calls=30") == 75
        assert compare(*options, "--b=llm-max-tokens=9") == 4
        assert compare(*options, "--fail-if-worse") == 1
        texts = [request.user_text for server in (first, second) for request in server.requests]
        assert len(texts) == 2 * len(set(texts))
        assert compare(*options) == 4
    assert list((folder / "reports").iterdir()) == []


@pytest.mark.slow
def test_an_endpoint_that_is_down_is_no_worse(
    store: BuiltStore, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 75, with the reason."""
    with ChatServer() as first, ChatServer(Behaviour(always=529)) as second:
        assert compare(*sides(first, second), *of(store), "--fail-if-worse", "--drift-sample-size=1") == 75
    printed = capsys.readouterr().out
    assert "B, 1 record: the first" in printed or "after 6 calls" in printed
    assert printed.splitlines()[-1] == "No record was classified by both, so there is no advice."


def test_an_error_says_which_side_it_is_of(store: BuiltStore, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one sentence, with exit 4."""
    with ChatServer() as first, ChatServer(Behaviour(api_key="another")) as second:
        assert compare(*sides(first, second), *of(store)) == 4
    assert "compare: B, reviewer: " in capsys.readouterr().err


def test_no_text_is_shown_if_texts_are_withheld(
    store: BuiltStore, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Examples name records and categories."""
    with ChatServer() as first, ChatServer(wrong_on_every(2)) as second:
        assert compare(*sides(first, second), *of(store), "--drift-redact") == 0
    printed = capsys.readouterr()
    assert "[withheld]" in printed.out
    assert "Risk number" not in printed.out + printed.err


def test_anchors_say_who_is_right(store: BuiltStore, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where the store is wrong."""
    with closing(sqlite3.connect(store.db)) as connection:
        texts = connection.execute("select id, text from risk_classifications where id % 2 = 0 limit 20").fetchall()
    lines = [f"{key},{mistaken(text)['category']}" for key, text in texts]
    (folder / "gold.csv").write_text("\n".join(["id,category", *lines]), encoding="utf-8")
    with ChatServer() as first, ChatServer(wrong_on_every(2)) as second:
        assert compare(*sides(first, second), *of(store), "--drift-gold=gold.csv", "--fail-if-worse") == 0
    printed = capsys.readouterr().out
    assert "anchors: A is right on 0 of 20" in printed
    assert "only A is right: 0; only B: 20 (p = 1.9e-06)" in printed
    assert "Take B: of 20 anchors on which only one of the two is right, A is right on 0 and B on 20" in printed


def test_the_model_that_made_the_labels_is_not_recommended_for_agreeing_with_them(
    store: BuiltStore, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The store names its model; A's endpoint answers as that one."""
    with ChatServer(Behaviour(model=MODEL)) as first, ChatServer(wrong_on_every(2)) as second:
        assert compare(*sides(first, second), *of(store)) == 0
    advice = capsys.readouterr().out.splitlines()[-1]
    assert f"That alone is no reason to keep A: the store's labels were made by A (model_version {MODEL})" in advice


def test_without_anchors_nobody_knows_who_is_right(
    store: BuiltStore, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The advice says so, and what agreement favours."""
    with ChatServer(wrong_on_every(2)) as first, ChatServer() as second:
        assert compare(*sides(first, second), *of(store)) == 0
    advice = capsys.readouterr().out.splitlines()[-1]
    assert advice.startswith("Take B: B agrees with the store more often than A")
    assert "is not known: there are no anchors. If one of them made the store's labels" in advice


def test_own_classifiers_are_compared_with_the_vote_of_chroma(
    store: BuiltStore, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each side may be of any kind; without endpoints, there are no prices."""
    (folder / "mine.py").write_text(CLASSIFY.format(names=CATEGORIES), encoding="utf-8")
    options = [f"--drift-db={store.db}", f"--drift-chroma={store.chroma}", "--drift-seed=1"]
    assert compare("--a=mine:classify", "--b=neighbours", *options, "--margin=0.2", "--format=json") == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert (found["conclusion"], found["b"]["calls"], found["both"]) == ("no worse", found["records"], found["records"])
    assert "cost" not in printed.err


@pytest.mark.slow
def test_the_demo_store_can_be_tried(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a classifier that comes with it, or your own."""
    assert compare("--drift-demo", "--drift-sample-size=20") == 0
    assert "A is neighbours, B is drift_checks.stores.demo.classifier:classify" in capsys.readouterr().err
    (folder / "never.py").write_text("def classify(text):\n    return 'nothing'\n", encoding="utf-8")
    assert compare("--drift-demo", "--b=never:classify", "--fail-if-worse") == 1
    assert "A is neighbours, B is never:classify" in capsys.readouterr().err


def test_the_size_of_a_reviews_sample_is_not_that_of_a_comparison(
    store: BuiltStore, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An ini file may repeat that default."""
    (folder / "pytest.ini").write_text("[pytest]\ndrift_sample_size = 10\n", encoding="utf-8")
    (folder / "never.py").write_text("def classify(text):\n    return 'nothing'\n", encoding="utf-8")
    assert compare("-c", "pytest.ini", "--b=never:classify", *of(store)) == 0
    printed = capsys.readouterr()
    assert "at most 120 records" in printed.err
    assert "answers are outside the store's categories: 'nothing' (" in printed.out


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--b=llm=new,llm-prompt=x",), "--b: 'llm=new,llm-prompt=x' must name a model only; repeat the option"),
        (("--b=llm,neighbours",), "--b: several reviewers cannot be one side"),
        (("--b=llm=new", "--drift-llm-model=old", "--drift-llm-price=1,1", "--drift-max-cost=1"), "add --b=llm-price="),
        (("--b=llm=new", "--json=no/such/folder"), "B, reviewer: 'llm' needs a key"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    store: BuiltStore, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], problem: str
) -> None:
    """In one sentence, before any call."""
    with surroundings(tmp_path):
        assert compare(*words, *of(store)) == 4
    assert problem in capsys.readouterr().err
