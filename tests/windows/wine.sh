# How Wine is started, shared by the scripts of this folder.
# Wants $work, a folder that the caller made and removes.

WINE=/usr/lib/wine/wine64
WINESERVER=/usr/lib/wine/wineserver64
# With address randomising off, without which most real Windows servers die at their start under Wine 8. Some containers
# do not allow that; the programs of this project run without it, too.
NOT_RANDOM=()
if setarch -R true 2>/dev/null; then NOT_RANDOM=(setarch -R); fi
RUN_WINE=("${NOT_RANDOM[@]}" "$WINE")

# windows_path UNIXPATH: as a Windows program names it.
windows_path() {
    local path=$1 drive=Z:
    case $path in "${WINEPREFIX:-none}"/drive_c/*) path=${path#"$WINEPREFIX/drive_c"} drive=C: ;; esac
    echo "$drive${path//\//\\}"
}

# wine PROGRAM [ARGUMENT…]: runs it and returns its exit code, modulo 256. The code comes by way of run.exe, for Wine
# ends with 137 when a program takes half a second to go.
wine() {
    local code=0 report program=$1
    shift
    case $program in /*) program=$(windows_path "$program") ;; esac
    [ -f "$work/run.exe" ] || x86_64-w64-mingw32-gcc -municode -O1 -o "$work/run.exe" "$(dirname "${BASH_SOURCE[0]}")/run.c"
    report=$(mktemp "$work/code.XXXXXX")
    RUN_REPORT=$(windows_path "$report") timeout 180 "${RUN_WINE[@]}" "$work/run.exe" "$program" "$@" || code=$?
    [ ! -s "$report" ] || code=$(<"$report")
    rm "$report"
    return "$code"
}
