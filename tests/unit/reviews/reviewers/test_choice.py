"""Which classifier a run uses, and why it is refused."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from syrupy.assertion import SnapshotAssertion

from drift_checks.core.errors import DriftError, SettingError
from drift_checks.reviews.reviewers.base import Classifier
from drift_checks.reviews.reviewers.choice import (
    choose_classifier,
    classifier_of,
    limits_of,
    name_reviewer,
    name_reviewers,
)
from drift_checks.reviews.reviewers.limits import Limits
from drift_checks.settings.declarations import LLM, Settings
from tests.support.chat_server import ChatServer
from tests.support.classifying import OWN_MODULE, ask, question

TAXONOMY = {"financial": "Debt and cash", "operational": ""}
KEYS = {"DRIFT_LLM_API_KEY": "own", "OPENAI_API_KEY": "openai", "GOOGLE_API_KEY": "google"}
GOOGLE = "https://generativelanguage.googleapis.com/v1beta/openai"
OPENAI = "https://api.openai.com/v1"


def settings(**given: Any) -> Settings:
    """Return settings with these values, as options gave them."""
    sources = {key: f"--drift-{key.replace('_', '-')}" for key in given}
    fixed = {"as_of": datetime(2026, 1, 15, tzinfo=UTC), "seed": 7, "naive_timezone": ZoneInfo("UTC")}
    return Settings(**{**fixed, **given}, sources=sources)


def choose(*folders: Path, taxonomy: dict[str, str] | None = None, given: object = None, **values: Any) -> Classifier:
    """Return the classifier that these settings choose."""
    return choose_classifier(settings(**values), TAXONOMY if taxonomy is None else taxonomy, given, folders)


def refusal(*folders: Path, taxonomy: dict[str, str] | None = None, **values: Any) -> str:
    """Return why there is no classifier, in one line, without the folders' place."""
    with pytest.raises(DriftError) as caught:
        choose(*folders, taxonomy=taxonomy, **values)
    said = str(caught.value)
    assert "\n" not in said
    for folder in folders:
        said = said.replace(str(folder), "FOLDER")
    return said


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*KEYS, *(f"{name}_FILE" for name in KEYS), "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in the environment."""
    monkeypatch.setenv("DRIFT_LLM_API_KEY", "own")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the user's modules, known to Python for this test alone."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    package = tmp_path / "own_package"
    package.mkdir()
    (package / "__init__.py").touch()
    for file in (package / "inner.py", tmp_path / "own_module.py"):
        file.write_text(OWN_MODULE)
    importlib.invalidate_caches()
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


def key_sent(**values: Any) -> str | None:
    """Return the key with which the chosen classifier asks."""
    with ChatServer() as server:
        classifier = choose(reviewer=LLM, llm_model="m", llm_base_url=server.base_url, **values)
        ask(classifier)
        return server.requests[0].headers["Authorization"]


def test_asks_the_endpoint_that_the_settings_name(key: None) -> None:
    """Model and bound on tokens are those of the settings; the seed is the same on every night."""
    with ChatServer() as server:
        ask(choose(reviewer=LLM, llm_model="m", llm_base_url=server.base_url, llm_max_tokens=99))
        body = server.requests[0].body
    assert (body["model"], body["seed"], body["max_completion_tokens"]) == ("m", 0, 99)


def test_counts_by_the_prices_of_the_settings(key: None) -> None:
    """The most that a call can cost is 0 without a price, and more with one."""
    free, paid = (choose(reviewer=LLM, llm_model="m", llm_price=price) for price in (None, (1.0, 2.0)))
    assert free.max_cost(question()) == 0 < paid.max_cost(question())


def test_tells_the_model_what_the_file_says(key: None, tmp_path: Path) -> None:
    """The prompt of the settings is rendered for the taxonomy."""
    (tmp_path / "mine.txt").write_text("One of\n{{ categories }}")
    with ChatServer() as server:
        url, prompt = server.base_url, tmp_path / "mine.txt"
        ask(choose(reviewer=LLM, llm_model="m", llm_base_url=url, llm_prompt=prompt))
        assert server.requests[0].system_text.startswith("One of\n- financial: Debt and cash\n- operational\n")


@pytest.mark.parametrize("missing", range(len(KEYS)))
def test_takes_the_first_key_that_there_is(missing: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project's own key goes before OpenAI's, and that before Google's."""
    names = list(KEYS)[missing:]
    for name in names:
        monkeypatch.setenv(name, KEYS[name])
    assert key_sent() == f"Bearer {KEYS[names[0]]}"


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        (GOOGLE, "google"),
        ("https://EUROPE-west1-aiplatform.googleapis.com/v1", "google"),
        (OPENAI, "openai"),
        ("https://googleapis.com.example.org/v1", "openai"),
        ("https://example.org/generativelanguage.googleapis.com", "openai"),
        ("https://notgoogleapis.com/v1", "openai"),
    ],
)
def test_offers_a_key_to_the_host_that_it_is_for(base_url: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's key precedes OpenAI's for Google's hosts only; DRIFT_LLM_API_KEY precedes both everywhere."""
    for name in ("OPENAI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.setenv(name, KEYS[name])
    classifier: Any = choose(reviewer=LLM, llm_model="m", llm_base_url=base_url)
    assert classifier._key.reveal() == expected
    monkeypatch.setenv("DRIFT_LLM_API_KEY", "own")
    classifier = choose(reviewer=LLM, llm_model="m", llm_base_url=base_url)
    assert classifier._key.reveal() == "own"


@pytest.mark.parametrize("variable", ["DRIFT_LLM_API_KEY_FILE", "CREDENTIALS_DIRECTORY"])
def test_takes_a_key_from_a_file(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that a variable names, or the service manager's, holds it."""
    (tmp_path / "DRIFT_LLM_API_KEY").write_text("from a file\n")
    monkeypatch.setenv(variable, str(tmp_path / "DRIFT_LLM_API_KEY" if variable.endswith("FILE") else tmp_path))
    assert key_sent() == "Bearer from a file"


def test_refuses_an_llm_without_model_key_or_categories(
    snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each error names what to set."""
    without_key = refusal(reviewer=LLM, llm_model="m")
    monkeypatch.setenv("DRIFT_LLM_API_KEY", "own")
    assert [without_key, refusal(reviewer=LLM), refusal(reviewer=LLM, llm_model="m", taxonomy={})] == snapshot


def test_refuses_an_llm_with_an_empty_key_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion
) -> None:
    """What was named as a key's file is not passed over for another key."""
    (tmp_path / "key").touch()
    monkeypatch.setenv("DRIFT_LLM_API_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("OPENAI_API_KEY", "openai")
    assert refusal(reviewer=LLM, llm_model="m").replace(str(tmp_path), "FOLDER") == snapshot


@pytest.mark.parametrize("reviewer", ["own_module:decide", "own_package.inner:Model"])
def test_refuses_a_bound_on_costs_that_nobody_knows(reviewer: str, folder: Path, snapshot: SnapshotAssertion) -> None:
    """The sentence names what bounds a classifier of the user's own."""
    assert refusal(folder, reviewer=reviewer, max_cost=1.0) == snapshot


def test_a_setting_precedes_the_hook_and_that_the_default(folder: Path) -> None:
    """The classifier that a hook returned reviews if no setting names a reviewer."""
    assert ask(choose(given=str.lower), question("A")).category == "a"
    assert ask(choose(folder, given=str.lower, reviewer="own_module:decide"), question("a")).category == "A"


@pytest.mark.parametrize(
    ("values", "given", "name"),
    [({}, None, "neighbours"), ({}, settings, f"{__name__}:settings"), ({"reviewer": LLM}, settings, LLM)],
)
def test_names_the_reviewer(values: dict[str, Any], given: object, name: str) -> None:
    """What was set goes before what was given, and that before the default."""
    assert name_reviewer(settings(**values), given) == name


def test_names_several_reviewers() -> None:
    """Those of the setting, or what was given: classifiers and names."""
    assert [item.name for item in name_reviewers(settings(reviewer="neighbours,llm=small"), None)] == [
        "neighbours",
        "llm=small",
    ]
    given = name_reviewers(settings(), [str.lower, "neighbours"])
    assert [item.name for item in given] == ["builtins:str.lower", "neighbours"]
    assert given[0].classifier is str.lower


@pytest.mark.parametrize("given", [[], [str.lower, str.lower], [str.lower, "neighbors"]])
def test_refuses_a_list_that_names_no_reviewers(given: object, snapshot: SnapshotAssertion) -> None:
    """Empty, with one twice, or with an unknown name."""
    with pytest.raises(SettingError) as refused:
        name_reviewers(settings(), given)
    assert str(refused.value) == snapshot


def test_a_second_llm_has_another_model_and_no_price(monkeypatch: pytest.MonkeyPatch) -> None:
    """The price in the settings is that of the other model."""
    monkeypatch.setenv("DRIFT_LLM_API_KEY", "own")
    given = settings(reviewer="llm,llm=small", llm_model="large", llm_price=(1.0, 2.0))
    models = [classifier_of(named, given, TAXONOMY, ()) for named in name_reviewers(given, None)]
    assert [found and found.model for found in models] == ["large", "small"]
    assert [found is not None and found.max_cost(question("a")) > 0 for found in models] == [True, False]


def test_limits_are_those_of_the_settings() -> None:
    """Each bound on calls is handed on."""
    values: dict[str, Any] = {"requests_per_minute": 9, "timeout": 5.0, "max_calls": 7, "max_cost": 2}
    values |= {"concurrency": 3, "concurrency_max": 9}
    assert limits_of(settings(**values)) == Limits(**values)


@pytest.mark.parametrize(
    ("values", "start", "most"),
    [
        ({}, 16, 64),
        ({"concurrency": 4}, 4, 4),
        ({"concurrency": 100}, 100, 100),
        ({"concurrency_max": 100}, 16, 100),
        ({"concurrency_max": 8}, 8, 8),
        ({"concurrency": 4, "concurrency_max": 8}, 4, 8),
    ],
)
def test_concurrency_grows_unless_only_its_start_is_set(values: dict[str, int], start: int, most: int) -> None:
    """A run never starts above the maximum."""
    limits = limits_of(settings(**values))
    assert (limits.concurrency, limits.concurrency_max) == (start, most)
