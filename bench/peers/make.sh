#!/usr/bin/env bash
# Makes an environment for each peer of the speed benchmarks under bench/.venvs (ignored by git).
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .venvs
make_one() { test -x ".venvs/$1/bin/python" || { python3 -m venv ".venvs/$1" && ".venvs/$1/bin/python" -m pip -q install "${@:2}"; }; }
make_one classic "trafilatura==2.3.1" "warcio==1.8.1" "sqlite-utils==4.2.1"
make_one newsplease "news-please==1.6.16"
make_one datatrove "datatrove[io,processing]==0.10.1"
