# shellcheck shell=bash disable=SC2034
# The stages of scripts/test: each is timed, its results are kept for the summary. Sourced after the others.

UNIT_MODELS=(tokenizer tiny tiny-reranker bert-reranker e5-small)
MODELS=("${UNIT_MODELS[@]}" minilm nano nano-f16 nano-bf16 nano-bin nano-shards nano-bin-shards nano-reranker wide
  nano-distilbert nano-roberta nano-camembert nano-mpnet)
LARGE_MODELS=(full)
RESULTS=$ROOT/build/test-results # NAME.xml (JUnit) per stage that runs tests, stages.tsv, times.json
KEEP_GOING=
EVERYTHING= # set by `scripts/test all`

# release_options: for cmake, one a line. Arrow, for Parquet, comes with the reference, in PyPI's pyarrow. PyPI's torch has CUDA on x86-64: its code is compiled on every change, not only
# where it happens to be found; for all GPUs where it changed, or when EVERYTHING is set, else for one old and one new.
release_options() {
  local pyarrow
  pyarrow=$("$PYTHON" -c 'import pyarrow; print(*pyarrow.__path__)')
  [[ -z $(compgen -G "$pyarrow/libarrow.so.*") ]] || echo "-DBGEM3_PYARROW=$pyarrow"
  [[ $(uname -m) == x86_64 ]] || return 0
  echo -DBGEM3_CUDA=ON
  local changed
  changed=$("$PYTHON" "$ROOT/scripts/lib/changes.py") || changed=
  if [[ -n $EVERYTHING || $changed == *src/kernels/cuda/* || $changed == *cmake/cuda.cmake* ]]; then
    echo -UCMAKE_CUDA_ARCHITECTURES
  else
    echo '-DCMAKE_CUDA_ARCHITECTURES=75-real;90-real'
  fi
}

# run_stage NAME COMMAND...: runs and times it. A failure ends the run, unless KEEP_GOING is set.
run_stage() {
  local name=$1 started=$SECONDS status
  say "$name"
  # Not `(...) || status=$?`: that would switch set -e off inside.
  set +e
  (
    set -e
    "${@:2}"
  )
  status=$?
  set -e
  printf '%s\t%s\t%s\n' "$name" $((SECONDS - started)) "$status" >>"$RESULTS/stages.tsv"
  [[ $status -eq 0 || -n $KEEP_GOING ]] || finish
}

# Prints the tables and ends the run: with status 1 if anything failed.
finish() {
  "$PYTHON" "$ROOT/scripts/lib/summary.py" "$RESULTS" "$ROOT/build/release/pytest"
  exit
}

# run_ctest NAME BUILD OPTION...: the tests of build/BUILD that the options select; finding none is not a failure. Side
# by side, but for those that measure or need the whole machine (RUN_SERIAL).
run_ctest() {
  ctest --test-dir "$ROOT/build/$2" --output-on-failure --output-junit "$RESULTS/$1.xml" --no-tests=ignore \
    --test-output-size-passed 1000000 --parallel "$(nproc)" "${@:3}"
}

# without LABEL...: ctest's option that leaves these out, and slow tests unless EVERYTHING is set.
without() {
  local labels=("$@")
  [[ -n $EVERYTHING ]] || labels+=(slow)
  [[ ${#labels[@]} -eq 0 ]] || echo "-LE ^($(IFS='|' && echo "${labels[*]}"))$"
}

# run_release NAME LABEL [WITHOUT...]: tests of the release build, by a regular expression for their label.
run_release() {
  local options
  read -ra options <<<"$(without "${@:3}")"
  run_ctest "$1" release ${2:+-L "$2"} "${options[@]}"
}

# Tests of one label.
stage_label() { run_release "$1" "^$1\$"; }

stage_python() {
  install_package
  stage_label python
}

stage_server() {
  install_package
  stage_label server
}

# What fails soonest, before the rest begins.
stage_quick() { run_release quick '^(lint|unit)$'; }

# Everything else in one go: stages in series leave a processor idle at the end of each.
stage_tests() {
  install_package
  run_release tests '' lint unit
}

# AddressSanitizer: by default over what needs no LibTorch (readers, tokenizer, queue, fuzzed connections), which builds
# in a minute.
stage_asan() {
  install_package # by the clients of the server
  stage_addresses asan -L '^(unit|sanitized)$'
}
stage_fuzz() { stage_addresses fuzz -L '^fuzz$'; }

# stage_addresses NAME OPTION...
stage_addresses() {
  if [[ -n $EVERYTHING ]]; then
    build_preset asan
    run_ctest "$1" asan "${@:2}"
  else
    build_preset asan base
    run_ctest "$1" asan "${@:2}" -L '^base$'
  fi
}

# Always whole: a lock that is missing in the queue shows only when batches are computed from many threads. The server
# takes its clients' faults in it, too.
stage_tsan() {
  install_package
  build_preset tsan
  local options
  read -ra options <<<"$(without)"
  run_ctest tsan tsan -L '^(threads|sanitized)$' "${options[@]}"
}
