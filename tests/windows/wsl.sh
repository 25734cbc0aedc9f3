#!/usr/bin/env bash
# The installed slotctl.exe under Wine with servers inside WSL, which a program stands in for: finds them, makes a cluster,
# stops it, starts it, ends one that takes no commands, ends those whose wsl.exe was ended, deletes.
#
# tests/windows/wsl.sh SETUP [PORT]
set -Eeuo pipefail
cd "$(dirname "$0")/../.."
. dev/lib.sh
. tests/windows/lib.sh
setup=$1 port=${2:-$(free_ports)}
: "${work:?a folder for temporary files}"
shots=${SLOTDECK_SHOTS:-$work/shots}

relays() { programs 'wsl\.exe.* --exec .*redis\.conf'; }
no_relay() { [ "$(relays)" = 0 ]; }

# Servers that a failed run leaves are no processes of Wine, and do not end with it.
end_servers() {
    local file pid
    for file in "${WINEPREFIX:-/none}/drive_c/Clusters with spaces/demo"/*/server.pid; do
        [ -f "$file" ] && read -r pid <"$file" && [ "/proc/$pid/cwd" -ef "${file%/*}" ] && kill -9 "$pid"
    done
    return 0
}

trap 'code=$?; trap - EXIT; end_servers; end_prefix; exit $code' EXIT
for_all silent || fail "something answers on ports $port-$((port + 5))"
new_prefix prefix-wsl
x86_64-w64-mingw32-gcc -O1 -o "$WINEPREFIX/drive_c/windows/system32/wsl.exe" tests/windows/wsl.c -lws2_32
install "$setup"
server="\\\\wsl.localhost\\Ubuntu$(command -v redis-server | tr / '\\')"

# A wsl.exe alone means nothing: every Windows has one.
slotctl servers || true
if grep -q wsl.localhost "$work/out"; then fail "looked into WSL though nothing is installed there"; fi
wine reg add 'HKCU\Software\Microsoft\Windows\CurrentVersion\Lxss\{1}' /v DistributionName /d Ubuntu /f >/dev/null 2>&1
ok servers
shows "$server"
shows 'Not looked into, for they are stopped: Debian (WSL).'

ok up demo --server "$server" --port "$port" --dir 'C:\Clusters with spaces\demo' --node-timeout 2000 --yes
shows '[OK] All 16384 slots covered.'
for_all covered || fail "redis-cli does not see a covered cluster"
[ "$(relays)" = 6 ] || fail "not six wsl.exe but $(relays)"
ok ps
shows 6/6
until_true 20 for_all linked
[ "$(cli "$port" -c set answer 42)" = OK ] || fail "SET"

ok stop demo
for_all silent || fail "still running after stop"
until_true 5 no_relay
ok start demo
until_true 20 for_all covered
[ "$(cli "$port" -c get answer)" = 42 ] || fail "the data is lost"

# One that can't be logged in to is asked to end inside.
cli "$port" config set requirepass other >/dev/null
ok stop demo
for_all silent || fail "still running after stop"
until_true 5 no_relay

# Ended from outside, a wsl.exe leaves its server.
ok start demo
until_true 20 for_all covered
wine taskkill /F /IM wsl.exe >/dev/null 2>&1
until_true 5 no_relay
for_all answers || fail "the servers ended with their wsl.exe"
refused start demo
grep -qF 'already runs in' "$work/err" || fail "start says: $(cat "$work/out" "$work/err")"
ok stop demo
for_all silent || fail "still running after stop"

ok start demo
until_true 20 for_all covered
ok down demo --wipe --yes
for_all silent || fail "still running after down"
until_true 5 no_relay
[ ! -e "$WINEPREFIX/drive_c/Clusters with spaces/demo" ] || fail "files are left"
say "slotctl under Wine with servers inside WSL: all done"
