"""The settings of a run, each declared once.

Each field of Settings is the option `--drift-NAME`, the variable `DRIFT_NAME` and the ini key `drift_NAME`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from drift_checks.core.addresses import Location
from drift_checks.settings import classifiers, kinds, locations, pairs

DATABASE_NAME = "risk_classifications.db"
DATABASE_FOLDER = "database"
CHROMA_DATABASE = "chroma.sqlite3"
NEIGHBOURS = "neighbours"
LLM = "llm"
LOCAL = "local"
TFIDF = "tfidf"
POINT = "point"
SEQUENTIAL = "sequential"
SAMPLE = "sample"
RANDOM, HUNT = "random", "hunt"
POPULATION = "population"
ACCURACY = "accuracy"
CONFIRMED = "confirmed"
ALWAYS = "always"
# The source of a setting that the store itself answered.
FOUND = "found in the store"
PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
# How many records a sequential decision draws if max-calls is not set.
SEQUENTIAL_CALLS = 200


def _setting(group: str, kind: kinds.AnyKind, help_text: str, default: Any = None) -> Any:
    return field(default=default, metadata={"kind": kind, "group": group, "help": help_text})


_store, _sample, _reviewer = partial(_setting, "store"), partial(_setting, "sample"), partial(_setting, "reviewer")
_verdict, _windows, _report = partial(_setting, "verdict"), partial(_setting, "windows"), partial(_setting, "report")
_alerts, _demo = partial(_setting, "alerts"), partial(_setting, "demo")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a run.

    `sources` holds where each value that is not a default came from, and `texts` how it was written there.
    """

    db: Location | None = _store(
        locations.records_location(),
        "file with the records: SQLite, .csv, .tsv, .jsonl, .parquet, .duckdb, or a folder or glob of such files; or"
        " the URL of a database, as in postgresql://user@host/database, with the password in DRIFT_DB_PASSWORD"
        f" (default: {DATABASE_NAME} in the Chroma directory, else in ./{DATABASE_FOLDER}, if it exists)",
    )
    chroma: Location | None = _store(
        locations.vectors_location(),
        "Chroma directory with the vectors, the URL of a Chroma server, as in http://host:8000, or none (default: the"
        " variable CHROMA_PERSIST_PATH, else the folder of the records if it is one)",
    )
    snapshot_dir: Path | None = _store(
        locations.path("a folder"),
        "folder for private copies of a store that cannot be read in place (default: the system's cache folder)",
    )
    collection: str = _store(
        kinds.word("the name of a collection"), "name of the collection in Chroma", "risk_classifications"
    )
    chroma_tenant: str | None = _store(
        kinds.word("the name of a tenant"),
        "tenant of the collection, needed only if several collections have its name, or if a server has several tenants"
        " (default on a server: the variable CHROMA_TENANT, else the tenant of the credentials)",
    )
    chroma_database: str | None = _store(
        kinds.word("the name of a database"),
        "database of the collection in Chroma, needed only if several collections have its name (default on a server:"
        " the variable CHROMA_DATABASE)",
    )
    table: str = _store(kinds.word("the name of a table"), "name of the SQLite table", "risk_classifications")
    columns: tuple[tuple[str, str], ...] = _store(
        pairs.column_pairs(),
        "column names of another schema, as in text=body,category=label,"
        " and the key of the category in Chroma's metadata, as in metadata.category=label",
        (),
    )
    where: str | None = _store(
        kinds.word("a SQL condition"),
        "SQL condition that only rows with a decision meet, as in status = 'done' (default: a category is there)",
    )
    query_timeout: float = _store(
        kinds.positive("seconds", most=86_400),
        "maximum duration of a query to the records, or of a request to a Chroma server, in seconds",
        60.0,
    )
    taxonomy: Path | None = _store(
        locations.path("a YAML file"),
        "YAML file that maps each category to its description (default: the categories in the store)",
    )
    sample_size: int | Literal["all"] | None = _sample(
        kinds.size_of_sample(),
        "records to review; all of the store; or auto: 20 in a store of under 1,000 records, 50 up to 10,000, 100 up"
        " to 100,000, else 200 (review weekly then)",
        50,
    )
    sample: str = _sample(
        kinds.choice(RANDOM, HUNT),
        "random; or hunt: half of the sample is drawn from labels that are probably wrong, and the estimate for the"
        " whole store is weighted accordingly",
        RANDOM,
    )
    low_confidence_share: float = _sample(
        kinds.share(), "share of the sample drawn from records of low confidence", 0.6
    )
    low_confidence_below: float = _sample(
        kinds.share(), "records with a confidence at or below this count as low confidence", 0.75
    )
    old_days: int = _sample(kinds.whole(0), "the rest of the sample is older than this many days", 90)
    baseline: int = _sample(
        kinds.whole(0),
        "number of additional records from the rest of the store, needed to estimate the agreement of the whole store",
        10,
    )
    seed: int = _sample(kinds.any_whole(), "seed of the random draw (default: the date in UTC, as in 20260115)")
    as_of: datetime = _sample(
        kinds.instant(),
        "reference time from which ages are measured, or a date, for its midnight in UTC (default: now)",
    )
    naive_timezone: ZoneInfo = _sample(kinds.zone(), "time zone of timestamps that have none (default: the machine's)")
    records: tuple[str, ...] = _sample(kinds.record_ids(), "review exactly these record ids instead of a sample", ())
    reviewer: str = _reviewer(
        classifiers.reviewers(LLM, NEIGHBOURS, LLM),
        "neighbours (a vote of the most similar records), llm, or package.module:name of your own classifier; or"
        " several with commas, as in neighbours,llm: the first decides, and the criterion attribution compares all",
        NEIGHBOURS,
    )
    embedding: str | None = _reviewer(
        classifiers.embedding(TFIDF),
        "what neighbours compares texts by: tfidf, package.module:name of a function from a list of texts to an array"
        " of vectors, or the name of a sentence-transformers model (default: the vectors of the store, else tfidf)",
    )
    llm_base_url: str = _reviewer(
        locations.address(), "endpoint that implements OpenAI's chat completions API (default: OpenAI's)"
    )
    llm_model: str = _reviewer(kinds.word("the name of a model"), "name of the model, as the endpoint knows it")
    llm_prompt: Path | None = _reviewer(
        locations.path("a text file"),
        "instructions for the model, in which {{ categories }} stands for the list (default: built in)",
    )
    llm_price: tuple[float, float] | None = _reviewer(
        kinds.price(), "price of a million input and output tokens, as in 0.15,0.60"
    )
    llm_max_tokens: int = _reviewer(kinds.whole(1), "maximum number of tokens of an answer", 2048)
    concurrency: int = _reviewer(
        kinds.whole(1), "number of reviews in flight: from the start, and throughout if only this is set", 16
    )
    concurrency_max: int = _reviewer(
        kinds.whole(1),
        "how far concurrency may grow while the endpoint allows it; your own classifier keeps to concurrency",
        64,
    )
    cluster: str | None = _reviewer(
        locations.cluster(LOCAL),
        "Dask cluster on which your own classifier, or neighbours, runs: local (a worker for each processor is"
        " started), or the address of a scheduler, as in tcp://scheduler:8786; or none (default: in this process)",
    )
    requests_per_minute: int | None = _reviewer(
        kinds.whole(1), "maximum number of calls started in a minute (default: unlimited)"
    )
    timeout: float = _reviewer(kinds.positive("seconds", most=86_400), "maximum duration of a call in seconds", 60.0)
    max_calls: int | None = _reviewer(
        kinds.whole(1), "maximum number of calls in a run, retries included (default: unlimited)"
    )
    max_cost: float | None = _reviewer(
        kinds.positive("the currency of llm-price"), "maximum cost of a run (default: unlimited)"
    )
    repeat: int = _reviewer(
        kinds.whole(0), "number of records to review twice, to measure how often the reviewer contradicts itself", 0
    )
    stability: int | None = _reviewer(
        kinds.whole(0),
        "number of records to review again with the text reworded (default: 10 with your own classifier, else 0)",
    )
    anchors: int = _reviewer(
        kinds.whole(0),
        "number of anchors (texts whose right category is known from judgements or the gold set) that are reviewed each"
        " night beside the sample, to tell a reviewer that moved from a store that moved",
        10,
    )
    gold: Path | None = _reviewer(
        locations.path("a CSV or JSONL file"),
        "CSV or JSONL file of your own anchors, each with its category and the id of a record, a text, or both",
    )
    resume: bool = _reviewer(kinds.flag(), "continue the newest interrupted run", False)
    warn: float = _verdict(kinds.share(), "agreement below this is WARNING", 0.85)
    critical: float = _verdict(kinds.share(), "agreement below this is CRITICAL", 0.75)
    min_reviewed: float = _verdict(
        kinds.share(), "share of the sample that must be reviewed for a verdict other than INCONCLUSIVE", 0.8
    )
    decision: str = _verdict(
        kinds.choice(POINT, SEQUENTIAL),
        "point: compare the rate with the thresholds; sequential: review until the evidence decides, up to max-calls"
        f" ({SEQUENTIAL_CALLS} if unset)",
        POINT,
    )
    judge: str = _verdict(
        kinds.choice(SAMPLE, POPULATION, ACCURACY),
        "what is compared with the thresholds: population, the estimated agreement of the whole store (that of the"
        " sample if there is none); sample, its agreement; or accuracy, the share of right labels in the store,"
        " estimated from judgements",
        POPULATION,
    )
    error_rate: float = _verdict(
        kinds.share(),
        "probability that the significance tests of a run report drift in a store that has not changed",
        0.01,
    )
    thresholds: tuple[tuple[str, float | None, float | None], ...] = _verdict(
        pairs.thresholds(),
        "WARNING and CRITICAL thresholds of other criteria, as in class_mix=0.2:0.5,trend=0.1:off",
        (),
    )
    least: tuple[tuple[str, int], ...] = _verdict(
        pairs.least_numbers(),
        "number of records that a criterion needs; with fewer, a rate is CRITICAL only if its whole interval is, and a"
        " statistic is not measured, as in class_mix=500",
        (),
    )
    recent_days: int = _windows(kinds.whole(1), "length of the recent window, which ends at as-of, in days", 30)
    reference_days: int = _windows(
        kinds.whole(1), "length of the reference window, just before the recent one, in days", 365
    )
    reports: Path = _report(locations.path("a folder"), "folder that runs write to", Path("reports"))
    retention_days: int = _report(kinds.whole(30), "number of days to keep reports and history, at least 30", 90)
    record_url: str | None = _report(
        locations.record_address(),
        "URL of a record in your own system, with {id} in place of its id, as in https://app/item/{id}, for links in"
        " the report",
    )
    redact: bool = _report(kinds.flag(), "leave the text of records out of reports, alerts and logs", False)
    write_back: bool = _store(
        kinds.flag(),
        "add the run to the store's table drift_metrics and mark its records as reviewed; without this, a run never"
        " writes to the store",
        False,
    )
    log_file: Path | None = _report(
        locations.path("a file"),
        "also write the log to this file, as JSON lines; it is rotated at 10 MB, and 10 files are kept",
    )
    log_config: Path | None = _report(
        locations.path("a YAML file"), "YAML file with a logging dictConfig, instead of logging to stderr"
    )
    quiet: bool = _report(kinds.flag(), "print nothing unless the verdict is worse than OK, for cron's MAILTO", False)
    alerts: tuple[str, ...] | None = _alerts(
        pairs.channels(),
        "channels to alert: none, or any of slack, pagerduty, email and apprise (default: all that are configured)",
    )
    alert_on: tuple[tuple[str, tuple[str, ...]], ...] = _alerts(
        pairs.alert_verdicts(),
        "verdicts to alert on, as in slack=WARNING+CRITICAL,email=CRITICAL (default: all that are worse than OK)",
        (),
    )
    realert_hours: float = _alerts(
        kinds.positive("hours"), "send an unchanged verdict again after this many hours", 20.0
    )
    page_when: str = _alerts(
        kinds.choice(CONFIRMED, ALWAYS),
        "confirmed: trigger PagerDuty if CRITICAL is certain or occurs twice in a row; always: for every CRITICAL",
        CONFIRMED,
    )
    pagerduty_url: str = _alerts(
        locations.address(), "PagerDuty's events endpoint, for the EU service region or a proxy", PAGERDUTY_URL
    )
    pagerduty_severities: tuple[tuple[str, str], ...] = _alerts(
        pairs.severities(),
        "PagerDuty severity of each verdict, or off (default: CRITICAL=critical,INCONCLUSIVE=warning,WARNING=off)",
        (),
    )
    report_url: str | None = _alerts(
        locations.address(), "URL at which the folder of reports is published, for links in alerts"
    )
    email_to: tuple[str, ...] = _alerts(pairs.mail_addresses(), "recipients of alert mail, separated by commas", ())
    email_from: str | None = _alerts(pairs.mail_address(), "sender of alert mail (default: drift-checks at this host)")
    alert_dry_run: bool = _alerts(
        kinds.flag(), "print the alerts that would be sent, without sending or recording them", False
    )
    demo: bool = _demo(kinds.flag(), "review the built-in demo store", False)
    sources: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def reviewers(self) -> tuple[str, ...]:
        """The names of the reviewers; the first decides."""
        return tuple(self.reviewer.split(","))

    def reviewed_by(self, name: str) -> Settings:
        """Return the settings of a run in which this reviewer is the only one."""
        word, equals, model = name.partition("=")
        # The price is that of the other model.
        other_model: dict[str, Any] = {"llm_model": model, "llm_price": None} if equals else {}
        return replace(self, reviewer=word, **other_model)


class Setting(NamedTuple):
    """The declaration of one setting, with its names in each source."""

    key: str
    kind: kinds.AnyKind
    default: object
    group: str
    help: str

    @property
    def name(self) -> str:
        """The name in documentation and messages."""
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
        """The key in the ini file, which is also the option's name in a namespace of argparse."""
        return f"drift_{self.key}"


def declared() -> tuple[Setting, ...]:
    """Return every setting, in the order of the documentation."""
    return tuple(
        Setting(item.name, item.metadata["kind"], item.default, item.metadata["group"], item.metadata["help"])
        for item in fields(Settings)
        if "kind" in item.metadata
    )
