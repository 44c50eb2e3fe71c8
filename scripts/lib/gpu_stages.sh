# shellcheck shell=bash disable=SC2034
# The stages of scripts/gpu_check: what each runs, and for how long at most. Sourced after common.sh; reads what gpu_check
# has found out about the machine.

# PART NAME LIMIT, in the order in which they run. The limit is in seconds, ENDING of which are for the stage to end itself.
# The part "models" belongs to every call; what is complete is left alone. "full" is made beside the tests.
STAGES=(
  'models models 35' # cold imports
  'tests unit 10'
  'tests gpu-kernels 40' # first on the GPU: it waits for the driver
  'tests gpu-attention 15'
  'tests gpu-products 15'
  'tests gpu-streams 10'
  'tests gpu-embedder 20'
  'tests gpu-graphs 25'
  'tests gpu-float8 10'
  'tests sanitizer 35'
  'models full 55'
  'bench-kernels bench-kernels 60'
  'bench-calls bench-calls 85'
  'peers peers 60'
  'program program 65'
  'load load 480'
)
PARTS=(tests bench-kernels bench-calls peers program load)
USUAL_PARTS=(tests bench-kernels bench-calls peers program) # load takes a call for itself
ENDING=2
KERNELS='^(product|layer norm|attention) '

# parts_named LIST: the parts of a list with commas, one a line; "bench" is both of its halves.
parts_named() {
  local part parts
  IFS=, read -ra parts <<<"$1"
  [[ ${#parts[@]} -gt 0 ]] || die "--only needs a part; expected some of: ${PARTS[*]}"
  for part in "${parts[@]}"; do
    if [[ $part == bench ]]; then
      printf '%s\n' bench-kernels bench-calls
    elif [[ " ${PARTS[*]} " == *" $part "* ]]; then
      echo "$part"
    else
      die "unknown part '$part'; expected some of: ${PARTS[*]}, or bench for both of its halves"
    fi
  done
}

list_stages() { printf '%s\n' "${STAGES[@]}" | awk '{printf "%-14s %-14s %4d s\n", $1, $2, $3}'; }

# set_command NAME: into `command`; leaves it empty, and says why in `reason`, where there is nothing to run.
set_command() {
  local model=models/full
  [[ -z $dry_run ]] || model=models/tiny
  command=() reason=''
  case $1 in
    models) command=(python3 scripts/models/make.py tiny "${rerankers[@]}") ;;
    full) command=(python3 scripts/models/make.py full) ;;
    unit) command=(stdbuf -oL "$PROGRAMS/bgem3_cuda_tests" --duration=true) ;;
    gpu-*) command=(stdbuf -oL "$PROGRAMS/bgem3_gpu_tests" "--source-file=*test_${1#gpu-}.cpp" --duration=true) ;;
    sanitizer) set_sanitizer ;;
    bench-kernels) set_bench "$1" "$KERNELS" --benchmark_min_time=0.2 ;;
    bench-calls) set_bench "$1" "-$KERNELS" ;;
    peers)
      command=(python3 bench/cuda_peers.py "$model" "$output/peers.json")
      [[ -z $dry_run ]] || command+=(--device cpu --most-tokens 64)
      ;;
    load) set_load "$model" ;;
    program)
      command=(python3 bench/cuda_program.py "$PROGRAMS/bgem3" "$model" "$output/program.json")
      [[ -z $dry_run ]] || command+=(--device cpu --longest 64 --dtypes float32 --peers FlagEmbedding)
      ;;
  esac
}

set_sanitizer() {
  if command -v compute-sanitizer >/dev/null; then
    command=(compute-sanitizer --error-exitcode=9 "$PROGRAMS/bgem3_gpu_tests" '--source-file=*test_kernels.cpp')
  else
    reason="there is no compute-sanitizer on the PATH"
  fi
}

# set_load MODEL
set_load() {
  if [[ -x $PROGRAMS/bgem3-server ]]; then
    command=(python3 bench/load/gpu_load.py "$PROGRAMS" "$1" "$output/load.json")
    [[ -z $dry_run ]] || command+=(--device cpu --seconds 2 --length 30)
  else
    reason="there is no bgem3-server in $PROGRAMS; a build on the machine makes none"
  fi
}

# set_bench NAME FILTER OPTION...
set_bench() {
  command=(stdbuf -oL "$PROGRAMS/bgem3_bench_cuda" "--benchmark_filter=$2")
  if [[ -n $dry_run ]]; then
    command+=(--benchmark_list_tests)
  else
    command+=("--benchmark_out=$output/$1.json" --benchmark_out_format=json "${@:3}")
  fi
}
