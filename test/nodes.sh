#!/usr/bin/env bash
# The unit and integration tests on each Node that is supported, the demo on the oldest one, and the sentence that an older one
# gets. The binaries come from the registry's package `node`. Words that follow go to vitest: npm run test:nodes -- test/unit
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

npm run build
failed=''
on() {
  local version=$1
  shift
  npm install --silent --no-save --no-package-lock --prefix "$folder/$version" "node@$version"
  printf '\n== Node %s: %s\n' "$version" "$*"
  PATH=$folder/$version/node_modules/node/bin:$PATH "$@" || failed+=" $version"
}

tests=(test/unit test/integration)
(($# == 0)) || tests=("$@")
on 18 bash -c '[[ $(node dist/cli.cjs status 2>&1) == *"needs Node.js"* ]]'
on 20.12.0 node dist/cli.cjs demo --auto
for version in 20 22 24; do on "$version" node_modules/.bin/vitest run "${tests[@]}"; done
[[ -z $failed ]] || printf '\nfailed on Node%s\n' "$failed"
[[ -z $failed ]]
