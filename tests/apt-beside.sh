# An apt beside the system's: other suites and sources, in a folder of its own. To be sourced; sets nothing else.
#
# apt_beside FOLDER LINE...   prepares FOLDER; each LINE is "deb SUITE" or "deb-src SUITE", at the mirror that the system uses
# apt_in FOLDER COMMAND...    runs apt-get (or apt-cache, with that as its first word) there

system_mirror() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
        awk -v suite="$(. /etc/os-release && echo "$VERSION_CODENAME")" '$2 == suite { print $1; exit }'
}

apt_beside() {
    local folder=$1 mirror line
    shift
    mirror=$(system_mirror)
    mkdir -p "$folder/lists/partial" "$folder/archives/partial"
    for line in "$@"; do
        printf '%s [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "${line% *}" "$mirror" "${line#* }"
    done >"$folder/sources.list"
    apt_in "$folder" update -q
}

apt_in() {
    local folder=$1 program=apt-get
    shift
    if [ "$1" = apt-cache ]; then program=apt-cache && shift; fi
    "$program" -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::State::lists="$folder/lists" -o Dir::Cache::archives="$folder/archives" -o APT::Sandbox::User=root "$@"
}
