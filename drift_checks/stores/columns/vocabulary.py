"""The names that applications give to the columns of a table of labelled texts.

A name is compared in lower case, with its words separated by `_`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# Strength of a name: what the field calls it; what many call it; what it may mean among other things.
BEST, USUAL, POSSIBLE = 3, 2, 1
# A decision's own name decides between two columns whose names both fit, such as `prediction` and `label`.
DECISION = 4

_WORDS: Mapping[str, Mapping[int, str]] = {
    "id": {
        BEST: "id uuid guid record_id row_id",
        USUAL: "key pk _id uid identifier number no nr index rowid",
    },
    "text": {
        BEST: "text body content message utterance sentence document comment review transcript tweet complaint"
        " narrative full_text raw_text input_text text_content message_text review_text document_text clean_text",
        USUAL: "description question query input post note notes request passage paragraph snippet excerpt feedback"
        " statement email prompt abstract remarks chunk title subject headline summary",
    },
    "category": {
        DECISION: "category prediction predicted predicted_label predicted_category predicted_class predicted_intent"
        " predicted_topic prediction_label pred pred_label pred_class model_label assigned_category assigned_label"
        " classification classified_as decision",
        BEST: "label class intent topic sentiment class_label label_name class_name category_name labels",
        USUAL: "tag queue department genre theme target risk_type issue_type categories",
        POSSIBLE: "type kind status group code truth ground_truth gold gold_label true_label actual expected"
        " human_label annotation y",
    },
    "confidence": {
        BEST: "confidence confidence_score conf probability prob proba certainty predicted_probability max_probability"
        " prediction_score predicted_score label_score class_probability confidence_level model_confidence pred_prob",
        USUAL: "score likelihood softmax",
    },
    "timestamp": {
        DECISION: "timestamp classified_at predicted_at decided_at labelled_at labeled_at scored_at classified_on"
        " predicted_on decided_on prediction_time classification_time moderated_at categorized_at categorised_at"
        " tagged_at inferred_at screened_at triaged_at analyzed_at analysed_at",
        BEST: "ts time_stamp created created_at created_on created_time created_date created_utc creation_date"
        " creation_time date_created inserted_at logged_at event_time",
        USUAL: "date datetime time received received_at received_on sent_at posted_at published_at occurred_at"
        " submitted_at opened_at day",
        POSSIBLE: "updated updated_at modified modified_at last_modified closed_at resolved_at",
    },
    "text_hash": {BEST: "text_hash content_hash body_hash message_hash", USUAL: "hash sha256 digest"},
    "chroma_id": {BEST: "chroma_id", POSSIBLE: "vector_id embedding_id"},
    "embedding_json": {
        BEST: "embedding_json embedding embeddings vector text_embedding embedding_vector",
        USUAL: "vec emb vectors features",
    },
    "model_version": {
        BEST: "model_version model classifier_version model_name model_id classifier",
        POSSIBLE: "version",
    },
    "prompt_version": {BEST: "prompt_version prompt_id template_version prompt_template"},
    "embedding_model": {BEST: "embedding_model embedder embedding_model_name"},
    "source": {BEST: "source"},
    "evidence": {BEST: "evidence"},
    "rationale": {BEST: "rationale explanation reasoning", USUAL: "reason"},
    "response_time_ms": {BEST: "response_time_ms latency_ms duration_ms response_ms elapsed_ms"},
    "input_tokens": {BEST: "input_tokens prompt_tokens tokens_in"},
    "output_tokens": {BEST: "output_tokens completion_tokens tokens_out"},
    "archive_version": {BEST: "archive_version"},
    "last_reviewed_at": {BEST: "last_reviewed_at"},
    "review_count": {BEST: "review_count"},
}
ROLES = tuple(_WORDS)
# The beginnings of a text: beside another text, they leave open what was classified.
TITLES = frozenset(("title", "subject", "headline", "summary"))
# Categories that somebody assigned later, to compare the decision with.
TRUTHS = frozenset(
    (
        *("label", "truth", "ground_truth", "gold", "gold_label", "true_label", "actual", "expected"),
        *("human_label", "annotation", "y"),
    )
)
_STRENGTHS = {
    role: {word: strength for strength, words in by_strength.items() for word in words.split()}
    for role, by_strength in _WORDS.items()
}
# Roles of which `customer_message` is as good an example as `message`; elsewhere its last word says too little.
_BY_LAST_WORD = ("id", "text", "category", "confidence")
_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^\w]+|_+")


def in_words(name: str) -> str:
    """Return a name in lower case with `_` between its words: `predictedLabel` becomes `predicted_label`."""
    return "_".join(_NOT_WORD.sub(" ", _BOUNDARY.sub(" ", name)).lower().split())


def strength(role: str, name: str, table: str = "") -> int:
    """Return how well the name of a column fits the role, 0 if it does not.

    The table's own name in front of it says nothing: `ticket_body` in `tickets` is `body`.
    """
    words, own = in_words(name), in_words(table)
    known = _STRENGTHS[role]
    for prefix in (own, own.removesuffix("s")):
        if prefix and words.startswith(f"{prefix}_") and words not in known:
            words = words.removeprefix(f"{prefix}_")
    if words in known:
        return known[words]
    last = words.rpartition("_")[2]
    return min(known.get(last, 0), USUAL) if role in _BY_LAST_WORD else 0
