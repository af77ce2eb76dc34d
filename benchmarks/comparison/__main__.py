"""Reviews by this package beside the same work by DeepEval, Evidently and promptfoo: whole processes, in turn.

Each tool is installed into an environment of its own in a folder; what is there is used again, except this package.
It takes uv and npm. Telemetry and searches for updates are switched off.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import apart, figures, in_turn, install, measure, megabytes, table
from benchmarks.speed import CHECKOUT, LATENCY, build
from tests.support.chat_behaviour import Behaviour, name_category
from tests.support.chat_server import ChatServer

HERE = Path(__file__).parent
DATABASE = "risk_classifications.db"
CALLS = 50
# Evidently imports what pandas 3 no longer has.
PACKAGES = {"deepeval": ["deepeval"], "evidently": ["evidently", "pandas<3"]}
OFF = {
    "DEEPEVAL_TELEMETRY_OPT_OUT": "1",
    "DEEPEVAL_DISABLE_DOTENV": "1",
    "DEEPEVAL_NO_INSPECT_PROMPT": "1",
    "DO_NOT_TRACK": "1",
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1",
    "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
    "PROMPTFOO_DISABLE_SHARING": "1",
    "DRIFT_ALERTS": "none",
}


@dataclass(frozen=True)
class Work:
    """What one tool does: a command, the calls to the model that it makes, and the page that it leaves."""

    name: str
    command: list[str]
    page: str
    calls: int = 0

    def check(self, folder: Path, server: ChatServer) -> float:
        """Run it once in an empty folder and return the size of its page in MB."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        before = len(server.requests)
        measure(self.command, folder)
        calls, pages = len(server.requests) - before, list(folder.glob(self.page))
        if calls != self.calls or len(pages) != 1:
            raise SystemExit(f"{self.name}: {calls} calls and {len(pages)} pages")
        return pages[0].stat().st_size / 1e6


def installed(folder: Path) -> dict[str, Path]:
    """Install what is not there, and this checkout; return the environments by the tools' names."""
    environments = {name: folder / name for name in ("drift-checks", *PACKAGES, "promptfoo")}
    install(environments["drift-checks"], str(CHECKOUT))
    for name, packages in PACKAGES.items():
        if not environments[name].exists():
            install(environments[name], *packages)
    if not environments["promptfoo"].exists():
        npm = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(environments["promptfoo"]), "promptfoo"]
        subprocess.run(npm, check=True)
    return environments


def starts(environments: dict[str, Path]) -> dict[str, list[str]]:
    """Return what each tool can do fastest."""
    imports = "from evidently import Report; from evidently.presets import ClassificationPreset, DataDriftPreset"
    return {
        "drift-checks": [str(environments["drift-checks"] / "bin" / "drift-checks"), "--help"],
        "deepeval": [str(environments["deepeval"] / "bin" / "deepeval"), "--help"],
        "evidently": [str(environments["evidently"] / "bin" / "python"), "-c", imports],
        "promptfoo": [promptfoo(environments), "--help"],
    }


def promptfoo(environments: dict[str, Path]) -> str:
    """Return promptfoo's command."""
    return str(environments["promptfoo"] / "node_modules" / ".bin" / "promptfoo")


def reviews(environments: dict[str, Path], store: Path, generated: Path, base_url: str) -> Iterator[Work]:
    """Yield what this package does."""
    page = "reports/2*/index.html"
    ours = [str(environments["drift-checks"] / "bin" / "python"), "-m", "pytest", "--pyargs", "drift_checks"]
    llm = ["--drift-reviewer=llm", "--drift-llm-model=model", f"--drift-llm-base-url={base_url}", "--drift-baseline=0"]
    seen = "--drift-as-of=2026-01-15T02:00:00Z"
    size = f"--drift-sample-size={CALLS}"
    yield Work(
        f"drift-checks, `llm`, {CALLS} calls", [*ours, f"--drift-chroma={generated}", seen, size, *llm], page, CALLS
    )
    yield Work("drift-checks, `neighbours`, 60 records", [*ours, f"--drift-chroma={store}"], page)
    whole = [*ours, f"--drift-chroma={store}", "--drift-sample-size=all"]
    yield Work("drift-checks, `neighbours`, all records", whole, page)


def others(environments: dict[str, Path], folder: Path, base_url: str) -> Iterator[Work]:
    """Yield what the other tools do."""
    # The checkout's conftest must not be loaded by another tool's pytest.
    test, report = (str(shutil.copy(HERE / name, folder)) for name in ("test_deepeval.py", "evidently_report.py"))
    os.environ |= {"USE_LOCAL_MODEL": "1", "LOCAL_MODEL_NAME": "model", "LOCAL_MODEL_API_KEY": "key"}
    os.environ |= {"LOCAL_MODEL_BASE_URL": base_url, "LABELLED": str(folder / "labelled.json")}
    run, saved = (
        [str(environments["deepeval"] / "bin" / "deepeval"), "test", "run", test],
        ".deepeval/.latest_run_full.json",
    )
    python = str(environments["deepeval"] / "bin" / "python")
    yield Work(f"deepeval, `evaluate`, {CALLS} calls", [python, test], saved, CALLS)
    yield Work(f"deepeval, `test run`, {CALLS} calls", run, saved, CALLS)
    yield Work(f"deepeval, `test run -n 4`, {CALLS} calls", [*run, "-n", "4"], saved, CALLS)
    (folder / "promptfoo.json").write_text(json.dumps(configuration(folder, base_url)), encoding="utf-8")
    config = ["--config", str(folder / "promptfoo.json"), "--no-cache", "--output", "page.html"]
    for at_once in (4, 16):
        command = [promptfoo(environments), "eval", *config, "--max-concurrency", str(at_once)]
        yield Work(f"promptfoo, {at_once} at once, {CALLS} calls", command, "page.html", CALLS)
    for preset in ("classification", "drift"):
        python = str(environments["evidently"] / "bin" / "python")
        command = [python, report, preset, str(folder / "reviewed.json")]
        yield Work(f"evidently, {preset} of all records", command, "page.html")


def configuration(folder: Path, base_url: str) -> dict[str, object]:
    """Return promptfoo's configuration: each text is classified, and its category compared."""
    system = {"role": "system", "content": "Classify: financial, regulatory or operational? Answer as JSON."}
    same = {"type": "javascript", "value": "JSON.parse(output).category === context.vars.category"}
    model = {"id": "openai:chat:model", "config": {"apiBaseUrl": base_url, "apiKey": "key", "temperature": 0}}
    labelled = json.loads((folder / "labelled.json").read_text(encoding="utf-8"))
    return {
        "prompts": [json.dumps([system, {"role": "user", "content": "{{text}}"}])],
        "providers": [model],
        "defaultTest": {"assert": [same]},
        "tests": [{"vars": {"text": text, "category": category}} for text, category in labelled],
    }


def write_labelled(folder: Path, generated: Path) -> None:
    """Write the texts and categories that are sent to the model."""
    rows = sqlite3.connect(generated / DATABASE).execute(
        f"select text, category from risk_classifications limit {CALLS}"
    )
    (folder / "labelled.json").write_text(json.dumps(rows.fetchall()), encoding="utf-8")


def write_reviewed(folder: Path, store: Path, journal: Path) -> None:
    """Write each text with its stored category and that of the review."""
    stored = {
        key: row
        for key, *row in sqlite3.connect(store / DATABASE).execute(
            "select id, text, category from risk_classifications"
        )
    }
    events = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    reviewed = {event["record_id"]: event["category"] for event in events if event["event"] == "review"}
    rows = [[*stored[key], reviewed[key]] for key in sorted(reviewed) if reviewed[key]]
    (folder / "reviewed.json").write_text(json.dumps(rows), encoding="utf-8")


def answer(text: str) -> dict[str, object]:
    """Name the category for a classifier, and give the highest score for DeepEval."""
    return {**name_category(text), "score": 10, "reason": "The categories are the same."}


def main() -> None:
    """Install the tools and print two Markdown tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.comparison", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the environments are made")
    parser.add_argument("store", type=Path, help="a folder that holds a store")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    folder, store = arguments.folder.resolve(), arguments.store.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ |= OFF | {"PROMPTFOO_CONFIG_DIR": str(folder / "home"), "DEEPEVAL_HOME": str(folder / "home")}
    os.environ |= {"DRIFT_LLM_API_KEY": "key"}
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    generated = folder / "store"
    apart(build, generated)
    write_labelled(folder, generated)
    environments = installed(folder)
    start = in_turn(starts(environments), arguments.runs)
    sizes = {name: f"{megabytes(environment):,.0f}" for name, environment in environments.items()}
    head = ["start", "seconds", "processor", "MB", "MB on disk"]
    table(head, ([name, *figures(usage), sizes[name]] for name, usage in start.items()))
    print()
    with ChatServer(Behaviour(latency=LATENCY, answer=answer)) as server:
        pages = {}
        works = [*reviews(environments, store, generated, server.base_url)]
        for work in works:
            pages[work.name] = work.check(folder / "run", server)
        write_reviewed(folder, store, next((folder / "run").glob("reports/2*/reviews.jsonl")))
        for work in others(environments, folder, server.base_url):
            pages[work.name] = work.check(folder / "run", server)
            works.append(work)
        found = in_turn({work.name: work.command for work in works}, arguments.runs, warm_up=False)
    head = ["work", "seconds", "processor", "MB", "MB of the page"]
    table(head, ([name, *figures(usage), f"{pages[name]:.2f}"] for name, usage in found.items()))


if __name__ == "__main__":
    main()
