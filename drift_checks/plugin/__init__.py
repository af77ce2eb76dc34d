"""The pytest plugin: hooks that translate between pytest and a run.

It is inert until a criterion is collected: a session without one reads no settings, opens no store and writes
nothing. `settings` reads the settings, `criterion_files` finds the criteria, `run` reviews the records and gathers the
outcomes, `finish` judges the run, writes its files and prints the summary. Every session of every project loads this
module, so it imports none of them but `settings`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest

from drift_checks.core.streams import guard
from drift_checks.plugin import hooks
from drift_checks.plugin.criterion_files import CRITERIA, CriterionModule, is_built_in, is_criterion, refuse_other_copy
from drift_checks.plugin.keys import CALL, ERROR, EXIT_CODE, LOGS, MARK, PIPELINE, QUIET, REPORT, WARNINGS
from drift_checks.settings.names import NAMES, SWITCHES

_PACKAGE = "drift_checks"


def pytest_plugin_registered(plugin: object, manager: pytest.PytestPluginManager) -> None:
    """Go away again for `-p no:drift_checks`: pytest knows this plugin by the name of its module only."""
    if plugin is not sys.modules[__name__]:
        return
    if manager.is_blocked(_PACKAGE):
        manager.unregister(plugin)
        # A conftest of a checkout names the module, too.
        manager.set_blocked(__name__)
    # pytest would parse and rewrite the whole package for its asserts, which takes a second where it cannot keep the
    # result; there is no public way to decline for a package. Criteria are rewritten as tests are.
    getattr(manager.rewrite_hook, "_must_rewrite", set()).discard(_PACKAGE)


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare every setting as an option and an ini key; from here on, nobody need read what pytest prints."""
    if pluginmanager.is_blocked(_PACKAGE):
        return
    guard("stdout", "stderr")
    config = pluginmanager.get_plugin("pytestconfig")
    # Who registers the plugin before the arguments are parsed may want help, too.
    if getattr(getattr(config, "known_args_namespace", None), "help", True):
        from drift_checks.plugin.settings import explain_settings

        explain_settings(parser, config)
        return
    group = parser.getgroup("drift")
    for name in (*NAMES, *SWITCHES):
        how = {"action": "store_const", "const": "true"} if name in SWITCHES else {}
        key = f"drift_{name}"
        group.addoption(f"--drift-{name.replace('_', '-')}", dest=key, default=None, **how)
        parser.addini(key, "", default=None)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks of a run."""
    if not pluginmanager.is_blocked(_PACKAGE):
        pluginmanager.add_hookspecs(hooks)


def pytest_load_initial_conftests(early_config: pytest.Config, args: Sequence[str]) -> None:
    """Refuse an option that looks like a misspelled setting, and one whose value hides the ini file."""
    if any(argument.startswith("--drift-") for argument in args):
        from drift_checks.plugin.settings import refuse_hidden_ini, refuse_misspelled

        refuse_misspelled(args)
        refuse_hidden_ini(early_config, args)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and hold back the output of a quiet run."""
    if config.option.help:
        return
    if config.getoption("drift_quiet") or os.environ.get("DRIFT_QUIET") or config.getini("drift_quiet"):
        from drift_checks.plugin.quiet import Quiet
        from drift_checks.plugin.settings import is_quiet

        if is_quiet(config):
            config.stash[QUIET] = Quiet(config)
    config.addinivalue_line("markers", f"{MARK}(question, ...): the module is a criterion of the drift review")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, int | None, int | None]:
    """Print in one line why a run was refused, and return its exit code."""
    exit_code: int | None = pytest.ExitCode.INTERNAL_ERROR
    try:
        exit_code = yield
        # Other plugins may have changed the exit code after ours.
        exit_code = config.stash.get(EXIT_CODE, exit_code)
        return exit_code
    except pytest.UsageError as error:
        exit_code = config.stash[ERROR].exit_code if ERROR in config.stash else pytest.ExitCode.USAGE_ERROR
        if exit_code == pytest.ExitCode.USAGE_ERROR:
            raise
        print(f"drift review: {error}", file=sys.stderr)  # noqa: T201 - where pytest prints its own
        return exit_code
    finally:
        if QUIET in config.stash:
            verdict = str(config.stash[REPORT].verdict) if REPORT in config.stash else None
            config.stash[QUIET].end(verdict, int(exit_code or 0))
        # If events are logged on stderr as JSON, these are among them.
        is_logged = LOGS in config.stash and config.stash[LOGS].on_stderr
        for line in [] if is_logged else config.stash.get(WARNINGS, []):
            print(line, file=sys.stderr)  # noqa: T201 - likewise


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin a run on the controller of pytest-xdist, which collects nothing itself."""
    if session.config.pluginmanager.hasplugin("dsession"):
        from drift_checks.plugin import xdist

        if xdist.names_criteria(session.config):
            _begin(session.config)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Let the output of a session without criteria through: it is not ours."""
    if QUIET in session.config.stash and PIPELINE not in session.config.stash:
        session.config.stash[QUIET].give_up()
        del session.config.stash[QUIET]


@pytest.hookimpl(tryfirst=True)
def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Look for criteria in the package whatever `norecursedirs` the ini file sets, and nowhere else in it."""
    package = CRITERIA.parent
    if package not in (collection_path, collection_path.parent):
        return None
    # The name of commands/alert_test.py is that of a test.
    if collection_path.parent == package and collection_path not in (CRITERIA, package / "__init__.py"):
        return True
    is_ours = collection_path in (CRITERIA, package)
    return False if is_ours and not (config.getoption("ignore") or config.getoption("ignore_glob")) else None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the built-in criteria whatever `python_files` the ini file sets."""
    if not is_built_in(file_path):
        return None
    patterns = parent.config.getini("python_files")
    usual = parent.session.isinitpath(file_path) or any(file_path.match(pattern) for pattern in patterns)
    return None if usual else pytest_pycollect_makemodule(file_path, parent)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect the checks of built-in criteria whatever `python_functions` the ini file sets."""
    return CriterionModule.from_parent(parent, path=module_path) if is_built_in(module_path) else None


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Begin a run when the first criterion is about to be collected."""
    if isinstance(collector, pytest.Module) and is_criterion(collector.path):
        refuse_other_copy(collector.path)
        _begin(collector.config)


def _begin(config: pytest.Config) -> None:
    if PIPELINE in config.stash:
        return
    # Imported here, so that a session without criteria does not pay for the libraries of a run.
    from drift_checks.core.lasting import lasting_imports

    # The objects of a program that called `drift_checks.review` may become garbage.
    with lasting_imports() if CALL not in config.stash else nullcontext():
        from drift_checks.plugin.run import begin

    begin(config)
