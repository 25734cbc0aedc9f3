#!/usr/bin/env bash
# The real slotdeck.exe under Wine, used with the mouse and the keyboard: wizard to covered cluster, a failed master and
# its failover, a failover by hand, closing and finding again, stopping, deleting. A redis-cli of Linux looks on, and is
# believed more than the window.
#
# tests/windows/window.sh SETUP [LOCALE [PORT]]: starts with the setup in an empty Windows whose language is LOCALE (en or
# zh_CN), by mouse through its pages, and ends with its removal. Screenshots go to $SLOTDECK_SHOTS, the Wine prefix below $work.
set -Eeuo pipefail
cd "$(dirname "$0")/../.."
. dev/lib.sh
. tests/windows/lib.sh
setup=$1 locale=${2:-en} port=${3:-$(free_ports)}
: "${work:?a folder for temporary files}"
shots=${SLOTDECK_SHOTS:-$work/shots}/$locale

case $locale in en) language=en ;; zh_CN) language=zh-CN ;; esac

# t SECTION.KEY: the window's text in the language of this run, as a regular expression.
t() {
    awk -v section="[${1%.*}]" -v key="${1##*.}" '
        /^\[/ { inside = ($0 == section) }
        inside && index($0, key " = \"") == 1 {
            text = substr($0, length(key) + 5); sub(/"[^"]*$/, "", text)
            gsub(/%\{[a-z_]+\}/, "\001", text); gsub(/[][().?*+^$|]/, "[&]", text); gsub(/\001/, ".*", text)
            print text; found = 1; exit
        }
        END { exit !found }' assets/i18n/*."$language".toml || fail "no text $1 in $language"
}

cluster_screen() { press "$(t "$1")" Button; sleep 1; }

make_cluster() {
    press "$(t nav.create)" Button
    shot 02-server
    press "$(t create.next)" Button
    fill "$(t create.shape.first_port)" "$port"
    see "ports $port|$port" 10
    shot 03-shape
    press "$(t create.next)" Button
    fill "$(t create.conf.node_timeout)" 5000
    shot 04-configuration
    press "$(t create.launch_n)" Button
    see "$(t plan.yes)" 120
    shot 05-plan
    for_all silent_about_slots || fail "something was sent before the yes"
    press "$(t plan.yes)" Button
    point "$(t create.open)" Button 90
    shot 06-done
    for_all covered || fail "redis-cli does not see a covered cluster"
    until_true 20 for_all linked
    press "$(t create.open)" Button
    see "$(t health.ok)" 20
}

silent_about_slots() { [ "$(cli "$1" cluster info | sed -n 's/^cluster_slots_assigned://p')" = 0 ]; }

# Thousand keys, which nothing of what follows may lose.
write_keys() {
    local key
    for key in $(seq 1000); do echo "SET key:$key value:$key"; done | timeout 60 redis-cli -c -p "$port" >"$work/replies"
    [ "$(grep -c OK "$work/replies")" = 1000 ] || fail "not every key was written"
}

written_is_there() {
    local key
    for key in $(seq 1000); do echo "GET key:$key"; done | timeout 60 redis-cli -c -p $((port + 1)) | grep -o 'value:[0-9]*' >"$work/values" || true
    cmp -s "$work/values" <(seq -f 'value:%g' 1000) || fail "$(wc -l <"$work/values") of 1000 keys are there"
}

look_around() {
    sleep 1
    shot 07-overview
    cluster_screen view.slots
    xdotool mousemove --window "$WINDOW" 500 400
    sleep 0.5
    shot 08-slots
    cluster_screen view.nodes
    shot 09-nodes
    cluster_screen view.log
    shot 10-log
}

# A master dies: its replica takes over by itself, and the window follows.
lose_a_master() {
    cluster_screen view.overview
    crash "$port"
    sleep 2
    shot 11-master-died
    until_true 60 is_master $((port + 3))
    sleep 2
    shot 12-failed-over
    written_is_there
    press "$(t overview.start)" Button
    until_true 30 answers "$port"
    until_true 40 linked "$port"
    see "$(t health.ok)" 30
    shot 13-healed
}

# The returned node becomes a master again, by hand.
fail_over_by_hand() {
    cluster_screen view.nodes
    point "127.0.0.1:$port" Label
    xdotool click 3
    press "$(t failover.to_this)" Button
    sleep 1.5
    shot 14-failover-question
    press "$(t failover.yes)" Button
    until_true 30 is_master "$port"
    see "$(t health.ok)" 30
    shot 15-failover-done
    written_is_there
}

close_and_come_back() {
    local before
    before=$(cli "$port" info server | grep run_id)
    xdotool windowactivate --sync "$WINDOW" key --clearmodifiers alt+F4
    see "$(t confirm.leave_running)" 10
    shot 16-close-question
    press "$(t confirm.leave_running)" Button
    until_true 20 app_ended
    for_all answers || fail "a server ended with the window"
    wine "$app/slotctl.exe" ps | tr -d '\r' >"$work/ps"
    grep -q '6/6' "$work/ps" || fail "slotctl ps: $(cat "$work/ps")"
    start_app "$app/slotdeck.exe"
    see "$(t health.ok)" 30
    [ "$before" = "$(cli "$port" info server | grep run_id)" ] || fail "the servers were started anew"
    written_is_there
    shot 17-found-again
}

app_ended() { ! kill -0 "$APP_PID" 2>/dev/null; }

# Stopping asks; deleting asks and takes the files along.
stop_and_delete() {
    local folder=$1
    cluster_screen view.overview
    press "$(t overview.stop)" Button
    sleep 1
    shot 18-stop-question
    press "$(t confirm.stop)" Button
    until_true 60 for_all silent
    shot 19-stopped
    press "$(t overview.start)" Button
    until_true 60 for_all covered
    written_is_there
    press "$(t overview.stop)" Button
    sleep 1
    press "$(t confirm.stop)" Button
    until_true 60 for_all silent
    press "$(t overview.delete)" Button
    press "$(t confirm.wipe)" CheckBox
    shot 20-delete-question
    press "$(t confirm.delete)" Button
    until_true 60 test ! -e "$folder"
    see "$(t welcome.title)" 20
    shot 21-deleted
}

remove() {
    remove_by_hand
    ! wine reg query 'HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall\Slotdeck' >/dev/null 2>&1 || fail "still in the list of programs"
}

end_all() {
    local code=$?
    trap - EXIT
    [ $code -eq 0 ] || echo "tests/windows/window.sh failed ($locale); screenshots are in $shots" >&2
    # A Linux server of the stand-in ends with its launcher, and the launcher with the prefix.
    end_prefix
    end_display
    exit $code
}
trap end_all EXIT

for_all silent || fail "something answers on ports $port-$((port + 5))"
start_display 1400x900
new_prefix "prefix-$locale" "$([ "$locale" = en ] || echo "$locale")"
windows_server "$WINEPREFIX/drive_c/Program Files/Redis"
install_by_hand "$setup"
see "$(t welcome.title)" 10
sleep 1
shot 01-welcome
make_cluster
write_keys
look_around
lose_a_master
fail_over_by_hand
close_and_come_back
folder=$(find "$WINEPREFIX/drive_c/users" -type d -path '*clusters/demo')
[ -d "$folder/$port" ] || fail "no folder of the cluster"
stop_and_delete "$folder"
xdotool windowactivate --sync "$WINDOW" key --clearmodifiers alt+F4
until_true 20 app_ended
no_server_left
remove
say "The window under Wine ($locale): all done"
