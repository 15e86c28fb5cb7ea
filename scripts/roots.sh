# Debian roots by debootstrap, for what must be seen on another Debian or on one where nothing is installed. Sourced after
# set-up.sh. Roots are kept outside the checkout: EVO_ROOTS, else ~/.cache/evo.
#
# What the host says about package sources goes in with it (apt's mirror and settings, NuGet's configuration, certificates,
# the variables that name them); nothing about any host is written here.

roots=${EVO_ROOTS:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/evo}

# Why a root cannot be made or entered here, in words; succeeds silently when it can.
may_use_roots() {
    [ "$(id -u)" = 0 ] || { echo "a Debian root can only be made and entered by root (try: sudo ./test --debian13)"; return 1; }
    unshare --mount --pid --fork true 2>/dev/null || { echo "this machine lets nobody make mount namespaces"; return 1; }
    command -v debootstrap >/dev/null || { echo "debootstrap is not installed (apt-get install -y debootstrap)"; return 1; }
}

# The mirror that this host's own apt uses; debootstrap has a default for hosts that are not Debian.
mirror() {
    local from
    from=$(apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 2>/dev/null |
        sed -n 's/^Debian Debian //p' | sort -u | head -n 1)
    echo "${EVO_DEBIAN_MIRROR:-$from}"
}

# make_root SUITE FOLDER [COMPONENTS]: a minimal Debian, once; half-made roots are never taken for whole ones.
make_root() {
    local suite=$1 folder=$2 components=${3:-main}
    [ -x "$folder/usr/bin/apt-get" ] && return
    mkdir -p "$(dirname "$folder")"
    rm -rf "$folder.part"
    # shellcheck disable=SC2046 # no mirror is no argument
    quietly $exit_missing "$folder.log" "making a Debian root ($suite)" \
        debootstrap --variant=minbase --components="$components" "$suite" "$folder.part" $(mirror)
    mv "$folder.part" "$folder"
}

# let_in FOLDER: name resolution, apt's settings, NuGet's configuration and certificates of the host.
let_in() {
    local folder=$1 file
    cp -L /etc/resolv.conf /etc/hosts "$folder/etc/" 2>/dev/null
    for file in /etc/apt/apt.conf.d/*; do
        grep -q -i 'acquire::' "$file" 2>/dev/null && cp "$file" "$folder/etc/apt/apt.conf.d/"
    done
    [ -d /etc/apt/auth.conf.d ] && cp -R /etc/apt/auth.conf.d "$folder/etc/apt/"
    for file in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
        [ -f "$file" ] && cp -L "$file" "$folder/etc/host-certificates.crt" && break
    done
    for file in "$HOME/.nuget/NuGet/NuGet.Config" "$HOME/.config/NuGet/NuGet.Config"; do
        [ -f "$file" ] && mkdir -p "$folder/root/.nuget/NuGet" && cp "$file" "$folder/root/.nuget/NuGet/NuGet.Config" && break
    done
    return 0
}

# inside FOLDER BINDS COMMAND...: runs a command in the root, with BINDS (lines of source, a tab, and the target below the root)
# mounted for it alone. Processes that it leaves behind end with it. With become=exec the shell becomes it.
inside() {
    local folder=$1 binds=$2 keep=() name
    shift 2
    for name in $(compgen -e); do
        case $name in
        NUGET_* | NuGet* | *_proxy | *_PROXY | TERM | EVO_TEST_FULL | EVO_TEST_TIMEOUT | OMP_* | OPENBLAS_*) keep+=("$name=${!name}") ;;
        esac
    done
    [ -f "$folder/etc/host-certificates.crt" ] && keep+=(SSL_CERT_FILE=/etc/host-certificates.crt)
    ${become:-} env BINDS="$binds" unshare --mount --pid --fork --kill-child bash -eu -c '
        folder=$1
        shift
        mount --make-rprivate /
        mount -t proc proc "$folder/proc"
        mount --rbind /dev "$folder/dev"
        mount --rbind /sys "$folder/sys"
        while IFS=$(printf "\\t") read -r source target; do
            [ -n "$source" ] || continue
            if [ -d "$source" ]; then mkdir -p "$folder$target"; else touch "$folder$target"; fi
            mount --bind "$source" "$folder$target"
        done <<<"$BINDS"
        exec chroot "$folder" "$@"' inside "$folder" \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        ${keep[@]+"${keep[@]}"} "$@"
}
