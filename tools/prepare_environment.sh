#!/bin/sh
# Makes the virtual environment hold one of three layers, each containing the one
# before: app (what the page runs on), test (the test tools), check (browser driver,
# transformers, PyTorch). Nothing is removed, and nothing done where the environment
# already holds the lock: a copy of each installed lock is kept as $VENV/.stamp-*.
#
#   VENV=.venv sh tools/prepare_environment.sh app|test|check
#
# A new environment is made with BASE_PYTHON; by default with `python3`, as the active
# pyenv or conda environment has it, if longkeras runs on it, else with another that does.
set -eu

layer=${1:?usage: prepare_environment.sh app|test|check}
VENV=${VENV:-.venv}
python=$VENV/bin/python
# Parity tests only. The plain name brings the CPU build where pip is told of one;
# elsewhere name it: TORCH="torch==2.13.0 --index-url ...".
TORCH=${TORCH:-torch==2.13.0}

say() { printf '==> %s\n' "$*"; }
fail() { printf '\nerror: %s\n' "$1" >&2; shift; for line; do printf '  %s\n' "$line" >&2; done; exit 1; }
supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }

find_python() {
    for candidate in ${BASE_PYTHON:-python3 python python3.13 python3.12 python3.11}; do
        # Some of these names may be stand-ins that refuse to run: try each.
        if command -v "$candidate" >/dev/null 2>&1 && supported "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "longkeras needs Python 3.11, 3.12 or 3.13, and none was found." \
        "Found: $("${BASE_PYTHON:-python3}" --version 2>&1 || echo "no ${BASE_PYTHON:-python3}")" \
        "Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.12"
}

create() {
    if [ -x "$python" ] && supported "$python"; then return; fi
    if [ -x "$python" ] && "$python" -V >/dev/null 2>&1; then
        fail "$VENV holds $("$python" -V), and longkeras needs Python 3.11, 3.12 or 3.13." \
            "Remove it with \`make distclean\` and try again."
    fi
    base=$(find_python)
    say "Creating $VENV with $("$base" -V)"
    "$base" -m venv --clear "$VENV" || fail "$base cannot create virtual environments." \
        "Debian, Ubuntu: apt-get install python3-venv"
}

install_lock() { # install_lock LOCK: with uv, which is several times faster, or with pip
    "$python" -m pip --version >/dev/null 2>&1 || "$python" -m ensurepip --upgrade >/dev/null
    if "$python" -m uv --version >/dev/null 2>&1 || "$python" -m pip install --quiet 'uv>=0.5,<1'; then
        "$python" -m uv pip install --python "$python" --require-hashes --no-deps \
            --compile-bytecode --requirement "$1" && return
    fi
    say "uv did not succeed: installing with pip"
    "$python" -m pip install --require-hashes --no-deps --compile --requirement "$1" ||
        fail "the packages of $1 could not be installed; pip's message stands above."
}

install_layer() { # install_layer NAME COVERED...
    lock=requirements/$1.lock
    if cmp -s "$lock" "$VENV/.stamp-$1"; then return; fi
    say "Installing $lock into $VENV (the first time takes a minute or two)"
    install_lock "$lock"
    for covered; do cp "requirements/$covered.lock" "$VENV/.stamp-$covered"; done
}

install_torch() {
    if [ "$(cat "$VENV/.stamp-torch" 2>/dev/null)" = "$TORCH" ]; then return; fi
    say "Installing $TORCH with pip"
    # shellcheck disable=SC2086  # several words are meant
    "$python" -m pip install $TORCH || fail "PyTorch could not be installed." \
        "make check compares with it; say where its CPU build is: TORCH=\"torch --index-url ...\" make check"
    printf '%s\n' "$TORCH" >"$VENV/.stamp-torch"
}

need_browser() {
    for browser in chromium chromium-browser google-chrome; do
        if command -v "$browser" >/dev/null 2>&1; then return; fi
    done
    fail "make check drives the page in a browser, and no Chromium was found." \
        "Debian, Ubuntu: apt-get install chromium fonts-noto-cjk"
}

case $layer in
    app) create; install_layer app app ;;
    test) create; install_layer test test app ;;
    check) need_browser; create; install_layer check check test app; install_torch ;;
    *) fail "unknown layer: $layer" ;;
esac
