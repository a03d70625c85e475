#!/usr/bin/env bash
# The programs and Python modules that the tests with real parts need, by the list in system-packages.txt.
# Installs what is missing where that needs no question (root, or CI with sudo, on Debian and its kin), and says before how much that
# is; elsewhere says how. The tests that need what is missing are skipped, and the test run ends with a list of them.
set -euo pipefail
list=$(dirname "${BASH_SOURCE[0]}")/system-packages.txt

is_there() {
  case $1 in
    typelib:*) compgen -G "/usr/lib/*/girepository-1.0/${1#*:}.typelib" >/dev/null ;;
    go:*) [[ -d ${GOPATH:-/usr/share/gocode}/src/github.com/aws/${1#*:} ]] ;;
    python3:*) python3 -c "import ${1#*:}" >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# Sets what is missing now, and the packages that have it.
look() {
  missing='' packages=''
  local name package
  while read -r name package; do
    [[ $name == '' || $name == '#'* ]] && continue
    is_there "$name" && continue
    missing+=" $name"
    [[ " $packages " == *" $package "* ]] || packages+=" $package"
  done <"$list"
}

say() { printf 'system packages: %s\n' "$*" >&2; }

# How much would be downloaded and installed, in apt-get's words: nothing where it does not know.
figures() {
  local known='' package
  for package in $packages; do
    apt-cache show "$package" >/dev/null 2>&1 && known+=" $package"
  done
  # shellcheck disable=SC2086
  LC_ALL=C apt-get install --no-install-recommends --assume-no -o Debug::NoLocking=1 $known 2>/dev/null </dev/null |
    grep -E '^[0-9]+ upgraded|^Need to get|^After this operation' || true
}
say_figures() { figures | while read -r line; do say "$line"; done; }

look
[[ -z $missing ]] && exit 0

if ! command -v apt-get >/dev/null; then
  say "not installed, and the tests that need them are skipped:$missing"
  exit 0
fi

if [[ $EUID == 0 ]]; then
  sudo=()
elif [[ -n ${CI:-} ]] && sudo -n true 2>/dev/null; then
  sudo=(sudo -n)
else
  say "not installed, and the tests that need them are skipped:$missing"
  say "to have them run: sudo apt-get install --no-install-recommends$packages"
  say_figures
  exit 0
fi

apt() { "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" </dev/null >/dev/null; }
install() { apt install --no-install-recommends -o Dpkg::Use-Pty=0 "$@"; }
apt update || true
say "installing$packages"
say_figures
# A package that this release does not have must not cost the others: after a failure, one by one.
# shellcheck disable=SC2086
install $packages || for package in $packages; do install "$package" || true; done

hash -r
look
[[ -z $missing ]] && exit 0
say "could not be installed, and the tests that need them are skipped:$missing"
# On CI the tests are the proof, and a skipped one proves nothing.
[[ -z ${CI:-} ]]
