#!/usr/bin/env bash
# tests/windows/install.sh SETUP [NEWER_SETUP]
#   Installs silently under Wine, upgrades, removes, and compares files and registry before and after: nothing may be
#   left. In an English and a Chinese system, in the usual folder and in one with spaces and Chinese letters. Each
#   system is a Wine prefix of its own in a temporary folder. With SLOTDECK_WINDOWS_REDIS=redis-server.exe (7.2.5 is
#   sound) also with a cluster whose servers run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../dev/lib.sh"
setup=$(realpath "$1") newer=$(realpath "${2:-$1}")
need wine64 gcc-mingw-w64-x86-64 locales
work=$(mktemp -d)
. "$here/wine.sh"
failures=0
fail() { echo "FAILED: $*" >&2; failures=$((failures + 1)); }
leave() {
    for prefix in "$work"/prefix-*; do
        [ -d "$prefix" ] && WINEPREFIX=$prefix "$WINESERVER" -k 2>/dev/null || true
    done
    sleep 1
    rm -rf "$work"
}
trap leave EXIT

# Debian 12's Wine lacks one library that Rust programs ask for.
x86_64-w64-mingw32-gcc -shared -O1 -o "$work/bcryptprimitives.dll" "$here/bcryptprimitives.c" -ladvapi32
mkdir "$work/locales"
localedef -i zh_CN -f UTF-8 "$work/locales/zh_CN.UTF-8"
export WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml,winemenubuilder.exe=;bcryptprimitives=n'
# Wine shows the desktop of the home folder as Windows' own.
mkdir -p "$work/home/Desktop"
export HOME=$work/home XDG_CONFIG_HOME=$work/home/.config XDG_DATA_HOME=$work/home/.local/share
unset SLOTDECK_HOME

# A system of its own: system NAME LOCALE
system() {
    export WINEPREFIX=$work/prefix-$1
    export LOCPATH=$work/locales
    export LC_ALL=$2
    [ "$2" = zh_CN.UTF-8 ] || unset LOCPATH
    say "A Windows: $1"
    wine wineboot -i >/dev/null 2>&1 || true
    "$WINESERVER" -w
    cp "$work/bcryptprimitives.dll" "$WINEPREFIX/drive_c/windows/system32/"
}

# What is there: every file and folder, and every registry value, but for the times of keys, for what Wine itself counts
# up or fits to a process's code page (fonts, display), for two keys that every Windows has and a new prefix has not, and
# for the uninstaller's own copy in the folder for temporary files, which Windows deletes when it starts.
snapshot() {
    "$WINESERVER" -w
    (cd "$WINEPREFIX/drive_c" && find . | grep -v -e '/Temp/' -e '/Temp$' | sort) >"$work/$1.files"
    (cd "$work/home" && find . | sort) >>"$work/$1.files"
    cat "$WINEPREFIX"/{system,user}.reg | perl -ne '
        if (/^\[/) {
            s/ \d+$//;
            $skip = /^\[Software\\\\(Classes|Microsoft\\\\Windows\\\\CurrentVersion\\\\Uninstall)\]/
                || /\\\\Windows NT\\\\CurrentVersion\\\\Font/ || /\\\\FontAssoc\\\\/ || /\\\\Control\\\\(Class|Video)\\\\/
                || /^\[Software\\\\Wine\\\\Fonts/ || /\\\\(Hardware Profiles|Enum)\\\\/;
        }
        print unless $skip or /^#time=|^$|^"PendingFileRenameOperations"=.*~nsu|^"[A-Z]*FON[A-Z]*\.FON"=/' >"$work/$1.registry"
}

nothing_left() {
    snapshot after
    diff "$work/before.files" "$work/after.files" >"$work/diff" || { fail "$1: files differ"; cat "$work/diff"; }
    diff "$work/before.registry" "$work/after.registry" >"$work/diff" || { fail "$1: the registry differs"; cat "$work/diff"; }
}

# A value of this person's registry, @ being a key's own: value KEY NAME. Read from Wine's file, for what `reg query`
# prints has only the letters of one code page.
value() {
    "$WINESERVER" -w
    KEY=${1//\\/\\\\} NAME=$2 perl -CO -ne '
        $in = /^\[\Q$ENV{KEY}\E\]/i if /^\[/;
        next unless $in and s/^(\@|"\Q$ENV{NAME}\E")=// and ($ENV{NAME} eq "@") == ($1 eq "@");
        print hex $1 and exit if /^dword:(\w+)/;
        s/^str\(\d\)://; s/^"//; s/"\s*$//;
        s/\\(?:x([0-9a-f]{1,4})|(.))/defined $1 ? chr hex $1 : $2/ge;
        print; exit' "$WINEPREFIX/user.reg"
}
expect() { [ "$2" = "$3" ] || fail "$1: '$2' instead of '$3'"; }
unix_path() { wine winepath -u "$1" | tr -d '\r'; }

# Runs a line as a person types it in a terminal, and gives its exit code: batch 'LINE'
batch() {
    printf '@start /wait "" %s\r\n@exit /b %%errorlevel%%\r\n' "$1" >"$work/line.bat"
    wine cmd /c "$(wine winepath -w "$work/line.bat" | tr -d '\r')"
}

UNINSTALL='Software\Microsoft\Windows\CurrentVersion\Uninstall\Slotdeck'

# Everything that an installation in this Windows folder consists of: installed FOLDER VERSION
installed() {
    local folder=$1 dir name
    dir=$(unix_path "$folder")
    for name in slotdeck.exe slotctl.exe uninstall.exe LICENSE-MIT.txt LICENSE-APACHE.txt; do
        [ -s "$dir/$name" ] || fail "$name is missing in $folder"
    done
    expect DisplayName "$(value "$UNINSTALL" DisplayName)" Slotdeck
    expect DisplayVersion "$(value "$UNINSTALL" DisplayVersion)" "$2"
    expect InstallLocation "$(value "$UNINSTALL" InstallLocation)" "$folder"
    expect DisplayIcon "$(value "$UNINSTALL" DisplayIcon)" "$folder\\slotdeck.exe,0"
    expect Publisher "$(value "$UNINSTALL" Publisher)" Slotdeck
    [ "$(value "$UNINSTALL" EstimatedSize)" -gt 1000 ] || fail "EstimatedSize is too small"
    expect PATH "$(value Environment Path)" "$path_before;$folder"
    expect "the kind of .slotdeck" "$(value 'Software\Classes\.slotdeck' @)" Slotdeck.Cluster
    expect "what opens .slotdeck" "$(value 'Software\Classes\Slotdeck.Cluster\shell\open\command' @)" \
        "\"$folder\\slotdeck.exe\" --cluster-file \"%1\""
    find "$WINEPREFIX/drive_c/users" -name Slotdeck.lnk | grep -q 'Start Menu' || fail "no shortcut in the Start menu"
    wine "$folder\\slotctl.exe" --version | grep -q '^slotctl ' || fail "the installed slotctl does not run"
}

version_of() { basename "$1" | sed 's/^Slotdeck-\(.*\)-setup.exe$/\1/'; }

# Installs, upgrades and removes in the usual folder and another one: life COMMENT
life() {
    local folder code
    # A PATH that is longer than the setup's own language can hold: it must come out whole.
    path_before=$(printf 'C:\\some folder;%.0s' {1..120})C:\\end
    wine reg add 'HKCU\Environment' /v Path /t REG_EXPAND_SZ /d "$path_before" /f >/dev/null
    wine cmd /c ver >/dev/null
    snapshot before

    wine "$setup" /S || fail "setup ends with $?"
    folder=$(value "$UNINSTALL" InstallLocation)
    installed "$folder" "$(version_of "$setup")"
    expect Comments "$(value "$UNINSTALL" Comments)" "$1"
    wine "$folder\\slotctl.exe" ps >/dev/null
    settings=$(find "$WINEPREFIX/drive_c/users" -type d -path '*Slotdeck/data')
    echo '{"version":1,"theme":"dark"}' >"$settings/settings.json"

    say "Upgrade to $(version_of "$newer")"
    wine "$newer" /S || fail "the upgrade ends with $?"
    installed "$folder" "$(version_of "$newer")"
    grep -q dark "$settings/settings.json" || fail "the settings did not survive the upgrade"

    say "A running program"
    (sleep 15 | wine "$folder\\slotctl.exe" check 127.0.0.1:1 --askpass >/dev/null) &
    sleep 3
    code=0
    wine "$newer" /S || code=$?
    expect "setup beside a running slotctl" $code 10
    wait $!  || true

    say "Removal, settings stay"
    wine "$folder\\uninstall.exe" /S "_?=$folder" || fail "the removal ends with $?"
    [ -f "$settings/settings.json" ] || fail "the removal took the settings"
    expect PATH "$(value Environment Path)" "$path_before"
    rm -f "$(unix_path "$folder")/uninstall.exe"

    say "Removal of everything"
    wine "$setup" /S /Desktop || fail "setup ends with $?"
    find -L "$WINEPREFIX/drive_c/users" -name Slotdeck.lnk | grep -q Desktop || fail "no shortcut on the desktop"
    # What a workspace may hold besides, and the folder for clusters where the person's own can't be used.
    mkdir -p "$settings"/{crashes,requests,journal} "$WINEPREFIX/drive_c/Slotdeck"
    touch "$settings"/{crashes/crash-1.txt,requests/1.json,journal/1.json,opening.json,slotdeck.log,.slotdeck-a1B2c3.tmp}
    wine "$folder\\uninstall.exe" /S /DELETEDATA || fail "the removal ends with $?"
    gone "$folder"
    nothing_left "$1"

    say "A document that nobody can read"
    wine "$setup" /S || fail "setup ends with $?"
    mkdir -p "$settings/documents"
    echo '{' >"$settings/documents/odd.json"
    code=0
    wine "$folder\\uninstall.exe" /S /STOPCLUSTERS "_?=$folder" || code=$?
    expect "removal when it is not known what runs" $code 12
    installed "$folder" "$(version_of "$setup")"
    rm "$settings/documents/odd.json"

    say "An upgrade into another folder"
    wine "$newer" /S '/D=C:\my tools\moved' || fail "setup ends with $?"
    installed 'C:\my tools\moved' "$(version_of "$newer")"
    gone "$folder"
    # The same folder in another spelling is no other folder.
    wine "$newer" /S '/D=C:\MY TOOLS\.\moved' || fail "setup ends with $?"
    [ -s "$WINEPREFIX/drive_c/my tools/moved/slotctl.exe" ] || fail "an upgrade in place took its own programs"
    wine 'C:\my tools\moved\uninstall.exe' /S /DELETEDATA || fail "the removal ends with $?"
    gone 'C:\my tools\moved'
    rmdir "$WINEPREFIX/drive_c/my tools" || fail "the folder holds something"
    nothing_left "$1, moved"

    say "An entry on the PATH that the person made"
    wine reg add 'HKCU\Environment' /v Path /t REG_EXPAND_SZ /d "$path_before;$folder" /f >/dev/null
    wine "$setup" /S || fail "setup ends with $?"
    installed "$folder" "$(version_of "$setup")"
    wine "$folder\\uninstall.exe" /S /DELETEDATA || fail "the removal ends with $?"
    gone "$folder"
    expect PATH "$(value Environment Path)" "$path_before;$folder"
    wine reg add 'HKCU\Environment' /v Path /t REG_EXPAND_SZ /d "$path_before" /f >/dev/null

    say "A folder with spaces, named without quotes as a person types it"
    batch "$(wine winepath -w "$setup" | tr -d '\r') /S /D=C:\\my tools\\slot deck" || fail "setup ends with $?"
    elsewhere 'C:\my tools\slot deck' "$1"

    say "A folder with a space and Chinese letters, in quotes as PowerShell hands it on"
    wine "$setup" /S '/D=C:\my tools\集群 甲' || fail "setup ends with $?"
    elsewhere 'C:\my tools\集群 甲' "$1"
}

# Removing while servers run: refused, unless the command line lets them be stopped.
servers_run() {
    local folder code=0
    say "Removal while servers run"
    wine "$setup" /S || fail "setup ends with $?"
    folder=$(value "$UNINSTALL" InstallLocation)
    mkdir "$WINEPREFIX/drive_c/redis"
    cp "$SLOTDECK_WINDOWS_REDIS" "$WINEPREFIX/drive_c/redis/redis-server.exe"
    # Into a file: the servers keep a pipe open.
    wine "$folder\\slotctl.exe" up demo --replicas 0 --port 21730 --server 'C:\redis\redis-server.exe' --yes >"$work/up" ||
        { fail "no cluster: $?"; cat "$work/up"; }
    wine "$folder\\uninstall.exe" /S "_?=$folder" >"$work/out" || code=$?
    expect "removal while servers run" $code 11
    wine "$folder\\slotctl.exe" ps >"$work/out"
    grep -q '^demo *ok' "$work/out" || { fail "the cluster did not live on"; cat "$work/out"; }
    wine "$folder\\uninstall.exe" /S /STOPCLUSTERS /DELETEDATA >"$work/out" || fail "the removal ends with $?"
    gone "$folder"
    rm -r "$WINEPREFIX/drive_c/redis"
    nothing_left "removal while servers run"
}

# Looks at an installation in a folder of the person's own, and removes it: elsewhere FOLDER COMMENT
elsewhere() {
    installed "$1" "$(version_of "$setup")"
    wine "$1\\uninstall.exe" /S || fail "the removal ends with $?"
    gone "$1"
    rmdir "$WINEPREFIX/drive_c/my tools" || fail "the folder holds something"
    nothing_left "$2, $1"
}

# The uninstaller returns at once and works on as a copy: waits until the folder is gone.
gone() {
    local dir
    dir=$(unix_path "$1")
    for _ in {1..60}; do
        [ -d "$dir" ] || break
        sleep 0.5
    done
    [ ! -d "$dir" ] || { fail "$1 is still there"; ls -la "$dir"; }
    "$WINESERVER" -w
}

system english C.UTF-8
life "Make, see and run Redis Clusters"
[ -z "${SLOTDECK_WINDOWS_REDIS:-}" ] || servers_run
system chinese zh_CN.UTF-8
life "创建、查看和管理 Redis 集群"

[ $failures -eq 0 ] || { echo "$failures failures" >&2; exit 1; }
say "Installed, upgraded and removed without a trace, in both languages"
