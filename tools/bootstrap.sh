#!/usr/bin/env bash
# Prepare a virtual environment from a hash-locked requirements file and install the project into it, editable.
#
#     tools/bootstrap.sh VENV REQUIREMENTS
#
# Takes the first interpreter on PATH that really starts, is new enough and can make an environment (a version manager's shims
# can exist and fail); PYTHON=/path/to/python names one. An environment whose interpreter still starts is brought up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$1
requirements=$2
python=$venv/bin/python

export UV_SYSTEM_CERTS=1 UV_PYTHON_DOWNLOADS=never PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

say() { printf 'setup: %s\n' "$*" >&2; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' > /dev/null 2>&1; }

can_make_environments() { "$1" -c 'import ensurepip, venv' > /dev/null 2>&1; }

candidates() {
    if [ -n "${PYTHON:-}" ]; then
        printf '%s\n' "$PYTHON"
    else
        type -aP python3 python3.11 python3.12 python3.13 python3.14 || true
    fi
}

# Print the interpreter to use, or say why there is none.
find_interpreter() {
    local candidate without_pip=''
    while read -r candidate; do
        is_new_enough "$candidate" || continue
        if can_make_environments "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
        without_pip=${without_pip:-$candidate}
    done < <(candidates)
    if [ -n "$without_pip" ]; then
        say "$without_pip starts, but its venv module lacks ensurepip: install it (Debian: apt-get install python3-venv)"
    else
        say "no Python 3.11 or newer starts here; tried: $(candidates | tr '\n' ' ')(name one with PYTHON=/path/to/python)"
    fi
    return 1
}

install_with_uv() {
    "$python" -m pip install --quiet --require-hashes --only-binary :all: -r requirements-uv.txt \
        && "$venv/bin/uv" pip install --quiet --python "$python" --require-hashes --compile-bytecode -r "$requirements" \
        && "$venv/bin/uv" pip install --quiet --python "$python" --no-deps --no-build-isolation --editable .
}

install_with_pip() {
    "$python" -m pip install --quiet --require-hashes --compile -r "$requirements" \
        && "$python" -m pip install --quiet --no-deps --no-build-isolation --editable .
}

if ! is_new_enough "$python"; then
    interpreter=$(find_interpreter)
    say "making $venv with $("$interpreter" --version) ($interpreter)"
    "$interpreter" -m venv --clear "$venv"
fi
"$python" -m pip --version > /dev/null 2>&1 || "$python" -m ensurepip > /dev/null

say "installing $requirements"
if ! install_with_uv; then
    say "uv can't be used here; pip installs the same file"
    install_with_pip
fi
