#!/bin/bash
# check.sh COMPILER SNIPPET FLAG...: SNIPPET must compile as it stands, and with -DREFUSED must not: each error then matches
# the extended regular expression of its `expect:` line. May not: pass a snippet that fails for another reason.
set -euo pipefail
compiler=$1 snippet=$2
shift 2
expect=$(sed -n 's/^ \* expect: //p' "$snippet")
[ -n "$expect" ] || { echo "check: $snippet has no line ' * expect: REGEX'" >&2; exit 1; }
export LC_ALL=C
compile() { "$compiler" -std=c17 "$@" -fsyntax-only "$snippet" 2>&1; }

if ! said=$(compile "$@"); then
    echo "check: the twin that must compile does not:" >&2
    echo "$said" >&2
    exit 1
fi
if said=$(compile "$@" -DREFUSED); then
    echo "check: $snippet compiles with -DREFUSED: what it shows is possible now" >&2
    exit 1
fi
errors=$(grep 'error:' <<< "$said" || true)
if [ -z "$errors" ] || other=$(grep -vE "$expect" <<< "$errors"); then
    echo "check: refused, but not for '$expect': ${other:-no error was named}" >&2
    echo "$said" >&2
    exit 1
fi
echo "check: refused as it must be: $(head -n 1 <<< "$errors")"
