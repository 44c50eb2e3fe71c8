#!/usr/bin/env bash
# check_headers.sh PYTHON BUILD every|changed: every public header by itself, or those that changes.py says have changed.
# BUILD is a directory of Ninja's; PYTHON is that whose environment may have ninja.
set -euo pipefail
cd "$(dirname "$0")/../.."
PATH=$(dirname "$1"):$PATH
target=bgem3_headers_verify_interface_header_sets
headers=$target
if [[ $3 == changed ]]; then
  status=0
  list=$("$1" scripts/lib/changes.py) || status=$?
  case $status in
    0)
      objects=$(ninja -C "$2" -t targets all | sed -n "s|^\(.*$target\.dir/.*\.h\.[a-z]*\.o\): .*|\1|p")
      names=$(sed -n 's|^include/\(.*\.h\)$|/\1.|p' <<<"$list")
      headers=
      [[ -z $names ]] || headers=$(grep -F "$names" <<<"$objects") || [[ $? -eq 1 ]]
      ;;
    3) echo "nothing to compare with: every header" ;;
    *) exit $status ;;
  esac
fi
echo "to compile: ${headers:-none}"
[[ -n $headers ]] || exit 0
mapfile -t headers <<<"$headers"
ninja -C "$2" "${headers[@]}"
