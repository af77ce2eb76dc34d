"""Metrics, alert rules and dashboard, tested with a real Prometheus and a real node exporter."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from drift_checks.report.document import drift_document
from drift_checks.report.history.recorded import RecordedRun, recorded_run
from drift_checks.report.metrics import HELP, metrics_text, write_metrics
from drift_checks.report.verdict import Verdict
from drift_checks.statistics.intervals import Estimate
from tests.support.checkout import REPOSITORY
from tests.support.histories import altered, criterion
from tests.support.ports import free_port
from tests.support.reports import report, reviewed

# Read before a fixture takes the machine's settings away.
pytestmark = pytest.mark.server

REQUIRED = os.environ.get("DRIFT_REQUIRE_SERVERS") == "1"
MONITORING = REPOSITORY / "scripts" / "monitoring"
RULES = MONITORING / "drift-checks.rules.yml"
DASHBOARD = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = sorted({target["expr"] for panel in PANELS for target in panel["targets"]})
NOW = datetime.now(UTC)
CRITICAL, OLD, HOSTILE = "/data/critical.db", "/data/old.db", '/data/"a\\b"\n\0\r\udcff.db'
EFFECT = criterion("class_mix", passed=1, value=0.04, warn=0.1, critical=0.25)
Found = TypeVar("Found")
CONFIGURATION = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
  - job_name: node
    static_configs: [{targets: ["127.0.0.1:%d"]}]
"""


def run(db: str, verdict: Verdict, age: timedelta, **changed: Any) -> RecordedRun:
    """Return a run of the store that started this long ago."""
    written = drift_document(report(reviewed(40, 10), db=db))
    recorded = recorded_run(json.loads(json.dumps(written)))
    store = {"db": db, "table": "t", "collection": "c"}
    return altered(recorded, store=store, verdict=verdict, started=NOW - age, finished=NOW - age, **changed)


def runs() -> list[RecordedRun]:
    """Return a complete critical run, an old one, an old critical demo, and one with a hostile name."""
    recent = run(CRITICAL, Verdict.CRITICAL, timedelta(hours=1))
    known = altered(
        recent,
        criteria=(*recent.criteria, EFFECT),
        agreement={"population": Estimate(0.9, (0.85, 0.95))},
        reviewer={"input_tokens": 25_000, "output_tokens": 3_000, "cost": 0.12},
    )
    return [
        known,
        run(OLD, Verdict.OK, timedelta(days=4)),
        run("/cache/demo.db", Verdict.CRITICAL, timedelta(days=4), demo=True),
        run(HOSTILE, Verdict.OK, timedelta(hours=1)),
    ]


def program(name: str) -> str:
    """Return the path of a program; without it, skip the test, or fail if servers are required."""
    found = shutil.which(name)
    if found is None:
        reason = f"{name} is missing: apt-get install --no-install-recommends prometheus prometheus-node-exporter"
        if REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def promtool(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool in the folder of the rules, with this standard input."""
    return subprocess.run(
        [program("promtool"), *arguments], cwd=MONITORING, input=given, capture_output=True, text=True, timeout=60
    )


def wait_for(find: Callable[[], Found], enough: Callable[[Found], bool], seconds: float = 60) -> Found:
    """Return what is found as soon as it is enough, or when the time is up."""
    end = time.monotonic() + seconds
    while not enough(found := find()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def get(url: str, **query: str) -> str:
    """Return a server's answer, empty if there is none."""
    try:
        with urlopen(f"{url}?{urlencode(query)}", timeout=10) as answer:
            content: bytes = answer.read()
            return content.decode()
    except (URLError, ConnectionError):
        return ""


@contextmanager
def started(command: list[str], log: Path, ready: str) -> Iterator[None]:
    """Run a server, which answers at the address `ready` once it is up."""
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            answer = wait_for(lambda: get(ready), lambda text: bool(text) or process.poll() is not None)
            assert answer, log.read_text()
            yield
        finally:
            process.kill()


@contextmanager
def served(path: Path) -> Iterator[int]:
    """Serve the file as an exporter does; yield the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(path.read_bytes())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a Prometheus that reads the metrics of four stores and alerts at once."""
    command = program("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    write_metrics(folder / "metrics.prom", runs())
    rules, number = re.subn(r"\bfor: \w+", "for: 0s", RULES.read_text(encoding="utf-8"))
    assert number == len(yaml.safe_load(rules)["groups"][0]["rules"])
    (folder / "rules.yml").write_text(rules)
    address = f"127.0.0.1:{free_port()}"
    with served(folder / "metrics.prom") as port:
        (folder / "prometheus.yml").write_text(CONFIGURATION % port)
        options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        with started(
            [command, *options, f"--web.listen-address={address}"], folder / "log", f"http://{address}/-/ready"
        ):
            assert wait_for(lambda: answer(f"http://{address}", "drift_checks_run_info"), bool), "nothing was scraped"
            yield f"http://{address}"


def answer(address: str, expression: str) -> list[dict[str, Any]]:
    """Return the series that an expression evaluates to."""
    told = json.loads(get(f"{address}/api/v1/query", query=expression) or '{"data": {"result": []}}')
    found: list[dict[str, Any]] = told["data"]["result"]
    return found


def firing(address: str) -> set[tuple[str, str]]:
    """Return the firing alerts, each with its store."""
    told = json.loads(get(f"{address}/api/v1/alerts"))["data"]["alerts"]
    return {
        (item["labels"]["alertname"], item["labels"].get("store", "")) for item in told if item["state"] == "firing"
    }


def test_promtool_accepts_the_metrics() -> None:
    """Their format and their names."""
    done = promtool("check", "metrics", given=metrics_text(runs()))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_promtool_accepts_the_rules() -> None:
    """They are valid, without duplicates, and pass their own tests."""
    for command in (("check", "rules", "--lint-fatal", RULES.name), ("test", "rules", "drift-checks.rules.test.yml")):
        done = promtool(*command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_has_a_test_in_which_it_fires() -> None:
    """With its texts."""
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
    tests = yaml.safe_load((MONITORING / "drift-checks.rules.test.yml").read_text(encoding="utf-8"))["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == {rule["alert"] for rule in rules}


def test_each_panel_asks_the_chosen_data_source() -> None:
    """None names a source that only one Grafana knows."""
    asked = [item["datasource"] for panel in PANELS for item in (panel, *panel["targets"])]
    assert {source["uid"] for source in asked} == {"${datasource}"}


def test_the_page_on_monitoring_explains_every_metric() -> None:
    """And no other."""
    page = (REPOSITORY / "docs" / "monitoring.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`drift_checks_(\w+)`", page)) == set(HELP)


@pytest.mark.slow
def test_the_dashboard_shows_the_chosen_stores(prometheus: str) -> None:
    """It offers them by their labels, and every expression has data, of the chosen ones only."""
    (query,) = [item["query"]["query"] for item in DASHBOARD["templating"]["list"] if item["name"] == "store"]
    named = re.fullmatch(r"label_values\((\w+), (\w+)\)", query)
    assert named is not None
    told = json.loads(get(f"{prometheus}/api/v1/label/{named[2]}/values", **{"match[]": named[1]}))
    assert {CRITICAL, OLD, "demo"} < set(told["data"])
    for expression in EXPRESSIONS:
        assert answer(prometheus, expression.replace("$store", ".+")), expression
        found = answer(prometheus, expression.replace("$store", CRITICAL))
        assert {item["metric"]["store"] for item in found} == {CRITICAL}, expression


@pytest.mark.slow
def test_the_alerts_of_real_metrics_fire(prometheus: str) -> None:
    """For a critical store and one that is no longer reviewed, not for the demo, which is both; any name is read."""
    expected = {("DriftCritical", CRITICAL), ("DriftReviewMissing", OLD)}
    assert wait_for(lambda: firing(prometheus), lambda found: found == expected) == expected
    # With line feeds, quotes and backslashes; invalid UTF-8 is escaped.
    found = {item["metric"]["store"] for item in answer(prometheus, "drift_checks_verdict")}
    assert HOSTILE.encode("utf-8", "backslashreplace").decode() in found


def test_the_node_exporter_passes_the_metrics_on(tmp_path: Path) -> None:
    """All of them, through a link to the file that runs replace."""
    command = program("prometheus-node-exporter")
    (tmp_path / "reports").mkdir()
    (tmp_path / "collected").mkdir()
    write_metrics(tmp_path / "reports" / "metrics.prom", runs())
    (tmp_path / "collected" / "drift-checks.prom").symlink_to(tmp_path / "reports" / "metrics.prom")
    address = f"127.0.0.1:{free_port()}"
    options = ["--collector.disable-defaults", "--collector.textfile", f"--web.listen-address={address}"]
    options.append(f"--collector.textfile.directory={tmp_path}/collected")
    with started([command, *options], tmp_path / "log", f"http://{address}/metrics"):
        passed_on = get(f"http://{address}/metrics")
    assert "node_textfile_scrape_error 0\n" in passed_on
    assert read(metrics_text(runs())) <= read(passed_on)


def read(text: str) -> set[tuple[str, frozenset[tuple[str, str]], float]]:
    """Return the series in a text: name, non-empty labels, value."""
    return {
        (item.name, frozenset((name, value) for name, value in item.labels.items() if value), item.value)
        for family in text_string_to_metric_families(text)
        for item in family.samples
    }
