#!/usr/bin/env bash
# pkg_config.sh CC LIBDIR PROGRAM MODELS...: a C program is built with what pkg-config says of the bgem3 in LIBDIR, and runs.
set -euo pipefail
sources=("$(dirname "$0")"/../c/*.c)
export PKG_CONFIG_PATH=$2/pkgconfig
read -ra flags <<<"$(pkg-config --cflags --libs bgem3)"
"$1" -std=c99 "${sources[@]}" "${flags[@]}" -lm "-Wl,-rpath,$2" -o "$3"
"$3" "${@:4}"
