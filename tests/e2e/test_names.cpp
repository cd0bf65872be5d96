// Names are resolved in a thread of their own: a resolver that never answers must not keep anything from ending.
#include <csignal>

#include "support/check.hpp"
#include "support/namespace.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

// DNS is asked at 127.0.0.1, and hosts(5) knows nothing.
const std::string own_resolver = R"sh(
hosts_file ''
echo 'nameserver 127.0.0.1' >/mnt/resolv.conf; mount --bind /mnt/resolv.conf /etc/resolv.conf
echo 'hosts: files dns' >/mnt/nsswitch.conf; mount --bind /mnt/nsswitch.conf /etc/nsswitch.conf
)sh";

const std::vector<Words> commands{
    {"send", "host.test", "9", "x"}, {"listen", "host.test:0"}, {"probe", "host.test", "9"}};

Words with_options(Words words, const Words& options) {
  words.insert(words.begin() + 1, options.begin(), options.end());
  return words;
}

}  // namespace

TEST_CASE("names: -W ends the wait for a resolver that never answers") {
  IN_NAMESPACE(own_resolver);
  const RawUdp resolver("127.0.0.1", 53);
  for (const Words& command : commands) {
    CAPTURE(command);
    const Stopwatch watch;
    const Finished result = run_udptool(with_options(command, {"-W", "200ms"}));
    CHECK(result.ending == failed);
    CHECK(result.err == "udptool: cannot resolve 'host.test': no answer before the deadline\n");
    CHECK(watch.elapsed() < Milliseconds(4'000));  // glibc gives up after 10 s
  }
}

TEST_CASE("names: so does Ctrl-C") {
  IN_NAMESPACE(own_resolver);
  for (const Words& command : commands) {
    CAPTURE(command);
    const RawUdp resolver("127.0.0.1", 53);  // without what was asked before
    Process process(udptool(command));
    REQUIRE(resolver.receive());
    process.signal(SIGINT);
    CHECK(process.wait() == failed);
    CHECK(process.err() == "udptool: cannot resolve 'host.test': interrupted\n");
  }
}

TEST_CASE("names: a trace shows its hops although nobody tells their names") {
  IN_NAMESPACE(own_resolver);
  const RawUdp resolver("127.0.0.1", 53);
  const Stopwatch watch;
  const Finished result = run_udptool({"probe", "--trace", "--names", "127.0.0.1", "33434"});
  CHECK(result.ending == done);
  CHECK(result.out.starts_with("1\t127.0.0.1\t"));
  CHECK(watch.elapsed() < Milliseconds(8'000));
}
