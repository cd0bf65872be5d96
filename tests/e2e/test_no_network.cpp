// SPDX-License-Identifier: MIT
// Hosts that lack something: IPv6, or an answer from the DNS.
#include <csignal>

#include "support/check.hpp"
#include "support/namespace.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

const std::string both_families = "hosts_file '127.0.0.1 both.example' '::1 both.example' '::1 six.example'\n";

void check_one_line(const Words& words, const ProcessOptions& options, std::string_view part) {
  CAPTURE(words);
  const Finished result = run_udptool(words, options);
  CAPTURE(result.err);
  CHECK(result.ending == failed);
  CHECK(result.out.empty());
  CHECK(count_of(result.err, "\n") == 1);
  CHECK(result.err.starts_with("udptool: "));
  CHECK(contains(result.err, part));
}

void check_without_ipv6(const ProcessOptions& options) {
  Listener listener({}, {"0"}, 1, options);
  CHECK(listener.addresses() == Words{"0.0.0.0"});
  const std::string port = std::to_string(listener.port());
  CHECK(run_udptool({"send", "both.example", port, "to the other family"}, options).ending == done);
  listener.wait_for(Stream::out, "to the other family");
  const Listener echo({"--echo"}, {"127.0.0.1:0"}, 1, options);
  const Finished probe = run_udptool({"probe", "both.example", std::to_string(echo.port())}, options);
  CHECK(probe.ending == done);
  CHECK(probe.out.starts_with("127.0.0.1:" + std::to_string(echo.port()) + "\topen\t"));
  const Finished join = run_udptool({"join", "-w", "20ms", "239.1.1.1"}, options);
  CAPTURE(join.err);
  CHECK(join.ending == nothing);
  CHECK(contains(join.err, "joined 239.1.1.1:41234 on lo\n"));
  check_one_line({"send", "::1", "9", "x"}, options, "");
  check_one_line({"send", "six.example", "9", "x"}, options, "");
  check_one_line({"send", "-6", "both.example", "9", "x"}, options, "");
  check_one_line({"probe", "six.example", "9"}, options, "");
  check_one_line({"probe", "--trace", "six.example"}, options, "");
  check_one_line({"probe", "--mtu", "six.example", "9"}, options, "");
}

// What names resolve by: one server, and nothing that other hosts may have besides.
std::string resolver(const std::string& address) {
  return "needs_mounts; mount -t tmpfs none /mnt\n"
         "echo nameserver " +
         address +
         " >/mnt/resolv; mount --bind /mnt/resolv /etc/resolv.conf\n"
         "echo hosts: files dns >/mnt/switch; [ ! -e /etc/nsswitch.conf ] || mount --bind /mnt/switch "
         "/etc/nsswitch.conf\n";
}

const std::vector<Words> commands_with_name{
    {"send", "name.example", "7", "x"},        {"probe", "name.example", "7"},
    {"probe", "-c", "3", "name.example", "7"}, {"probe", "--trace", "name.example"},
    {"probe", "--mtu", "name.example", "7"},   {"listen", "name.example:7000"}};

}  // namespace

TEST_CASE("no IPv6: in the kernel, commands take IPv4, and what needs IPv6 is exit 2 and one line") {
  IN_NAMESPACE(both_families);
  ProcessOptions options;
  options.environment = {std::string("LD_PRELOAD=") + FAULTS_PATH, "ASAN_OPTIONS=verify_asan_link_order=0",
                         "FAULT_NO_IPV6=1"};
  check_without_ipv6(options);
  const Finished listen = run_udptool({"listen", "-w", "20ms", "0"}, options);
  CHECK(listen.ending == nothing);
  CHECK(listen.err.starts_with("note: no IPv6 on this host: listening on IPv4 only\nlistening on 0.0.0.0:"));
  check_one_line({"listen", "[::]:0"}, options, "cannot open an IPv6 socket: Address family not supported");
  check_one_line({"listen", "-6", "0"}, options, "cannot open an IPv6 socket: Address family not supported");
  check_one_line({"join", "-i", "lo", "ff15::1"}, options, "IPv6");
}

TEST_CASE("no IPv6: on every interface, commands take IPv4, and what needs IPv6 is exit 2 and one line") {
  IN_NAMESPACE(both_families + "set_kernel here net/ipv6/conf/all/disable_ipv6 1");
  check_without_ipv6({});
  check_one_line({"join", "ff15::1"}, {}, "no interface is up and able to multicast over IPv6");
}

TEST_CASE("no DNS: a name is exit 2 and one line") {
  IN_NAMESPACE(resolver("192.0.2.1"));  // no route leads there
  for (const Words& words : commands_with_name) {
    check_one_line(words, {}, "udptool: cannot resolve 'name.example': ");
  }
}

TEST_CASE("no DNS: of a resolver that never answers, -W ends it in time and Ctrl-C at once") {
  IN_NAMESPACE(resolver("127.0.0.1"));
  const RawUdp server("127.0.0.1", 53);
  for (Words words : commands_with_name) {
    CAPTURE(words);
    {
      Process process(udptool(words));
      REQUIRE(server.receive());  // the question: it waits by now
      const Stopwatch watch;
      process.signal(SIGINT);
      CHECK(process.wait() == failed);
      CHECK(watch.elapsed() < patience / 6);
      CHECK(process.err() == "udptool: cannot resolve 'name.example': interrupted\n");
    }
    words.insert(words.end(), {"-W", "100ms"});
    const Stopwatch watch;
    check_one_line(words, {}, "udptool: cannot resolve 'name.example': no answer before the deadline\n");
    CHECK(watch.elapsed() < patience / 6);
    while (server.receive(Milliseconds(0))) continue;
  }
}

TEST_CASE("no DNS: a trace that waits for names is ended by -W, with what it knows") {
  IN_NAMESPACE(resolver("127.0.0.1") + "echo >/mnt/hosts; mount --bind /mnt/hosts /etc/hosts");
  const RawUdp server("127.0.0.1", 53);
  const Stopwatch watch;
  const Finished result = run_udptool({"probe", "--trace", "--names", "-W", "200ms", "127.0.0.1"});
  CHECK(watch.elapsed() < patience / 6);
  CHECK(result.ending == done);
  CHECK(is_like(result.out, "1\t127.0.0.1\t[0-9. ]+ ms\treached\n"));
}

TEST_CASE("no DNS: a trace shows its hops although nobody tells their names") {
  IN_NAMESPACE(resolver("127.0.0.1") + "echo >/mnt/hosts; mount --bind /mnt/hosts /etc/hosts");
  const RawUdp server("127.0.0.1", 53);
  const Stopwatch watch;
  const Finished result = run_udptool({"probe", "--trace", "--names", "127.0.0.1"});
  CHECK(watch.elapsed() < Milliseconds(8'000));  // glibc gives up after 10 s
  CHECK(result.ending == done);
  CHECK(result.out.starts_with("1\t127.0.0.1\t"));
}
