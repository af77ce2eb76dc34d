"""Hiding secrets in texts."""

from __future__ import annotations

import pytest

from drift_checks.core.masking import mask_password, mask_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host:8000/v1", "https://host:8000/v1"),
        ("https://user:secret@host/v1", "https://…@host/v1"),
        ("postgresql://user:se/cr?et@host/db", "postgresql://…@host/db"),
        ("postgresql:/user:secret@host/db", "…@host/db"),
        ("https://user:secret/v1", "https://user:…"),
        ("https://host/v1?key=secret", "https://host/v1…"),
        ("se cret://host", "…://host"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    """However badly it is written."""
    assert mask_url(url) == shown


@pytest.mark.parametrize("path", ["/data/a@b.db", "C:/data.db", "risks.db", "2026-01-01T10:00:00.db"])
def test_a_path_is_shown_as_it_is(path: str) -> None:
    """A name may hold a colon or an @."""
    assert mask_password(path) == path
