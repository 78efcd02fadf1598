#!/bin/bash
# core_links.sh NM LIBRARY...: fails where the libraries together need anything from outside but memcpy, memmove, memset
# and memcmp (under whatever name the compiler hardens them) and what the compiler itself adds.
set -euo pipefail
nm=$1
shift
defined=$("$nm" --defined-only -P "$@" | awk 'NF > 1 { print $1 }' | sort -u)
needed=$("$nm" -u -P "$@" | awk 'NF > 1 { print $1 }' | sort -u)
outside=$(comm -13 <(printf '%s\n' "$defined") <(printf '%s\n' "$needed") |
    grep -vE '^(__)?mem(cpy|move|set|cmp)(_chk)?$|^__stack_chk_fail$|^_GLOBAL_OFFSET_TABLE_$|^__(asan|ubsan|sancov|sanitizer)_' || true)
if [ -z "$defined" ]; then
    echo "core_links: no symbol is defined in $*: is it built?" >&2
    exit 1
fi
if [ -n "$outside" ]; then
    echo "core_links: the pure core may not call: $(tr '\n' ' ' <<< "$outside")" >&2
    exit 1
fi
echo "core_links: the core needs nothing but the memory functions"
