# shellcheck shell=bash
# Virtual environments for the scripts, which source this file.
# They set beforehand: root, the checkout; script, the name that messages begin with.

oldest_python=3.11
interpreters=(python3.13 python3.12 python3.11 python3 python)
# uv's strategy: highest, or lowest-direct for the oldest dependencies that pyproject.toml admits.
resolution=highest
decided=
interrupted=
woken=
child=
verdict_file=
lock_folder=
scratch=
background=()

# A shell that breaks off ends with 1 or 2, which mean CRITICAL and interrupted. So the script exits only with a code
# that was passed to end_with, and with 3 otherwise.
finish() {
    [ -z "$verdict_file" ] || rm -f -- "$verdict_file"
    [ "${#background[@]}" -eq 0 ] || kill "${background[@]}" 2>/dev/null
    [ -z "$scratch" ] || rm -rf -- "$scratch"
    release_lock
    exit "${decided:-3}"
}

end_with() {
    decided=$1
    exit "$1"
}

say() {
    printf '%s: %s\n' "$script" "$1" >&2
}

fail() {
    say "$1"
    end_with 3
}

on_signal() {
    interrupted=yes
    woken=yes
    [ -n "$child" ] || end_with 2
    # Ctrl-C in a terminal has already reached the child, and a second SIGINT would break off its clean-up.
    if [ "$1" = INT ] && has_terminal; then return; fi
    kill -s "$1" "$child" 2>/dev/null
}

has_terminal() {
    { : </dev/tty; } 2>/dev/null
}

watch_signals() {
    trap finish EXIT
    trap 'on_signal INT' INT
    trap 'on_signal TERM' TERM
    trap 'on_signal HUP' HUP
    # The child reads the script's input, which the caller may have closed.
    { : 9<&0; } 2>/dev/null || exec </dev/null
}

# Runs a command and returns its exit code. A signal to the script is passed on to the command, and the script waits for
# its end. bash would hold the signal back from a foreground command, and makes a background one ignore SIGINT, hence
# the reset.
run_interruptibly() {
    local status
    (trap - INT && exec "$@") <&0 &
    child=$!
    # A signal interrupts `wait`, not the command.
    while :; do
        woken=
        wait "$child"
        status=$?
        [ -n "$woken" ] || break
    done
    child=
    return "$status"
}

# Runs the subcommand $1 of `python -m drift_checks` with the other arguments and the checkout's settings.
run_subcommand() {
    watch_signals
    ensure_environment .venv duckdb pytest drift_checks httpx duckdb
    # -P: modules in the caller's folder must not shadow the installed ones.
    run_interruptibly "$environment/bin/python" -P -m drift_checks "$1" -c "$root/pytest.ini" "${@:2}"
    pass_on $? "python -m drift_checks $1"
}

# Ends with the exit code $1 of the command $2; with 2 after a signal, and with 3 if the code is none of its own.
pass_on() {
    case $1 in
        0 | 2 | 3 | 4 | 5 | 75) end_with "$1" ;;
        129 | 130 | 143) end_with 2 ;;
    esac
    [ -z "$interrupted" ] || end_with 2
    fail "$2 ended with $1, which is not one of its exit codes: it was killed or it crashed, see its last lines above."
}

# Creates the environment $1 unless it exists: $2 is the extra to install, or empty, the rest are modules it must contain.
ensure_environment() {
    environment=$root/$1
    extra=$2
    shift 2
    [ -r "$root/pyproject.toml" ] || fail "$root/pyproject.toml is missing: run the script from a complete checkout."
    if environment_is_complete "$@"; then return; fi
    take_lock
    environment_is_complete "$@" || create_environment
    release_lock
}

environment_is_complete() {
    local stamp=$environment/made-from
    [ -x "$environment/bin/python" ] && [ -r "$stamp" ] && [ "$(cat -- "$stamp")" = "$(stamp_text)" ] &&
        environment_finds "$@"
}

# An environment's files name its folder: one that was copied or moved is as outdated as one created from another
# pyproject.toml.
stamp_text() {
    printf '%s in %s' "$(cksum <"$root/pyproject.toml")" "$environment"
}

# Finds the modules without importing them, which would cost each call several tenths of a second.
environment_finds() {
    "$environment/bin/python" -I -c '
import sys
from importlib.util import find_spec
sys.exit(not all(map(find_spec, sys.argv[1:])))' "$@" 2>/dev/null
}

create_environment() {
    local place=${environment#"$root"/}
    interpreter=
    find_interpreter
    has_uv || require_venv_module
    say "Creating the environment $place (once, about a minute) ..."
    rm -rf -- "$environment" 2>/dev/null
    mkdir -- "$environment" 2>/dev/null ||
        fail "$environment cannot be created: the user $(id -un) must be allowed to write in $root."
    if has_uv; then
        install_with_uv
    else
        install_with_pip
    fi
    # It saves time only, so that a failure here does no harm.
    run_interruptibly "$environment/bin/python" -P "$root/scripts/lib/compile_modules.py" \
        >>"$environment/install.log" 2>&1 </dev/null
    [ -z "$interrupted" ] || end_with 2
    # Written last: an environment without it is incomplete.
    stamp_text >"$environment/made-from" || fail "$environment/made-from cannot be written: is the disk full?"
}

# A name on PATH may be a stub that does not run.
has_uv() {
    uv --version >/dev/null 2>&1
}

# Nothing is compiled at installation: most modules are never imported, and their bytecode would take 180 MB.
install_with_uv() {
    # In the checkout's folder: uv would follow the settings of a project in the caller's.
    logged uv --directory "$root" venv --allow-existing --python "$interpreter" "$environment"
    logged uv --directory "$root" pip install --python "$environment/bin/python" --resolution "$resolution" \
        --editable ".${extra:+[$extra]}"
}

install_with_pip() {
    logged "$interpreter" -m venv "$environment"
    logged "$environment/bin/python" -m pip install --disable-pip-version-check --no-input --no-compile \
        --editable "$root${extra:+[$extra]}"
}

logged() {
    local log=$environment/install.log
    run_interruptibly "$@" >>"$log" 2>&1 </dev/null && [ -z "$interrupted" ] && return
    [ -z "$interrupted" ] || end_with 2
    tail -n 20 -- "$log" >&2
    fail "The environment $environment could not be created: see the lines above and $log, fix the cause and run the command again."
}

# Sets interpreter to the path of a Python that is new enough.
find_interpreter() {
    too_old=
    if [ -n "${DRIFT_PYTHON:-}" ]; then
        interpreter=$DRIFT_PYTHON
        require_given_interpreter
    elif ! search_interpreter; then
        fail "${too_old:-No Python was found on PATH}: install Python $oldest_python or later, or set DRIFT_PYTHON to the path of one."
    fi
}

# A name on PATH may be a stub that does not run.
search_interpreter() {
    local candidate answer
    for candidate in "${interpreters[@]}"; do
        answer=$(describe_interpreter "$candidate") || continue
        interpreter=${answer#* }
        if is_new_enough "${answer%% *}"; then return; fi
        too_old=${too_old:-"$interpreter is Python ${answer%% *}, which is too old"}
    done
    return 1
}

require_given_interpreter() {
    local answer
    answer=$(describe_interpreter "$DRIFT_PYTHON") ||
        fail "DRIFT_PYTHON is $DRIFT_PYTHON, which does not run: set it to the path of Python $oldest_python or later, or unset it."
    is_new_enough "${answer%% *}" ||
        fail "DRIFT_PYTHON is $DRIFT_PYTHON, which is Python ${answer%% *}: set it to the path of Python $oldest_python or later, or unset it."
    interpreter=${answer#* }
}

# Prints the version and the path. In an activated environment, which may be the one to be replaced, the path is that of
# the Python it was created with.
describe_interpreter() {
    "$1" -c '
import sys
print("%d.%d %s" % (sys.version_info[0], sys.version_info[1], getattr(sys, "_base_executable", sys.executable)))' 2>/dev/null
}

is_new_enough() {
    local major=${1%%.*} minor=${1#*.}
    [ "$major" -gt "${oldest_python%%.*}" ] ||
        { [ "$major" -eq "${oldest_python%%.*}" ] && [ "$minor" -ge "${oldest_python#*.}" ]; }
}

require_venv_module() {
    "$interpreter" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$interpreter has no venv module: install it (Debian: apt-get install python3-venv), or install uv."
}

# The lock is on the checkout's folder itself, so that no lock file is left over.
take_lock() {
    if ! command -v flock >/dev/null 2>&1; then
        take_lock_folder
        return
    fi
    exec 9<"$root" || fail "$root cannot be read: the user $(id -un) must be allowed to."
    flock -n 9 && return
    say "Waiting for another call, which is creating the environment ..."
    run_interruptibly flock 9
    local status=$?
    [ -z "$interrupted" ] || end_with 2
    [ "$status" -eq 0 ] || fail "$root cannot be locked: run the command again when no other one is running."
}

# For systems without flock.
take_lock_folder() {
    local folder=$root/.venv.lock holder patience=900
    until mkdir -- "$folder" 2>/dev/null; do
        [ -d "$folder" ] || fail "$folder cannot be created: the user $(id -un) must be allowed to write in $root."
        holder=$(cat -- "$folder/holder" 2>/dev/null)
        # Not removed here: two calls that find it abandoned could remove each other's new lock.
        if [ "$patience" -eq 0 ] || { [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; }; then
            fail "$folder was left by a call that was interrupted: remove that folder and run the command again."
        fi
        patience=$((patience - 1))
        sleep 1
    done
    lock_folder=$folder
    echo "$$" >"$folder/holder"
}

release_lock() {
    exec 9<&-
    [ -z "$lock_folder" ] || rm -rf -- "$lock_folder"
    lock_folder=
}
