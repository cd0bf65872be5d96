# What the tests in namespaces say of each case, as tests/run_checks.sh counts it. To be sourced.
# shellcheck shell=bash
passed=0
failed=0

# pass WHAT, fail WHAT DETAIL...
pass() {
  echo "passed: $*"
  passed=$((passed + 1))
}
fail() {
  echo "failed: $1"
  shift
  printf '    %s\n' "$@"
  failed=$((failed + 1))
}

# is WHAT FOUND EXPECTED
is() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "found    '$2'" "expected '$3'"; fi; }
# like WHAT FOUND PATTERN (extended regular expression, of the whole)
like() { if [[ $2 =~ ^$3$ ]]; then pass "$1"; else fail "$1" "found   '$2'" "pattern '$3'"; fi; }
