# What `evo` and `test` share: find the .NET SDK, install what is missing, build. Sourced, never run.
#
# Everything said here goes to standard error: standard output belongs to the program that is started.
# Ends the shell with 69 when the machine lacks something that may not be installed (the one line to run is printed),
# and with 71 when a build fails (its log is printed).

readonly exit_missing=69 exit_build=71

root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
artifacts=$root/artifacts

say() { printf 'evo: %s\n' "$*" >&2; }

# stop CODE WORDS...
stop() {
    local code=$1
    shift
    say "$*"
    exit "$code"
}

# The first .NET SDK 10 (global.json asks for that major version); sets $dotnet and exports DOTNET_ROOT.
find_sdk() {
    local candidate folder
    for candidate in "${DOTNET_ROOT:+$DOTNET_ROOT/dotnet}" "$(command -v dotnet || true)" "${HOME:-/root}/.dotnet/dotnet" \
        /usr/share/dotnet/dotnet /usr/lib/dotnet/dotnet /usr/local/share/dotnet/dotnet; do
        [ -x "$candidate" ] || continue
        folder=$(dirname "$(readlink -f "$candidate")")
        compgen -G "$folder/sdk/10.*" >/dev/null || continue
        dotnet=$folder/dotnet
        export DOTNET_ROOT=$folder
        return 0
    done
    return 1
}

sdk_line() {
    if [ -n "$(apt-cache --quiet=1 policy dotnet-sdk-10.0 2>/dev/null | grep 'Candidate: [0-9]')" ]; then
        echo "sudo apt-get install -y dotnet-sdk-10.0"
    else
        echo "curl -sSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0"
    fi
}

need_sdk() {
    find_sdk && return
    say "no .NET SDK 10 was found (looked at DOTNET_ROOT, the PATH, ~/.dotnet, /usr/share/dotnet, /usr/lib/dotnet)."
    say "Run this line and try again (without curl, install it or the SDK by https://dot.net/download):"
    printf '%s\n' "$(sdk_line)" >&2
    exit $exit_missing
}

has_library() { # NAME.so.N: where the loader looks on Debian and elsewhere
    compgen -G "/usr/lib/*/$1*" >/dev/null || compgen -G "/usr/lib*/$1*" >/dev/null || compgen -G "/lib*/*/$1*" >/dev/null
}

# Debian's names of what is missing, on one line; empty when nothing is. Looks for the thing itself, not for the
# package, so that other systems pass when they have it from elsewhere.
missing_packages() {
    local missing=() libtorch
    has_library libssl.so.3 || missing+=(openssl)
    [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] || missing+=(ca-certificates)
    command -v "${CXX:-g++}" >/dev/null 2>&1 || missing+=(g++)
    command -v cmake >/dev/null 2>&1 || missing+=(cmake)
    command -v make >/dev/null 2>&1 || missing+=(make)
    libtorch=$("$root/scripts/find-libtorch" 2>/dev/null) || {
        # A wrong EVO_LIBTORCH is the person's to correct: no package would.
        if [ -n "${EVO_LIBTORCH:-}" ] && [ "$EVO_LIBTORCH" != system ]; then
            "$root/scripts/find-libtorch" >/dev/null
            exit $exit_missing
        fi
        missing+=(libtorch-dev)
        libtorch=from=system
    }
    case $libtorch in
    from=system*)
        # Debian's libtorch takes whichever BLAS the system has; the plain one is tens of times slower.
        has_library openblas-openmp/libblas.so.3 || has_library libopenblas || missing+=(libopenblas0-openmp)
        [ -d /usr/include/gloo ] || missing+=(libgloo-dev)
        ;;
    esac
    [ -e /usr/include/sentencepiece_trainer.h ] || [ -e /usr/local/include/sentencepiece_trainer.h ] ||
        missing+=(libsentencepiece-dev)
    echo ${missing[@]+"${missing[@]}"}
}

# log_of NAME: a fresh log file below artifacts.
log_of() {
    mkdir -p "$artifacts/log"
    echo "$artifacts/log/$1.log"
}

# quietly CODE LOG WORDS COMMAND...: runs it with one line of progress; on failure prints the log and stops.
quietly() {
    local code=$1 log=$2 words=$3 started=$SECONDS child status=0
    shift 3
    "$@" >"$log" 2>&1 8>&- 9>&- </dev/null &
    child=$!
    # A child in the background does not hear Ctrl-C.
    trap 'kill "$child" 2>/dev/null; exit 130' INT TERM
    if [ -t 2 ]; then
        while kill -0 "$child" 2>/dev/null; do
            printf '\revo: %s … %d s ' "$words" $((SECONDS - started)) >&2
            sleep 0.5
        done
        printf '\r\033[K' >&2
    else
        say "$words …"
    fi
    wait "$child" || status=$?
    trap - INT TERM
    [ $status = 0 ] && { say "$words: done in $((SECONDS - started)) s"; return; }
    cat "$log" >&2
    stop "$code" "$words: failed (exit code $status); the log above is $log."
}

apt_install() {
    local as_root=() options=(-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
    [ "$(id -u)" = 0 ] || as_root=(sudo -n)
    as_root+=(env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}")
    # Lists may be absent (a fresh image) or old (a package that moved): then they are fetched, and it is tried again.
    "${as_root[@]}" install -y --no-install-recommends "$@" && return
    "${as_root[@]}" update && "${as_root[@]}" install -y --no-install-recommends "$@"
}

need_packages() {
    local packages
    packages=$(missing_packages) || exit $?
    [ -n "$packages" ] || return 0
    if command -v apt-get >/dev/null 2>&1; then
        if [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; then
            # shellcheck disable=SC2086 # one word each
            quietly $exit_missing "$(log_of apt)" "installing $packages" apt_install $packages
            return
        fi
        say "missing: $packages. Run this line and try again:"
        echo "sudo apt-get install -y --no-install-recommends $packages" >&2
    else
        say "missing, by Debian's names: $packages. Install them with this system's own tool and try again" \
            "(docs/installation.md); for libtorch, EVO_LIBTORCH may name a folder instead."
    fi
    exit $exit_missing
}

# One build at a time in a checkout, whoever asks for it; held on descriptor 8 until unlock_build.
lock_build() {
    mkdir -p "$artifacts" 2>/dev/null && { exec 8>"$artifacts/build.lock"; } 2>/dev/null ||
        stop 6 "$artifacts cannot be written: build once as the owner of $root."
    flock -n 8 || { say "waiting for a build that is under way"; flock 8; }
}

unlock_build() { exec 8>&-; }

# dotnet_build LOG WORDS ARGUMENTS...: no server is left behind, so that nothing keeps files or locks of ours open.
dotnet_build() {
    local log=$1 words=$2
    shift 2
    quietly $exit_build "$log" "$words" "$dotnet" build "$@" -c Release -v q -nologo -nodeReuse:false \
        -p:UseSharedCompilation=false
}

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
export DOTNET_CLI_USE_MSBUILD_SERVER=0 DOTNET_GENERATE_ASPNET_CERTIFICATE=false
has_library libicuuc || export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
