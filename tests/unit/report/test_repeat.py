"""The commands that repeat a run reproduce its settings, whatever their source."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.api.arguments import setting_texts
from drift_checks.core.records import Sample
from drift_checks.plugin.settings import add_settings
from drift_checks.report.repeat import repeat_calls, repeat_commands
from drift_checks.settings.declarations import Setting, Settings, declared
from drift_checks.settings.loading import Sources, load

FOLDER, ELSEWHERE = Path("/home/ann/project"), Path("/srv/somewhere else")
NOW, LATER = datetime(2026, 1, 15, 23, 30, tzinfo=UTC), datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
PROGRAM = "scripts/review"
BY_KEY = {setting.key: setting for setting in declared()}
# Whoever repeats a run needs no alert.
ALERTS = {setting.key for setting in declared() if setting.group == "alerts"}
NOT_REPEATED = {"resume", "write_back", "quiet", *ALERTS}
DECIDING = {"store", "reviewer", "demo"}
# Characters that need quotes, and separators.
WORDS = st.text("ab ,'\"$`\\;&|*?~é漢-=%#", min_size=1, max_size=12).map(str.strip).filter(lambda text: text.strip(","))
# `~` would be a home folder, and Python's parser takes `--` for no value even after `=`.
NAMES = WORDS.map(lambda text: text.strip(", ")).filter(lambda text: text and text != "--" and text[0] != "~")
SHARES = st.sampled_from(["0", "0.25", ".5", "1e-1", "1"])
WHOLE = st.integers(30, 400).map(str)


def pairs(names: list[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return pairs of names and values, separated by commas and spaces."""
    found = st.dictionaries(st.sampled_from(names), values, min_size=1)
    return found.map(lambda made: ", ".join(f"{name} = {value}" for name, value in made.items()))


def lines(made: str) -> str:
    """Return the pairs on separate lines, as in an ini file."""
    return "\n" + made.replace(", ", ",\n")


BOUNDS = pairs(["class_mix", "trend"], st.sampled_from(["0.1:0.5", "0.1:off", ":0.9"]))
LEAST = pairs(["class_mix", "trend"], WHOLE)
TEXTS: dict[str, st.SearchStrategy[str]] = {
    **{setting.key: WHOLE for setting in declared()},
    **dict.fromkeys(("db", "chroma", "snapshot_dir", "taxonomy", "reports", "llm_prompt"), NAMES),
    **dict.fromkeys(("collection", "table", "llm_model"), NAMES),
    **dict.fromkeys(("low_confidence_share", "low_confidence_below", "min_reviewed", "error_rate"), SHARES),
    "columns": pairs(["text", "category", "source"], st.sampled_from(["the text", "it's", '"a"', "$b"])),
    "records": st.lists(NAMES.filter(lambda name: "," not in name), min_size=1).map(" , ".join),
    "thresholds": BOUNDS | BOUNDS.map(lines),
    "least": LEAST | LEAST.map(lines),
    "reviewer": st.sampled_from(["neighbours", "llm", "my.module:name"]),
    "cluster": st.sampled_from(["local", "none", "tcp://host:8786"]),
    "llm_base_url": st.sampled_from(["https://host/v1/", "http://[::1]:8000/a b"]),
    "llm_price": st.just("0.15,0.60"),
    "record_url": st.sampled_from(["https://app/item/{id}", "http://app/?a=1&id={id}#it's"]),
    "naive_timezone": st.sampled_from(["Europe/Berlin", "UTC"]),
    "as_of": st.just("2026-01-10T00:00:00+05:30"),
    "concurrency_max": st.just("1000"),
    "warn": st.just("0.9"),
    "critical": st.just("0.5"),
    "decision": st.sampled_from(["point", "sequential"]),
    "sample": st.sampled_from(["random", "hunt"]),
    "judge": st.sampled_from(["sample", "population"]),
    "alerts": st.sampled_from(["none", "slack", "email, pagerduty"]),
    "alert_on": st.sampled_from(["CRITICAL", "slack=WARNING+CRITICAL"]),
    "page_when": st.sampled_from(["confirmed", "always"]),
    **dict.fromkeys(("pagerduty_url", "report_url"), st.just("https://host/v2")),
    "pagerduty_severities": st.just("WARNING=info"),
    "email_to": st.just("ann@example.com, bob@example.com"),
    "email_from": st.just("drift@example.com"),
    **dict.fromkeys(("resume", "redact", "write_back", "quiet", "alert_dry_run"), st.just("true")),
}
del TEXTS["demo"]
GIVEN = st.fixed_dictionaries({}, optional={key: st.tuples(st.integers(0, 2), text) for key, text in TEXTS.items()})


def sources(given: Mapping[str, tuple[int, str]]) -> Sources:
    """Return sources in which each setting is an option (0), a variable (1) or in the ini file (2)."""
    names = ("ini", "variable", "ini")
    parts: list[dict[str, str]] = [
        {getattr(BY_KEY[key], names[kind]): text for key, (found, text) in given.items() if found == kind}
        for kind in range(3)
    ]
    options, environment, ini = parts
    return Sources(options, {"TZ": "UTC", **environment}, ini, FOLDER, Path("/etc/drift/pytest.ini"))


def sample_of(settings: Settings) -> Sample:
    """Return the sample of a run with these settings, without its records."""
    return Sample((), {}, (), settings.seed, settings.as_of, str(settings.naive_timezone))


def parsed(command: str) -> Settings:
    """Return the settings of the command, run later in another folder where nothing else is set."""
    words = shlex.split(command)
    assert words[0] == PROGRAM
    parser = pytest.Parser(_ispytest=True)
    add_settings(parser)
    found = parser.parse(words[1:])
    assert not found.file_or_dir
    options = {key: text for key, text in vars(found).items() if key.startswith("drift_") and text is not None}
    return load(Sources(options, {"TZ": "UTC"}, {}, ELSEWHERE), LATER)


def called(call: str) -> Settings:
    """Return the settings of the call, made later in another folder where nothing else is set."""
    found: list[dict[str, object]] = []
    drift_checks = SimpleNamespace(review=lambda **arguments: found.append(arguments))
    eval(call, {"drift_checks": drift_checks})
    return load(Sources(setting_texts(found[0]), {"TZ": "UTC"}, {}, ELSEWHERE), LATER)


def values(settings: Settings, *without: str) -> dict[str, Any]:
    """Return the values of all settings except these."""
    return {setting.key: getattr(settings, setting.key) for setting in declared() if setting.key not in without}


@given(given=GIVEN)
def test_the_command_reproduces_the_settings(given: dict[str, tuple[int, str]]) -> None:
    """In any folder, at any time, but without writing back, resuming or alerting."""
    if "max_cost" in given:
        given["llm_price"] = 0, "0.15,0.60"
    settings = load(sources(given), NOW)
    again = parsed(repeat_commands(PROGRAM, settings, sample_of(settings))[0])
    # Without an option, reports go to the current folder.
    without = {*NOT_REPEATED, *({"reports"} - given.keys())}
    assert values(again, *without) == values(settings, *without)
    assert not again.resume
    assert not again.write_back


@given(given=GIVEN)
def test_the_call_from_python_reproduces_the_settings(given: dict[str, tuple[int, str]]) -> None:
    """As the command does."""
    if "max_cost" in given:
        given["llm_price"] = 0, "0.15,0.60"
    settings = load(sources(given), NOW)
    again = called(repeat_calls({}, settings, sample_of(settings))[0])
    without = {*NOT_REPEATED, *({"reports"} - given.keys())}
    assert values(again, *without) == values(settings, *without)


def test_a_call_names_objects_in_place_of_texts() -> None:
    """A table and the caller's own classifier."""
    settings = load(sources({"db": (0, "tickets"), "sample_size": (0, "40")}), NOW)
    objects = {"db": "table, name='tickets'", "reviewer": "reviewer=Keywords"}
    whole, record = repeat_calls(objects, settings, sample_of(settings))
    assert whole.startswith("drift_checks.review(table, name='tickets', reviewer=Keywords, sample_size='40', seed=")
    assert record == "drift_checks.review(table, name='tickets', reviewer=Keywords) with records="


@given(given=GIVEN, key=st.integers(1, 99) | WORDS.filter(lambda text: "," not in text and text[0] != "-"))
def test_a_record_is_reviewed_again_as_before(given: dict[str, tuple[int, str]], key: int | str) -> None:
    """From the same store by the same reviewer; settings of the sample and the verdict are left out."""
    given.pop("max_cost", None)
    settings = load(sources(given), NOW)
    again = parsed(f"{repeat_commands(PROGRAM, settings, sample_of(settings))[1]}{shlex.quote(str(key))}")
    deciding = {setting.key for setting in declared() if setting.group in DECIDING} - NOT_REPEATED
    assert again.records == (str(key),)
    assert {name: getattr(again, name) for name in deciding} == {name: getattr(settings, name) for name in deciding}
    assert again.sources.keys() <= deciding | {"records", "redact"}


def test_a_run_with_defaults_names_only_its_draw() -> None:
    """Defaults are not spelled out."""
    sample = Sample((), {}, (), 7, datetime(2026, 1, 15, 2, tzinfo=ZoneInfo("Asia/Tokyo")), "Europe/Berlin")
    assert repeat_commands("python -m drift_checks", load(sources({}), NOW), sample) == (
        "python -m drift_checks --drift-seed=7 --drift-as-of=2026-01-14T17:00:00Z --drift-naive-timezone=Europe/Berlin",
        "python -m drift_checks --drift-records=",
    )


def test_the_draw_is_that_of_the_sample() -> None:
    """Even if the settings differ, as in a demo; a name keeps its spaces and commas."""
    settings = load(sources({"seed": (0, "1"), "table": (0, " risks,")}), NOW)
    again = parsed(repeat_commands(PROGRAM, settings, replace(sample_of(settings), seed=7))[0])
    assert (again.seed, again.table) == (7, " risks,")


@pytest.mark.parametrize("variable", ["DRIFT_CHROMA", "CHROMA_PERSIST_PATH"])
def test_a_store_found_in_the_environment_is_named(tmp_path: Path, variable: str) -> None:
    """With the records beside its vectors."""
    (tmp_path / "risk_classifications.db").touch()
    settings = load(Sources({}, {"TZ": "UTC", variable: str(tmp_path)}, {}, FOLDER), NOW)
    again = parsed(repeat_commands(PROGRAM, settings, sample_of(settings))[0])
    assert (again.chroma, again.db) == (tmp_path, tmp_path / "risk_classifications.db")


def demo(source: int, **given: tuple[int, str]) -> Settings:
    """Return the settings of a demo run requested in that source."""
    return load(sources({"demo": (source, "true"), **given}), NOW)


def test_a_demo_run_ignores_the_configured_store_and_reviewer() -> None:
    """Only its options count."""
    settings = demo(0, db=(1, "a.db"), reviewer=(2, "llm"), sample_size=(0, "40"))
    commands = repeat_commands(PROGRAM, settings, sample_of(settings))
    assert "--drift-demo" in commands[0].split()
    assert "--drift-demo" in commands[1].split()
    again = parsed(commands[0])
    assert (again.demo, again.sample_size, again.db, again.reviewer) == (True, 40, None, "neighbours")


@pytest.mark.parametrize("source", [1, 2], ids=["variable", "ini"])
def test_a_demo_run_is_repeated_as_a_demo(source: int) -> None:
    """Wherever the demo, and what applies to it, was set."""
    settings = demo(source, sample_size=(1, "40"))
    again = parsed(repeat_commands(PROGRAM, settings, sample_of(settings))[0])
    assert (again.demo, again.sample_size) == (True, 40)


def test_a_record_of_a_redacted_run_stays_redacted() -> None:
    """Repeating it must not reveal the text; an id that starts with a dash is not taken for an option."""
    settings = load(sources({"redact": (0, "true")}), NOW)
    again = parsed(f"{repeat_commands(PROGRAM, settings, sample_of(settings))[1]}-a1")
    assert (again.redact, again.records) == (True, ("-a1",))


def test_every_setting_is_covered() -> None:
    """A new one needs an entry in TEXTS."""
    assert TEXTS.keys() == BY_KEY.keys() - {"demo"}
    assert all(isinstance(setting, Setting) for setting in BY_KEY.values())
