#!/usr/bin/env bash
# check_tidy.sh PYTHON BUILD every|changed: clang-tidy over the library, the command, the server and the headers they
# include, or over what changes.py says has changed of them. PYTHON is that whose environment has clang-tidy, of a version
# that passes over system headers, which are most of what is read here; BUILD a directory with compile_commands.json.
set -euo pipefail
cd "$(dirname "$0")/../.."
tools=$(dirname "$1")
files=("$PWD/src/.*\.cpp$")
if [[ $3 == changed ]]; then
  status=0
  list=$(PATH=$tools:$PATH "$1" scripts/lib/changes.py --sources "$2") || status=$?
  case $status in
    0) mapfile -t files < <(while read -r file; do echo "^$PWD/$file\$"; done < <(grep . <<<"$list")) ;;
    3) echo "nothing to compare with: every file" ;;
    *) exit $status ;;
  esac
fi
echo "${#files[@]} to check: ${files[*]}"
[[ ${#files[@]} -gt 0 ]] || exit 0
# clang does not know every warning option of the compiler that the build uses, nor where that keeps omp.h.
"$1" "$tools/run-clang-tidy.py" -clang-tidy-binary "$tools/clang-tidy" -quiet -p "$2" -j "$(nproc)" \
  -extra-arg=-Wno-unknown-warning-option -extra-arg=-Wno-deprecated-declarations -extra-arg=-fno-openmp "${files[@]}"
