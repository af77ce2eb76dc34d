"""What SQLite and DuckDB, which run in this process, spell alike."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from drift_checks.stores.expressions import WHITE_SPACE


class InProcessDialect:
    """An engine that calls functions of Python, and orders texts byte by byte."""

    in_process = True

    def table(self, name: str, *columns: sa.ColumnClause[Any]) -> sa.TableClause:
        """Return the table or view with this name."""
        return sa.table(name, *columns)

    def ordered(self, key: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the column: its texts are ordered byte by byte."""
        return key

    def least(self, key: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the lowest id of a group."""
        return sa.func.min(key)

    def is_blank(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
        """Return whether a text has nothing but white space."""
        return sa.func.trim(text, WHITE_SPACE) == ""

    def identity(self, text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the text, compared byte by byte."""
        return sa.collate(text, "BINARY")
