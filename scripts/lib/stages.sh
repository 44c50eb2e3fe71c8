# shellcheck shell=bash disable=SC2034
# The stages of scripts/test: each is timed, its results are kept for the summary. Sourced after the others.

QUICK_MODELS=(tokenizer tiny tiny-reranker e5-small)
ALL_MODELS=("${QUICK_MODELS[@]}" tiny-f16 tiny-bf16 tiny-bin tiny-shards tiny-bin-shards full)
LABELS=(lint unit gpu cli parity python server build)
RESULTS=$ROOT/build/test-results # NAME.xml (JUnit) per stage that runs tests, and stages.tsv
KEEP_GOING=

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
  "$PYTHON" "$ROOT/scripts/lib/summary.py" "$RESULTS"
  exit
}

# run_ctest NAME PRESET OPTION...: the tests that the options select; finding none is not a failure. Side by side, but
# for those that measure or need the whole machine (RUN_SERIAL).
run_ctest() {
  local options=(--preset "$2" --output-junit "$RESULTS/$1.xml" --no-tests=ignore --test-output-size-passed 1000000
    --parallel "$(nproc)")
  (cd "$ROOT" && ctest "${options[@]}" "${@:3}")
}

# Tests of one label in the release build, without those that take minutes.
stage_label() { run_ctest "$1" release -L "^$1\$" -LE '^slow$'; }

stage_python() {
  install_package
  stage_label python
}

stage_server() {
  install_package
  stage_label server
}

stage_slow() {
  install_package
  run_ctest slow release -L "^slow\$"
}

# Whatever carries no label above must not be forgotten.
stage_other() { run_ctest other release -LE "^($(IFS='|' && echo "${LABELS[*]}")|slow)\$"; }

# stage_preset BUILD TESTS: builds one preset and runs the tests that the other selects.
stage_preset() {
  build_preset "$1"
  run_ctest "$2" "$2"
}

stage_asan() { stage_preset asan asan; }
stage_tsan() { stage_preset tsan tsan; }
stage_fuzz() { stage_preset asan fuzz; }
