"""The page of a run and the list of all runs, whatever a run contains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_checks.core.outcomes import Criterion, Decision, Outcome, Result, Statistic
from drift_checks.core.records import RecordId
from drift_checks.criteria.test_label_issues import findings
from drift_checks.report.acknowledgements import Acknowledged
from drift_checks.report.details import Details, Near, Reasons
from drift_checks.report.history.kept import KeptRun
from drift_checks.report.page.html import render, render_list
from drift_checks.report.run import RunReport
from drift_checks.reviews.labels.issues import LabelAssessment, LabelIssue, Nearest
from tests.support.histories import NIGHTS, run
from tests.support.pages import decided, known_report, with_details
from tests.support.reports import AGREEMENT, BASELINE, INTEGRITY, LOW, OLD, outcomes, report, reviewed

VOID = {"meta", "link", "br", "input", "img", "hr"}
MARK = "<x-mark onload=\"a\" title='b'>&amp;"


class Page(HTMLParser):
    """A page, parsed strictly: each element must end where it may."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loaded: set[str] = set()
        self.code: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the element."""
        values = dict(attrs)
        assert len(values) == len(attrs), f"{tag} has an attribute twice"
        self.tags.append(tag)
        self.attributes.update(values)
        self.ids += [values["id"] or ""] if "id" in values else []
        href = values.get("href") or ""
        if href.startswith("#") and "data-state" not in values:
            self.links.append(href[1:])
        loading = {"src", "data", "action", "poster", "srcset", *(["href"] if tag == "link" else [])}
        self.loaded.update(values[name] or "" for name in loading & values.keys())
        if tag == "code":
            self.code.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect an element that ends at once, as in charts."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """End the innermost element, which must be this one."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect commands."""
        if self.open and self.open[-1] == "code":
            self.code[-1] += data


def read(text: str) -> Page:
    """Return the page, whose ids are unique and whose links lead to one of them."""
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert set(page.links) <= set(page.ids)
    return page


PLAIN = read(render(known_report()))
WORDS = st.text(max_size=15) | st.just(MARK) | st.just("漢" * 400) | st.just(MARK * 30)
MAYBE = st.none() | WORDS
RATES = st.none() | st.floats(0, 1)
NUMBERS = st.floats(-1e300, 1e300) | st.sampled_from([5e-324, inf, -inf, 0.0])
KEYS = st.integers(-5, 2**63) | WORDS
CATEGORIES = st.sampled_from(["fraud", "Fraud", "fraud ", "", MARK, "\u202ecyber"])
REASONS = st.builds(Reasons, MAYBE, MAYBE, MAYBE, MAYBE)
NEAR = st.lists(st.builds(Near, MAYBE, MAYBE, st.floats(-1, 1), MAYBE), max_size=3).map(tuple)
STRATA = st.sampled_from([LOW, OLD, BASELINE])
DETAILS = st.builds(
    Details, st.just(0), STRATA, MAYBE, REASONS, REASONS, MAYBE, st.none() | st.integers(), MAYBE, MAYBE, NEAR
)
DECISIONS = st.builds(Decision, CATEGORIES, RATES, CATEGORIES, RATES)
RECORDS = st.dictionaries(
    KEYS, st.tuples(st.sampled_from(Result), st.sampled_from(Result), WORDS, STRATA, DECISIONS, DETAILS), max_size=6
)
EFFECT = Criterion("class_mix", "Is it so?", effect="PSI", warn=0.2, critical=0.5, remedy=MARK)
LABELS = Criterion("label_issues", "Is it so?", effect="difference", warn=0.01)
STATISTICS = st.lists(
    st.builds(
        Statistic,
        *(WORDS, WORDS, st.none() | NUMBERS, st.integers(0, 10**9), RATES),
        details=st.lists(st.tuples(WORDS, st.integers(0, 99), st.integers(0, 99)), max_size=3).map(
            lambda found: {"categories": found}
        ),
    ),
    max_size=3,
).map(tuple)
FACTS = st.fixed_dictionaries(
    dict.fromkeys(("db", "table", "collection", "as_of", "naive_timezone", "reviewer", "repeat"), WORDS),
    optional={
        **dict.fromkeys(("chroma", "model", "prompt", "interrupted"), MAYBE),
        **{name: st.booleans() for name in ("demo", "partial", "redacted", "comparable_confidence", "chosen")},
        "vectors": st.none() | st.integers(0, 10**9),
        "notes": st.lists(WORDS, max_size=2),
        **{name: st.dictionaries(WORDS, WORDS, max_size=2) for name in ("settings", "versions", "store_versions")},
        "reviewing": st.fixed_dictionaries(
            {
                **dict.fromkeys(("reviewed", "failed", "not_asked", "calls"), st.integers(0, 99)),
                **dict.fromkeys(("input_tokens", "output_tokens"), st.none() | st.integers(0, 10**6)),
                "cost": st.none() | st.floats(0, 99),
            }
        ),
        "decision": st.sampled_from(["point", "sequential"]),
    },
)


def made_of(
    records: Mapping[RecordId, tuple[Result, Result, str, str, Decision, Details]],
    statistics: tuple[Statistic, ...],
    **facts: Any,
) -> RunReport:
    """Return the run of these records, each checked by two criteria."""
    made = []
    for key, (agreement, integrity, message, stratum, decision, _) in records.items():
        made.append(Outcome("agreement", agreement, message, key, stratum, decision))
        made.append(Outcome("record_integrity", integrity, message, key, stratum, decision))
    made.append(Outcome("class_mix", Result.PASSED, statistics=statistics, check="class_mix"))
    found = report(made, (AGREEMENT, INTEGRITY, EFFECT), **facts)
    return with_details(found, [replace(item[-1], record_id=key) for key, item in records.items()])


@settings(max_examples=60)
@given(records=RECORDS, statistics=STATISTICS, facts=FACTS, past=st.integers(0, 3))
def test_any_run_has_a_page(records: Any, statistics: tuple[Statistic, ...], facts: Any, past: int) -> None:
    """It is well-formed, with unique ids, no dangling links, and no markup but its own."""
    made = replace(made_of(records, statistics, **facts), past=tuple(map(run, NIGHTS[:past])))
    page = read(render(made))
    assert not any(tag.startswith("x-") for tag in page.tags)
    assert not {"onload", "onclick", "onerror"} & page.attributes


def test_markup_in_any_field_is_text() -> None:
    """It is escaped, and adds no element and no attribute."""
    words = dict.fromkeys(("db", "table", "chroma", "collection", "reviewer", "model", "prompt", "repeat"), MARK)
    everything = {"notes": [MARK], **{name: {MARK: MARK} for name in ("settings", "versions", "store_versions")}}
    near = (Near(MARK, MARK, 0.5, MARK),)
    reasons = Reasons(MARK, MARK, MARK, MARK)
    details = Details(MARK, LOW, MARK, reasons, reasons, MARK, 3, MARK, MARK, near)
    record = (Result.FAILED, Result.FAILED, MARK, LOW, Decision(MARK, 0.5, f"{MARK}2", 0.5), details)
    statistic = Statistic(MARK, MARK, 0.9, 50, details={"categories": [[MARK, 3, 4]]})
    text = render(made_of({MARK: record}, (statistic,), **words, **everything, repeat_record=MARK))
    page = read(text)
    assert "<x-mark" not in text
    assert text.count("&lt;x-mark") > 40
    assert (set(page.tags) - set(PLAIN.tags), page.attributes - PLAIN.attributes) <= ({"desc", "path"}, {"d"})


def test_doubtful_labels_are_shown_with_the_records_that_speak_for_either() -> None:
    """With the probability of each label; texts that are not there are left out, and markup is text."""
    issue = LabelIssue("a-1", MARK, "loan", 0.013, 0.98, "recent")
    near: dict[RecordId, tuple[Nearest | None, Nearest | None]] = {"a-1": (Nearest(2, 0.71), None)}
    details = findings(LabelAssessment("", "Chroma", 1200, 24, [issue] * 24, {}, near, (f"left out: {MARK}",)))
    made = Outcome(
        "label_issues", Result.PASSED, statistics=(Statistic("recent labels", "said", 0.0, details=details),)
    )
    text = render(replace(report([made], (LABELS,)), label_texts={"a-1": "the text itself"}))
    read(text)
    section = " ".join(text[text.index('<h2 id="labels">') :].split("</section>")[0].split())
    assert "24 of 1,200 labels are probably wrong (2 %), by Chroma" in section
    assert section.count("<li>") == 20
    assert section.count("the text itself") == 20
    assert "record 2, 0.71" in section
    assert "no such record" in section
    assert "</svg> 1 %<" in section
    assert "<x-mark" not in section


def test_the_long_text_of_a_doubtful_label_is_folded_where_a_sentence_ends() -> None:
    """That of its neighbour ends there."""
    long = "The card was refused in a shop near my house today. " * 12
    near: dict[RecordId, tuple[Nearest | None, Nearest | None]] = {1: (Nearest(2, 0.71), None)}
    issue = LabelIssue(1, "fraud", "loan", 0.013, 0.98, "recent")
    details = findings(LabelAssessment("", "Chroma", 9, 1, [issue], {}, near, ()))
    statistics = (Statistic("recent labels", "said", 0.0, details=details),)
    made = report([Outcome("label_issues", Result.PASSED, statistics=statistics)], (LABELS,))
    text = render(replace(made, label_texts={1: long, 2: long}))
    section = text[text.index('<h2 id="labels">') :].split("</section>")[0]
    assert section.count("house today.<span") == 1
    assert "house today.</bdi> …" in section


def test_template_syntax_in_a_field_is_text() -> None:
    """It is not evaluated."""
    text = render(report([decided("{{ 7*7 }}", "{{ 7*7 }}", "b")], table="{{ 7*7 }}"))
    assert text.count("{{ 7*7 }}") >= 3
    assert "49" not in text.split("<body>")[1]


def test_the_page_loads_nothing() -> None:
    """It is one file."""
    assert not {"iframe", "img", "object", "embed"} & set(PLAIN.tags)
    assert (PLAIN.loaded, PLAIN.tags.count("script"), "src" in PLAIN.attributes) == ({"data:,"}, 1, False)


EMPTY: dict[str, Any] = {"chroma": None, "vectors": None, "drawn": {}, "sizes": {}, "record_ids": [], "records": 0}
LEAST = Criterion("record_integrity", "Is each record whole?", least=50)


@pytest.mark.parametrize(
    "found",
    [
        report((), **EMPTY),
        made_of({}, (Statistic("a", "much", 1.7e308, 50),)),
        report([Outcome("agreement", Result.FAILED, "whole")]),
        report([*reviewed(45, 5), *outcomes(Result.FAILED, 2, criterion=LEAST.name)], (AGREEMENT, LEAST)),
    ],
    ids=["nothing", "largest effect", "agreement without a record", "failure of a criterion that was not measured"],
)
def test_an_unusual_run_has_a_page(found: RunReport) -> None:
    """Every link leads somewhere, and nothing reads as None."""
    text = render(found)
    assert read(text).ids
    assert ">None<" not in text


def sized(letter: str, length: int, *, names: int = 12) -> int:
    """Return the bytes of the page of 200 records in 77 categories whose texts and messages repeat this letter."""
    text = letter * length
    reasons = Reasons(text, text, "sage-2", "p-1")
    near = (Near("1", "a", 0.5, text[:200]),) * 5
    made = [
        decided(key, f"{key % 77}".rjust(names, "c"), f"{(key + 1) % 77}".rjust(names, "c"), message=text)
        for key in range(200)
    ]
    details = [Details(key, LOW, text, reasons, reasons, "2026-01-05", 3, "mail", "mini", near) for key in range(200)]
    return len(render(with_details(report(made), details)).encode("utf-8", "backslashreplace"))


@pytest.mark.parametrize(
    ("letter", "length", "names"),
    [
        *((letter, length, 12) for letter in ('"', "漢", "\x07") for length in (20, 3_000)),
        ("x", 20, 2_000),
        pytest.param("\x07", 30_000, 12, marks=pytest.mark.slow),
    ],
)
def test_a_page_stays_small(letter: str, length: int, names: int) -> None:
    """However long the texts and categories of its records are, and whatever escaping adds."""
    assert sized(letter, length, names=names) < 400_000


def test_a_long_category_breaks_after_its_underscores_only() -> None:
    """A short one fits into a line of a phone, and stays as it is."""
    text = render(report([decided(1, "direct_debit_payment_not_recognised", "card_<b>")]))
    assert "<bdi>direct_<wbr>debit_<wbr>payment_<wbr>not_<wbr>recognised</bdi> → <bdi>card_&lt;b&gt;</bdi>" in text


def test_the_heading_names_what_else_is_not_ok() -> None:
    """With links; what decided stands above it."""
    made = [*reviewed(10, 40), *outcomes(Result.PASSED, 96, criterion="record_integrity")]
    made += outcomes(Result.FAILED, 3, criterion="record_integrity")
    text = render(report(made))
    heading = text[: text.index("<main")]
    assert " ".join(heading.split()).count('Also <span class="verdict warning">▲ WARNING</span>') == 1
    assert '<a href="#criterion-record_integrity">record_integrity</a></li>' in heading


def test_hunted_records_are_counted_apart() -> None:
    """They were not drawn at random."""
    made = [decided(1, "a", "b"), decided(2, "a", "b", "label_issue"), decided(3, "a", "b", "label_issue")]
    text = render(report(made))
    assert "2 of them were drawn because their labels are probably wrong, not at random." in text
    assert text.count("likely label issue ·") == 2


def test_a_doubtful_label_shows_what_people_judged_and_its_link() -> None:
    """As a disagreement does."""
    issue = LabelIssue("a-1", "fraud", "loan", 0.013, 0.98, "recent")
    details = findings(LabelAssessment("", "Chroma", 1200, 1, [issue], {}, {}, ()))
    made = Outcome("label_issues", Result.PASSED, statistics=(Statistic("labels", "said", 0.0, details=details),))
    said = Acknowledged(judged={"a-1": ["judged by anna on 2026-01-15: the store is right"]})
    text = render(report([made], (LABELS,), acknowledged=said, record_url="https://app/item/{id}"))
    section = text[text.index('<h2 id="labels">') :]
    assert "Judged by anna on 2026-01-15: the store is right" in section
    assert '<a href="https://app/item/a-1">open a-1</a>' in section


def test_a_command_can_be_copied() -> None:
    """It is shown character by character."""
    command = "scripts/review '--drift-db=/data/100 %/a.db'"
    assert command in read(render(report(repeat=command))).code


def test_a_cut_text_says_so() -> None:
    """Hundreds of records share the page."""
    details = [Details(key, LOW, "word " * 2_000, Reasons(), Reasons()) for key in range(600)]
    text = render(with_details(report([decided(key, "a", "b") for key in range(600)]), details))
    assert text.count("more characters in the store") == 600
    assert sum(name.startswith("record-") for name in read(text).ids) == 600


def kept(*nights: str, whole: bool = True, **changed: Any) -> list[KeptRun]:
    """Return these runs, newest first."""
    return [KeptRun(run(night, **changed), whole=whole) for night in reversed(nights)]


@given(words=WORDS, agreed=st.integers(0, 50), whole=st.booleans())
def test_any_runs_can_be_listed(words: str, agreed: int, whole: bool) -> None:
    """Whatever their store, reviewer and model."""
    found = kept(*NIGHTS, whole=whole, db=words, reviewer=words, model=words, agreed=agreed)
    page = read(render_list(found, [item.run for item in reversed(found)]))
    assert not any(tag.startswith("x-") for tag in page.tags)


def test_each_store_has_its_trend() -> None:
    """The store reviewed last comes first, and the demo is marked."""
    runs = [run(NIGHTS[0], db="/a.db"), run(NIGHTS[1], db="/b.db", demo=True), run(NIGHTS[2], db="/c.db")]
    text = render_list([], runs)
    places = [text.index(f"of {name} over time") for name in ("c.db", "the demo", "a.db")]
    assert places == sorted(places)
    assert "/b.db" not in text
    assert {"trend-1", "trend-2", "trend-3"} <= {name.partition("-title")[0] for name in read(text).ids}


def test_only_runs_with_a_page_are_linked() -> None:
    """The others are points in the trend; criteria that are not OK are named in the row and with the newest run."""
    text = render_list(kept(NIGHTS[2], agreed=5), [run(night, agreed=5) for night in NIGHTS[:3]])
    assert f"{NIGHTS[2]}/index.html" in text
    assert f"{NIGHTS[0]}/index.html" not in text
    assert ("Runs (1)" in text, "; not OK: agreement" in text, ">agreement</td>" in text) == (True, True, True)


def test_an_empty_list_says_so() -> None:
    """There is no complete review yet."""
    text = render_list([], [])
    assert "No complete review yet" in text
    assert {"trends", "runs"} <= set(read(text).ids)


def test_page_says_how_many_records_it_leaves_out() -> None:
    """And names the file that lists all."""
    text = render(report([decided(key, "a", "b") for key in range(1_003)]))
    assert text.count('<li id="record-') == 1_000
    assert '3 more are in <a href="records.csv">records.csv</a> beside it, which lists all 1,003' in text
    assert "Records that disagree or failed (1003)" in text
