#!/usr/bin/env bash
# check_python.sh PYTHON: every Python file is as ruff writes it and passes its checks; the package's types fit together.
set -euo pipefail
cd "$(dirname "$0")/../.."
files=$(git -c safe.directory='*' ls-files '*.py' '*.pyi')
# shellcheck disable=SC2086
"$1" -m ruff format --check $files
# shellcheck disable=SC2086
"$1" -m ruff check $files
"$1" -m mypy --cache-dir build/mypy
