"""Which reviewer a run has: as the settings say, or a hook."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from drift_checks.core.errors import ReviewerError, SettingError
from drift_checks.core.secrets import find_secret
from drift_checks.review.reviewers.base import Classifier
from drift_checks.review.reviewers.limits import Limits
from drift_checks.settings.declarations import LLM, NEIGHBOURS, SEQUENTIAL, SEQUENTIAL_CALLS, Settings


def name_reviewer(settings: Settings, given: object | None) -> str:
    """Return the name of the reviewer: what a hook gave takes the place of the default, not of a setting."""
    if given is None or "reviewer" in settings.sources:
        return settings.reviewer
    from drift_checks.review.reviewers.own import name_of

    return name_of(given)


def choose_classifier(
    settings: Settings, taxonomy: Mapping[str, str], given: object | None, folders: tuple[Path, ...]
) -> Classifier:
    """Return the classifier that reviews.

    Args:
        settings: What the run was told to do.
        taxonomy: Category to description.
        given: What a hook gave, None where none did.
        folders: Where the user's own modules may lie.

    Raises:
        DriftError: It cannot be used; nothing was asked yet.
    """
    if settings.reviewer == LLM:
        return _llm(settings, taxonomy)
    from drift_checks.review.reviewers.own import OwnClassifier, load_classifier

    name = name_reviewer(settings, given)
    if settings.max_cost is not None:
        raise SettingError("max-cost", f"what {name} costs is not known", "allowed is max-calls, or the reviewer 'llm'")
    if settings.reviewer == NEIGHBOURS:
        return OwnClassifier(given, name)
    return load_classifier(settings.reviewer, folders)


def limits_of(settings: Settings) -> Limits:
    """Return how the classifier may be called."""
    sequential = settings.decision == SEQUENTIAL and not settings.records
    return Limits(
        concurrency=settings.concurrency,
        requests_per_minute=settings.requests_per_minute,
        timeout=settings.timeout,
        max_calls=SEQUENTIAL_CALLS if settings.max_calls is None and sequential else settings.max_calls,
        max_cost=settings.max_cost,
    )


def _llm(settings: Settings, taxonomy: Mapping[str, str]) -> Classifier:
    from drift_checks.review.reviewers.llm import KEYS, OPENAI, ChatClassifier, Price
    from drift_checks.review.reviewers.prompt import load_prompt

    if find_spec("openai") is None:
        raise ReviewerError(
            "reviewer", "'llm' needs the package openai, which is an extra: pip install 'drift-checks[llm]'"
        )
    if settings.llm_model is None:
        raise SettingError(
            "llm-model", "the reviewer 'llm' needs a model", "name it as the endpoint does, with --drift-llm-model NAME"
        )
    base_url = settings.llm_base_url or OPENAI
    key = find_secret(_in_order(KEYS, base_url), os.environ)
    if key is None:
        raise ReviewerError(
            "reviewer",
            f"'llm' needs a key for {base_url}: put it into the variable {KEYS[0]} (or {KEYS[1]}, "
            f"{KEYS[2]}, or a file that {KEYS[0]}_FILE names)",
            "where the endpoint asks for none, any word will do",
        )
    if not taxonomy:
        raise SettingError(
            "taxonomy", "there is no category to decide for", "name a YAML file with --drift-taxonomy FILE"
        )
    return ChatClassifier(
        settings.llm_model,
        key,
        load_prompt(settings.llm_prompt, taxonomy),
        tuple(taxonomy),
        base_url=base_url,
        price=None if settings.llm_price is None else Price(*settings.llm_price),
        max_output_tokens=settings.llm_max_tokens,
    )


def _in_order(keys: tuple[str, str, str], base_url: str) -> tuple[str, ...]:
    """Return the names of the keys, Google's before OpenAI's for an endpoint of Google's."""
    own, openai, google = keys
    of_google = (urlsplit(base_url).hostname or "").endswith(".googleapis.com")
    return (own, google, openai) if of_google else keys
