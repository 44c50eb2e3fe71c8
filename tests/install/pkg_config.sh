#!/usr/bin/env bash
# pkg_config.sh CC LIBDIR PROGRAM MODELS...: a C program is built with what pkg-config says of the bgem3 in LIBDIR, and runs.
# PKG_CONFIG_OPTIONS: more for pkg-config.
set -euo pipefail
sources=("$(dirname "$0")"/../c/*.c)
export PKG_CONFIG_PATH=$2/pkgconfig
# shellcheck disable=SC2086
read -ra flags <<<"$(pkg-config ${PKG_CONFIG_OPTIONS-} --cflags --libs bgem3)"
"$1" -std=c99 "${sources[@]}" "${flags[@]}" -lm "-Wl,-rpath,$2" -o "$3"
"$3" "${@:4}"
