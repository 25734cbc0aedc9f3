# Shared by the scripts of this folder: Wine with a prefix of its own, a screen of its own, and a robot that uses the
# window with mouse and keyboard, finding things by the names that the window tells screen readers.
# Wants $work, a folder that the caller made and removes; $shots, a folder for screenshots.

. "$(dirname "${BASH_SOURCE[0]}")/wine.sh"
WINE_PACKAGES=(wine64 xvfb xdotool openbox imagemagick x11-utils gcc-mingw-w64-x86-64 redis-server redis-tools procps libgl1 libgl1-mesa-dri locales fonts-noto-cjk)

fail() {
    echo "FAILED: $*" >&2
    [ -n "${DISPLAY_PID:-}" ] && shot failed || true
    [ -f "${outline:-}" ] && { echo "--- on the screen:"; cut -f 5- "$outline"; } >&2
    exit 1
}

# What ends a script without a word is named.
trap 'echo "FAILED: ${BASH_SOURCE[0]}:$LINENO: $BASH_COMMAND" >&2' ERR

# new_prefix NAME [LOCALE]: an empty Windows. With zh_CN its language and its code page (936) are Chinese.
new_prefix() {
    end_prefix
    export WINEPREFIX=$work/$1 WINEARCH=win64 WINEDEBUG=${SLOTDECK_WINEDEBUG:--all} WINEDLLOVERRIDES="mscoree,mshtml,winemenubuilder.exe=;bcryptprimitives=n"
    mkdir -p "$work/home"
    if [ -n "${2:-}" ]; then
        mkdir -p "$work/locales"
        [ -d "$work/locales/$2.UTF-8" ] || localedef -i "$2" -f UTF-8 "$work/locales/$2.UTF-8" 2>/dev/null || true
        RUN_WINE=(env "HOME=$work/home" "LOCPATH=$work/locales" "LC_ALL=$2.UTF-8" "${NOT_RANDOM[@]}" "$WINE")
    else
        RUN_WINE=(env "HOME=$work/home" LC_ALL=C.UTF-8 "${NOT_RANDOM[@]}" "$WINE")
    fi
    # Its exit code tells of the missing 32-bit half, too.
    wine wineboot -i >/dev/null 2>&1 || true
    [ -d "$WINEPREFIX/drive_c/windows/system32" ] || fail "Wine makes no Windows in $WINEPREFIX"
    # So that the servers' answers never wait for the debugger of a program that crashed.
    wine reg add 'HKLM\Software\Microsoft\Windows NT\CurrentVersion\AeDebug' /v Debugger /d false /f >/dev/null 2>&1 || true
}

end_prefix() {
    [ -n "${WINEPREFIX:-}" ] && [ -d "$WINEPREFIX" ] || return 0
    WINEPREFIX=$WINEPREFIX timeout 20 "$WINESERVER" -k || true
    WINEPREFIX=$WINEPREFIX timeout 20 "$WINESERVER" -w || true
}

# start_display WIDTHxHEIGHT: a screen and a window manager of our own, on the first free number.
start_display() {
    exec {display_fd}<> <(:)
    Xvfb -displayfd "$display_fd" -screen 0 "$1x24" -nolisten tcp >/dev/null 2>&1 &
    DISPLAY_PID=$!
    local number
    read -r -t 20 number <&"$display_fd" || fail "Xvfb does not start"
    export DISPLAY=:$number LIBGL_ALWAYS_SOFTWARE=1
    openbox >/dev/null 2>&1 &
    MANAGER_PID=$!
}

end_display() {
    [ -n "${MANAGER_PID:-}" ] && kill "$MANAGER_PID" 2>/dev/null
    [ -n "${DISPLAY_PID:-}" ] && kill "$DISPLAY_PID" 2>/dev/null
    DISPLAY_PID=
}

# free_ports: the first of six ports in a row that are free, as are their bus ports. Below 22768, so that the bus ports
# stay below those that the system gives to clients.
free_ports() {
    local base p
    for base in $(seq $((16000 + $$ % 600 * 10)) 6 22700); do
        for p in $(seq "$base" $((base + 5))); do
            if (: <"/dev/tcp/127.0.0.1/$p") 2>/dev/null || (: <"/dev/tcp/127.0.0.1/$((p + 10000))") 2>/dev/null; then
                continue 2
            fi
        done
        echo "$base"
        return
    done
    fail "no six free ports"
}

# beside_programs FOLDER: what programs built with Rust need under Wine 8.
beside_programs() {
    x86_64-w64-mingw32-gcc -shared -O1 -o "$1/bcryptprimitives.dll" tests/windows/bcryptprimitives.c -ladvapi32
}

# install SETUP: without questions. $app is the folder that it went to.
install() {
    # For the programs that run with the system's own folders only; a real Windows has this library.
    beside_programs "$WINEPREFIX/drive_c/windows/system32"
    wine "$1" /S || fail "the setup ended with exit code $?"
    where_installed
}

where_installed() {
    app=$(find "$WINEPREFIX/drive_c/users" -type d -path '*/Programs/Slotdeck')
    [ -x "$app/slotdeck.exe" ] && [ -x "$app/slotctl.exe" ] || fail "the setup installed no programs"
}

# windows_server FOLDER: puts a redis-server.exe there: a real one where SLOTDECK_WINDOWS_REDIS names it, else one that
# hands over to the Linux server.
windows_server() {
    mkdir -p "$1"
    if [ -n "${SLOTDECK_WINDOWS_REDIS:-}" ]; then
        cp "$SLOTDECK_WINDOWS_REDIS" "$1/redis-server.exe"
        say "The servers are real Windows servers: $(wine "$1/redis-server.exe" --version | tr -d '\r' | cut -d' ' -f1-3)"
    else
        x86_64-w64-mingw32-gcc -O1 -o "$1/redis-server.exe" tests/windows/redis-server.c -lws2_32
        say "No Windows server is at hand (SLOTDECK_WINDOWS_REDIS): redis-server.exe hands over to $(redis-server --version | cut -d' ' -f1-3)"
    fi
}

# start_app EXE [ARGUMENT…]: opens the window and waits for its first frame.
start_app() {
    outline=$work/outline.tsv
    rm -f "$outline"
    SLOTDECK_OUTLINE=$(windows_path "$outline") "${RUN_WINE[@]}" "$@" >"$work/app.out" 2>&1 &
    APP_PID=$!
    app_opens
}

# Waits for the window of $APP_PID and its first frame.
app_opens() {
    local tries
    for tries in $(seq 300); do
        [ -s "$outline" ] && break
        kill -0 "$APP_PID" 2>/dev/null || fail "the program ended: $(cat "$work/app.out")"
        sleep 0.2
    done
    [ -s "$outline" ] || fail "no window within a minute"
    for tries in $(seq 50); do
        WINDOW=$(xdotool search --onlyvisible --name '^Slotdeck' 2>/dev/null | tail -1) || true
        [ -n "$WINDOW" ] && break
        sleep 0.1
    done
    [ -n "$WINDOW" ] || fail "the window is not on the screen"
}

# The setup and the uninstaller, page by page. Their windows tell nobody what they hold: a page is there when its picture
# is another one than the last page's and stays for a second.
page_picture() { import -window "$SETUP_WINDOW" rgb:- 2>/dev/null | md5sum; }

setup_opens() {
    SETUP_WINDOW='' LAST_PAGE=''
    local tries
    for tries in $(seq 100); do
        SETUP_WINDOW=$(xdotool search --onlyvisible --name '^Slotdeck ' 2>/dev/null | tail -1) || true
        [ -n "$SETUP_WINDOW" ] && return
        sleep 0.2
    done
    fail "the setup shows no window"
}

# setup_page NAME: waits for the next page, takes its picture, and presses the button that goes on: in the lower right,
# left of Cancel.
setup_page() {
    local until=$((SECONDS + 60)) now=none WIDTH HEIGHT
    while :; do
        [ $SECONDS -lt $until ] || fail "no page $1"
        local before=$now
        sleep 1
        now=$(page_picture)
        [ "$now" = "$before" ] && [ "$now" != "$LAST_PAGE" ] && break
    done
    shot "$1"
    LAST_PAGE=$now
    eval "$(xdotool getwindowgeometry --shell "$SETUP_WINDOW" | grep -E '^(WIDTH|HEIGHT)=')"
    xdotool windowactivate --sync "$SETUP_WINDOW"
    xdotool mousemove --window "$SETUP_WINDOW" $((WIDTH - 158)) $((HEIGHT - 27))
    sleep 0.3
    xdotool click 1
}

# install_by_hand SETUP: with the mouse through all pages, the last of which opens the window.
install_by_hand() {
    beside_programs "$WINEPREFIX/drive_c/windows/system32"
    outline=$work/outline.tsv
    rm -f "$outline"
    SLOTDECK_OUTLINE=$(windows_path "$outline") "${RUN_WINE[@]}" "$1" >"$work/app.out" 2>&1 &
    APP_PID=$!
    setup_opens
    setup_page 00-setup-1-for-whom
    setup_page 00-setup-2-components
    setup_page 00-setup-3-folder
    setup_page 00-setup-4-done
    until_true 30 opened_by_setup
    app_opens
    where_installed
}

opened_by_setup() { APP_PID=$(pids 'slotdeck\.exe' | head -1) && [ -n "$APP_PID" ]; }

# remove_by_hand: the uninstaller's pages; it works as a copy of itself.
remove_by_hand() {
    "${RUN_WINE[@]}" "$app/uninstall.exe" >/dev/null 2>&1 &
    setup_opens
    setup_page 22-uninstall-1-data
    setup_page 22-uninstall-2-done
    until_true 30 test ! -e "$app"
}

# place NAME [ROLE]: left, top, right, bottom of what has this name (a regular expression for all of it).
place() {
    awk -F'\t' -v name="^($1)\$" -v role="${2:-}" \
        '$7 ~ name && $6 != "disabled" && (role == "" || $5 == role) { print $1, $2, $3, $4; exit }' "$outline"
}

on_screen() { awk -F'\t' -v name="$1" 'BEGIN { bad = 1 } ($7 " " $8) ~ name { bad = 0; exit } END { exit bad }' "$outline"; }

# see TEXT [SECONDS]: waits until the window shows a text that matches.
see() {
    local until=$((SECONDS + ${2:-15}))
    until on_screen "$1"; do
        [ $SECONDS -lt $until ] || fail "'$1' is not seen within ${2:-15} s"
        sleep 0.2
    done
}

# point NAME [ROLE] [SECONDS]: moves the mouse there. What still moves (a list that scrolls) is waited for.
point() {
    local until=$((SECONDS + ${3:-15})) at= before=x
    while [ -z "$at" ] || [ "$at" != "$before" ]; do
        [ $SECONDS -lt $until ] || fail "nothing called '$1' can be pressed"
        before=$at
        at=$(place "$1" "${2:-}")
        sleep 0.15
    done
    set -- $at
    # xdotool counts from the window's inner corner, as the outline does.
    xdotool mousemove --window "$WINDOW" $((($1 + $3) / 2)) $((($2 + $4) / 2))
    sleep 0.1
}

press() {
    point "$@"
    xdotool click 1
    sleep 0.3
}

# fill NAME TEXT: replaces the text of a field.
fill() {
    press "$1" TextInput
    xdotool key --clearmodifiers ctrl+a
    sleep 0.1
    xdotool type --delay 15 "$2"
    sleep 0.3
}

# shot NAME: a screenshot into $shots.
shot() {
    mkdir -p "$shots"
    import -window root "$shots/$1.png"
}

# The rest looks at the cluster of six nodes on $port and the five ports above, with a redis-cli of Linux.

cli() { timeout 5 redis-cli -p "$@" 2>/dev/null | tr -d '\r'; }

# for_all COMMAND…: whether it holds on each of the six ports.
for_all() {
    local p
    for p in $(seq "$port" $((port + 5))); do "$@" "$p" || return 1; done
}

answers() { [ "$(cli "$1" ping)" = PONG ]; }
covered() { cli "$1" cluster info | grep -q '^cluster_state:ok' && cli "$1" cluster info | grep -q '^cluster_slots_ok:16384'; }
silent() { ! answers "$1"; }
linked() { [ "$(cli "$1" info replication | grep -c -E '^(role:master|master_link_status:up)')" = 1 ]; }

# until_true SECONDS COMMAND…: or fails.
until_true() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $until ] || fail "not so in time: $*"
        sleep 0.3
    done
}

# crash PORT: ends the server on that port without a word. It says itself which process it is: the stand-in names one of
# Linux, a Windows server one of Windows.
crash() {
    local pid
    pid=$(cli "$1" info server | sed -n 's/^process_id://p')
    if [ -e "/proc/$pid" ] && tr "\0" " " <"/proc/$pid/cmdline" | grep -qs "[:]$1 "; then
        kill -9 "$pid"
    else
        wine taskkill /F /PID "$pid" >/dev/null
    fi
    until_true 10 silent "$1"
}

is_master() { [ "$(cli "$1" role | head -1)" = master ] && covered "$1"; }

# pids PATTERN: the processes of this Windows that have such a command line. (Wine 8 has no tasklist.)
pids() {
    local pid
    for pid in $(pgrep -f "$1"); do
        if tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qxF "WINEPREFIX=$WINEPREFIX"; then
            echo "$pid"
        fi
    done
}

# programs PATTERN: how many there are.
programs() { pids "$1" | wc -l; }

no_server() { [ "$(programs 'redis-server\.exe.*redis\.conf')" = 0 ]; }
no_server_left() { until_true 5 no_server; }

# The rest runs the installed slotctl.exe, in $app.

# Into files: the servers that a stand-in starts inherit pipes the Unix way and would keep them open.
slotctl() {
    local code=0
    wine "$app/slotctl.exe" "$@" >"$work/raw" 2>"$work/err" </dev/null || code=$?
    tr -d '\r' <"$work/raw" >"$work/out"
    return $code
}

# ok COMMAND…: it must end well. refused COMMAND…: it must not. shows TEXT: the last output holds it.
ok() { slotctl "$@" || fail "slotctl $*: exit code $?: $(cat "$work/out" "$work/err")"; }
refused() {
    if slotctl "$@"; then fail "slotctl $* should have failed: $(cat "$work/out")"; fi
}
shows() { grep -qF -- "$1" "$work/out" || fail "no '$1' in: $(cat "$work/out" "$work/err")"; }
