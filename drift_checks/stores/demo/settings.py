"""The settings of a demo run: the built-in store and a fixed sample."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import platformdirs

from drift_checks.settings.declarations import NEIGHBOURS, Settings
from drift_checks.stores.demo.store import demo_store

_PINNED = {"seed", "as_of", "naive_timezone"}


def demo_settings(settings: Settings) -> Settings:
    """Return the settings with the demo store in place of any other.

    Seed, reference time, zone and reviewer are fixed, unless they are options: every demo run has the same verdict and
    costs nothing.
    """
    demo = demo_store(Path(platformdirs.user_cache_dir("drift-checks")) / "demo")
    pinned = {"seed": demo.seed, "as_of": demo.as_of, "naive_timezone": ZoneInfo(demo.naive_timezone)}
    given = {key for key in _PINNED if settings.sources.get(key, "").startswith("--")}
    return replace(
        settings,
        db=demo.db,
        chroma=demo.chroma,
        taxonomy=demo.taxonomy,
        reviewer=settings.reviewer if settings.sources.get("reviewer", "").startswith("--") else NEIGHBOURS,
        table=Settings.table,
        collection=Settings.collection,
        chroma_tenant=None,
        chroma_database=None,
        columns=(),
        **{key: value for key, value in pinned.items() if key not in given},  # type: ignore[arg-type]
    )
