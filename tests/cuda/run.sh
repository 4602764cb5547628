#!/usr/bin/env bash
# Every check worth doing in ten minutes on one GPU, the most telling first. A check that fails or runs past its limit
# does not stop the next; the table at the end says how each went. Without a GPU nothing is checked.
#
#     tests/cuda/run.sh                     # python of .venv if there is one, or PYTHON=...
#     HARNESS_GPU=cpu tests/cuda/run.sh     # rehearse tests/cuda on the CPU
set -uo pipefail
cd "$(dirname "$0")/../.."

if [ -z "${PYTHON:-}" ]; then
  PYTHON=python3
  [ ! -x .venv/bin/python ] || PYTHON=.venv/bin/python
fi
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" PYTHONUNBUFFERED=1

rehearsal="${HARNESS_GPU:+yes}"
if [ -z "$rehearsal" ] && ! "$PYTHON" -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then
  echo "no GPU here (torch.cuda.is_available() is false): nothing was checked"
  exit 0
fi

table=""
failed=0

# check NAME LIMIT_IN_SECONDS PYTEST_ARGUMENTS...
check() {
  local name="$1" limit="$2" start="$SECONDS" code verdict
  shift 2
  echo "== $name (at most $limit s)"
  timeout --kill-after=5 "$limit" "$PYTHON" -m pytest -m cuda -q -s -p no:cacheprovider "$@"
  code=$?
  case "$code" in
    0) verdict=passed ;;
    5) verdict="nothing to run" ;;
    124 | 137) verdict="out of time" ;;
    *) verdict=FAILED ;;
  esac
  [ "$code" = 0 ] || failed=1
  table+="$(printf '%-52s  %-14s  %4d' "$name" "$verdict" "$((SECONDS - start))")"$'\n'
}

check "TF32 is off, products are float32" 40 tests/cuda/test_precision.py
check "the smoke suite, and verdicts beside the CPU's" 90 tests/cuda/test_smoke.py -k "smoke or cpu"
check "records across batch sizes" 80 tests/cuda/test_smoke.py -k batch_size
check "out of memory: half the batch" 40 tests/cuda/test_memory.py
check "cost blocks of models on a GPU" 30 tests/cuda/test_costs.py
if [ -z "$rehearsal" ]; then
  check "devices are found and refused" 30 tests/execution/test_devices.py
  check "trained networks under all attacks beside the CPU" 120 tests/plugins/harness_classification/test_invariance.py
fi
check "time of attacks over their bare passes" 80 tests/cuda/test_ratios.py
if [ -z "$rehearsal" ]; then
  check "published robust accuracy of the whole MNIST test set" 90 tests/anchors/test_published_models.py
fi

printf '\n%-52s  %-14s  %4s\n%s' check verdict s "$table"
exit "$failed"
