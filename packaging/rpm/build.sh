#!/usr/bin/env bash
# Builds an RPM package: packaging/rpm/build.sh [FOLDER [INSTALLED]]
# FOLDER is where it goes (default: here); INSTALLED is for packaging/files.sh. Needs rpmbuild and npm; root is not needed.
set -euo pipefail
out=$(realpath "${1:-.}")
installed=${2:+$(realpath "$2")}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir "$root"
umask 022
packaging/files.sh "$root" ${installed:+"$installed"}
install -Dm644 -t "$root/usr/share/licenses/aws-mfa-agent" LICENSE dist/licenses.txt
install -Dm644 -t "$root/usr/share/doc/aws-mfa-agent" CHANGELOG.md

SOURCE_DATE_EPOCH=$(node packaging/release-date.mjs)
export SOURCE_DATE_EPOCH
find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
cat >"$work/aws-mfa-agent.spec" <<END
# Nothing of this is to be stripped, compiled or changed.
%define __os_install_post %{nil}
%define _binary_payload w9.gzdio
%define _buildhost localhost
%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1

Name: aws-mfa-agent
Version: $(node -p 'require("./package.json").version')
Release: 1
Summary: Keep MFA-protected AWS profiles fresh
License: Apache-2.0
BuildArch: noarch
AutoReqProv: no
# Fedora's and Red Hat's packages have this epoch.
Requires: nodejs >= 1:20.12
Recommends: gjs, gtk4

%description
A background agent that watches when the MFA session in the AWS credentials
file ends, asks for the code in time with a desktop notification, and
rewrites the profile without harming the file.

It needs Node.js 20.12 or later. Start it with:
systemctl --user enable --now aws-mfa-agent

%install
cp -a "$root/." "%{buildroot}"

%post
# Lets the short commands start in less time: see src/precompile.ts. They also work without.
rm -f /usr/lib/aws-mfa-agent/dist/*.compiled
node /usr/lib/aws-mfa-agent/dist/precompile.cjs >/dev/null 2>&1 || :

%preun
# An upgrade needs nothing: a running agent starts the new version by itself.
if [ "\$1" = 0 ] && command -v systemctl >/dev/null; then
  for user in \$(systemctl list-units --plain --no-legend 'user@*.service' 2>/dev/null | sed 's/^user@\([0-9]*\)\..*/\1/'); do
    systemctl --user --machine="\$user@" stop aws-mfa-agent.service >/dev/null 2>&1 || :
  done
  rm -f /usr/lib/aws-mfa-agent/dist/*.compiled
fi

%files
%defattr(-,root,root)
/usr/bin/aws-mfa-agent
/usr/lib/aws-mfa-agent
/usr/lib/systemd/user/aws-mfa-agent.service
/usr/share/applications/aws-mfa-agent.desktop
/usr/share/icons/hicolor/scalable/apps/aws-mfa-agent.svg
/usr/share/bash-completion/completions/aws-mfa-agent
/usr/share/fish/vendor_completions.d/aws-mfa-agent.fish
/usr/share/zsh/site-functions/_aws-mfa-agent
%doc /usr/share/man/man1/aws-mfa-agent.1.gz
%doc /usr/share/doc/aws-mfa-agent
%license /usr/share/licenses/aws-mfa-agent
END
rpmbuild --quiet -bb --buildroot "$work/buildroot" --define "_topdir $work/rpm" --define "_rpmdir $work/out" \
  --target noarch "$work/aws-mfa-agent.spec" >&2
mv "$work"/out/noarch/*.rpm "$out/"
