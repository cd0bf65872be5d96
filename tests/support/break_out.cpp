// SPDX-License-Identifier: MIT
// A preload (ld.so(8)) that does, when the program first receives, what code of a stranger would do in it. For each
// attempt it prints `NAME: done` or `NAME: refused` on stderr. BREAK_OUT_FOLDER is where it leaves traces: it holds
// the file `secret`, and `abstract` is the name of an abstract Unix socket that hears.
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

std::string folder() { return std::getenv("BREAK_OUT_FOLDER"); }

void tell(const char* name, bool done) {
  const std::string line = std::string(name) + (done ? ": done\n" : ": refused\n");
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) std::abort();
}

bool opens(const std::string& path, int flags) {
  const int file = open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (file >= 0) close(file);
  return file >= 0;
}

bool forks() {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  if (child > 0) waitpid(child, nullptr, 0);  // which may be refused
  return child > 0;
}

bool makes_socket(int domain, int type) {
  const int made = socket(domain, type | SOCK_CLOEXEC, 0);
  if (made >= 0) close(made);
  return made >= 0;
}

// A refusal that comes from the other end shows that the packet has left.
bool connects_by_tcp() {
  const int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool left = connect(made, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 || errno == ECONNREFUSED;
  if (made >= 0) close(made);
  return left;
}

bool tells_abstract_socket() {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  const std::string name = folder() + "/abstract";
  std::memcpy(to.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const int made = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool told = sendto(made, "x", 1, 0, reinterpret_cast<sockaddr*>(&to), size) == 1;
  close(made);
  return told;
}

bool makes_code() {
  void* const page = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return page != MAP_FAILED && munmap(page, 4096) == 0;
}

bool turns_memory_into_code() {
  void* const page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool turned = mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
  munmap(page, 4096);
  return turned;
}

bool reads_memory_of_process() {
  char from = 'x';
  char to = 0;
  const iovec source{&from, 1};
  const iovec target{&to, 1};
  return process_vm_readv(getpid(), &target, 1, &source, 1, 0) == 1;
}

void break_out() {
  tell("read a file", opens(folder() + "/secret", O_RDONLY));
  tell("read /etc/passwd", opens("/etc/passwd", O_RDONLY));
  tell("write a file", opens(folder() + "/secret", O_WRONLY));
  tell("make a file", opens(folder() + "/made", O_WRONLY | O_CREAT));
  tell("remove a file", unlink((folder() + "/secret").c_str()) == 0);
  tell("connect by TCP", connects_by_tcp());
  tell("make a TCP socket", makes_socket(AF_INET, SOCK_STREAM));
  tell("make a Unix stream", makes_socket(AF_UNIX, SOCK_STREAM));
  tell("tell an abstract socket", tells_abstract_socket());
  tell("signal the parent", kill(getppid(), 0) == 0);
  tell("read memory of a process", reads_memory_of_process());
  tell("make code", makes_code());
  tell("turn memory into code", turns_memory_into_code());
  tell("leave the namespace", unshare(CLONE_FS) == 0);
  tell("change the user", setuid(getuid()) == 0);
  tell("make a process", forks());
  execl("/bin/sh", "sh", "-c", "echo 'run a program: done' >&2", nullptr);
  tell("run a program", false);
}

}  // namespace

extern "C" int recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  static auto* const receive = reinterpret_cast<decltype(recvmmsg)*>(dlsym(RTLD_NEXT, "recvmmsg"));
  static bool first = true;
  if (first) {
    first = false;
    break_out();
  }
  return receive(fd, messages, count, flags, timeout);
}
