"""Variants of a text that have the same meaning, generated with Hypothesis strategies."""

from __future__ import annotations

import os
import random
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from drift_checks.core.records import Record

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Change = Callable[[str], str]
# The number of variants of each record.
VARIANTS = 2
_STORAGE = "HYPOTHESIS_STORAGE_DIRECTORY"
_CURLY = str.maketrans({"'": "\N{RIGHT SINGLE QUOTATION MARK}", '"': "\N{RIGHT DOUBLE QUOTATION MARK}"})
_STRAIGHT = {ord(curly): straight for curly, straight in zip("‘’“”", "''\"\"", strict=True)}
_TRIES = 40
# All variants are held at once, and a longer text would be expensive to review again.
_LONGEST = 200_000


def variants_of(record: Record, number: int = VARIANTS) -> list[Record]:
    """Return the record with different kinds of variants of its text, at most `number`; the same ones on every call.

    A text of more than 200,000 characters has none.
    """
    if len(record.text) > _LONGEST:
        return []
    from hypothesis import HealthCheck, Phase, given, settings

    found: dict[str, dict[str, None]] = {}

    @settings(
        max_examples=_TRIES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_changes())
    def collect(kind_and_change: tuple[str, Change]) -> None:
        kind, change = kind_and_change
        changed = change(record.text)
        if changed != record.text:
            found.setdefault(kind, {})[changed] = None

    with _no_folder_left():
        collect()
    # Different kinds for each text, so that all of them occur in a sample.
    chosen = random.Random(record.text.encode("utf-8", errors="surrogatepass"))  # noqa: S311
    kinds = chosen.sample(sorted(found), min(number, len(found)))
    texts = [chosen.choice(list(found[kind])) for kind in kinds]
    return [replace(record, values={**record.values, "text": text}) for text in texts]


@contextmanager
def _no_folder_left() -> Iterator[None]:
    """Have Hypothesis write to the cache what it would write to a folder in the current one."""
    try:
        folder = str(Path(platformdirs.user_cache_dir("drift-checks")) / "hypothesis")
    except RuntimeError:
        # A user without a home folder. It does without, if it cannot write.
        folder = os.devnull
    is_set = os.environ.setdefault(_STORAGE, folder) != folder
    try:
        yield
    finally:
        if not is_set:
            os.environ.pop(_STORAGE, None)


def _changes() -> SearchStrategy[tuple[str, Change]]:
    from hypothesis import strategies as st

    footers = st.builds(
        lambda page, form: lambda text: text + form.format(page=page),
        # A list, since what Hypothesis draws from an interval depends on which modules are loaded.
        st.sampled_from([1, 2, 7, 12, 23, 38, 57, 104, 211]),
        st.sampled_from(["\n\n{page}", "\n\nPage {page}", "\n\nTable of Contents\n{page}"]),
    )
    kinds: dict[str, SearchStrategy[Change]] = {
        "white space": st.sampled_from(
            [
                lambda text: text.replace(" ", "  "),
                lambda text: "\n".join(text.split(" ")),
                lambda text: f"  {text}\n",
            ]
        ),
        "upper case": st.just(str.upper),
        "lower case": st.just(str.lower),
        "Unicode form": st.sampled_from([partial(unicodedata.normalize, "NFD"), partial(unicodedata.normalize, "NFC")]),
        "quotes": st.sampled_from([lambda text: text.translate(_CURLY), lambda text: text.translate(_STRAIGHT)]),
        "footer": footers,
    }
    return st.one_of([st.tuples(st.just(kind), changes) for kind, changes in kinds.items()])
