"""Files of judgements, which `judge` writes for other programs and reads from them."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from drift_checks.core.errors import SettingError
from drift_checks.core.files import read_text, replace_file
from drift_checks.core.records import RecordId, as_text
from drift_checks.core.text import count

if TYPE_CHECKING:
    from drift_checks.operations.judging.records import WaitingRecords
    from drift_checks.reviews.judgements.judgement import Judgement
    from drift_checks.reviews.judgements.readers import Answers, Defaults
    from drift_checks.reviews.preparation import Preparation

FORMATS = ("csv", "jsonl", "argilla", "label-studio")
_MODE = 0o640


def write_judgements(arguments: argparse.Namespace, preparation: Preparation, records: WaitingRecords) -> str:
    """Write all judgements of the store, or records that wait, to the file; return what was written."""
    from drift_checks.reviews.judgements.writers import WRITERS, Context

    path, form = _file("--export", arguments.export, arguments.format)
    store = preparation.store
    found: list[Judgement]
    texts: dict[RecordId, str] = {}
    if arguments.waiting is not None:
        found, texts = records.unanswered(arguments.waiting, datetime.now(UTC))
    else:
        found = records.judged().all
        ids: list[RecordId] = list(dict.fromkeys(item.record_id for item in found))
        if not preparation.settings.redact:
            rows = store.read(partial(store.rows, ids=ids, only=("id", "text")))
            texts = {key: as_text(row["text"]) for key, row in rows.items()}
    content = WRITERS[form](found, Context(texts, store.categories()))
    try:
        replace_file(path, content.encode(), _MODE)
    except OSError as error:
        raise SettingError("--export", f"{path} cannot be written ({error.strerror})", "name another file") from None
    what = "judgement" if arguments.waiting is None else "waiting record"
    return f"{count(len(found), what)} written to {path}"


def read_judgements(arguments: argparse.Namespace, records: WaitingRecords, user: str) -> str:
    """Add the judgements of the file, each once; return how many were added, and why not all."""
    from drift_checks.reviews.judgements.readers import Defaults

    path, form = _file("--import", arguments.import_file, arguments.format)
    named = arguments.by or ""
    answers = _read(path, form, Defaults(records.store_identity, named or user, datetime.now(UTC), named))
    found = answers.judgements
    # Not by time, which not every format carries.
    known = {item.content for item in records.judged().all}
    new = [item for item in found if item.content not in known]
    if new:
        records.file.add(new)
    added = f"{count(len(new), 'judgement')} added"
    if not found:
        what = "task" if form == "label-studio" else "record"
        number = count(answers.unanswered, what)
        return f"{added}: " + (
            f"none of the {number} has an answer" if answers.unanswered > 1 else f"{path} has no answer"
        )
    already = f"; {len(found) - len(new):,} were there already" if len(new) < len(found) else ""
    have = "has" if answers.unanswered == 1 else "have"
    without = f"; {count(answers.unanswered, 'record')} {have} no answer" if answers.unanswered else ""
    return f"{added} to {records.file.path}{already}{without}"


def _file(option: str, text: str, given: str | None) -> tuple[Path, str]:
    """Return the path and the format, which the suffix tells if it is not given."""
    try:
        path = Path.cwd() / Path(text).expanduser()
    except RuntimeError:
        raise SettingError(option, f"{text!r} is invalid", "there is no such home folder") from None
    by_suffix = path.suffix.lower().removeprefix(".")
    if given is not None:
        return path, given
    if by_suffix not in ("csv", "jsonl"):
        fitting = FORMATS[2:] if by_suffix == "json" else FORMATS
        remedy = f"add --format={', '.join(fitting[:-1])} or {fitting[-1]}"
        raise SettingError(option, f"the name of {path} does not tell its format", remedy)
    return path, by_suffix


def _read(path: Path, form: str, defaults: Defaults) -> Answers:
    from drift_checks.reviews.judgements.readers import UnreadableFile, fitting_formats, read_answers

    try:
        content = read_text(path, "utf-8-sig")
    except OSError as error:
        raise SettingError("--import", f"{path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SettingError("--import", f"{path} is not UTF-8 text", "save it as UTF-8") from None
    try:
        return read_answers(form, content, defaults)
    except UnreadableFile as error:
        fitting = fitting_formats(content, defaults)
        why = f": {error}" if str(error) and not fitting else ""
        remedy = f"add --format={fitting[0]}" if fitting else f"it must be {form}, as --export writes it"
        raise SettingError("--import", f"{path} cannot be read as {form}{why}", remedy) from None
