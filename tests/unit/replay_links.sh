#!/bin/bash
# replay_links.sh NM PROGRAM: fails where the program calls what would open a socket, start another program or change a file.
set -euo pipefail
calls=$("$1" -u -P "$2" | awk '{ sub(/@.*/, "", $1); print $1 }' | sort -u)
grep -qx 'pread64\|pread' <<< "$calls" || {
    echo "replay_links: $2 reads nothing: is it the program?" >&2
    exit 1
}
forbidden=$(grep -xE 'socket|socketpair|connect|bind|listen|accept4?|send(to|msg)?|fork|vfork|posix_spawnp?|exec(ve?|vp|vpe|l|lp)|system|popen|unlink(at)?|rename(at2?)?|mkdir(at)?|truncate(64)?|chmod|chown' <<< "$calls" || true)
[ -z "$forbidden" ] || {
    echo "replay_links: reading a file may not call: $(tr '\n' ' ' <<< "$forbidden")" >&2
    exit 1
}
echo "replay_links: it opens no socket, starts nothing, removes nothing"
