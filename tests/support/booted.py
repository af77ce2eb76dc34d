"""A private machine: namespaces with their own /etc, /var and /srv, in which systemd or cron runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import pytest

from tests.support.checkout import REPOSITORY

SYSTEMD = Path("/lib/systemd/systemd")
USER = "drift"
UID = 4242
_REPLACED = ("etc", "var", "srv", "home", "dev", "tmp")
# Nothing on the real machine is written to: writable folders are copies or empty, and vanish with the namespaces.
_PREPARE = f"""
set -e
own=$1; shift
mount --make-rprivate /
mkdir -p "$own"/srv "$own"/home "$own"/empty "$own"/var/spool/cron/crontabs "$own"/var/mail "$own"/var/lib
mkdir -p "$own"/var/log "$own"/var/cache "$own"/var/backups "$own"/dev "$own"/hidden "$own"/var/tmp "$own"/tmp
chmod 1777 "$own"/var/tmp "$own"/tmp
ln -s /run "$own"/var/run
cp -a /etc "$own"/etc
rm -rf "$own"/etc/systemd/system/* "$own"/etc/cron.*/* "$own"/etc/crontab
echo '{USER}:x:{UID}:{UID}::/srv:/bin/sh' >>"$own"/etc/passwd
echo '{USER}:x:{UID}:' >>"$own"/etc/group
echo '{USER}:*:19000:0:99999:7:::' >>"$own"/etc/shadow
echo 0123456789abcdef0123456789abcdef >"$own"/etc/machine-id
: >"$own"/etc/fstab
printf '[Unit]\\nDefaultDependencies=no\\nWants=systemd-journald.service\\n' >"$own"/etc/systemd/system/own.target
cp -a /usr/sbin "$own"/sbin
printf '#!/bin/sh\\n{{ printf "to: %%s\\\\n" "$*"; cat; }} >/var/mail/mail.$$\\n' >"$own"/sbin/sendmail
chmod 755 "$own"/sbin/sendmail
chmod 1777 "$own"/var/mail
mount -t tmpfs -o mode=755 tmpfs "$own"/dev
for name in null zero full random urandom tty; do cp -a /dev/$name "$own"/dev/$name; done
mkdir "$own"/dev/shm "$own"/dev/pts "$own"/dev/mqueue
mount -t devpts -o newinstance,ptmxmode=666 devpts "$own"/dev/pts
ln -s pts/ptmx "$own"/dev/ptmx
for name in fd stdin:0 stdout:1 stderr:2; do ln -s /proc/self/fd/${{name#*:}} "$own"/dev/${{name%:*}}; done
ln -sfn /proc/self/fd "$own"/dev/fd
: >"$own"/dev/console
mount -t tmpfs -o mode=1777 tmpfs "$own"/dev/shm
KEEP
for folder in /lib/systemd/system/*.wants /lib/systemd/system-generators; do mount --bind "$own"/empty "$folder"; done
for folder in etc var srv home dev; do mount --rbind "$own"/$folder /$folder; done
mount --bind "$own"/sbin /usr/sbin
mount -t tmpfs -o mode=755 tmpfs /run
mount -t proc proc /proc
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount --rbind "$own"/tmp /tmp
# As systemd does on a real machine: credentials come by propagation.
mount --make-rshared /
: >/tmp/prepared
cd /
exec env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin container=drift "$@"
"""
_NAMESPACES = ("--mount", "--pid", "--cgroup", "--uts", "--ipc")

# The namespace of control groups starts there.
_ENTER = 'echo $$ >"$0"/cgroup.procs && exec "$@"'


@dataclass(frozen=True)
class Machine:
    """A machine with its own /etc, /var, /srv, /home, /tmp and /run in the folder `own`; `pid` is its first process."""

    own: Path
    pid: int

    def run(self, *command: object, check: bool = True, **variables: str) -> str:
        """Run a command there as root; return its output."""
        target = [f"--target={self.pid}", *_NAMESPACES]
        done = subprocess.run(
            ["nsenter", *target, "--", "env", "-C", "/", *map(str, command)],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"} | variables,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout + done.stderr

    def give(self, path: str) -> None:
        """Give a folder and everything in it to the user."""
        self.run("chown", "-R", f"{USER}:", path)

    def checks(self, *arguments: object, check: bool = True, **variables: str) -> str:
        """Run `python -m drift_checks` there as root."""
        return self.run(sys.executable, "-m", "drift_checks", *arguments, check=check, **variables)


@contextmanager
def machine(folder: Path, command: Sequence[str]) -> Iterator[Machine]:
    """Run a private machine with this command as its first process."""
    _skip_without_rights()
    group = _make_group()
    own = folder / "machine"
    own.mkdir()
    script = _PREPARE.replace("KEEP\n", "".join(f"{line}\n" for line in _keeping(own)))
    prepare = ["sh", "-c", script, "prepare", str(own), *command]
    with (folder / "console").open("w") as console:
        process = subprocess.Popen(
            ["sh", "-c", _ENTER, group, "unshare", *_NAMESPACES, "--fork", "--kill-child", *prepare],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
        )
        try:
            yield Machine(own, _first_child(process, folder / "console", own / "tmp/prepared"))
        finally:
            process.kill()
            process.wait()
            _remove_group(group)


@contextmanager
def booted(folder: Path) -> Iterator[Machine]:
    """Run a private machine with systemd."""
    target = ["--system", "--unit=own.target", "--show-status=0"]
    with machine(folder, [str(SYSTEMD), *target]) as found:
        wait_for(lambda: found.run("systemctl", "is-active", "own.target", check=False).strip() == "active", 30)
        yield found


def wait_for(holds: Callable[[], bool], seconds: float) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


def _skip_without_rights() -> None:
    command = ["unshare", *_NAMESPACES, "--fork", "mount", "--make-rprivate", "/"]
    if os.geteuid() != 0 or shutil.which("unshare") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("only root with the right to create namespaces can have a private machine")
    if _groups() is None:
        pytest.skip("systemd does not start without control groups of version 2")


def _groups() -> Path | None:
    places = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
    return next((place for place in places if (place / "cgroup.procs").is_file()), None)


def _make_group() -> Path:
    place = _groups()
    assert place is not None
    group = place / f"drift-checks-{os.getpid()}-{time.monotonic_ns()}"
    group.mkdir()
    return group


def _remove_group(group: Path) -> None:
    wait_for(lambda: not any(file.read_text().strip() for file in group.rglob("cgroup.procs")), 10)
    for folder, _, _ in os.walk(group, topdown=False):
        Path(folder).rmdir()


def _first_child(process: subprocess.Popen[bytes], console: Path, prepared: Path) -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    wait_for(lambda: process.poll() is not None or bool(children.read_text().strip()), 10)
    assert process.poll() is None, console.read_text()
    pid = int(children.read_text().split()[0])
    wait_for(lambda: process.poll() is not None or prepared.exists(), 30)
    assert process.poll() is None, console.read_text()
    return pid


def _keeping(own: Path) -> Iterator[str]:
    """Yield the commands that keep Python and the checkout accessible to the user.

    A folder above them that only root may search is replaced by one that everyone may search, the innermost first; they
    are mounted into each replacement.
    """
    places = {Path(sys.base_prefix), Path(sys.prefix).resolve(), REPOSITORY}
    closed = {parent for place in places for parent in place.parents if not parent.stat().st_mode & 0o001}
    replaced = {Path("/") / name for name in _REPLACED}
    for outer in [*sorted(closed, key=lambda path: -len(path.parts)), *replaced]:
        new = own / (outer.relative_to("/") if outer in replaced else Path("hidden") / outer.relative_to("/"))
        inside = [place for place in places if place.is_relative_to(outer)]
        for place in inside:
            if not any(place != other and place.is_relative_to(other) for other in inside):
                kept = new / place.relative_to(outer)
                yield f"mkdir -p {quote(str(kept))}"
                yield f"mount --rbind {quote(str(place))} {quote(str(kept))}"
        if outer in closed:
            yield f"mount --rbind {quote(str(new))} {quote(str(outer))}"
