"""`compare --a --b`: two classifiers on the same records, and what to do."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import closing, redirect_stdout
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from drift_checks.commands.json_files import write_json
from drift_checks.commands.settings_options import read_sources
from drift_checks.core.errors import ReportsError, SettingError
from drift_checks.core.files import make_folder
from drift_checks.core.plain import to_json
from drift_checks.core.text import visible
from drift_checks.report.comparison import document, in_words, plan
from drift_checks.report.progress import Tally, progress
from drift_checks.report.verdict import Verdict
from drift_checks.reviews.comparing import MOST_RECORDS, Comparison, sides_in_words
from drift_checks.reviews.journal import Journal, JournalContents, read_journal
from drift_checks.reviews.resuming import Unfinished, refuse_damaged
from drift_checks.settings.declarations import LLM, Settings, declared
from drift_checks.settings.loading import Sources, load
from drift_checks.statistics.two_classifiers import Conclusion

_MODE = 0o640
# Settings of the comparison, not of a side.
_COMMON = ("embedding", "max_calls", "max_cost", "cluster", "repeat", "stability", "resume", "anchors", "gold")


def compare_classifiers(arguments: argparse.Namespace) -> int:
    """Print what two classifiers say of the same records; return the exit code."""
    now = datetime.now(UTC)
    sources = read_sources(arguments, os.environ)
    first, second = (
        _side(sources, words or (), option, now) for option, words in (("--a", arguments.a), ("--b", arguments.b))
    )
    if replace(first, sources={}, texts={}) == replace(second, sources={}, texts={}):
        raise SettingError("--b", "A and B are the same", "name another classifier with --b=NAME")
    settings = load(sources, now)
    # The size of a review's sample, which an ini file may hold, is too small for a comparison.
    if arguments.drift_sample_size is None:
        settings = replace(settings, sample_size=MOST_RECORDS)
    if settings.demo:
        from drift_checks.stores.demo.settings import demo_settings

        settings = demo_settings(settings)
    journal = _journal(settings, sides_in_words(first, second))
    # The output of the user's own code must not mix with output that programs read.
    with redirect_stdout(sys.stderr):
        unfinished = _unfinished(journal.path) if settings.resume else None
        comparison = Comparison(settings, first, second, (Path.cwd(),), arguments.margin, unfinished)
        with closing(comparison):
            _review(comparison, journal, resumed=settings.resume, shown=not settings.quiet)
    _print(comparison, arguments)
    return _exit_code(comparison, settings.min_reviewed, fail_if_worse=arguments.fail_if_worse)


def _journal(settings: Settings, words: str) -> Journal:
    """Return the journal of a comparison, which has the same name whenever the same classifiers are compared."""
    digest = sha256(f"{words} {settings.db} {settings.table}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return Journal(settings.reports / f"comparison-{digest}.jsonl")


def _unfinished(path: Path) -> Unfinished:
    try:
        contents = read_journal(path)
    except OSError:
        contents = JournalContents()
    if contents.header is None:
        raise SettingError(
            "resume", f"{path.parent} holds no interrupted comparison of these two", "omit --drift-resume to start one"
        )
    refuse_damaged(path, contents.header)
    return Unfinished(path.parent, contents)


def _review(comparison: Comparison, journal: Journal, *, resumed: bool, shown: bool) -> None:
    if shown:
        sys.stderr.writelines(f"{visible(line)}\n" for line in plan(comparison))
    try:
        make_folder(journal.path.parent)
        if not resumed:
            journal.path.unlink(missing_ok=True)
    except OSError as error:
        raise ReportsError(
            journal.path.parent, f"cannot be written ({error.strerror})", "name another folder with --drift-reports"
        ) from None
    if resumed:
        journal.resume()
    comparison.use_journal(journal)
    journal.path.chmod(_MODE)
    tally = Tally({record.id: record for record in comparison.records}, *(side.ledger for side in comparison.sides))
    try:
        with progress(tally, 2 * (len(comparison.records) + len(comparison.anchors)), _tell, shown=shown) as advance:
            comparison.run(advance)
    except KeyboardInterrupt:
        sys.stderr.write("the same command with --drift-resume continues, and asks nothing twice\n")
        raise
    if comparison.is_stopped:
        journal.finish(inconclusive=True)
    else:
        journal.path.unlink(missing_ok=True)


def _tell(done: int, total: int, so_far: str, _: float) -> None:
    sys.stderr.write(f"{done:,} of at most {total:,} reviews, {so_far}\n")


def _print(comparison: Comparison, arguments: argparse.Namespace) -> None:
    written = to_json(document(comparison), indent=1)
    write_json(arguments.json, written)
    lines = [written] if arguments.format == "json" else in_words(comparison)
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _exit_code(comparison: Comparison, min_reviewed: float, *, fail_if_worse: bool) -> int:
    """Return 75 without enough reviews, 1 if B is worse and that is to fail, else 0."""
    found = comparison.decision
    undecided = found is Conclusion.UNDECIDED and (fail_if_worse or comparison.is_stopped)
    if undecided or len(comparison.compared) < min_reviewed * comparison.asked:
        return Verdict.INCONCLUSIVE.exit_code
    return Verdict.CRITICAL.exit_code if fail_if_worse and found is Conclusion.WORSE else 0


def _side(sources: Sources, words: Sequence[str], option: str, now: datetime) -> Settings:
    """Return the settings of a side: the reviewer's name, and settings of the reviewer, each a word."""
    allowed = {item.name: item for item in declared() if item.group == "reviewer" and item.key not in _COMMON}
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name in allowed:
            given[allowed[name].ini] = value
        elif model := _model_of(word, option):
            given |= {"drift_reviewer": LLM, "drift_llm_model": model}
        elif equals:
            problem = f"{word!r} is neither a reviewer nor a setting of one"
            raise SettingError(option, problem, f"name a reviewer, llm=MODEL, or one of {', '.join(allowed)}")
        else:
            given["drift_reviewer"] = word
    common = load(sources, now)
    try:
        side = load(replace(sources, options={**sources.options, **given}), now)
    except SettingError as error:
        # The option that the user gave is that of the side.
        problem = error.problem.replace(f" (from --drift-{error.what})", "")
        named = option if error.what == "reviewer" else f"{option}={error.what}"
        raise SettingError(named, problem, error.remedy) from None
    if "," in side.reviewer:
        raise SettingError(option, "several reviewers cannot be one side", "name one")
    # A price that is set for both is that of one model.
    is_other = side.llm_model != common.llm_model and common.llm_model is not None
    if not is_other or "drift_llm_price" in given:
        return side
    if side.max_cost is not None:
        raise SettingError(
            "max-cost",
            f"the price of {side.llm_model} is not known, because llm-price is that of {common.llm_model}",
            f"add {option}=llm-price=INPUT,OUTPUT",
        )
    return replace(side, llm_price=None)


def _model_of(word: str, option: str) -> str | None:
    """Return the model in llm=MODEL, or in llm:MODEL if there is no module llm here."""
    for prefix in ("llm=", "llm:"):
        if word.startswith(prefix) and len(word) > len(prefix):
            is_module = prefix == "llm:" and (Path("llm.py").exists() or Path("llm").is_dir())
            model = word.removeprefix(prefix)
            if "," in model:
                remedy = f"repeat the option, as in {option}=llm=MODEL {option}=llm-prompt=FILE"
                raise SettingError(option, f"{word!r} must name a model only", remedy)
            return None if is_module else model
    return None
