"""How long reviews and commands take, and how much memory, before and after a change: whole processes, in turn.

The earlier and the present version are installed into environments of their own in a folder, as users install them.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Usage, apart, figures, in_turn, install, measure, megabytes, table
from tests.support.chat_behaviour import Behaviour
from tests.support.chat_server import ChatServer

CHECKOUT = Path(__file__).resolve().parents[1]
LATENCY = 0.5
STORE_SIZE = 2000
LLM_SIZES = (50, 200)
BASELINE = 10
START_UPS = 20
# Knows the stored categories, and takes a millisecond for each.
CLASSIFIER = """
import sqlite3, time
stored = dict(sqlite3.connect({db!r}).execute("select text, category from risk_classifications"))

def classify(text):
    time.sleep(0.001)
    return stored[text], 0.9
"""
PLAIN_LOOP = """
import sqlite3, sys
import httpx

base_url, db, number = sys.argv[1:]
client = httpx.Client(headers={"Authorization": "Bearer key"}, timeout=60)
for text, in sqlite3.connect(db).execute("select text from risk_classifications limit ?", [int(number)]):
    messages = [
        {"role": "system", "content": "Classify: financial, regulatory or operational?"},
        {"role": "user", "content": text},
    ]
    body = {"model": "model", "temperature": 0, "messages": messages}
    client.post(f"{base_url}/chat/completions", json=body).raise_for_status()
"""
Rows = Iterator[list[str]]


def build(folder: Path) -> None:
    """Write a store of 2,000 records."""
    from tests.support.stores import build_store

    if not folder.exists():
        build_store(folder, count=STORE_SIZE)


def python_of(folder: Path, given: Path) -> str:
    """Return the Python that was given, or that of a new environment which holds the checkout."""
    return str(given.absolute()) if given.is_file() else install(folder, str(given.resolve()))


def row(name: str, found: dict[str, Usage]) -> list[str]:
    """Return the figures of each version, the earlier one first."""
    return [name, *figures(*found.values())]


@dataclass(frozen=True)
class Speed:
    """The versions to measure, each with its Python, and what they review."""

    folder: Path
    pythons: dict[str, str]
    store: Path
    generated: Path
    runs: int

    def reviews(self, *options: str, store: Path | None = None) -> dict[str, list[str]]:
        """Return the command of a review by each version."""
        store = store or self.store
        # Seen from a later day, all records of the store that is made are old.
        seen = ["--drift-as-of=2026-01-15T02:00:00Z"] if store == self.generated else []
        given = ["-m", "pytest", "--pyargs", "drift_checks", f"--drift-chroma={store}", *seen, *options]
        return {version: [python, *given] for version, python in self.pythons.items()}

    def neighbours(self) -> Rows:
        """Yield the review with vectors, and its first part."""
        yield row("`neighbours`, 60 records", in_turn(self.reviews(), self.runs))
        yield row("`--collect-only`", in_turn(self.reviews("--collect-only"), self.runs))

    def llm(self) -> Rows:
        """Yield the review by a model, and the plain loop over as many records."""
        for size in LLM_SIZES:
            records = size + BASELINE
            with ChatServer(Behaviour(latency=LATENCY)) as server:
                llm = ["--drift-reviewer=llm", "--drift-llm-model=model", f"--drift-llm-base-url={server.base_url}"]
                commands = self.reviews(*llm, f"--drift-sample-size={size}", store=self.generated)
                found = in_turn(commands, self.runs)
                calls = len(server.requests) / (self.runs + 1) / len(commands)
                database = str(self.generated / "risk_classifications.db")
                plain = [self.pythons["after"], "-c", PLAIN_LOOP, server.base_url, database, str(records)]
                loop = in_turn({"loop": plain}, 1, warm_up=False)["loop"]
            if calls != records:
                raise SystemExit(f"the server counted {calls} calls per review of {records} records")
            yield row(f"`llm`, {size} + {BASELINE} records, {LATENCY} s a call", found)
            yield row("plain loop over as many", {"loop": loop})
            ratios = " → ".join(f"{loop.seconds / one.seconds:.1f}" for one in found.values())
            yield ["times faster than it", ratios, "", ""]

    def own(self) -> Rows:
        """Yield the review of many records by an own classifier."""
        options = ["--drift-reviewer=slow:classify", f"--drift-sample-size={2000 - BASELINE}"]
        yield row("own classifier of 1 ms, 2,000 records", in_turn(self.reviews(*options), self.runs))

    def demo(self) -> Rows:
        """Yield the review of the demo store."""
        commands = {
            version: [python, "-m", "drift_checks", "--run-once", "--drift-demo"]
            for version, python in self.pythons.items()
        }
        yield row("`--run-once --drift-demo`", in_turn(commands, self.runs))

    def start(self) -> Rows:
        """Yield what an unrelated project's pytest takes, and how much of it the plugin and its dependencies add."""
        file = self.folder / "unrelated" / "test_sum.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text("def test_sum():\n    assert 1 + 1 == 2\n")
        without = {"all": [], "ours": ["-p", "no:drift_checks.plugin"], "any": ["--disable-plugin-autoload"]}
        commands = {
            f"{version} {name}": [python, "-m", "pytest", str(file), *options]
            for version, python in self.pythons.items()
            for name, options in without.items()
        }
        found = in_turn(commands, START_UPS)
        yield row("pytest of another project", {version: found[f"{version} all"] for version in self.pythons})
        for name, what in {"ours": "the plugin", "any": "all plugins of the environment"}.items():
            added = {
                version: Usage(
                    *(a - b for a, b in zip(found[f"{version} all"], found[f"{version} {name}"], strict=True))
                )
                for version in self.pythons
            }
            yield row(f"of which {what}", added)

    def commands(self) -> Rows:
        """Yield the commands that people type while they wait."""
        folders = {version: self.folder / "reviewed" / version for version in self.pythons}
        for version, command in self.reviews().items():
            folders[version].mkdir(parents=True, exist_ok=True)
            measure(command, folders[version])
        typed: dict[str, Callable[[str], list[str]]] = {
            "history": lambda version: ["history", f"--reports={folders[version] / 'reports'}"],
            "doctor --help": lambda _: ["doctor", "--help"],
            "--version": lambda _: ["--version"],
        }
        for name, options in typed.items():
            commands = {
                version: [str(Path(python).with_name("drift-checks")), *options(version)]
                for version, python in self.pythons.items()
            }
            yield row(f"`drift-checks {name}`", in_turn(commands, self.runs))

    def size(self) -> Rows:
        """Yield the size of the environments on disk, alone and beside one that has only chromadb."""
        sizes = {version: megabytes(Path(python).parents[1]) for version, python in self.pythons.items()}
        chromadb = megabytes(Path(install(self.folder / "chromadb", "chromadb")).parents[1])
        for name, less in (("environment on disk", 0.0), ("more than chromadb alone", chromadb)):
            yield [name, "", "", " → ".join(f"{size - less:,.0f}" for size in sizes.values())]


PARTS: dict[str, Callable[[Speed], Rows]] = {
    part.__name__: part
    for part in (Speed.neighbours, Speed.llm, Speed.own, Speed.demo, Speed.start, Speed.commands, Speed.size)
}


def main() -> None:
    """Install the versions and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the environments are made")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="the earlier version, or a Python that has it")
    parser.add_argument("--after", type=Path, metavar="CHECKOUT", default=CHECKOUT, help="the same for the present one")
    parser.add_argument("--store", type=Path, help="a folder that holds a store (default: a small one is made)")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts of the table")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    generated = folder / "store"
    apart(build, generated)
    store = arguments.store.resolve() if arguments.store else generated
    (folder / "slow.py").write_text(CLASSIFIER.format(db=str(store / "risk_classifications.db")))
    os.environ |= {"PYTHONPATH": str(folder), "DRIFT_LLM_API_KEY": "key", "DRIFT_ALERTS": "none"}
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    versions = {"before": arguments.before, "after": arguments.after}
    pythons = {name: python_of(folder / name, given) for name, given in versions.items() if given}
    speed = Speed(folder, pythons, store, generated, arguments.runs)
    rows = (row for part in arguments.only for row in PARTS[part](speed))
    table([" → ".join(pythons), "seconds", "processor", "MB"], rows)


if __name__ == "__main__":
    main()
