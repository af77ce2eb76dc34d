"""What the pages say about two runs of a store."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.outcomes import Decision, Outcome, Result
from drift_checks.core.records import RecordId
from drift_checks.report.acknowledgements import Acknowledged
from drift_checks.report.history.kept import KeptRun
from drift_checks.report.history.recorded import RecordedRun
from drift_checks.report.page.compared_runs import compared_runs
from drift_checks.report.page.html import render, render_list
from drift_checks.report.run import RunReport
from tests.support.histories import NIGHTS, run
from tests.support.pages import recorded
from tests.support.reports import report

IDS: tuple[RecordId, ...] = (1, 2, "three", "four & more")
WORDS = st.text(max_size=20) | st.sampled_from(["</script><x-a>", "]]>", "\u202e", "a\u2028b"])


def reviewed(results: str, label: str = "loan", **changed: Any) -> RunReport:
    """Return a run over the records: + agrees, - disagrees."""
    kinds = {"+": Result.PASSED, "-": Result.FAILED}
    outcomes = [
        Outcome("agreement", kinds[letter], "", key, "old", Decision("fraud", 0.5, label, 0.5))
        for key, letter in zip(IDS, results, strict=True)
    ]
    return report(outcomes, record_ids=IDS, **changed)


def section_in(page: str) -> str:
    """Return the section about the run before."""
    return page.partition('<section aria-labelledby="since">')[2].partition("</section>")[0]


def since(before: str, now: str) -> str:
    """Return the section of the page of a run that follows another."""
    earlier = recorded(reviewed(before, run_id=NIGHTS[0], started="2026-01-10T02:00:00Z"))
    page = render(replace(reviewed(now, run_id=NIGHTS[1]), past=(earlier,)))
    return section_in(page)


def test_the_page_of_a_run_says_what_is_new_and_what_is_gone() -> None:
    """Each record is linked: on this page, or on that of the run before."""
    section = since("-+-+", "+---")
    assert "Both runs drew 4 records. Disagreements: 2 new, 1 gone, 1 same." in section
    assert '<a href="#record-four_more">four &amp; more</a>' in section
    assert f'<a href="../{NIGHTS[0]}/index.html#record-1">1</a>' in section


def test_a_settled_disagreement_is_not_gone() -> None:
    """The section says who settled it, and links it on this page; once it counts again, it is not new."""
    known = Acknowledged(settled={(1, "fraud"): "judged by anna on 2026-01-10: the store is right"})
    counted = reviewed("-+++", run_id=NIGHTS[0], started="2026-01-10T02:00:00Z")
    settled = reviewed("-+++", run_id=NIGHTS[1], started="2026-01-11T02:00:00Z", acknowledged=known)
    section = section_in(render(replace(settled, past=(recorded(counted),))))
    assert "Disagreements: 1 settled." in section
    assert '<a href="#record-1">1</a>' in section
    assert "judged by anna on 2026-01-10: the store is right" in section
    section = section_in(render(replace(counted, past=(recorded(settled),))))
    assert "Reopened (1)" in section
    assert "before: judged by anna" in section


def test_a_link_leads_to_its_record_or_is_left_out() -> None:
    """The ids of two records may give the same word, and another page is not at hand to tell which is which."""
    ids = ("a b", "a c", "a+b", "d")
    runs = [
        report(
            [
                Outcome("agreement", result, "", key, "old", Decision("fraud", 0.5, "loan", 0.5))
                for key, result in zip(ids, results, strict=True)
            ],
            record_ids=ids,
            run_id=night,
        )
        for night, results in zip(NIGHTS, ([Result.FAILED] * 4, [Result.PASSED] * 4), strict=False)
    ]
    gone = section_in(render(replace(runs[1], past=(recorded(runs[0]),))))
    assert [f"#record-{word}" in gone for word in ("a_b", "a_c", "d")] == [False, True, True]
    page = render(replace(runs[0], past=(recorded(runs[1]),)))
    links = re.findall(r'<a href="#(record-[^"]*)">', section_in(page))
    assert len(links) == len(set(links)) == 4
    assert all(f'id="{link}"' in page for link in links)


def test_the_section_stays_small() -> None:
    """Whatever the names, and however many records changed."""
    ids = tuple(f"{'record' * 40} {number}" for number in range(200))
    pages: list[RunReport] = []
    for label in ("a" * 500, "b" * 500):
        made = [
            Outcome("agreement", Result.FAILED, "", key, "old", Decision("x" * 500, 0.5, label, 0.5)) for key in ids
        ]
        past = tuple(map(recorded, pages))
        pages.append(replace(report(made, record_ids=ids, run_id=NIGHTS[len(pages)]), past=past))
    section = section_in(render(pages[1]))
    assert "Changed (200)" in section
    assert len(section) < 20_000


def test_without_an_earlier_run_there_is_no_section() -> None:
    """Nor a link to it."""
    assert 'id="since"' not in render(reviewed("----"))


def listed(*runs: RecordedRun) -> str:
    """Return the list of these runs, which are given newest first."""
    return render_list([KeptRun(item, whole=True) for item in runs], list(reversed(runs)))


def data_in(page: str) -> Any:
    """Return what the script of the list reads."""
    found = re.search(r'<script type="application/json" id="compared">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


@given(stored=WORDS, reviewed=WORDS, model=WORDS)
def test_the_list_describes_runs_to_its_script(stored: str, reviewed: str, model: str) -> None:
    """Whatever the names of categories and models, they do not end the script."""
    runs = [run(night, agreed=49, model=model) for night in reversed(NIGHTS[:2])]
    named = [
        replace(item, disagreements=(replace(item.disagreements[0], stored=stored, reviewed=reviewed),))
        for item in runs
    ]
    found = data_in(listed(*named))
    assert [item["id"] for item in found["runs"]] == [NIGHTS[1], NIGHTS[0]]
    assert [item["has_previous"] for item in found["runs"]] == [True, False]
    key, first, second = found["runs"][0]["found"][0]
    assert key == named[0].disagreements[0].record_id
    assert {first, second} == set(range(len(found["labels"])))


def test_a_single_run_is_compared_with_none() -> None:
    """There is no form."""
    assert "Compare two runs" not in listed(run(NIGHTS[0]))


def test_many_large_runs_do_not_make_the_page_heavy() -> None:
    """The newest are described, as far as there is room."""
    large = replace(run(NIGHTS[1]), sample=replace(run(NIGHTS[1]).sample, record_ids=tuple(range(3_000))))
    found = compared_runs([large] * 10)
    assert found is not None
    assert 2 <= len(found["runs"]) < 10
    assert len(json.dumps(found)) < 200_000
