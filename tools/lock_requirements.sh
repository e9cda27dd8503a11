#!/bin/sh
# Resolves requirements.txt and the extras of pyproject.toml into hashed locks that
# hold for Python 3.11 to 3.13 on every platform. Each lock contains the one before.
set -eu

compile() { # compile LOCK CONSTRAINTS SOURCE...
    lock=$1; constraints=$2; shift 2
    echo "==> requirements/$lock"
    "$VENV/bin/python" -m uv pip compile --quiet --upgrade --universal \
        --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
        --custom-compile-command "make lock" ${constraints:+--constraints "$constraints"} \
        --output-file "requirements/$lock" "$@"
}

compile app.lock "" requirements.txt
compile test.lock requirements/app.lock pyproject.toml --extra test
compile check.lock requirements/test.lock pyproject.toml --extra check
