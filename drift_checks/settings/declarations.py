"""The settings of a run: each declared once, frozen when read.

Each field of Settings is the option `--drift-NAME`, the variable `DRIFT_NAME` and the ini key `drift_NAME`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from drift_checks.settings import kinds, pairs

DATABASE_NAME = "risk_classifications.db"
NEIGHBOURS = "neighbours"
LLM = "llm"
POINT = "point"
SEQUENTIAL = "sequential"
SAMPLE = "sample"
POPULATION = "population"
CONFIRMED = "confirmed"
ALWAYS = "always"
PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
# What a sequential decision draws where no budget is set.
SEQUENTIAL_CALLS = 200


def _setting(kind: kinds.AnyKind, default: Any, group: str, help_text: str) -> Any:
    return field(default=default, metadata={"kind": kind, "group": group, "help": help_text})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run was told to do.

    `sources` says where each value that is no default came from, `texts` how it was written there.
    """

    db: Path | None = _setting(
        kinds.path("a SQLite file"),
        None,
        "store",
        f"the records: a SQLite file (default: {DATABASE_NAME} in the Chroma directory, where it is there)",
    )
    chroma: Path | None = _setting(
        kinds.path("a Chroma directory"),
        None,
        "store",
        "the vectors: a Chroma directory (default: the variable CHROMA_PERSIST_PATH)",
    )
    snapshot_dir: Path | None = _setting(
        kinds.path("a folder"),
        None,
        "store",
        "where a private copy is made if reading would otherwise write (default: the system's cache folder)",
    )
    collection: str = _setting(
        kinds.word("a collection's name"), "risk_classifications", "store", "the collection in Chroma"
    )
    table: str = _setting(kinds.word("a table's name"), "risk_classifications", "store", "the table in SQLite")
    columns: tuple[tuple[str, str], ...] = _setting(
        pairs.column_pairs(),
        (),
        "store",
        "for another schema: ours=theirs pairs, as in text=body,category=label",
    )
    taxonomy: Path | None = _setting(
        kinds.path("a YAML file"),
        None,
        "store",
        "a YAML file: category to description (default: the categories in the store)",
    )
    sample_size: int | None = _setting(
        kinds.whole_or_auto(1),
        50,
        "sample",
        "records to review, or auto: 20 below 1,000 records, 50 to 10,000, 100 to 100,000, above 200 (then weekly)",
    )
    low_confidence_share: float = _setting(
        kinds.share(), 0.6, "sample", "the share of them drawn from the records of low confidence"
    )
    low_confidence_below: float = _setting(kinds.share(), 0.75, "sample", "low confidence is at or below this")
    old_days: int = _setting(kinds.whole(0), 90, "sample", "the others are older than this many days")
    baseline: int = _setting(
        kinds.whole(0),
        10,
        "sample",
        "further records from the rest of the store, to estimate the whole of it",
    )
    seed: int = _setting(kinds.any_whole(), None, "sample", "seed of the draw (default: the date in UTC, 20260115)")
    as_of: datetime = _setting(kinds.instant(), None, "sample", "the instant that ages are counted from (default: now)")
    naive_timezone: ZoneInfo = _setting(
        kinds.zone(), None, "sample", "the zone of timestamps without one (default: the machine's)"
    )
    records: tuple[str, ...] = _setting(
        kinds.record_ids(), (), "sample", "review exactly these ids, in place of a sample"
    )
    reviewer: str = _setting(
        kinds.reviewer(NEIGHBOURS, LLM),
        NEIGHBOURS,
        "reviewer",
        "what decides again: neighbours (a vote in Chroma), llm, or package.module:name, a classifier of your own",
    )
    llm_base_url: str = _setting(
        kinds.address(), None, "reviewer", "the endpoint that speaks OpenAI's chat completions (default: OpenAI's)"
    )
    llm_model: str = _setting(kinds.word("a model's name"), None, "reviewer", "the model, as the endpoint calls it")
    llm_prompt: Path | None = _setting(
        kinds.path("a text file"),
        None,
        "reviewer",
        "what the model is told to decide, with {{ categories }} for the list (default: one that is shipped)",
    )
    llm_price: tuple[float, float] | None = _setting(
        kinds.price(), None, "reviewer", "what a million tokens cost, in and out, as in 0.15,0.60"
    )
    llm_max_tokens: int = _setting(kinds.whole(1), 2048, "reviewer", "the most that one answer may take")
    concurrency: int = _setting(kinds.whole(1), 16, "reviewer", "reviews in flight")
    requests_per_minute: int | None = _setting(
        kinds.whole(1), None, "reviewer", "calls begun in a minute (default: as many as come)"
    )
    timeout: float = _setting(kinds.positive("seconds", most=86_400), 60.0, "reviewer", "seconds that a call may take")
    max_calls: int | None = _setting(
        kinds.whole(1), None, "reviewer", "calls of the whole run, retries included (default: as many as it takes)"
    )
    max_cost: float | None = _setting(
        kinds.positive("the unit of llm-price"), None, "reviewer", "what the whole run may cost (default: no bound)"
    )
    repeat: int = _setting(
        kinds.whole(0), 0, "reviewer", "records to ask about twice, to see how often the reviewer differs from itself"
    )
    stability: int | None = _setting(
        kinds.whole(0),
        None,
        "reviewer",
        "records to ask about again in other words for the same (default: 10 of a classifier of your own, else 0)",
    )
    resume: bool = _setting(kinds.flag(), False, "reviewer", "go on with the newest run that was broken off")
    warn: float = _setting(kinds.share(), 0.85, "verdict", "agreement below this is WARNING")
    critical: float = _setting(kinds.share(), 0.75, "verdict", "agreement below this is CRITICAL")
    min_reviewed: float = _setting(
        kinds.share(), 0.8, "verdict", "the share of the sample that must have been reviewed for a verdict"
    )
    decision: str = _setting(
        kinds.choice(POINT, SEQUENTIAL),
        POINT,
        "verdict",
        "point: the rate against the thresholds; sequential: review until the evidence decides, up to max-calls"
        f" ({SEQUENTIAL_CALLS} where unset)",
    )
    judge: str = _setting(
        kinds.choice(SAMPLE, POPULATION),
        SAMPLE,
        "verdict",
        "whose agreement is held against the thresholds: that of the sample, or the estimate of the whole store",
    )
    error_rate: float = _setting(
        kinds.share(),
        0.01,
        "verdict",
        "how often all tests of a run together may accuse a store in which nothing changed",
    )
    thresholds: tuple[tuple[str, float | None, float | None], ...] = _setting(
        pairs.thresholds(), (), "verdict", "other criteria's own, as in class_mix=0.2:0.5,trend=0.1:off"
    )
    least: tuple[tuple[str, int], ...] = _setting(
        pairs.least_numbers(), (), "verdict", "the records that a criterion needs at the least, as in class_mix=500"
    )
    recent_days: int = _setting(
        kinds.whole(1), 30, "windows", "the recent window: records of the last so many days, up to as-of"
    )
    reference_days: int = _setting(
        kinds.whole(1), 365, "windows", "the reference window: records of so many days before the recent window"
    )
    reports: Path = _setting(kinds.path("a folder"), Path("reports"), "report", "the folder that a run writes to")
    retention_days: int = _setting(
        kinds.whole(30), 90, "report", "days for which reports and history are kept, 30 at the least"
    )
    redact: bool = _setting(kinds.flag(), False, "report", "leave all text of records out of what a run leaves")
    write_back: bool = _setting(
        kinds.flag(),
        False,
        "store",
        "add the run to the store's table drift_metrics and mark its records reviewed: nothing else ever writes to it",
    )
    log_file: Path | None = _setting(
        kinds.path("a file"), None, "report", "a file for the log as well, as JSON lines, rotated at 10 MB, 10 kept"
    )
    log_config: Path | None = _setting(
        kinds.path("a YAML file"), None, "report", "a logging dictConfig in YAML, in place of the log on stderr"
    )
    quiet: bool = _setting(
        kinds.flag(), False, "report", "print nothing unless the verdict is worse than OK: for cron's MAILTO"
    )
    alerts: tuple[str, ...] | None = _setting(
        pairs.channels(),
        None,
        "alerts",
        "who is told: none, or slack, pagerduty, email, apprise (default: all that are configured)",
    )
    alert_on: tuple[tuple[str, tuple[str, ...]], ...] = _setting(
        pairs.told_verdicts(),
        (),
        "alerts",
        "which verdicts are told, as in slack=WARNING+CRITICAL,email=CRITICAL (default: all that are worse than OK)",
    )
    realert_hours: float = _setting(
        kinds.positive("hours"), 20.0, "alerts", "an unchanged verdict is told again after so many hours"
    )
    page_when: str = _setting(
        kinds.choice(CONFIRMED, ALWAYS),
        CONFIRMED,
        "alerts",
        "PagerDuty is triggered when CRITICAL is certain or comes twice running, or always",
    )
    pagerduty_url: str = _setting(
        kinds.address(), PAGERDUTY_URL, "alerts", "where PagerDuty takes events: that of the EU, or a proxy"
    )
    pagerduty_severities: tuple[tuple[str, str], ...] = _setting(
        pairs.severities(),
        (),
        "alerts",
        "PagerDuty's severity by verdict, or off (default: CRITICAL=critical,INCONCLUSIVE=warning,WARNING=off)",
    )
    report_url: str | None = _setting(
        kinds.address(), None, "alerts", "the address under which the folder of reports is published"
    )
    email_to: tuple[str, ...] = _setting(pairs.mail_addresses(), (), "alerts", "who gets mail, separated by commas")
    email_from: str | None = _setting(
        pairs.mail_address(), None, "alerts", "whom mail is from (default: drift-checks at this host)"
    )
    alert_dry_run: bool = _setting(
        kinds.flag(), False, "alerts", "print what would be sent, and neither send nor note it"
    )
    demo: bool = _setting(kinds.flag(), False, "demo", "review the built-in demo store")
    sources: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


class Setting(NamedTuple):
    """One field of Settings, as the sources name it."""

    key: str
    kind: kinds.AnyKind
    default: object
    group: str
    help: str

    @property
    def name(self) -> str:
        """The name in the documents and in messages."""
        return self.key.replace("_", "-")

    @property
    def option(self) -> str:
        """The command-line option."""
        return f"--drift-{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return f"DRIFT_{self.key.upper()}"

    @property
    def ini(self) -> str:
        """The key in the ini file; also where the option's value is kept."""
        return f"drift_{self.key}"


def declared() -> tuple[Setting, ...]:
    """Return every setting, in the order of the documents."""
    return tuple(
        Setting(item.name, item.metadata["kind"], item.default, item.metadata["group"], item.metadata["help"])
        for item in fields(Settings)
        if "kind" in item.metadata
    )
