#!/bin/sh
# Builds a real Ollama for the tests marked `ollama` and prints where it is; README.md beside this file has the details.
# Exit status: 0 it is there, 77 this machine lacks something (one sentence says what), anything else the build failed.
set -eu

version=0.11.0 # the last line that carries its own CPU runner in the module
module="github.com/ollama/ollama@v$version"
case $(uname) in
Darwin) caches="$HOME/Library/Caches" ;;
*) caches="${XDG_CACHE_HOME:-$HOME/.cache}" ;;
esac
cache="${LLMTUI_CACHE:-$caches/llmtui}/ollama"
binary="$cache/ollama-$version"

skip() {
    echo "No Ollama was built: $1" >&2
    exit 77
}

if [ -x "$binary" ]; then
    echo "$binary"
    exit 0
fi

go=$(command -v go || echo /usr/local/go/bin/go)
[ -x "$go" ] || skip "Go is not installed; install it, or set LLMTUI_OLLAMA to an ollama program."
for compiler in "${CC:-gcc}" "${CXX:-g++}"; do
    command -v "$compiler" >/dev/null || skip "the compiler $compiler is not installed; its runner is C and C++."
done

mkdir -p "$cache"
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM

cd "$work" # outside any module, so that the version above is the one that is asked for
if ! GOFLAGS="${GOFLAGS:-} -mod=mod" "$go" mod download "$module" >"$work/log" 2>&1; then
    cat "$work/log" >&2
    skip "its source cannot be had from the Go module proxy."
fi
if ! CGO_ENABLED=1 GOBIN="$work" "$go" install \
    -ldflags "-s -w -X=github.com/ollama/ollama/version.Version=$version" "$module" >"$work/log" 2>&1; then
    tail -n 30 "$work/log" >&2
    echo "Ollama $version did not build; the last lines of the log are above." >&2
    exit 1
fi
"$work/ollama" --version >/dev/null 2>&1 || { echo "The Ollama that was built does not run." >&2; exit 1; }
mv "$work/ollama" "$binary" # in one step: a test never sees half a program
echo "$binary"
