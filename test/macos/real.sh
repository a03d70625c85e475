#!/usr/bin/env bash
# What only a real Mac can show. Installs the LaunchAgent of this user, and removes it again, so it runs only where CI is set, or with
# --here. Needs a built program (npm run build) and a user who is logged in at the screen. Written without a Mac, and not run yet.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

[ "$(uname)" = Darwin ] || { echo 'This is not a Mac.'; exit 2; }
[ -n "${CI:-}" ] || [ "${1:-}" = --here ] || { echo 'This installs a LaunchAgent for you. Run it with --here.'; exit 2; }

label=io.github.aws-mfa-agent
target=gui/$(id -u)/$label
plist=$HOME/Library/LaunchAgents/$label.plist
log=$HOME/Library/Logs/aws-mfa-agent.log
[ ! -e "$plist" ] || { echo "$plist exists: run aws-mfa-agent uninstall first."; exit 2; }

home=$(mktemp -d /tmp/real.XXXXXX)
trap 'node dist/cli.cjs uninstall >/dev/null 2>&1; rm -rf "$home"' EXIT
export AWS_SHARED_CREDENTIALS_FILE=$home/credentials AWS_CONFIG_FILE=$home/config
export XDG_CONFIG_HOME=$home/config.d XDG_STATE_HOME=$home/state
# A session that is fresh for hours: the agent asks nothing.
umask 077
cat > "$AWS_SHARED_CREDENTIALS_FILE" <<END
[default]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY

[mfa]
aws_access_key_id = ASIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
aws_session_token = token
expiration = $(date -u -v+12H +%Y-%m-%dT%H:%M:%SZ)
END
printf '[default]\nmfa_serial = arn:aws:iam::123456789012:mfa/alice\n' > "$AWS_CONFIG_FILE"

failed=0
check() {
  local what=$1
  shift
  if "$@"; then printf 'ok    %s\n' "$what"; else printf 'FAIL  %s\n' "$what"; failed=1; fi
}
agent() { node dist/cli.cjs "$@"; }
pid() { launchctl print "$target" 2>/dev/null | sed -n 's/^[[:space:]]*pid = //p' | head -1; }
answers() { agent status --json | grep -q '"pid"'; }
comes_back() {
  local before=$1 now
  # The property list starts it again at most once a minute.
  for _ in $(seq 90); do
    now=$(pid)
    [ -n "$now" ] && [ "$now" != "$before" ] && answers && return 0
    sleep 1
  done
  return 1
}
nothing_left() { [ ! -e "$plist" ] && ! launchctl print "$target" >/dev/null 2>&1 && ! pgrep -f "$PWD/dist/cli.cjs run" >/dev/null; }
is_unchanged() { agent install 2>&1 | tee /dev/stderr | grep -q 'nothing to do'; }
is_killed_and_back() { local before; before=$(pid); kill -9 "$before" && comes_back "$before"; }

echo "macOS $(sw_vers -productVersion), $(uname -m), Node $(node --version)"
launchctl print "gui/$(id -u)" | wc -c | sed 's/$/ bytes of launchctl print/'
ioreg -n Root -d1 -a | wc -c | sed 's/$/ bytes of ioreg/'
check 'install starts the agent' agent install
check 'the property list is valid' plutil -lint "$plist"
check 'the socket answers' answers
check 'a second install changes nothing' is_unchanged
check 'doctor finds the service' eval 'agent doctor | grep "✓ the LaunchAgent is running"'
check 'the agent is back after kill -9' is_killed_and_back
check 'uninstall ends' agent uninstall
check 'uninstall leaves nothing' nothing_left
[ "$failed" = 0 ] || { launchctl print "$target"; tail -20 "$log"; }
check 'presence, window, watch, mode and rewrites' npx vitest run test/macos/macos-real.test.ts
check 'the demo' agent demo --auto
exit "$failed"
