"""Which reviewer a run uses: the one in the settings, or the one that a hook returned."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from drift_checks.core.errors import ReviewerError, SettingError
from drift_checks.core.secrets import Secret, find_secret
from drift_checks.reviews.reviewers.base import Classifier
from drift_checks.reviews.reviewers.limits import Limits
from drift_checks.settings.declarations import LLM, NEIGHBOURS, SEQUENTIAL, SEQUENTIAL_CALLS, Settings, declared
from drift_checks.settings.loading import Origin, parse


class Named(NamedTuple):
    """A reviewer's name, and the classifier itself if it was given in place of a name."""

    name: str
    classifier: object | None = None


def name_reviewers(settings: Settings, given: object | None) -> tuple[Named, ...]:
    """Return the reviewers of a run, the first of which decides.

    What a hook or a call returned, a classifier or a list of classifiers and names, replaces the default, but not a
    setting.

    Raises:
        SettingError: The list is empty, names an unknown reviewer, or holds one twice.
    """
    if given is None or "reviewer" in settings.sources:
        return tuple(Named(name) for name in settings.reviewers)
    found = [_named(item) for item in (given if isinstance(given, list | tuple) else [given])]
    if not found:
        raise SettingError("reviewer", "the list is empty", "name at least one reviewer, or omit it")
    names = [item.name for item in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SettingError("reviewer", f"{twice!r} is there twice", "name each reviewer once")
    return tuple(found)


def _named(given: object) -> Named:
    if isinstance(given, str):
        setting = next(setting for setting in declared() if setting.key == "reviewer")
        return Named(str(parse(setting, Origin(given, "the list of reviewers", Path()))))
    from drift_checks.reviews.reviewers.own import name_of

    return Named(name_of(given), given)


def classifier_of(
    reviewer: Named, settings: Settings, taxonomy: Mapping[str, str], folders: tuple[Path, ...]
) -> Classifier | None:
    """Return what the pool calls for the reviewer; None for `neighbours`.

    Raises:
        DriftError: It cannot be used; no call was made.
    """
    if reviewer.name == NEIGHBOURS:
        return None
    if reviewer.classifier is None:
        return choose_classifier(settings.reviewed_by(reviewer.name), taxonomy, None, folders)
    return choose_classifier(settings.reviewed_by(NEIGHBOURS), taxonomy, reviewer.classifier, folders)


def name_reviewer(settings: Settings, hook_classifier: object | None) -> str:
    """Return the name of the reviewer; a hook's classifier replaces the default, but not a setting."""
    if hook_classifier is None or "reviewer" in settings.sources:
        return settings.reviewer
    from drift_checks.reviews.reviewers.own import name_of

    return name_of(hook_classifier)


def choose_classifier(
    settings: Settings, taxonomy: Mapping[str, str], hook_classifier: object | None, folders: tuple[Path, ...]
) -> Classifier:
    """Return the classifier that reviews.

    Raises:
        DriftError: It cannot be used; no call was made.
    """
    if settings.reviewer == LLM:
        return _chat_classifier(settings, taxonomy)
    from drift_checks.reviews.reviewers.own import OwnClassifier, load_classifier

    name = name_reviewer(settings, hook_classifier)
    if settings.max_cost is not None:
        raise SettingError("max-cost", f"the cost of {name} is not known", "use max-calls, or the reviewer 'llm'")
    if settings.reviewer == NEIGHBOURS:
        return OwnClassifier(hook_classifier, name)
    return load_classifier(settings.reviewer, folders)


def limits_of(settings: Settings) -> Limits:
    """Return the limits of the pool."""
    sequential = settings.decision == SEQUENTIAL and not settings.records
    is_fixed = "concurrency" in settings.sources and "concurrency_max" not in settings.sources
    most = settings.concurrency if is_fixed else settings.concurrency_max
    return Limits(
        concurrency=min(settings.concurrency, most),
        concurrency_max=most,
        requests_per_minute=settings.requests_per_minute,
        timeout=settings.timeout,
        max_calls=SEQUENTIAL_CALLS if settings.max_calls is None and sequential else settings.max_calls,
        max_cost=settings.max_cost,
    )


def _chat_classifier(settings: Settings, taxonomy: Mapping[str, str]) -> Classifier:
    from drift_checks.reviews.reviewers.llm import KEYS, OPENAI, ChatClassifier, Price
    from drift_checks.reviews.reviewers.prompt import load_prompt

    if settings.llm_model is None:
        raise SettingError(
            "llm-model", "the reviewer 'llm' needs a model", "name it as the endpoint does, with --drift-llm-model=NAME"
        )
    base_url = settings.llm_base_url or OPENAI
    key = find_secret(_ordered(KEYS, base_url), os.environ)
    if key is None:
        raise ReviewerError(
            "reviewer",
            f"'llm' needs a key for {base_url}",
            f"set the variable {KEYS[0]} (or {KEYS[1]}, {KEYS[2]}, or name a file with {KEYS[0]}_FILE); if the endpoint"
            " needs no key, any word will do",
        )
    key = _bare(key)
    if not taxonomy:
        raise SettingError(
            "taxonomy", "there is no category to choose from", "name a YAML file with --drift-taxonomy=FILE"
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


def _bare(key: Secret) -> Secret:
    """Return the key without quotes around it, and without the word that precedes it in a request."""
    text = key.reveal()
    if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return Secret(re.sub(r"^Bearer\s+(?=\S)", "", text, flags=re.IGNORECASE))


def _ordered(keys: tuple[str, str, str], base_url: str) -> tuple[str, ...]:
    """Return the names of the keys in order of preference; for Google's endpoints, Google's key precedes OpenAI's."""
    own, openai, google = keys
    is_google = (urlsplit(base_url).hostname or "").endswith(".googleapis.com")
    return (own, google, openai) if is_google else keys
