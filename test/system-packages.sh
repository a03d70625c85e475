#!/usr/bin/env bash
# The programs that the tests with real parts need: a screen, a notification server, dialogs, systemd, strace.
# Installs what is missing where that needs no question (root, or CI, on Debian and its kin); elsewhere says how,
# and the tests that need it are skipped, and say so.
set -euo pipefail

# program:Debian package
needed='
Xvfb:xvfb dunst:dunst notify-send:libnotify-bin zenity:zenity kdialog:kdialog pinentry-gtk-2:pinentry-gtk2 xdotool:xdotool
chromium:chromium xdg-open:xdg-utils
dbus-daemon:dbus dbus-run-session:dbus gdbus:libglib2.0-bin import:imagemagick strace:strace faketime:faketime
systemctl:systemd systemd-analyze:systemd plistutil:libplist-utils curl:curl oathtool:oathtool
zsh:zsh fish:fish dash:dash script:bsdutils pgrep:procps ip:iproute2
man:man-db groff:groff-base mandoc:mandoc tmux:tmux
'

# Sets programs and packages to what is missing now.
look() {
  programs='' packages=''
  local pair package
  for pair in $needed; do
    command -v "${pair%%:*}" >/dev/null && continue
    programs+=" ${pair%%:*}"
    package=${pair##*:}
    [[ " $packages " == *" $package "* ]] || packages+=" $package"
  done
}

say() { printf 'system packages: %s\n' "$*" >&2; }

look
[[ -z $programs ]] && exit 0

if ! command -v apt-get >/dev/null; then
  say "not installed, and the tests that need them are skipped:$programs"
  exit 0
fi

if [[ $EUID == 0 ]]; then
  sudo=()
elif [[ -n ${CI:-} ]]; then
  sudo=(sudo -n)
else
  say "not installed, and the tests that need them are skipped:$programs"
  say "to have them run: sudo apt-get install --no-install-recommends$packages"
  exit 0
fi

say "installing$packages"
apt() { "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" </dev/null >/dev/null; }
install() { apt install --no-install-recommends -o Dpkg::Use-Pty=0 "$@"; }
apt update || true
# A package that this release does not have must not cost the others: after a failure, one by one.
# shellcheck disable=SC2086
install $packages || for package in $packages; do install "$package" || true; done

hash -r
look
[[ -z $programs ]] && exit 0
say "could not be installed, and the tests that need them are skipped:$programs"
# On CI the tests are the proof, and a skipped one proves nothing.
[[ -z ${CI:-} ]]
