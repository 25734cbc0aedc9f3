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

WINDOWS_TARGET=x86_64-pc-windows-gnu

# need_windows_target: what cross-builds for Windows, namely mingw-w64 and Rust's standard library for it: rustup's, or
# where rustup can't fetch it, one built from Debian's sources. Says which cargo is used; windows_cargo runs it.
need_windows_target() {
    need_cargo || return
    need gcc-mingw-w64-x86-64 || return
    WINDOWS_CARGO=(cargo) WINDOWS_STD=()
    if ! has_windows_std && command -v rustup >/dev/null; then
        say "Adding the Windows standard library to the toolchain"
        timeout 300 rustup target add "$WINDOWS_TARGET" || true
    fi
    if ! has_windows_std; then
        need rustc-web cargo-web rust-web-src || return
        WINDOWS_CARGO=(env RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo)
        WINDOWS_STD=(-Zbuild-std=std,panic_abort,panic_unwind)
    fi
    say "Windows programs are built with ${WINDOWS_CARGO[*]}${WINDOWS_STD[*]:+ ${WINDOWS_STD[*]}}"
}

has_windows_std() {
    compgen -G "$(rustc --print sysroot)/lib/rustlib/$WINDOWS_TARGET/lib/libstd-*.rlib" >/dev/null
}

# windows_cargo COMMAND [OPTION…]: cargo for the Windows target, after need_windows_target.
windows_cargo() {
    local command=$1
    shift
    # Debian's compiler has no clippy: then at least the compiler's own warnings count.
    if [ "$command" = clippy ] && [ ${#WINDOWS_STD[@]} -gt 0 ]; then
        RUSTFLAGS=-Dwarnings "${WINDOWS_CARGO[@]}" check "${WINDOWS_STD[@]}" --target "$WINDOWS_TARGET" "${@/--/}"
        return
    fi
    "${WINDOWS_CARGO[@]}" "$command" "${WINDOWS_STD[@]}" --target "$WINDOWS_TARGET" "$@"
}

# windows_programs PROFILE: where cargo puts the programs of that profile.
windows_programs() {
    local folder=$1
    [ "$folder" = dev ] && folder=debug
    echo "${CARGO_TARGET_DIR:-target}/$WINDOWS_TARGET/$folder"
}
