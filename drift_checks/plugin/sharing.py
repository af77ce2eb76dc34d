"""What is the same for all items of a check, so that it is done once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from drift_checks.core.records import Record, RecordId, Review
from drift_checks.plugin import fixtures


class SharedFixtures:
    """The values of the session's fixtures that the items of a check share.

    For each item pytest asks each fixture again, and those that it asks for, which takes as long as all the rest. It
    leaves out what is in the item's `funcargs` already.
    """

    def __init__(self) -> None:
        # By the function of the items.
        self._found: dict[object, list[tuple[str, pytest.FixtureDef[Any], object]]] = {}

    def note(self, item: pytest.Function) -> None:
        """Note the values of an item that is set up."""
        if item.function not in self._found and _record_of(item) is not None:
            # There is no public way.
            definitions = item._fixtureinfo.name2fixturedefs
            self._found[item.function] = [
                (name, definitions[name][-1], item.funcargs[name])
                for name in item.fixturenames
                if name in definitions and definitions[name][-1].scope == "session" and name in item.funcargs
            ]

    def fill(self, item: pytest.Function, reviews: Mapping[RecordId, Review]) -> None:
        """Give an item that is about to be set up its record, its review if there is one, and the values noted."""
        found, record = self._found.get(item.function), _record_of(item)
        if found is None or record is None:
            return
        for name, fixture, value in found:
            # It may have been torn down since.
            if fixture.cached_result is not None and fixture.cached_result[0] is value:
                item.funcargs[name] = value
        item.funcargs["record"] = record
        if "request" in item.fixturenames:
            item.funcargs["request"] = item._request
        review = reviews.get(record.id)
        # Without one, the fixture says why.
        if review is not None and review.made and _is_ours(item, "review") and _is_ours(item, "reviews"):
            item.funcargs["review"] = review


def _record_of(item: pytest.Function) -> Record | None:
    """Return the record of an item that differs from others of its function by nothing else."""
    parameters: Mapping[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    record = parameters.get("record")
    # Another parameter may be that of a fixture on which these depend. `--setup-show` shows what pytest looks up.
    is_alone = len(parameters) == 1 and not item.config.getoption("setupshow", False)
    return record if is_alone and isinstance(record, Record) else None


def _is_ours(item: pytest.Function, fixture: str) -> bool:
    definitions = item._fixtureinfo.name2fixturedefs.get(fixture, ())
    return bool(definitions) and all(found.func.__module__ == fixtures.__name__ for found in definitions)
