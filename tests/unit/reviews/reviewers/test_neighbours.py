"""The vote of the nearest other vectors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checks.core.records import Record, Review, Stratum
from drift_checks.reviews.reviewers.neighbours import FEWEST, NeighboursReviewer
from drift_checks.reviews.vectors.collection import CollectionVectors
from drift_checks.stores.embeddings import read_embedding
from drift_checks.stores.vectors.base import Entry, Neighbour
from tests.support.linking import FixedLink

Vector = npt.NDArray[np.float32]
ABSENT = object()


def neighbour(
    key: str, similarity: float, document: str | None = "another text", metadata: Mapping[str, object] | None = None
) -> Neighbour:
    """Return an entry near a vector, of category a by default."""
    return Neighbour(key, similarity, document, {"category": "a"} if metadata is None else metadata)


class FakeVectors:
    """A collection with the same neighbours for each vector; it records what it was asked."""

    def __init__(
        self, near: Sequence[Neighbour] = (), held: Mapping[str, Vector] | None = None, dimension: int | None = 2
    ) -> None:
        self.near = near
        self.held = held or {}
        self.dimension = dimension
        self.asked: list[tuple[list[list[float]], int]] = []

    @property
    def count(self) -> int:
        """How many entries there are."""
        return len(self.near)

    def entries(self, ids: Sequence[str]) -> Mapping[str, Entry]:
        """Return those there."""
        return {key: Entry(key, self.held[key], None, {}) for key in ids if key in self.held}

    def nearest(self, vectors: Sequence[Vector], number: int, without: str | None = None) -> list[list[Neighbour]]:
        """Return the first of the neighbours for each vector."""
        self.asked.append(([vector.tolist() for vector in vectors], number))
        kept = [other for other in self.near if without is None or without not in (other.document or "")]
        return [kept[:number] for _ in vectors]


def record(key: int | str = 1, *, embedding: object = "[1, 0]", chroma_id: object = "own", text: str = "own") -> Record:
    """Return a record; ABSENT leaves a column out."""
    columns = {"id": key, "text": text, "category": "a", "embedding_json": embedding, "chroma_id": chroma_id}
    return Record(key, Stratum.OLD, {name: value for name, value in columns.items() if value is not ABSENT})


def near(*votes: tuple[str | None, float]) -> list[Neighbour]:
    """Return neighbours with these categories and similarities."""
    return [
        neighbour(f"n{place}", similarity, metadata={} if label is None else {"category": label})
        for place, (label, similarity) in enumerate(votes)
    ]


def reviewer(vectors: FakeVectors, k: int = 11) -> NeighboursReviewer:
    """Return the reviewer by a collection whose entries the store lacks, so that their metadata counts."""
    return NeighboursReviewer(CollectionVectors(vectors, FixedLink()), k)


def review(vectors: FakeVectors, *records: Record, k: int = 11) -> list[Review]:
    """Return the reviews in the order of the records."""
    made = {made.record_id: made for made in reviewer(vectors, k).review(records)}
    return [made[item.id] for item in records]


def test_the_k_nearest_vote_by_their_similarity() -> None:
    """The confidence is the winner's share of the votes; a close neighbour may outweigh several far ones."""
    [won] = review(FakeVectors(near(("b", 0.9), ("a", 0.5), ("a", 0.6), ("c", 0.1), ("c", 0.1))), record())
    assert (won.made, won.category, won.rationale) == (True, "a", "2 of 5 nearest neighbours")
    assert won.confidence == pytest.approx(1.1 / 2.2)
    [close] = review(FakeVectors(near(("b", 0.9), *[("a", 0.2)] * 4)), record())
    assert close.category == "b"
    assert close.confidence == pytest.approx(0.9 / 1.7)
    [few] = review(FakeVectors(near(*[("a", 0.9)] * 3, *[("b", 0.8)] * 50)), record(), k=5)
    assert (few.category, few.rationale) == ("a", "3 of 5 nearest neighbours")


@pytest.mark.parametrize(("chroma_id", "key"), [("own", "own"), (12, "12")])
def test_the_record_itself_has_no_vote(chroma_id: object, key: str) -> None:
    """It would confirm itself; Chroma's ids are text, whatever SQLite's column holds."""
    vectors = FakeVectors([neighbour(key, 1.0, document=None), *near(*[("b", 0.1)] * 5)])
    [made] = review(vectors, record(chroma_id=chroma_id))
    assert (made.category, made.confidence) == ("b", 1.0)


def test_exact_duplicates_have_no_vote() -> None:
    """They were decided alike by the same classifier."""
    twins = [neighbour(f"twin {number}", 1.0, document="own") for number in range(5)]
    [made] = review(FakeVectors([*twins, *near(*[("b", 0.1)] * 5)]), record())
    assert made.category == "b"


def test_more_are_asked_for_where_duplicates_crowd() -> None:
    """Until k others are found, and only for the records that lack them."""
    twins = [neighbour(f"twin {number}", 1.0, document="own") for number in range(200)]
    vectors = FakeVectors([neighbour("own", 1.0), *twins, *near(*[("b", 0.5)] * 100)])
    crowded, free = review(vectors, record(1), record(2, text="free", embedding="[0, 1]"))
    assert (crowded.category, crowded.rationale) == ("b", "11 of 11 nearest neighbours")
    assert free.rationale == "11 of 11 nearest neighbours"
    numbers = [number for _, number in vectors.asked]
    assert numbers == sorted(set(numbers))
    assert [asked for asked, _ in vectors.asked[1:]] == [[[1.0, 0.0]]] * (len(numbers) - 1)


def test_a_collection_of_duplicates_alone_ends_in_a_failure() -> None:
    """Asking stops at its size."""
    vectors = FakeVectors([neighbour(f"twin {number}", 1.0, document="own") for number in range(300)])
    [made] = review(vectors, record())
    assert not made.made
    assert made.failure
    assert len(vectors.asked) < 6


def test_a_neighbour_without_a_category_has_no_vote() -> None:
    """If none has one, the review fails with the reason."""
    [made] = review(FakeVectors(near((None, 0.9), *[("b", 0.1)] * 5)), record())
    assert (made.category, made.confidence) == ("b", 1.0)
    [failed] = review(FakeVectors(near(*[(None, 0.9)] * 5)), record())
    assert failed.failure == "no neighbour has a category"


def test_votes_without_similarity_decide_if_there_are_no_others() -> None:
    """The most of them win."""
    [made] = review(FakeVectors(near(*[("b", 0.0)] * 3, *[("a", 0.0)] * 2)), record())
    assert made.category == "b"


@pytest.mark.parametrize(
    ("votes", "reason"),
    [
        ([("a", 1.0)] * (FEWEST - 1), "there are only 4 vectors to compare with; a vote needs 5"),
        ([("a", 1.0)] * (FEWEST - 1) + [(None, 1.0)], "only 4 neighbours can vote, 5 are needed"),
        ([("a", 1.0), *[(None, 1.0)] * 10], "only 1 neighbour can vote, 5 are needed"),
    ],
)
def test_few_neighbours_decide_nothing(votes: list[tuple[str | None, float]], reason: str) -> None:
    """Each of them could be the mistake; a small collection gives each record the same reason."""
    made = review(FakeVectors(near(*votes)), record(1), record(2))
    assert [item.made for item in made] == [False, False]
    assert {str(item.failure)[: len(reason)] for item in made} == {reason}
    assert made[0].failure == made[1].failure


def test_a_tie_is_decided_alike_every_time() -> None:
    """By the categories' names, not by their order in the store."""
    one = review(FakeVectors(near(*[("a", 0.5), ("b", 0.5)] * 3)), record())
    other = review(FakeVectors(near(*[("b", 0.5), ("a", 0.5)] * 3)), record())
    assert one[0].category == other[0].category


def test_the_records_own_vector_is_used_first() -> None:
    """Chroma's is not even asked for."""
    vectors = FakeVectors(near(*[("a", 1)] * 5), held={"own": np.array([0, 1], dtype=np.float32)})
    review(vectors, record(embedding="[1, 0]"))
    assert vectors.asked[0][0] == [[1.0, 0.0]]


@pytest.mark.parametrize("embedding", [ABSENT, None, "", "[1, 2, 3]", "[0, 0]", "[1, 0", "null", 7])
def test_chromas_vector_takes_the_place_of_an_unusable_one(embedding: object) -> None:
    """Missing, unreadable, of another dimension, or of zeros."""
    vectors = FakeVectors(near(*[("a", 1)] * 5), held={"own": np.array([0, 1], dtype=np.float32)})
    [made] = review(vectors, record(embedding=embedding))
    assert made.made
    assert vectors.asked[0][0] == [[0.0, 1.0]]


@pytest.mark.parametrize("chroma_id", [ABSENT, None, "nowhere"])
def test_a_record_that_chroma_lacks_is_reviewed_by_its_own_vector(chroma_id: object) -> None:
    """Without one, the review fails with the reason."""
    vectors = FakeVectors(near(*[("a", 1)] * 5))
    own, none = review(vectors, record(1, chroma_id=chroma_id), record(2, embedding=None, chroma_id=chroma_id))
    assert (own.category, none.failure) == ("a", "neither the record nor the collection has a usable vector")


def test_a_vector_of_zeros_in_chroma_is_unusable() -> None:
    """It has no direction."""
    [made] = review(
        FakeVectors(near(*[("a", 1)] * 5), held={"own": np.zeros(2, dtype=np.float32)}), record(embedding=None)
    )
    assert made.failure


def test_records_that_share_a_chroma_id_share_its_vector() -> None:
    """Duplicates may have been stored under one."""
    vectors = FakeVectors(near(*[("a", 1)] * 5), held={"own": np.array([0, 1], dtype=np.float32)})
    made = review(vectors, record(1, embedding=None), record(2, embedding=None))
    assert [item.failure for item in made] == [None, None]


KINDS = st.sampled_from(["[1, 0]", "[0, 0]", "[1, 2, 3]", "junk", None, ABSENT])
CHROMA_IDS = st.sampled_from(["held", "nowhere", None, ABSENT])


@given(st.lists(st.tuples(KINDS, CHROMA_IDS), max_size=80), st.integers(0, 20))
def test_each_record_has_one_review(kinds: list[tuple[object, object]], entries: int) -> None:
    """Failures included, over any number of batches."""
    held = {f"held {number}": np.array([0, 1], dtype=np.float32) for number in range(len(kinds))}
    records = [
        record(number, embedding=embedding, chroma_id=f"held {number}" if chroma_id == "held" else chroma_id)
        for number, (embedding, chroma_id) in enumerate(kinds)
    ]
    made = list(reviewer(FakeVectors(near(*[("a", 0.5)] * entries), held)).review(records))
    assert sorted(item.record_id for item in made if isinstance(item.record_id, int)) == list(range(len(kinds)))
    assert all(item.made or item.failure for item in made)
    assert all(item.confidence is None or 0 < item.confidence <= 1 for item in made)


NUMBERS = st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=1, max_size=20)


@given(NUMBERS, st.booleans())
def test_an_array_of_numbers_is_a_vector(numbers: list[float], as_bytes: bool) -> None:
    """Stored as text or as bytes."""
    stored = json.dumps(numbers)
    vector = read_embedding(stored.encode() if as_bytes else stored)
    assert vector is not None
    assert vector.dtype == np.float32
    assert vector.tolist() == pytest.approx(numbers, rel=1e-6)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@given(st.one_of(st.text(), st.binary(), st.integers(), st.none(), JSON.map(json.dumps)))
def test_nothing_that_is_stored_raises(stored: object) -> None:
    """It is a finite vector, or None."""
    vector = read_embedding(stored)
    assert vector is None or (vector.ndim == 1 and vector.size and np.isfinite(vector).all())


@pytest.mark.parametrize(
    "stored",
    [
        "[]",
        "1",
        "[[1], [2]]",
        "[1, null]",
        "[NaN]",
        "[1e39]",
        f"[1{'0' * 400}]",
        "[" * 100_000,
        b"\xff",
        [1.0],
        "[true]",
    ],
    ids=lambda stored: str(stored)[:20],
)
@pytest.mark.filterwarnings("error")
def test_what_is_no_array_of_numbers_is_no_vector(stored: object) -> None:
    """Nor are other values that can be made into numbers; no warning disturbs the terminal."""
    assert read_embedding(stored) is None


@pytest.mark.parametrize(
    "stored",
    [
        "[0.25, -0.5, 0.1]",
        b"[0.25, -0.5, 0.1]",
        '["0.25", "-5e-1", " 0.1 "]',
        "[[0.25, -0.5, 0.1]]",
        '{"embedding": [0.25, -0.5, 0.1]}',
        '{"object": "list", "data": [{"index": 0, "embedding": [0.25, -0.5, 0.1]}]}',
        np.array([0.25, -0.5, 0.1], dtype="<f4").tobytes(),
        np.array([0.25, -0.5, 0.1], dtype="<f8").tobytes(),
    ],
    ids=lambda stored: str(stored)[:20],
)
def test_a_vector_may_be_stored_in_several_ways(stored: object) -> None:
    """As JSON or as the bytes of numpy."""
    vector = read_embedding(stored)
    assert vector is not None
    assert vector == pytest.approx([0.25, -0.5, 0.1])


@pytest.mark.parametrize(
    "stored",
    [
        '{"a": [1], "b": [2]}',
        '["a"]',
        '[[1], "b"]',
        "[" * 9 + "1",
        bytes(64),
        b"\x00\x00\x80?" * 4,
        b"abcde",
        '{"a":' * 100_000,
    ],
    ids=lambda stored: str(stored)[:20],
)
def test_an_ambiguous_vector_is_not_guessed(stored: object) -> None:
    """Such as bytes that make sense as numbers of either precision."""
    assert read_embedding(stored) is None


def test_thousands_of_duplicates_are_left_out_of_the_search() -> None:
    """They are not fetched; records with the same text are searched for together."""
    twins = [neighbour(f"twin {number}", 1.0, document="own") for number in range(40_000)]
    vectors = FakeVectors([*twins, *near(*[("b", 0.5 - place / 100) for place in range(20)])])
    made = review(vectors, record(1), record(2, embedding="[0, 1]"))
    assert [(item.category, item.rationale) for item in made] == [("b", "11 of 11 nearest neighbours")] * 2
    assert max(number for _, number in vectors.asked) < 1000
    assert vectors.asked[-1][0] == [[1.0, 0.0], [0.0, 1.0]]


def test_a_text_that_all_entries_share_has_no_neighbours() -> None:
    """The reason says so."""
    [made] = review(FakeVectors([neighbour(f"twin {number}", 1.0, document="own") for number in range(2000)]), record())
    assert made.failure == "no other record has anything in common with it"


def test_equally_near_others_do_not_vote() -> None:
    """If there are more of them than may vote: which are found is arbitrary, unless all have one category."""
    [arbitrary] = review(FakeVectors(near(*[("a", 1.0), ("b", 1.0)] * 100)), record())
    assert arbitrary.failure == "too many others have equally near vectors to choose neighbours"
    [unanimous] = review(FakeVectors(near(*[("a", 1.0)] * 200)), record())
    assert unanimous.category == "a"


def test_an_entry_with_another_text_is_not_the_records() -> None:
    """Its vector says nothing about the record; store_consistency reports it."""

    class Documented(FakeVectors):
        def entries(self, ids: Sequence[str]) -> Mapping[str, Entry]:
            return {key: Entry(key, np.ones(2, dtype=np.float32), "beginning", {}) for key in ids}

    other, cut = record(1, embedding=None, text="another text"), record(2, embedding=None, text="beginning and end")
    assert [made.made for made in review(Documented(near(*[("a", 0.5)] * 5)), other, cut)] == [False, True]


def test_a_search_that_misses_the_record_itself_is_repeated() -> None:
    """Chroma's index is approximate, and reaches further if it is asked for more."""

    class Approximate(FakeVectors):
        def nearest(self, vectors: Sequence[Vector], number: int, without: str | None = None) -> list[list[Neighbour]]:
            if number < 70:
                return [near(*[("b", 0.4)] * number) for _ in vectors]
            return super().nearest(vectors, number, without)

    vectors = Approximate([neighbour("own", 1.0), *near(*[("a", 0.9)] * 500)])
    assert review(vectors, record())[0].category == "a"


def test_rows_that_are_no_decisions_do_not_vote() -> None:
    """Whatever category their entries have; others take their places."""
    pending = [neighbour(f"p{place}", 0.99, metadata={"category": "pending"}) for place in range(30)]
    vectors = FakeVectors([*pending, *near(*[("a", 0.5)] * 11)])
    link = FixedLink(others={entry.id for entry in pending})
    [made] = NeighboursReviewer(CollectionVectors(vectors, link)).review([record()])
    assert (made.category, made.rationale) == ("a", "11 of 11 nearest neighbours")
