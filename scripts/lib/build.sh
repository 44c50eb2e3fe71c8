# shellcheck shell=bash
# Configure and build through CMake presets. Sourced after common.sh.

# build_preset PRESET [PART [OPTION...]]: configures, with options for cmake, and builds preset PRESET, or PRESET-PART of
# it. Does nothing that is up to date; shows the compiler's words only when it fails.
build_preset() {
  local preset=$1 part=${2:+-$2} log=$ROOT/build/$1.log
  mkdir -p "$ROOT/build"
  if ! (cd "$ROOT" && cmake --preset "$preset" "${@:3}" && cmake --build --preset "$preset$part") >"$log" 2>&1; then
    cat "$log" >&2
    die "build of preset '$preset' failed (log: build/$preset.log)"
  fi
}

# make_models NAME...: what is complete is left alone.
make_models() { "$PYTHON" "$ROOT/scripts/models/make.py" "$@" >&2; }
