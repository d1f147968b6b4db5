#!/usr/bin/env bash
# Every CUDA path of dqkit in under nine minutes: one JSON file and a table.
#
#   benchmarks/gpu.sh [--data ../shared/data] [--out gpu.json] [--seconds 530] [--dry-run]
#
# Exit status: 0 all steps went well; 1 a step failed or was cut off; 2 there is no CUDA GPU, so nothing was measured.
# --dry-run prints the steps and their limits and runs none of them. PYTHON names the interpreter (default: python).
set -u
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-python}" "$root/benchmarks/gpu_steps.py" "$@"
