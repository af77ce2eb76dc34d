"""What judges see and do in a browser, without HTTP: a session for each browser, its page, and its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from threading import Lock
from time import monotonic

from jinja2 import Environment, PackageLoader, StrictUndefined

from drift_checks.core.errors import DriftError
from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import count, cut_html, printable, spelled_out
from drift_checks.operations.judging.session import JudgingSession, Shown
from drift_checks.reviews.judgements.judgement import Answer, hash_of

# Of a text, in characters: what is not folded, and in bytes of the page: all of it.
_FOLDED, _LONGEST_TEXT = 1_500, 200_000
_LONGEST_NEAR, _LONGEST_EVIDENCE = 600, 2_000
_LONGEST_NAME = 80
_IDLE_SECONDS = 1800.0
Form = Mapping[str, str]
# Opens the session of a judge; the second argument is its name among the claims.
Open = Callable[[str, str], JudgingSession]


@dataclass
class Visit:
    """The session of one browser, and what its next page says first."""

    session: JudgingSession
    seen: float
    notice: str = ""
    is_paused: bool = False


class JudgingSite:
    """The pages of all browsers, one at a time: all of them read the same store.

    Args:
        open_session: Opens the session of a judge.
        categories: Those of the store.
        summary: Returns what the judgements say, in sentences.
        judge: Who judges in every browser; without it, each asks.
        suggested: The name that the first browser suggests.
    """

    def __init__(
        self,
        open_session: Open,
        categories: Sequence[str],
        summary: Callable[[], Sequence[str]],
        judge: str | None,
        suggested: str = "",
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._lock = Lock()
        self.visits: dict[str, Visit] = {}
        self._open, self._categories, self._summary = open_session, categories, summary
        self._judge, self._suggested, self._clock = judge, suggested, clock

    def close(self) -> None:
        """Take no more answers: what they need is about to be closed."""
        self._lock.acquire()

    def page(self, key: str) -> str:
        """Return the page of the browser with this key."""
        with self._lock:
            self._leave_idle_ones()
            visit = self.visits.get(key)
            if visit is None and self._judge is not None:
                visit = self._begin(key, self._judge)
            if visit is None:
                taken = {item.session.judge for item in self.visits.values()}
                suggested = "" if self._suggested in taken else self._suggested
                return _render("begin.html.j2", suggested=suggested)
            visit.seen = self._clock()
            if not visit.is_paused:
                visit.session.resume()
            shown, notice, visit.notice = visit.session.current, visit.notice, ""
            known: dict[str, object] = {"session": visit.session, "notice": notice, "categories": self._categories}
            if shown is None:
                return _render("pause.html.j2", **known, paused=visit.is_paused, summary=self._summary())
            judged, of = visit.session.disagreements()
            known |= {"shown": shown, "text": folded(shown.text), "of": name_of(shown), "open": of - judged}
            return _render("record.html.j2", **known)

    def act(self, key: str, form: Form) -> None:
        """Do what a form of the browser with this key asks for; the next page says how it went."""
        with self._lock:
            self._leave_idle_ones()
            visit, wish = self.visits.get(key), form.get("do", "")
            if visit is None:
                if wish == "begin" and (judge := printable(form.get("judge", ""), _LONGEST_NAME)):
                    self._begin(key, judge)
                return
            visit.seen = self._clock()
            try:
                visit.notice = self._carried_out(visit, wish, form)
            except DriftError as error:
                visit.notice = str(error)

    def _begin(self, key: str, judge: str) -> Visit:
        self.visits[key] = Visit(self._open(judge, key), self._clock())
        return self.visits[key]

    def _carried_out(self, visit: Visit, wish: str, form: Form) -> str:
        """Do what the form asks for; return what to say about it."""
        session = visit.session
        if wish in ("pause", "resume"):
            visit.is_paused = wish == "pause"
            (session.pause if visit.is_paused else session.resume)()
            return ""
        if wish == "undo":
            visit.is_paused = False
            return "Your last answer is withdrawn." if session.undo() else "There is nothing to undo."
        shown = session.current
        if shown is None or form.get("of") != name_of(shown):
            return "Nothing was saved: the record of that page was no longer yours. This one is."
        if wish != "other":
            return f"Record {printable(shown.waiting.record_id)}: {_answered(session, shown, wish)}."
        typed = form.get("category", "").strip()
        if problem := session.choose_typed(typed, self._categories):
            return f"Nothing was saved: {problem}."
        return f"Record {printable(shown.waiting.record_id)}: {printable(typed)} is right."

    def _leave_idle_ones(self) -> None:
        for visit in self.visits.values():
            if self._clock() - visit.seen > _IDLE_SECONDS and visit.session.current is not None:
                visit.session.pause()


def _answered(session: JudgingSession, shown: Shown, wish: str) -> str:
    """Answer about the record that is shown; return the answer in words."""
    if wish in ("first", "second"):
        category = shown.first if wish == "first" else shown.second
        session.choose(category)
        return f"{printable(category)} is right"
    if wish == "skip":
        session.skip()
        return "skipped"
    answers = {"both": Answer.BOTH, "none": Answer.OTHER, "unknown": Answer.UNKNOWN}
    if wish not in answers or (wish == "both" and shown.agreed):
        return "nothing was saved"
    session.answer(answers[wish])
    return {"both": "both are acceptable", "none": "no category of the store fits"}.get(wish, "cannot tell")


def folded(text: str) -> tuple[str, str, int]:
    """Return the visible part of a text, the part that is folded, and how many characters are left out."""
    # A secret that is cut would stay in part.
    masked = mask_secrets(text)
    cut = cut_html(masked, _LONGEST_TEXT)
    place = len(cut) if len(cut) <= _FOLDED else cut.rfind(" ", _FOLDED // 2, _FOLDED) + 1 or _FOLDED
    return cut[:place], cut[place:], len(masked) - len(cut)


def name_of(shown: Shown) -> str:
    """Return what a form carries along, so that it answers only about the record on its page."""
    return hash_of(f"{shown.waiting.record_id}\n{shown.first}\n{shown.second}\n{shown.text}")[:16]


def asset(name: str) -> str:
    """Return the page's style or script, of which the server allows no other."""
    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("drift_checks.operations.judging"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(style=asset("style.css"), script=asset("script.js"))
    environment.filters.update(
        verbatim=spelled_out,
        counted=count,
        near=lambda text: printable(mask_secrets(text), _LONGEST_NEAR),
        evidence=lambda text: printable(mask_secrets(text), _LONGEST_EVIDENCE),
        label=lambda text: printable(text, 200),
    )
    return environment
