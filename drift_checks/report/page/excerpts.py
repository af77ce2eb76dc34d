"""A record's text on the page: folded, cut and with the words marked that decided."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from drift_checks.core.secrets import mask_secrets
from drift_checks.core.text import cut_html

# Longer texts are folded, at the end of a sentence if one ends before the second number of characters.
_FOLDED, _LONGEST_SENTENCE = 320, 480
# Longer evidence singles out nothing.
_LONGEST_EVIDENCE = 2_000
# Followed by a lower-case letter, or after a single capital, a full stop ends an abbreviation.
_SENTENCE_END = re.compile(r"""(?<!\b[A-Z])[.!?…]["'”’)\]]*(?=\s+[^\sa-zà-ÿ])|[。！？]|\n""")


@dataclass(frozen=True)
class Piece:
    """A part of a text; `cited_by` names who gives it as evidence, as in `stored`, `reviewed` or both."""

    text: str
    cited_by: str = ""


@dataclass(frozen=True)
class Excerpt:
    """A text on the page: its visible beginning, its folded rest, and the number of characters left out."""

    beginning: tuple[Piece, ...]
    rest: tuple[Piece, ...] = ()
    left_out: int = 0

    @property
    def all(self) -> tuple[Piece, ...]:
        """What is shown, folded or not."""
        return (*self.beginning, *self.rest)

    def cites(self, who: str) -> bool:
        """Whether some of it is evidence that this one gives."""
        return any(who in piece.cited_by.split() for piece in self.all)


def excerpt(text: str, allowed: int, evidence: Mapping[str, str | None] | None = None) -> Excerpt:
    """Return a text as the page shows it, in at most `allowed` bytes of the page.

    The `evidence` is the words that decided, by who cites them.
    """
    masked = mask_secrets(text)
    cut = cut_html(masked, allowed)
    left_out = len(masked) - len(cut)
    is_short = len(cut) <= _FOLDED and not left_out
    place = len(cut) if is_short else _fold(cut)
    near = masked[: len(cut) + _LONGEST_EVIDENCE]
    cited = {who: found for who, words in (evidence or {}).items() if (found := _find(words or "", near))}
    return Excerpt(_pieces(cut, 0, place, cited), _pieces(cut, place, len(cut), cited), left_out)


def _find(words: str, text: str) -> tuple[int, int] | None:
    """Return where the words stand, whatever the white space between them; None if nowhere, or if they are all."""
    wanted = mask_secrets(words).strip()
    if not wanted or len(wanted) > _LONGEST_EVIDENCE:
        return None
    start = text.find(wanted)
    if start >= 0:
        span = start, start + len(wanted)
    else:
        # Compiled only if needed: there may be hundreds of records.
        found = re.search(r"\s+".join(map(re.escape, wanted.split())), text)
        if found is None:
            return None
        span = found.span()
    return None if text.strip() == text[slice(*span)] else span


def _pieces(text: str, start: int, end: int, cited: Mapping[str, tuple[int, int]]) -> tuple[Piece, ...]:
    """Return a part of the text, divided where evidence begins and ends."""
    edges = {place for span in cited.values() for place in span if start < place < end}
    return tuple(
        Piece(text[left:right], " ".join(who for who, (begun, ended) in cited.items() if begun <= left < ended))
        for left, right in pairwise(sorted({start, *edges, end}))
    )


def _fold(text: str) -> int:
    """Return where to fold a text: at the last end of a sentence that is near enough, else at a space."""
    ends = [found.end() for found in _SENTENCE_END.finditer(text, 0, _LONGEST_SENTENCE + 1)]
    early = [end for end in ends if _FOLDED // 2 <= end <= _FOLDED]
    late = [end for end in ends if _FOLDED < end <= _LONGEST_SENTENCE]
    if early or late:
        return early[-1] if early else late[0]
    place = text.rfind(" ", _FOLDED // 2, _FOLDED)
    return min(_FOLDED, len(text)) if place < 0 else place
