#!/usr/bin/env bash
# Lays out the files of a Linux package: packaging/files.sh ROOT [INSTALLED]
# ROOT is an empty folder; INSTALLED, where npm has installed the program globally, with what it needs (default: that is done
# now, from what `npm pack` makes, with the versions of package-lock.json).
set -euo pipefail
root=$(realpath "$1")
installed=${2:+$(realpath "$2")}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
umask 022

lib=$root/usr/lib/aws-mfa-agent
mkdir -p "$root"/usr/{bin,lib/systemd/user}
if [[ -n $installed ]]; then
  cp -r "$installed" "$lib"
else
  tarball=$(npm pack --silent --pack-destination "$root")
  tar -xzf "$root/$tarball" -C "$root/usr/lib"
  mv "$root/usr/lib/package" "$lib"
  rm "$root/$tarball"
  cp package-lock.json "$lib"
  npm --prefix "$lib" ci --silent --no-audit --no-fund --omit=dev --ignore-scripts
  rm "$lib/package-lock.json"
fi

# Of the packages that it needs, only what Node.js reads: no documentation, no types, no tests, and no programs for macOS and Windows.
modules=$lib/node_modules
rm -rf "$modules"/{.bin,.package-lock.json,node-notifier/vendor}
find "$modules" -type d \( -name test -o -name benchmarks -o -name examples -o -name '.?*' \) -prune -exec rm -r {} +
find "$modules" -type f ! -regex '.*\.\([cm]?js\|json\|node\)' -delete
# Nor the commands that some of them have.
find "$modules" -type f -name '*js' -exec awk 'FNR == 1 && /^#!/ { print FILENAME } { nextfile }' {} + | xargs -r rm
find "$modules" -depth -type d -empty -delete
rm "$lib"/{LICENSE,CHANGELOG.md}
find "$lib" -type d -exec chmod 755 {} +
find "$lib" -type f -exec chmod 644 {} +
chmod 755 "$lib/dist/cli.cjs"
ln -s ../lib/aws-mfa-agent/dist/cli.cjs "$root/usr/bin/aws-mfa-agent"
cp systemd/aws-mfa-agent.service "$root/usr/lib/systemd/user/"

share=$root/usr/share
mkdir -p "$share"/{man/man1,doc/aws-mfa-agent,applications,icons/hicolor/scalable/apps}
cp desktop/aws-mfa-agent.desktop "$share/applications/"
cp desktop/aws-mfa-agent.svg "$share/icons/hicolor/scalable/apps/"
mv "$lib"/{README*.md,SECURITY.md,docs} "$share/doc/aws-mfa-agent/"
gzip -9nc dist/aws-mfa-agent.1 >"$share/man/man1/aws-mfa-agent.1.gz"

# Puts the completion of a shell into a folder: completion SHELL FOLDER NAME
completion() {
  mkdir -p "$share/$2"
  node dist/cli.cjs completion "$1" >"$share/$2/$3"
}
completion bash bash-completion/completions aws-mfa-agent
completion fish fish/vendor_completions.d aws-mfa-agent.fish
completion zsh "${ZSH_FOLDER:-zsh/site-functions}" _aws-mfa-agent
