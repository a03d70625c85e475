#!/usr/bin/env bash
# Mutation run: changes the code in small ways and lists the changes that no unit test notices (Stryker).
#   npm run mutation [-- --mutate 'src/policy/*.ts']
# Works in a copy in build/mutation, where it installs Stryker, so that `npm ci` and CI need not.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

copy=build/mutation
mkdir -p "$copy"
git ls-files -z | xargs -0 cp --parents -t "$copy"
cd "$copy"
npm ci --silent
npm install --silent --no-save @stryker-mutator/core@9.6.1 @stryker-mutator/vitest-runner@9.6.1
# The runner wants threads, in which tests cannot set the time zone.
sed -i "s/pool: 'threads'/pool: 'forks'/" node_modules/@stryker-mutator/vitest-runner/dist/src/vitest-test-runner.js
exec npx stryker run test/stryker.json "$@"
