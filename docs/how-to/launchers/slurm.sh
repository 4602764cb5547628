#!/bin/bash
# A Slurm array: sbatch slurm.sh. Each task runs one shard; tasks that fail can be sent again, since finished cells are kept.
#SBATCH --job-name=harness
#SBATCH --array=1-4
#SBATCH --cpus-per-task=2
#SBATCH --gpus-per-task=1
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@120
set -euo pipefail
# TERM two minutes before the limit: the run writes its table, and the next one goes on where it was.
exec .venv/bin/harness run "${SUITE:-robustness}" --device cuda \
  --shard "${SLURM_ARRAY_TASK_ID}/${SLURM_ARRAY_TASK_COUNT}" --results "${RESULTS:-results}"
