#!/usr/bin/env bash
# Write the three hash-locked requirements files from pyproject.toml. Pass --upgrade to take newer versions than those locked now.
#
# Only uv's own index is asked (pip's settings, with a machine's extra wheels, don't count), so the hashes are those of every
# published file of a version, for every platform and Python that it supports. No address of an index is written.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=${UV:-.venv/bin/uv}

# compile OUTPUT ARGUMENT...: lock what the arguments ask for.
compile() {
    UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never "$uv" pip compile --quiet --universal --generate-hashes --no-header \
        --annotation-style line --output-file "$@" > /dev/null
}

compile requirements-uv.txt --group installer "$@"
compile requirements.txt pyproject.toml --group build "$@"
# What the running system uses is the same version in both.
compile requirements-dev.txt pyproject.toml --group dev --constraints requirements.txt "$@"
