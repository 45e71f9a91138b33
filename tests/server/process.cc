#include "tests/server/process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>

namespace server {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Runs in the child, between fork and exec: async-signal-safe calls only.
[[noreturn]] void Become(const Launch& launch, char* const* arguments, char* const* environment) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  (void)dup2(launch.in >= 0 ? launch.in : null, STDIN_FILENO);
  (void)dup2(launch.out >= 0 ? launch.out : null, STDOUT_FILENO);
  (void)dup2(launch.err >= 0 ? launch.err : null, STDERR_FILENO);
  if (launch.own_session) (void)setsid();
  if (launch.account) {
    const Account& account = *launch.account;
    if (setgroups(account.groups.size(), account.groups.data()) != 0 ||
        setgid(account.group) != 0 || setuid(account.user) != 0 || chdir("/") != 0) {
      _exit(126);
    }
  }
  execve(arguments[0], arguments, environment);
  _exit(127);
}

}  // namespace

std::optional<Account> UnprivilegedAccount() {
  if (geteuid() != 0) return std::nullopt;
  const passwd* const entry = getpwnam("postgres");
  if (entry == nullptr) throw std::runtime_error("running as root, and there is no user postgres");
  Account account;
  account.user = entry->pw_uid;
  account.group = entry->pw_gid;
  std::array<gid_t, 64> groups{};
  int count = static_cast<int>(groups.size());
  if (getgrouplist("postgres", entry->pw_gid, groups.data(), &count) >= 0) {
    account.groups.assign(groups.begin(), groups.begin() + count);
  }
  return account;
}

pid_t Spawn(const Launch& launch) {
  const std::vector<char*> arguments = Pointers(launch.arguments);
  const std::vector<char*> environment = Pointers(launch.environment);
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("fork failed");
  if (pid == 0) Become(launch, arguments.data(), environment.data());
  return pid;
}

MemoryFile::MemoryFile() : descriptor_(memfd_create("output", MFD_CLOEXEC)) {
  if (descriptor_ < 0) throw std::runtime_error("memfd_create failed");
}

MemoryFile::~MemoryFile() { (void)close(descriptor_); }

std::string MemoryFile::Read() const {
  std::string text;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t got =
        pread(descriptor_, buffer.data(), buffer.size(), static_cast<off_t>(text.size()));
    if (got <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

std::vector<std::string> Inherited(const std::vector<std::string>& names) {
  std::vector<std::string> environment;
  for (const std::string& name : names) {
    if (const char* value = std::getenv(name.c_str())) environment.push_back(name + "=" + value);
  }
  return environment;
}

}  // namespace server
