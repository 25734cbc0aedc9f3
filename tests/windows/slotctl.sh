#!/usr/bin/env bash
# The installed slotctl.exe under Wine: finds servers, makes a cluster, shows it, fails over, stops, starts, deletes;
# with exit codes and output as a Windows script reads them. A node folder of spaces and a password are part of it.
#
# tests/windows/slotctl.sh SETUP [PORT]
set -Eeuo pipefail
cd "$(dirname "$0")/../.."
. dev/lib.sh
. tests/windows/lib.sh
setup=$1 port=${2:-$(free_ports)}
: "${work:?a folder for temporary files}"
shots=${SLOTDECK_SHOTS:-$work/shots}
secret='p@ss word "quoted" \back'

trap 'code=$?; trap - EXIT; end_prefix; exit $code' EXIT
for_all silent || fail "something answers on ports $port-$((port + 5))"
new_prefix prefix-slotctl
windows_server "$WINEPREFIX/drive_c/Program Files/Redis"
install "$setup"

ok --version
shows "slotctl "
ok servers
shows 'C:\Program Files\Redis\redis-server.exe'
ok ps
refused up demo --masters 2 --yes
refused up demo --port 70000 --yes

export REDISCLI_AUTH=$secret
printf '%s\n' "$secret" | wine "$app/slotctl.exe" up demo --port "$port" \
    --dir 'C:\Clusters with spaces\demo' --password-stdin --yes >"$work/out" 2>"$work/err" ||
    fail "slotctl up: $(cat "$work/out" "$work/err")"
shows '[OK] All 16384 slots covered.'
for_all covered || fail "redis-cli does not see a covered cluster"
[ -f "$WINEPREFIX/drive_c/Clusters with spaces/demo/$port/redis.conf" ] || fail "the files are elsewhere"
ok ps
shows 6/6
ok check "127.0.0.1:$port"
shows '[OK] All nodes agree about slots configuration.'
refused up again --port "$port" --yes
until_true 20 for_all linked

ok failover demo "127.0.0.1:$((port + 3))" --yes
until_true 20 is_master $((port + 3))

ok stop demo
for_all silent || fail "still running after stop"
no_server_left
ok start demo
until_true 20 for_all covered
ok down demo --wipe --yes
for_all silent || fail "still running after down"
no_server_left
[ ! -e "$WINEPREFIX/drive_c/Clusters with spaces/demo" ] || fail "files are left"
ok ps
say "slotctl under Wine: all done"
