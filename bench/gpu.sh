#!/usr/bin/env bash
# The benchmark of a GPU in one command of under ten minutes:
#
#   bash bench/gpu.sh               measures the suite `gpu`, beside PyTorch where a python3 has it, and leaves
#                                   bench/results/ADAPTER.json, .md and .html
#   bash bench/gpu.sh --dry-run     the same cases in tiny sizes on whatever adapter there is: to see that all of it runs
#
# The machine needs a GPU driver with Vulkan (or Metal, or D3D12), Node 20.9 or newer, and this folder after
# `npm run build` with its node_modules: nothing is downloaded or compiled here. SELFSAME_NODE names another node than
# the one in PATH, SELFSAME_PYTHON a python3 with torch, SELFSAME_RESULTS another folder for the results.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

suite=gpu
refuse=(--require-hardware)
case ${1:-} in
  '') ;;
  --dry-run)
    suite=gpu-tiny
    refuse=()
    ;;
  *)
    echo "usage: bash bench/gpu.sh [--dry-run]" >&2
    exit 2
    ;;
esac

node=${SELFSAME_NODE:-node}
command -v "$node" >/dev/null || { echo "gpu.sh: there is no node in PATH; name one in SELFSAME_NODE" >&2; exit 2; }
[[ -f dist/bench/run.js ]] || { echo "gpu.sh: there is no dist/; run npm run build first, also before packing" >&2; exit 2; }

# Containers often mount the driver's description where the loader does not look.
if [[ -z ${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-} ]]; then
  for description in /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json /usr/local/share/vulkan/icd.d/nvidia_icd.json; do
    if [[ -f $description ]]; then
      export VK_DRIVER_FILES=$description VK_ICD_FILENAMES=$description
      break
    fi
  done
fi

# The first python3 that has torch.
peers=none
for python in ${SELFSAME_PYTHON:-python3 /usr/bin/python3}; do
  if "$python" -c 'import torch' 2>/dev/null; then
    export SELFSAME_PYTHON=$python
    peers=torch,torch-autocast
    break
  fi
done
[[ $peers == none ]] && echo "gpu.sh: no python3 has torch, there will be no ratios to PyTorch" >&2

echo "== what there is to compute on"
"$node" bin/selfsame.js devices
if command -v nvidia-smi >/dev/null; then
  nvidia-smi --query-gpu=name,driver_version,power.limit,clocks.max.sm,clocks.max.mem --format=csv || true
fi

echo "== suite $suite"
exec "$node" bin/selfsame.js bench --suite "$suite" --device webgpu "${refuse[@]}" --peers "$peers" \
  --results "${SELFSAME_RESULTS:-bench/results}"
