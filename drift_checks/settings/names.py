"""The names of the settings alone: every session of pytest declares them as options, and few sessions read one.

A test compares them with the declarations.
"""

from __future__ import annotations

# Those that are on or off.
SWITCHES = ("resume", "redact", "write_back", "quiet", "alert_dry_run", "demo")
# Those that take a value.
NAMES = (
    *("db", "chroma", "snapshot_dir", "collection", "chroma_tenant", "chroma_database", "table", "columns", "where"),
    *("query_timeout", "taxonomy"),
    *("sample_size", "sample", "low_confidence_share", "low_confidence_below", "old_days", "baseline", "seed"),
    *("as_of", "naive_timezone", "records"),
    *("reviewer", "embedding", "llm_base_url", "llm_model", "llm_prompt", "llm_price", "llm_max_tokens"),
    *("concurrency", "concurrency_max", "cluster", "requests_per_minute", "timeout", "max_calls", "max_cost"),
    *("repeat", "stability", "anchors", "gold"),
    *("warn", "critical", "min_reviewed", "decision", "judge", "error_rate", "thresholds", "least"),
    *("recent_days", "reference_days"),
    *("reports", "retention_days", "log_file", "log_config", "record_url"),
    *("alerts", "alert_on", "realert_hours", "page_when", "pagerduty_url", "pagerduty_severities", "report_url"),
    *("email_to", "email_from"),
)
