#!/usr/bin/env bash
# Builds a Debian package: debian/build.sh [FOLDER [INSTALLED]]
# FOLDER is where it goes (default: here); INSTALLED, where npm has installed the program globally, with what it needs
# (default: that is done now, from what `npm pack` makes). Needs dpkg-deb and npm; root is not needed.
set -euo pipefail
out=$(realpath "${1:-.}")
installed=${2:+$(realpath "$2")}
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
umask 022

if [[ -z $installed ]]; then
  tarball=$(npm pack --silent --pack-destination "$work")
  npm install --silent --no-audit --no-fund --global --prefix "$work/prefix" "$work/$tarball"
  installed=$work/prefix/lib/node_modules/aws-mfa-agent
fi
mkdir -p "$root"/usr/{bin,lib/systemd/user}
cp -r "$installed" "$root/usr/lib/aws-mfa-agent"
chmod -R u=rwX,go=rX "$root/usr/lib/aws-mfa-agent"
ln -s ../lib/aws-mfa-agent/dist/cli.cjs "$root/usr/bin/aws-mfa-agent"
cp systemd/aws-mfa-agent.service "$root/usr/lib/systemd/user/"

share=$root/usr/share
mkdir -p "$share"/{man/man1,doc/aws-mfa-agent,bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d}
mkdir -p "$share"/{applications,icons/hicolor/scalable/apps}
cp desktop/aws-mfa-agent.desktop "$share/applications/"
cp desktop/aws-mfa-agent.svg "$share/icons/hicolor/scalable/apps/"
gzip -9nc dist/aws-mfa-agent.1 >"$share/man/man1/aws-mfa-agent.1.gz"
gzip -9nc CHANGELOG.md >"$share/doc/aws-mfa-agent/changelog.gz"
mv "$root"/usr/lib/aws-mfa-agent/{README*.md,SECURITY.md,docs} "$share/doc/aws-mfa-agent/"
cat LICENSE dist/licenses.txt >"$share/doc/aws-mfa-agent/copyright"
node dist/cli.cjs completion bash >"$share/bash-completion/completions/aws-mfa-agent"
node dist/cli.cjs completion zsh >"$share/zsh/vendor-completions/_aws-mfa-agent"
node dist/cli.cjs completion fish >"$share/fish/vendor_completions.d/aws-mfa-agent.fish"

version=$(node -p 'require("./package.json").version')
mkdir "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<END
Package: aws-mfa-agent
Version: $version
Architecture: all
Maintainer: the aws-mfa-agent project
Section: net
Priority: optional
Depends: nodejs (>= 20)
Recommends: gjs | zenity | kdialog | pinentry-x11, gir1.2-gtk-4.0 | zenity | kdialog | pinentry-x11, dbus-user-session
Suggests: acl, gir1.2-adw-1
Installed-Size: $(du -sk "$root/usr" | cut -f1)
Description: keeps MFA-protected AWS profiles fresh
 A background agent that watches when the MFA session in the AWS credentials
 file ends, asks for the code in time with a desktop notification, and
 rewrites the profile without harming the file.
 .
 Start it with: systemctl --user enable --now aws-mfa-agent
END
dpkg-deb --root-owner-group --build "$root" "$out/aws-mfa-agent_${version}_all.deb" >&2
