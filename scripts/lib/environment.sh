# shellcheck shell=bash
# The virtual environments of the scripts, which source this file.
# They set beforehand: root, the checkout; script, the name that messages begin with.

oldest_python=3.11
interpreters="python3.13 python3.12 python3.11 python3 python"
decided=
interrupted=
woken=
child=
verdict_file=
lock_folder=

# A shell that breaks off ends with 1 or 2, which mean CRITICAL and interrupted: only a code that was
# decided on leaves the script, anything else becomes 3.
finish() {
    [ -z "$verdict_file" ] || rm -f -- "$verdict_file"
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
    # Ctrl-C in a terminal has reached the child as well, and a second SIGINT would spoil its clean-up.
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
    # The child reads the script's own input, which a caller may have closed.
    { : 9<&0; } 2>/dev/null || exec </dev/null
}

# Runs a command and returns its exit code; a signal to the script reaches the command, and the script
# still waits for its end. In the foreground bash would hold the signal back; in the background it has
# the command ignore SIGINT, hence the reset.
run_interruptibly() {
    local status
    (trap - INT && exec "$@") <&0 &
    child=$!
    # A signal ends `wait`, not the command.
    while :; do
        woken=
        wait "$child"
        status=$?
        [ -n "$woken" ] || break
    done
    child=
    return "$status"
}

# Makes the environment $1 unless it is made: $2 is the extra to install ("" for none), the rest are the
# modules that must be found in it.
ensure_environment() {
    environment=$root/$1
    extra=$2
    shift 2
    [ -r "$root/pyproject.toml" ] || fail "$root/pyproject.toml is missing: run the script from a complete checkout."
    if environment_is_made "$@"; then return; fi
    take_lock
    environment_is_made "$@" || make_environment
    release_lock
}

environment_is_made() {
    local stamp=$environment/made-from
    [ -x "$environment/bin/python" ] && [ -r "$stamp" ] && [ "$(cat -- "$stamp")" = "$(stamp_text)" ] &&
        environment_finds "$@"
}

# An environment names its folder in its files, so a copied or moved one is as outdated as one made from
# another pyproject.toml.
stamp_text() {
    printf '%s in %s' "$(cksum <"$root/pyproject.toml")" "$environment"
}

# Only looks the modules up: importing them would cost each call several tenths of a second.
environment_finds() {
    "$environment/bin/python" -I -c '
import sys
from importlib.util import find_spec
sys.exit(not all(map(find_spec, sys.argv[1:])))' "$@" 2>/dev/null
}

make_environment() {
    local place=${environment#"$root"/}
    interpreter=
    find_interpreter
    command -v uv >/dev/null 2>&1 || require_venv_module
    say "Making the environment in $place (once, about a minute) ..."
    rm -rf -- "$environment" 2>/dev/null
    mkdir -- "$environment" 2>/dev/null ||
        fail "$environment cannot be made anew: the user $(id -un) must be allowed to write in $root."
    if command -v uv >/dev/null 2>&1; then
        install_with_uv
    else
        install_with_pip
    fi
    # Written last: an environment without it was broken off and does not count.
    stamp_text >"$environment/made-from" || fail "$environment/made-from cannot be written: is the disk full?"
}

install_with_uv() {
    # The checkout's folder: uv would follow the settings of a project in the caller's.
    logged uv --directory "$root" venv --allow-existing --python "$interpreter" "$environment"
    logged uv --directory "$root" pip install --python "$environment/bin/python" --compile-bytecode \
        --editable ".${extra:+[$extra]}"
}

install_with_pip() {
    logged "$interpreter" -m venv "$environment"
    logged "$environment/bin/python" -m pip install --disable-pip-version-check --no-input \
        --editable "$root${extra:+[$extra]}"
}

logged() {
    local log=$environment/install.log
    run_interruptibly "$@" >>"$log" 2>&1 </dev/null && [ -z "$interrupted" ] && return
    [ -z "$interrupted" ] || end_with 2
    tail -n 20 -- "$log" >&2
    fail "The environment in $environment could not be made: see the lines above, all of them in $log, put that right and give the command again."
}

# Sets interpreter to the path of a Python that is new enough; a name on PATH may be a stub that does not run.
find_interpreter() {
    local candidate answer too_old=
    if [ -n "${DRIFT_PYTHON:-}" ]; then
        interpreter=$DRIFT_PYTHON
        require_given_interpreter
        return
    fi
    for candidate in $interpreters; do
        answer=$(describe_interpreter "$candidate") || continue
        interpreter=${answer#* }
        if is_new_enough "${answer%% *}"; then return; fi
        too_old=${too_old:-"$interpreter is Python ${answer%% *}, which is too old"}
    done
    fail "${too_old:-No Python was found on PATH}: install Python $oldest_python or later, or set DRIFT_PYTHON to the path of one."
}

require_given_interpreter() {
    local answer
    answer=$(describe_interpreter "$DRIFT_PYTHON") ||
        fail "DRIFT_PYTHON is $DRIFT_PYTHON, which does not run: set it to the path of Python $oldest_python or later, or unset it."
    is_new_enough "${answer%% *}" ||
        fail "DRIFT_PYTHON is $DRIFT_PYTHON, which is Python ${answer%% *}: set it to the path of Python $oldest_python or later, or unset it."
    interpreter=${answer#* }
}

# Prints the version and the path. Inside an activated environment, which may be the one to be remade,
# the path is that of the Python below it.
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
    say "Waiting for another call, which is making the environment ..."
    run_interruptibly flock 9 || fail "$root cannot be locked: give the command again when no other one is running."
    [ -z "$interrupted" ] || end_with 2
}

# For systems without flock.
take_lock_folder() {
    local folder=$root/.venv.lock holder patience=900
    until mkdir -- "$folder" 2>/dev/null; do
        [ -d "$folder" ] || fail "$folder cannot be made: the user $(id -un) must be allowed to write in $root."
        holder=$(cat -- "$folder/holder" 2>/dev/null)
        # Not removed here: two calls that find it abandoned would each remove the other's new lock.
        if [ "$patience" -eq 0 ] || { [ -n "$holder" ] && ! kill -0 "$holder" 2>/dev/null; }; then
            fail "$folder was left by a call that was broken off: remove that folder and give the command again."
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
