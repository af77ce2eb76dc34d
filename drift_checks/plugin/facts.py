"""The facts of a run, gathered from its pipeline and its session."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import pytest

from drift_checks.core.instants import format_instant
from drift_checks.core.outcomes import AGREEMENT
from drift_checks.core.plain import from_plain
from drift_checks.operations.repair import FOLDER
from drift_checks.plugin.criterion_files import CRITERIA
from drift_checks.plugin.keys import CALL
from drift_checks.report.history.recorded import (
    OutsideFacts,
    ReviewerFacts,
    SampleFacts,
    SelfDisagreement,
    StoreFacts,
)
from drift_checks.report.outside import find_outside
from drift_checks.report.repeat import repeat_calls, repeat_commands
from drift_checks.report.run import Facts
from drift_checks.reviews.cluster.choice import UsedCluster
from drift_checks.reviews.labels.predictions import LabelPredictions
from drift_checks.reviews.ledger import Ledger
from drift_checks.reviews.reviewers.base import Classifier
from drift_checks.reviews.reviewers.concurrency import UsedConcurrency
from drift_checks.reviews.run import Pipeline
from drift_checks.reviews.vectors.base import Comparison
from drift_checks.settings.declarations import LLM, declared

_LIBRARIES = ("drift-checks", "chromadb", "numpy", "pytest", "sqlalchemy")
_USED = ("calls", "failed", "not_asked", "input_tokens", "output_tokens", "cost", "median_seconds", "slowest_seconds")
# The name under which `python -m drift_checks` registers its plugin.
CLI_PLUGIN = "drift_checks_cli"


def gather_facts(config: pytest.Config, pipeline: Pipeline, counts: Mapping[str, Any], **of_run: Any) -> Facts:
    """Return the facts of a run.

    `counts` holds the number of `vectors`, the `comparison`, the `cluster`, the `concurrency`, the `predictions` of
    all labels and the `totals` of the reviews, which may come from another process, and `of_run` the fields `run_id`,
    `started`, `finished`, `partial`, `coverage` and `interrupted`.
    """
    settings, sample, classifier = pipeline.settings, pipeline.sample, pipeline.classifier
    repeat, repeat_record = _how_to_repeat(config, pipeline)
    totals = counts["totals"]
    asks_llm = any(named.name.partition("=")[0] == LLM for named in pipeline.named)
    libraries = (*_LIBRARIES, "httpx") if asks_llm else _LIBRARIES
    return Facts(
        store=StoreFacts(
            db=str(settings.db),
            table=settings.table,
            has_tables=pipeline.store.file.only_table is None,
            chroma=str(settings.chroma) if settings.chroma else None,
            collection=settings.collection,
            records=sample.store_size,
            vectors=counts["vectors"],
            versions=pipeline.versions,
        ),
        sample=SampleFacts(
            size=len(sample.records),
            seed=sample.seed,
            as_of=format_instant(sample.as_of),
            naive_timezone=sample.naive_timezone,
            method=sample.method,
            strata={str(stratum): number for stratum, number in sample.drawn().items()},
            store_strata={str(stratum): number for stratum, number in sample.sizes.items()},
            record_ids=tuple(record.id for record in sample.records),
            notes=(*sample.notes, *_repaired(pipeline)),
        ),
        reviewer=_reviewer(
            pipeline.reviewer_name,
            classifier,
            totals,
            comparison=None if counts["comparison"] is None else from_plain(Comparison, counts["comparison"]),
            cluster=None if counts["cluster"] is None else from_plain(UsedCluster, counts["cluster"]),
            concurrency=None if counts["concurrency"] is None else from_plain(UsedConcurrency, counts["concurrency"]),
            outside=_outside(pipeline, classifier, pipeline.ledger),
        ),
        second_reviewers=tuple(
            _reviewer(
                second.name,
                second.classifier,
                second.ledger.totals(),
                comparison=pipeline.compared_by(second.name),
                concurrency=second.concurrency,
                outside=_outside(pipeline, second.classifier, second.ledger),
            )
            for second in pipeline.second
        ),
        judged=[str(stratum) for stratum in sample.judged],
        # A part of the sample is no more random than records that were named.
        chosen=sample.chosen or AGREEMENT in of_run["coverage"].in_part,
        comparable_confidence=classifier is not None and classifier.comparable_confidence,
        warn=settings.warn,
        critical=settings.critical,
        min_reviewed=settings.min_reviewed,
        decision=settings.decision,
        judge=settings.judge,
        error_rate=settings.error_rate,
        demo=settings.demo,
        predictions=None if counts["predictions"] is None else from_plain(LabelPredictions, counts["predictions"]),
        resumable=classifier is not None,
        redacted=settings.redact,
        found=pipeline.found,
        repeat=repeat,
        repeat_record=repeat_record,
        record_url=settings.record_url,
        settings={
            setting.name: f"{getattr(settings, setting.key)} ({settings.sources[setting.key]})"
            for setting in declared()
            if setting.key in settings.sources
        },
        versions={name: version(name) for name in libraries},
        **of_run,
    )


def _repaired(pipeline: Pipeline) -> Iterator[str]:
    # Few stores have a plan of repair.
    if (pipeline.settings.reports / FOLDER).is_dir():
        from drift_checks.operations.repair.effect import notes_on_repair

        yield from notes_on_repair(pipeline, datetime.now(UTC))


def _reviewer(name: str, classifier: Classifier | None, totals: Mapping[str, Any], **facts: Any) -> ReviewerFacts:
    return ReviewerFacts(
        name=name,
        model=", ".join(totals["models"]) or (classifier.model if classifier else None),
        prompt=getattr(classifier, "prompt_version", None),
        omitted_parameters=tuple(totals["omitted_parameters"]),
        reviewed=totals["reviews"],
        self_disagreement=SelfDisagreement.of(totals["repeated"], totals["differed"]),
        **{key: totals[key] for key in _USED},
        **facts,
    )


def _outside(pipeline: Pipeline, classifier: Classifier | None, ledger: Ledger) -> OutsideFacts | None:
    """Return the classifier's answers that are neither in the taxonomy nor stored; neighbours have stored ones."""
    if classifier is None:
        return None
    known = {*pipeline.taxonomy, *(record.category for record in pipeline.sample.records)}
    return find_outside((review.category for review in ledger.reviews.values() if review.category), known)


def wraps_pytest(config: pytest.Config) -> bool:
    """Whether scripts/review or `python -m drift_checks` started pytest."""
    return bool(os.environ.get("DRIFT_VERDICT_FILE")) or config.pluginmanager.has_plugin(CLI_PLUGIN)


def _how_to_repeat(config: pytest.Config, pipeline: Pipeline) -> tuple[str, str]:
    settings, sample = pipeline.settings, pipeline.sample
    if CALL not in config.stash:
        return repeat_commands(_way_in(config), settings, sample)
    objects = {}
    if config.stash[CALL].table is not None and settings.db is not None:
        objects["db"] = f"table, name={settings.db.name!r}"
    if pipeline.reviewer_names != settings.reviewer:
        objects["reviewer"] = f"reviewer={_as_argument(pipeline)}"
    return repeat_calls(objects, settings, sample)


def _as_argument(pipeline: Pipeline) -> str:
    """Return the reviewers as the caller may have passed them."""
    given = [repr(item.name) if item.classifier is None else item.name.rpartition(":")[2] for item in pipeline.named]
    return given[0] if len(given) == 1 else f"[{', '.join(given)}]"


def _way_in(config: pytest.Config) -> str:
    """Return the command that began this run, without its settings, as it works from any folder."""
    if os.environ.get("DRIFT_VERDICT_FILE"):
        command = [str(CRITERIA.parent.parent / "scripts" / "review")]
    elif config.pluginmanager.has_plugin(CLI_PLUGIN):
        command = ["python", "-m", "drift_checks"]
    else:
        command = ["pytest", *_selection(config)]
    # Modules, criteria and the ini file may be named relative to that folder.
    return f"cd {shlex.quote(str(config.invocation_params.dir))} && {shlex.join(command)}"


def _selection(config: pytest.Config) -> Iterator[str]:
    """Yield the arguments that select criteria; others are left out, since they may be secrets."""
    option = config.option
    if option.pyargs:
        yield "--pyargs"
    for name, value in (("-c", option.inifilename), ("-k", option.keyword), ("-m", option.markexpr)):
        if value:
            yield from (name, str(value))
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        yield from config.args
