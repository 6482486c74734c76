#!/bin/sh
# Writes each query of tests/query/*.case to a file of its own, as a corpus to begin with.
# A query stands on a line `? …` and goes on in lines `+ …`.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$here/corpus/query
mkdir -p "$out"
awk -v out="$out" '
    function close_one() { if (name != "") close(name) }
    /^\?/ { close_one(); name = sprintf("%s/case-%04d", out, ++count); text = $0; sub(/^\? ?/, "", text); printf "%s", text > name }
    /^\+/ { text = $0; sub(/^\+ ?/, "", text); printf "\n%s", text > name }
    END { print count " queries in " out }
' "$here"/../query/*.case
