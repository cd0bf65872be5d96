#include "support/namespace.hpp"

#include <cstdlib>
#include <filesystem>

#include "support/check.hpp"

namespace support {
namespace {

constexpr const char* marker = "UDPTOOL_TEST_NAMESPACE";

// A namespace lives as long as a process in it: each host is a sleep that the trap ends.
constexpr const char* prelude = R"sh(
hosts=
trap 'kill $hosts 2>/dev/null || :' EXIT
new_host() {
  unshare -n sleep 600 >/dev/null 2>&1 </dev/null &
  eval "host_$1=$!"
  hosts="$hosts $!"
  while [ "$(readlink /proc/$!/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do :; done
  while [ "$(cat /proc/$!/comm)" != sleep ]; do :; done
  on "$1" ip link set lo up
}
on() {
  host=$1; shift
  if [ "$host" = here ]; then "$@"; else eval "nsenter -t \$host_$host -n \"\$@\""; fi
}
place() {
  if [ "$2" = here ]; then ip link set "$1" name "$3"; else eval "ip link set $1 netns \$host_$2 name $3"; fi
  on "$2" ip link set "$3" up
}
# Until its carrier is seen and, with IPv6, its link-local address is there: the kernel takes its time for both.
settle() {
  wanted='state UP'
  [ "$(on "$1" cat "/proc/sys/net/ipv6/conf/$2/disable_ipv6" 2>/dev/null)" != 0 ] || wanted='inet6 fe80'
  tries=0
  until on "$1" ip addr show dev "$2" | grep -q "$wanted" || [ $tries -ge 200 ]; do
    tries=$((tries + 1))
    sleep 0.02
  done
}
link() {
  ip link add near_end type veth peer name far_end
  place near_end "$1" "to_$2"
  place far_end "$2" "to_$1"
  settle "$1" "to_$2"
  settle "$2" "to_$1"
}
interface() {
  [ -n "${host_world:-}" ] || new_host world
  ip link add near_end type veth peer name far_end
  place near_end here "$1"
  place far_end world "$1"
  settle here "$1"
}
hosts_file() {
  mount -t tmpfs none /mnt
  printf '%s\n' "$@" >/mnt/hosts
  mount --bind /mnt/hosts /etc/hosts
}
set_kernel() {
  on "$1" sh -c "echo $3 >/proc/sys/$2"
}
ip link set lo up
set_kernel here net/ipv6/conf/default/accept_dad 0 2>/dev/null || :
)sh";

Words in_namespace(const std::string& script, const Words& words) {
  Words all{"unshare", "-rnm", "sh", "-euc", prelude + script, "sh"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

// doctest's filter takes commas for separators and has wildcards.
std::string as_filter(std::string name) {
  for (char& c : name) {
    if (c == ',' || c == '\\' || c == '"') c = '?';
  }
  return name;
}

}  // namespace

bool can_make_namespaces() {
  static const bool can = have("unshare") && have("ip") && have("nsenter") &&
                          run({"unshare", "-rnm", "ip", "link", "set", "lo", "up"}).ending == Ending{0, 0};
  return can;
}

Finished run_in_namespace(const std::string& script, const Words& words, Milliseconds timeout) {
  return run(in_namespace(script, words), {}, timeout);
}

bool inside_namespace() { return std::getenv(marker) != nullptr; }

bool enter_namespace(const std::string& script) {
  if (inside_namespace()) return true;
  if (!can_make_namespaces()) {
    skip("no network namespaces here");
    return false;
  }
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string filter = "--test-case=" + as_filter(current_case());
  ProcessOptions options;
  options.environment = {std::string(marker) + "=1"};
  const Finished inner = run(in_namespace(script + "\n\"$@\"\n", {self, filter}), options, 4 * patience);
  if (inner.ending == Ending{skipped_status, 0}) {
    skip("within a namespace: " + inner.out.substr(0, inner.out.find('\n')));
    return false;
  }
  INFO(inner.out, inner.err);
  CHECK(inner.ending == Ending{0, 0});
  CHECK(contains(inner.out, ": 1 passed"));  // the filter found the case
  return false;
}

}  // namespace support
