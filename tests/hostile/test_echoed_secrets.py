"""A secret appears in nothing that a run prints or writes, whoever echoed it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path
from urllib.parse import quote

import pytest

from drift_checks.core.secrets import know_secrets, mask_secrets
from tests.support.echoing import ECHOING
from tests.support.raw_server import Peer, RawServer, answer, mail_dialogue, raw_server
from tests.support.stores import build_store

HERE = "127.0.0.1:1"
SECRETS: Mapping[str, str] = {
    "SLACK_WEBHOOK_URL": f"http://{HERE}/services/T0SECRET1/B0SECRET2/x0Secret-Three",
    "PAGERDUTY_API_KEY": "R0utingSecretR0utingSecretR0utin",
    "DRIFT_SMTP_URL": f"smtp://ann:pass%26word-Secret<4@{HERE}?to=ann@example.com&from=bob@example.com",
    "DRIFT_LLM_API_KEY": "sk-secret-5+abc/defgh=",
}
# What identifies each of them, also where it is cut or written in another way.
TRACES = ("T0SECRET1", "B0SECRET2", "x0Secret-Three", "R0utingSecret", "word-Secret", "sk-secret", "c2stc2VjcmV0")


def echo(server: RawServer, peer: Peer) -> None:
    """Answer an HTTP request with its first line and its body, as an error that is not worth another attempt."""
    first = peer.line()
    server.received.append(first + peer.body())
    peer.send(answer(server.received[-1], "400 Bad Request"))


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("-vv", "-rA", "--drift-log-file=log.jsonl")])
def test_no_secret_leaves_a_run(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Planted in every source at once: answers, exceptions, prints, warnings, criteria, servers of alerts."""
    store = build_store(tmp_path / "store")
    (tmp_path / "test_echoing.py").write_text(ECHOING, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--pyargs", "drift_checks", "test_echoing.py"]
    command += [f"--drift-db={store.db}", "--drift-reviewer=test_echoing:classify", "--drift-stability=2", *options]
    refused = {"AUTH": ["535 pass&word-Secret<4 pass%26word-Secret<4 is wrong"]}
    with raw_server(echo) as web, raw_server(mail_dialogue(refused, ["AUTH PLAIN"])) as mail:
        servers = {"SLACK_WEBHOOK_URL": web, "DRIFT_SMTP_URL": mail}
        addressed = {name: SECRETS[name].replace(HERE, server.address) for name, server in servers.items()}
        ran = subprocess.run(
            [*command, f"--drift-pagerduty-url=http://{web.address}/v2/enqueue"],
            cwd=tmp_path,
            env={
                **os.environ,
                **SECRETS,
                **addressed,
                "NAMES": json.dumps(list(SECRETS)),
                "PYTHONPATH": str(tmp_path),
            },
            capture_output=True,
            timeout=120,
        )
    assert len(web.received) >= 2, ran.stdout[-3000:]
    assert any(line.startswith(b"AUTH") for line in mail.received), ran.stdout[-3000:]
    written = {str(file): file.read_bytes() for file in tmp_path.glob("reports/**/*") if file.is_file()}
    assert len(written) > 6, ran.stderr[-3000:] + ran.stdout[-1000:]
    written |= {"stdout": ran.stdout, "stderr": ran.stderr}
    written |= {file.name: file.read_bytes() for file in tmp_path.glob("*.jsonl")}
    found = [(name, trace) for name, content in written.items() for trace in TRACES if trace.encode() in content]
    assert not found, found


def test_a_secret_is_masked_in_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain, in a URL, in JSON, in HTML, in base64; other words stay."""
    know_secrets(SECRETS)
    key = SECRETS["DRIFT_LLM_API_KEY"]
    forms = (
        key,
        quote(key),
        quote(key, safe=""),
        json.dumps(key),
        escape(key),
        base64.b64encode(key.encode()).decode(),
    )
    for form in forms:
        shown = mask_secrets(f"before {form} after")
        assert not any(trace in shown for trace in TRACES)
        assert (shown[:7], shown[-6:]) == ("before ", " after")
    assert mask_secrets("our services") == "our services"
