# Shared by the scripts of this folder: installs what is missing, on Debian and its relatives, and says so.

say() { printf '\033[1m%s\033[0m\n' "$*"; }

# need PACKAGE…: installs the Debian packages of the list that are not installed yet.
need() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    if ! command -v apt-get >/dev/null; then
        echo "Please install: ${missing[*]} (or what your system calls them)." >&2
        return 1
    fi
    local sudo=
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    say "Installing ${missing[*]}"
    $sudo apt-get update -qq
    # Debian starts a redis-server of its own after installing; Slotdeck wants the program only.
    $sudo env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

need_cargo() {
    command -v cargo >/dev/null && return 0
    [ -f "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"
    command -v cargo >/dev/null || { echo "Slotdeck is built with Rust 1.95 or newer: install a toolchain with rustup first." >&2; return 1; }
}

# need_component NAME COMMAND: a part of the toolchain that a minimal installation leaves out.
need_component() {
    cargo "$2" --version >/dev/null 2>&1 && return 0
    say "Adding $1 to the toolchain"
    rustup component add "$1"
}

# What the window needs at run time, and what builds it.
WINDOW_PACKAGES=(gcc libc6-dev libegl1 libgl1 libgl1-mesa-dri libxkbcommon0 libxkbcommon-x11-0 libx11-6 libx11-xcb1 libxcursor1 libxi6 libxrandr2 fontconfig)
