#!/bin/bash
# replay.sh SIMULATE REPLAY FROM SEEDS: captures the runs of SEEDS seeds from FROM on, with all their faults, and decides each
# again: as a whole, and each segment by itself, from the memory that it begins with. Fails where one is not the same.
set -euo pipefail
simulate=$1 replay=$2 from=$3 seeds=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

segments=0 events=0
for ((seed = from; seed < from + seeds; seed++)); do
    rm -f "$folder"/*
    "$simulate" --seed "$seed" --capture "$folder" > "$folder/said" || true # what it breaks is not asked here
    said=$("$replay" "$folder") || {
        echo "seed $seed: status $?: $said" >&2
        exit 1
    }
    for file in "$folder"/capture.*; do
        [ -s "$file" ] || continue # made, and not begun
        segments=$((segments + 1))
        "$replay" "$file" > "$folder/said" || {
            echo "seed $seed: $file: status $?: $(cat "$folder/said")" >&2
            exit 1
        }
    done
    count=$(sed -n 's/.* \([0-9]*\) events from.*/\1/p' <<< "$said")
    events=$((events + count))
done
echo "replay: $seeds seeds, $segments segments, $events events: all were decided as they were"
