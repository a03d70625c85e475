#!/usr/bin/env bash
# Builds a Debian package: debian/build.sh [FOLDER [INSTALLED]]
# FOLDER is where it goes (default: here); INSTALLED is for packaging/files.sh. Needs dpkg-deb and npm; root is not needed.
set -euo pipefail
out=$(realpath "${1:-.}")
installed=${2:+$(realpath "$2")}
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir "$root"
umask 022
ZSH_FOLDER=zsh/vendor-completions packaging/files.sh "$root" ${installed:+"$installed"}

version=$(node -p 'require("./package.json").version')
SOURCE_DATE_EPOCH=$(node packaging/release-date.mjs)
export SOURCE_DATE_EPOCH
maintainer="${DEBFULLNAME:-The aws-mfa-agent project} <${DEBEMAIL:-aws-mfa-agent@users.noreply.github.com}>"

doc=$root/usr/share/doc/aws-mfa-agent
gzip -9nc CHANGELOG.md >"$doc/changelog.gz"
gzip -9n >"$doc/changelog.Debian.gz" <<END
aws-mfa-agent ($version-1) unstable; urgency=medium

  * Version $version: see changelog.gz.

 -- $maintainer  $(LC_ALL=C date -Ru -d "@$SOURCE_DATE_EPOCH")
END
cp debian/README.Debian "$doc/"
mkdir -p "$root/usr/share/lintian/overrides"
cat >"$root/usr/share/lintian/overrides/aws-mfa-agent" <<END
# It is not uploaded to Debian, where a bug would announce it.
aws-mfa-agent: initial-upload-closes-no-bugs *
END
{
  cat debian/copyright
  sed '/^$/,$d; s/^/  /' dist/licenses.txt
} >"$doc/copyright"

mkdir "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<END
Package: aws-mfa-agent
Version: $version-1
Architecture: all
Maintainer: $maintainer
Section: net
Priority: optional
Depends: nodejs (>= 20.12)
Recommends: gjs | zenity | kdialog | pinentry-x11, gir1.2-gtk-4.0 | zenity | kdialog | pinentry-x11, dbus-user-session
Suggests: acl, gir1.2-adw-1
Installed-Size: $(find "$root/usr" -type f -printf '%s\n' | awk '{ kilobytes += int(($1 + 1023) / 1024) } END { print kilobytes }')
Description: keeps MFA-protected AWS profiles fresh
 A background agent that watches when the MFA session in the AWS credentials
 file ends, asks for the code in time with a desktop notification, and
 rewrites the profile without harming the file.
 .
 Debian 12 has an older Node.js than it needs: see
 /usr/share/doc/aws-mfa-agent/README.Debian for where to get one.
 .
 Start it with: systemctl --user enable --now aws-mfa-agent
END
install -m755 debian/postinst debian/prerm "$root/DEBIAN/"
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
dpkg-deb --root-owner-group --build -Zxz "$root" "$out/aws-mfa-agent_${version}-1_all.deb" >&2
