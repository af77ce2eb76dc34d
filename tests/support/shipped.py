"""The files in scripts/cron and scripts/systemd; `python -m tests.support.shipped` writes them again."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from drift_checks.operations.schedule.files import Owner, Tree
from drift_checks.operations.schedule.installation import InstallRequest, cron_contents, systemd_contents
from drift_checks.operations.schedule.plan import read_schedule
from drift_checks.operations.schedule.preset import make_preset
from drift_checks.settings.declarations import Settings
from tests.support.checkout import REPOSITORY

SOURCES = {"db": "an example", "chroma": "an example"}
SETTINGS = Settings(db=Path("/srv/app/risk_classifications.db"), chroma=Path("/srv/app/chroma"), sources=SOURCES)


def shipped(root: Path) -> dict[Path, str]:
    """Return the text of each file by its path in the checkout, for an empty root without a cron that knows zones."""
    (root / "etc").mkdir()
    (root / "var/lib/drift-checks").mkdir(parents=True)
    (root / "etc/timezone").write_text("UTC\n")
    request = InstallRequest(
        schedule=read_schedule("02:00", "day"),
        owner=Owner("drift", 4242, 4242, Path("/var/lib/drift-checks")),
        preset=make_preset(SETTINGS, {}, Path("/")),
        root=root,
        now=datetime(2026, 1, 15, tzinfo=UTC),
        interpreter=Path("/opt/drift-checks/.venv/bin/python"),
        installation=(Path("/opt/drift-checks"),),
    )
    tree = Tree(root, {}, force=False)
    kinds = {"cron": cron_contents(request, tree), "systemd": systemd_contents(request, tree)}
    return {
        REPOSITORY / "scripts" / kind / file.path.name: file.text
        for kind, contents in kinds.items()
        for file in contents.files
    }


def main() -> None:
    """Write the files."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in shipped(Path(root)).items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
