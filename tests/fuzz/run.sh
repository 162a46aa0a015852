#!/usr/bin/env bash
# Builds every fuzz target (fuzz_*.c beside this script) with libFuzzer,
# AddressSanitizer and UBSan, and runs each with its corpus.
#
# usage: run.sh BUILD_DIR SECONDS
#
# As many at a time as there are CPUs; one line a target. Exits with 1 if a target does not build or crashes; the input
# that did it is kept in BUILD_DIR/fuzz/crashes.
set -eu
if [ $# -ne 2 ]; then
    echo "usage: $0 BUILD_DIR SECONDS" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
mkdir -p "$1/fuzz"
build=$(cd "$1" && pwd)
seconds=$2
out=$build/fuzz
crashes=$out/crashes
mkdir -p "$out/objects" "$crashes"

flags="-std=gnu17 -D_GNU_SOURCE -DROWAN_BUILDING -ffp-contract=off -g -O1"
flags="$flags -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined"
flags="$flags -I$root/include -I$root/src -I$root"
yyjson=$build/third-party/yyjson
if [ -f "$yyjson/yyjson.c" ]; then
    flags="$flags -isystem $yyjson"
    yyjson_source=$yyjson/yyjson.c
    libraries="-lm"
else
    flags="$flags $(pkg-config --cflags yyjson)"
    yyjson_source=
    libraries="$(pkg-config --libs yyjson) -lm"
fi

# The messages of ONNX, as the build made them.
flags="$flags -I$build $(pkg-config --cflags libprotobuf-c)"
libraries="$libraries $(pkg-config --libs libprotobuf-c libcrypto expat yaml-0.1)"

# Builds the object file of one source: compile SOURCE OBJECT
compile() {
    local level=
    case $1 in
    *_avx2.c) level="-mavx2 -mbmi -mbmi2 -mfma -mpopcnt" ;;
    *_avx512.c) level="-mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vbmi -mavx2 -mbmi -mbmi2 -mpopcnt" ;;
    esac
    if ! clang $flags $level -w -c "$1" -o "$2"; then
        echo "fuzz: $1 does not build" >&2
        return 1
    fi
}

failed=0
running=0
# Starts a function with its arguments beside others, as many as there are CPUs.
start() {
    if [ "$running" -ge "$(nproc)" ]; then
        wait -n || failed=1
        running=$((running - 1))
    fi
    "$@" &
    running=$((running + 1))
}
finish() {
    while [ "$running" -gt 0 ]; do
        wait -n || failed=1
        running=$((running - 1))
    done
    [ "$failed" -eq 0 ] || exit 1
}

objects=
for source in $yyjson_source "$build"/onnx.pb-c.c "$root"/src/base/*.c "$root"/src/forest/*.c \
    "$root"/src/graph/*.c "$root"/src/model/*.c "$root"/src/contract/*.c "$root"/src/modeldir/*.c "$root"/src/keys/*.c "$root"/src/metrics/*.c \
    "$root"/src/cli/csv*.c "$root"/src/sync/listing.c "$root"/src/sync/mlmodel.c \
    "$root"/src/sync/registry_json.c "$root"/src/sync/s3_listing.c; do
    [ -e "$source" ] || continue
    object=$out/objects/$(echo "${source#/}" | tr '/' '_').o
    objects="$objects $object"
    start compile "$source" "$object"
done
finish

python3 "$here/make_corpus.py" "$here/corpus" "$out/corpus"

# The longest input tried: beyond it, bytes only repeat what shorter ones do.
max_len=16384

# Builds and runs one target: fuzz FILE
fuzz() {
    local name corpus log dictionary=()
    name=$(basename "$1" .c)
    corpus=${name#fuzz_}
    log=$out/$name.log
    mkdir -p "$out/found/$corpus" "$out/corpus/$corpus"
    if ! clang $flags -fsanitize=fuzzer "$1" $objects $libraries -o "$out/$name" >"$log" 2>&1; then
        echo "$name: does not build, see $log"
        return 1
    fi
    # What a run finds is kept beside the build, and starts the next one.
    set -- "$out/found/$corpus" "$out/corpus/$corpus"
    [ -d "$here/corpus/$corpus" ] && set -- "$@" "$here/corpus/$corpus"
    [ -f "$here/$corpus.dict" ] && dictionary=("-dict=$here/$corpus.dict")
    if "$out/$name" -max_total_time="$seconds" -max_len=$max_len -timeout=20 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$crashes/$name-" \
        "${dictionary[@]}" "$@" >"$log" 2>&1; then
        echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs," \
            "$(grep -o 'cov: [0-9]*' "$log" | tail -n 1 | cut -d' ' -f2) edges, no crash"
    else
        echo "$name: CRASH, see $log"
        grep -E 'ERROR|runtime error|SUMMARY|Test unit written' "$log" || true
        return 1
    fi
}

for target in "$here"/fuzz_*.c; do
    start fuzz "$target"
done
finish
