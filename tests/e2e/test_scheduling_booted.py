"""The units under a real systemd, on a private machine: sandbox, retries, and alerts of failures."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator

import pytest

from tests.support.booted import SYSTEMD, Machine, booted, wait_for
from tests.support.checkout import REPOSITORY
from tests.support.folders import contents
from tests.support.stores import BuiltStore, build_store

# Read before a fixture takes the machine's settings away.
REQUIRED = os.environ.get("DRIFT_REQUIRE_SERVERS") == "1"
pytestmark = [pytest.mark.server, pytest.mark.slow]

UNITS = "etc/systemd/system"
ALERT = '#!/bin/sh\necho "alert: $*"\n'
ALERTS = ("--drift-alerts", "none")
QUICK = "[Service]\nRestartSec=100ms\n"
# The numerical libraries, and an ONNX model of one multiplication, written as bytes so that no library must build it.
LIBRARIES = """
import chromadb, ctypes, numpy, onnxruntime
def field(number, content):
    return bytes([number << 3 | 2, len(content)]) + content
shape = field(1, b"\\x08\\x03") * 2
def value(name):
    return field(1, name) + field(2, field(1, b"\\x08\\x01" + field(2, shape)))
node = field(1, b"a") + field(1, b"a") + field(2, b"b") + field(4, b"MatMul")
graph = field(1, node) + field(2, b"g") + field(11, value(b"a")) + field(12, value(b"b"))
model = b"\\x08\\x07" + field(7, graph) + field(8, b"\\x10\\x0d")
matrix = numpy.arange(9, dtype=numpy.float32).reshape(3, 3)
(product,) = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"a": matrix})
assert (product == matrix @ matrix).all()
large = numpy.random.default_rng(1).random((1000, 1000))
assert numpy.isfinite(numpy.linalg.svd(large @ large)[1]).all()
ctypes.CFUNCTYPE(ctypes.c_int)
print("all libraries work")
"""
# It needs a secret and another variable, and shows that it has them.
KEYED = """
import os, re

class Keyed:
    def __init__(self):
        assert os.environ["RISK_API_KEY"].startswith("Key-of")
        self.model = os.environ["RISK_REGION"]

    def classify(self, text):
        category = re.search("financial|regulatory|operational", text)[0]
        return {"category": category, "confidence": 0.9, "model": self.model}
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Return a machine on which systemd runs, with a store in /srv/store."""
    if not SYSTEMD.exists():
        reason = f"{SYSTEMD} is missing: apt-get install --no-install-recommends systemd"
        if REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    with booted(tmp_path_factory.mktemp("booted")) as found:
        build_store(found.own / "srv/store")
        found.give("/srv")
        yield found


@pytest.fixture
def clean(host: Machine) -> Iterator[Machine]:
    """Return the machine, and remove afterwards everything that the test installed."""
    yield host
    host.run("systemctl", "stop", "drift-*.timer", check=False)
    host.run(
        "sh", "-c", f"rm -rf /{UNITS}/drift-* /{UNITS}/timers.target.wants /etc/drift-checks /var/lib/drift-checks"
    )
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "reset-failed")
    host.run("journalctl", "--sync")
    host.run("sh", "-c", "rm -rf /run/log/journal/* && systemctl restart systemd-journald")


def install(host: Machine, store: str, *options: object, secret: str = "") -> None:
    """Install the units for a store."""
    settings = ("--drift-db", f"{store}/risk_classifications.db", "--drift-chroma", store, "--drift-seed", "1")
    pinned = ("--drift-as-of", "2026-01-15T02:00:00Z", "--drift-naive-timezone", "UTC")
    host.checks("install", "systemd", "--user", "drift", *settings, *pinned, *options, SLACK_WEBHOOK_URL=secret)
    host.run("systemctl", "daemon-reload")


def change(host: Machine, unit: str, text: str) -> None:
    """Add a drop-in to a unit."""
    folder = host.own / UNITS / f"{unit}.d"
    folder.mkdir(exist_ok=True)
    (folder / "test.conf").write_text(text)
    host.run("systemctl", "daemon-reload")


def print_alerts(host: Machine) -> None:
    """Have the unit for failures print its command instead of sending alerts."""
    (host.own / "srv/alert").write_text(ALERT)
    (host.own / "srv/alert").chmod(0o755)
    unit = host.own / UNITS / "drift-review-failed.service"
    text, count = re.subn(r"^    \S+/python\S*$", "    /srv/alert", unit.read_text(), flags=re.MULTILINE)
    assert count == 1, text
    unit.write_text(text)
    host.run("systemctl", "daemon-reload")


def shown(host: Machine, *names: str) -> dict[str, str]:
    """Return properties of the review's unit."""
    lines = host.run("systemctl", "show", "drift-review.service", f"--property={','.join(names)}").splitlines()
    return dict(line.partition("=")[::2] for line in lines)


def journal(host: Machine, *options: str) -> str:
    """Return the journal's messages."""
    host.run("journalctl", "--sync")
    return host.run("journalctl", "-q", "--no-pager", "-o", "cat", *options)


def start(host: Machine) -> dict[str, str]:
    """Run the review, wait for it and its alert, and return how it ended."""
    host.run("systemctl", "start", "drift-review.service", check=False)
    over = ("inactive", "failed")
    wait_for(lambda: shown(host, "ActiveState")["ActiveState"] in over, 60)
    wait_for(lambda: "No jobs" in host.run("systemctl", "list-jobs"), 60)
    return shown(host, "Result", "ExecMainStatus", "NRestarts")


def verdict(host: Machine, reports: str = "/var/lib/drift-checks/reports") -> str:
    """Return the verdict of the newest run."""
    found = json.loads(host.run("cat", f"{reports}/latest/report.json"))["drift"]["verdict"]
    return str(found)


def test_a_review_runs_in_its_sandbox(clean: Machine) -> None:
    """As the user; it writes only to the journal and its own folders."""
    install(clean, "/srv/store", *ALERTS)
    assert start(clean) == {"Result": "success", "ExecMainStatus": "0", "NRestarts": "0"}
    assert verdict(clean) == "OK"
    said = journal(clean, "-t", "drift-review")
    assert "50 of 50 in the sample" in said
    assert re.search(r"^report +/var/lib/drift-checks/reports/\S+/index.html$", said, re.MULTILINE)


def test_a_live_store_and_reports_below_home_are_reached(clean: Machine) -> None:
    """Whatever special characters their names contain; the store stays unchanged."""
    folder = clean.own / "home/app 50% $x"
    build_store(folder)
    store = BuiltStore(folder)
    store.execute("pragma journal_mode = wal")
    clean.give("/home")
    hold = (
        "import sqlite3, time\nc = sqlite3.connect('/home/app 50% $x/risk_classifications.db', isolation_level=None)\n"
        "c.execute('update risk_classifications set review_count = 7')\n"
        "open('/home/held', 'w').close()\ntime.sleep(600)"
    )
    holder = ("--uid=drift", "--unit=holder", "--property=DefaultDependencies=no")
    clean.run("systemd-run", *holder, sys.executable, "-c", hold)
    wait_for((clean.own / "home/held").exists, 60)
    before = contents(folder, without="-shm")
    install(clean, "/home/app 50% $x", *ALERTS, "--drift-reports", '/home/the "reports" 100%')
    try:
        assert start(clean)["ExecMainStatus"] == "0", journal(clean)
        assert verdict(clean, '/home/the "reports" 100%') == "OK"
        assert contents(folder, without="-shm") == before
    finally:
        clean.run("systemctl", "stop", "holder", check=False)


def test_a_store_below_tmp_is_reached(clean: Machine) -> None:
    """Although the review has a private /tmp."""
    shutil.copytree(clean.own / "srv/store", clean.own / "tmp/a store")
    (clean.own / "tmp/reports").mkdir()
    clean.give("/tmp/a store")
    clean.give("/tmp/reports")
    install(clean, "/tmp/a store", *ALERTS, "--drift-reports", "/tmp/reports")
    assert start(clean)["ExecMainStatus"] == "0", journal(clean)
    assert verdict(clean, "/tmp/reports") == "OK"


def test_numerical_libraries_run_in_the_sandbox(clean: Machine) -> None:
    """None needs a forbidden system call, or memory that is both writable and executable."""
    install(clean, "/srv/store", *ALERTS)
    (clean.own / "srv/libraries.py").write_text(LIBRARIES)
    change(clean, "drift-review.service", f"[Service]\nExecStart=\nExecStart={sys.executable} /srv/libraries.py\n")
    assert start(clean)["ExecMainStatus"] == "0", journal(clean)
    assert "all libraries work" in journal(clean, "-t", "drift-review")


def test_the_demo_runs_in_the_sandbox(clean: Machine) -> None:
    """Every criterion is measured; its store is created in the cache folder."""
    clean.checks("install", "systemd", "--user", "drift", "--drift-demo", *ALERTS)
    clean.run("systemctl", "daemon-reload")
    assert start(clean)["ExecMainStatus"] == "0", journal(clean)
    assert verdict(clean) == "WARNING"


def test_a_verdict_is_not_a_failure(clean: Machine) -> None:
    """Exit code 1 is not retried, and no alert says that the review failed."""
    store = clean.own / "srv/critical"
    build_store(store, disagreeing=[number for number in range(1, 121) if number % 7 < 3])
    clean.give("/srv/critical")
    install(clean, "/srv/critical", *ALERTS)
    print_alerts(clean)
    assert start(clean) == {"Result": "exit-code", "ExecMainStatus": "1", "NRestarts": "0"}
    assert verdict(clean) == "CRITICAL"
    events = journal(clean, "-u", "drift-review-failed.service")
    assert "Finished drift-review-failed.service" in events
    assert "alert:" not in events


def test_a_failing_review_is_tried_three_times_before_the_alert(clean: Machine) -> None:
    """As when another run holds the reports all the time."""
    install(clean, "/srv/store", *ALERTS)
    print_alerts(clean)
    change(clean, "drift-review.service", QUICK)
    lock = "/var/lib/drift-checks/reports/.lock"
    clean.run("sh", "-c", f"touch {lock} && chown drift: {lock}")
    clean.run("systemd-run", "--unit=holder", "--property=DefaultDependencies=no", "flock", lock, "sleep", "600")
    try:
        ended = start(clean)
    finally:
        clean.run("systemctl", "stop", "holder")
    assert ended["ExecMainStatus"] == "75"
    events = journal(clean, "-u", "drift-review.service")
    assert events.count("Starting drift-review.service") == 3, events
    alerts = re.findall(r"alert: (.*)", journal(clean, "-u", "drift-review-failed.service"))
    assert alerts == ["-P -m drift_checks alert-failure --status 75 --result exit-code --service drift-review.service"]


@pytest.mark.parametrize(
    ("command", "status", "result"),
    [("/bin/sh -c 'exit 4'", 4, "exit-code"), ("/bin/sleep 60", 143, "timeout"), ("/nowhere/python", 203, "exit-code")],
)
def test_a_failure_is_alerted_once_with_its_status(clean: Machine, command: str, status: int, result: str) -> None:
    """Whether it is a wrong setting, a timeout, or a missing interpreter."""
    install(clean, "/srv/store", *ALERTS)
    print_alerts(clean)
    change(clean, "drift-review.service", f"{QUICK}TimeoutStartSec=1\nExecStart=\nExecStart={command}\n")
    start(clean)
    alerts = re.findall(r"alert: (.*)", journal(clean, "-u", "drift-review-failed.service"))
    said = f"alert-failure --status {status} --result {result} --service drift-review.service"
    assert alerts == [f"-P -m drift_checks {said}"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [("/bin/sh -c 'exit 1'", []), ("/bin/sh -c 'exit 4'", ["4"]), ("/bin/sh -c 'kill -KILL $$$$'", ["137"])],
)
def test_an_older_systemd_is_asked_how_the_review_ended(clean: Machine, command: str, expected: list[str]) -> None:
    """It does not pass that on."""
    if "not-found" in clean.run("systemctl", "show", "dbus.service", "--property=LoadState"):
        pytest.skip("without D-Bus, only root can ask")
    clean.run("systemctl", "start", "dbus.socket", "dbus.service")
    install(clean, "/srv/store", *ALERTS)
    print_alerts(clean)
    change(clean, "drift-review.service", f"{QUICK}ExecStart=\nExecStart={command}\n")
    old = "UnsetEnvironment=MONITOR_SERVICE_RESULT MONITOR_EXIT_CODE MONITOR_EXIT_STATUS"
    change(clean, "drift-review-failed.service", f"[Service]\n{old}\n")
    start(clean)
    assert re.findall(r"alert: .*--status (\d+)", journal(clean, "-u", "drift-review-failed.service")) == expected


def test_secrets_come_as_credentials(clean: Machine) -> None:
    """They are in no unit and in no environment."""
    secret = "https://hooks.slack.com/services/T/B/secret"
    install(clean, "/srv/store", *ALERTS, secret=secret)
    look = "/bin/sh -c 'env; ls $$CREDENTIALS_DIRECTORY; wc -c <$$CREDENTIALS_DIRECTORY/SLACK_WEBHOOK_URL'"
    change(clean, "drift-review.service", f"[Service]\nExecStart=\nExecStart={look}\n")
    assert start(clean)["ExecMainStatus"] == "0", journal(clean)
    said = journal(clean, "-t", "drift-review")
    assert secret not in said + clean.run("systemctl", "cat", "drift-*")
    assert said.splitlines()[-2:] == ["SLACK_WEBHOOK_URL", str(len(secret) + 1)]


def test_a_users_own_classifier_gets_its_key(clean: Machine) -> None:
    """From a credential, as the variable that it reads; the key is in no unit, no output and no file of the run."""
    secret = "Key-of-the-model-1234"
    (clean.own / "srv/mine.py").write_text(KEYED)
    settings = ("--drift-db=/srv/store/risk_classifications.db", "--drift-reviewer=mine:Keyed", "--drift-sample-size=5")
    command = ("install", "systemd", "--user", "drift", "--env=RISK_API_KEY", "--env=RISK_REGION", *settings, *ALERTS)
    output = clean.checks(*command, PYTHONPATH=f"{REPOSITORY}:/srv", RISK_API_KEY=secret, RISK_REGION="eu")
    clean.run("systemctl", "daemon-reload")
    assert start(clean)["ExecMainStatus"] == "0", journal(clean)
    said = journal(clean, "-t", "drift-review")
    assert "mine:Keyed (eu): " in said
    assert secret not in output + said + clean.run("systemctl", "cat", "drift-*")
    assert clean.run("grep", "-rl", secret, "/etc", "/var/lib", check=False).split() == [
        "/etc/drift-checks/credentials/RISK_API_KEY"
    ]


def test_the_timer_starts_the_review_and_uninstall_leaves_nothing(clean: Machine) -> None:
    """It is enabled by the printed command; its next time is at night in UTC."""
    install(clean, "/srv/store", *ALERTS)
    names = ["drift-review.timer", "drift-backup.timer", "drift-vacuum.timer"]
    clean.run("systemctl", "enable", "--now", *names)
    listed = clean.run("systemctl", "list-timers", "drift-*", TZ="UTC")
    assert re.search(r"02:[0-3]\d:\d\d UTC .*drift-review\.timer", listed), listed
    soon = "[Timer]\nOnCalendar=\nOnCalendar=*-*-* *:*:*\nRandomizedDelaySec=0\nAccuracySec=10ms\n"
    change(clean, "drift-review.timer", soon)
    clean.run("systemctl", "restart", "drift-review.timer")
    wait_for(lambda: "Finished drift-review.service" in journal(clean, "-u", "drift-review.service"), 30)
    clean.run("systemctl", "disable", "--now", "drift-review.timer")
    clean.checks("uninstall", "systemd")
    left = [path for path in (clean.own / "etc").rglob("*drift*") if not path.name.endswith((".d", ".conf"))]
    assert left == []
