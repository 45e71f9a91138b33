#include "tools/child_process.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

extern char** environ;

namespace tools {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
constexpr absl::Duration kPoll = absl::Milliseconds(10);
constexpr absl::Duration kInterruptPatience = absl::Seconds(5);
constexpr int kCannotStart = 127;  // As shells have it.

volatile sig_atomic_t interrupt_signal = 0;

void RememberSignal(int signal) { interrupt_signal = signal; }

void HandleSignals(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  for (const int signal : kSignals) sigaction(signal, &action, nullptr);
}

absl::Status Interrupted() {
  return absl::CancelledError(absl::StrCat("interrupted by signal ", InterruptGuard::Signal()));
}

std::vector<std::string> ChildEnvironment(const Command& command) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!absl::StartsWith(*entry, "PG")) result.emplace_back(*entry);
  }
  result.insert(result.end(), command.environment.begin(), command.environment.end());
  return result;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (std::string& string : strings) result.push_back(string.data());
  result.push_back(nullptr);
  return result;
}

bool BecomeUser(const User& user) {
  return setgroups(user.groups.size(), user.groups.data()) == 0 && setgid(user.gid) == 0 &&
         setuid(user.uid) == 0;
}

// In the child, between fork and exec: system calls only, no allocation.
[[noreturn]] void Exec(const Command& command, char* const* argv, char* const* environment,
                       int output) {
  // A child of the terminal's process group gets Ctrl-C as we do; input is not for it.
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const bool ready =
      (nothing < 0 || dup2(nothing, STDIN_FILENO) >= 0) &&
      (output < 0 || dup2(output, STDOUT_FILENO) >= 0) &&
      (output < 0 || command.output_file.empty() || dup2(output, STDERR_FILENO) >= 0) &&
      (!command.user.has_value() || BecomeUser(*command.user)) &&
      (command.working_folder.empty() || chdir(command.working_folder.c_str()) == 0);
  if (ready) execvpe(argv[0], argv, environment);
  _exit(kCannotStart);
}

// Reads until the other end is closed, an interrupt, or the timeout.
std::string ReadAll(int descriptor, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  std::string text;
  while (absl::Now() < deadline && InterruptGuard::Signal() == 0) {
    pollfd ready = {descriptor, POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(absl::ToInt64Milliseconds(kPoll))) <= 0) continue;
    char buffer[4096];
    const ssize_t got = read(descriptor, buffer, sizeof buffer);
    if (got == 0 || (got < 0 && errno != EINTR)) break;
    if (got > 0) text.append(buffer, static_cast<size_t>(got));
  }
  return text;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  interrupt_signal = 0;
  HandleSignals(&RememberSignal);
}

InterruptGuard::~InterruptGuard() { HandleSignals(SIG_DFL); }

int InterruptGuard::Signal() { return interrupt_signal; }

void InterruptGuard::IgnoreFurther() {
  HandleSignals(SIG_IGN);
  interrupt_signal = 0;
}

absl::StatusOr<User> FindUser(const std::string& name) {
  const passwd* entry = getpwnam(name.c_str());
  if (entry == nullptr) return absl::NotFoundError(absl::StrCat("no user ", name));
  User user{name, entry->pw_uid, entry->pw_gid, {}};
  int count = 64;
  user.groups.resize(static_cast<size_t>(count));
  if (getgrouplist(name.c_str(), user.gid, user.groups.data(), &count) < 0) {
    return absl::ResourceExhaustedError(absl::StrCat(name, " is in more than 64 groups"));
  }
  user.groups.resize(static_cast<size_t>(count));
  return user;
}

ChildProcess::ChildProcess(std::string name, pid_t pid) : name_(std::move(name)), pid_(pid) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : name_(std::move(other.name_)),
      pid_(std::exchange(other.pid_, 0)),
      exit_code_(other.exit_code_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(pid_, other.pid_);
  std::swap(exit_code_, other.exit_code_);
  return *this;
}

ChildProcess::~ChildProcess() { Kill(); }

absl::StatusOr<ChildProcess> ChildProcess::StartInto(const Command& command, int output) {
  std::vector<std::string> argv = command.argv;
  std::vector<std::string> environment = ChildEnvironment(command);
  const std::vector<char*> argv_pointers = Pointers(argv);
  const std::vector<char*> environment_pointers = Pointers(environment);
  const pid_t pid = fork();
  if (pid < 0) return absl::ResourceExhaustedError(absl::StrCat("fork: ", strerror(errno)));
  if (pid == 0) Exec(command, argv_pointers.data(), environment_pointers.data(), output);
  return ChildProcess(command.argv[0], pid);
}

absl::StatusOr<ChildProcess> ChildProcess::Start(const Command& command) {
  int output = -1;
  if (!command.output_file.empty()) {
    output = open(command.output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (output < 0) {
      return absl::InternalError(absl::StrCat(command.output_file, ": ", strerror(errno)));
    }
  }
  absl::StatusOr<ChildProcess> child = StartInto(command, output);
  if (output >= 0) close(output);
  return child;
}

bool ChildProcess::Running() {
  if (pid_ == 0) return false;
  int status = 0;
  const pid_t ended = waitpid(pid_, &status, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return true;
  pid_ = 0;
  exit_code_ = ended < 0             ? kCannotStart
               : WIFEXITED(status)   ? WEXITSTATUS(status)
               : WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                     : kCannotStart;
  return false;
}

bool ChildProcess::EndsWithin(absl::Duration patience, bool stop_on_interrupt) {
  const absl::Time deadline = absl::Now() + patience;
  while (Running()) {
    if (absl::Now() >= deadline) return false;
    if (stop_on_interrupt && InterruptGuard::Signal() != 0) return false;
    absl::SleepFor(kPoll);
  }
  return true;
}

void ChildProcess::Kill() {
  if (pid_ == 0) return;
  kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  exit_code_ = 128 + SIGKILL;
}

absl::StatusOr<int> ChildProcess::Wait(absl::Duration timeout) {
  if (!EndsWithin(timeout, /*stop_on_interrupt=*/true)) {
    if (InterruptGuard::Signal() == 0) {
      Kill();
      return absl::DeadlineExceededError(
          absl::StrCat(name_, " did not end within ", absl::FormatDuration(timeout)));
    }
    // The signal may have been sent to us alone; one that went to the group did this already.
    if (!EndsWithin(kInterruptPatience / 5, /*stop_on_interrupt=*/false)) {
      kill(pid_, SIGTERM);
      if (!EndsWithin(kInterruptPatience, /*stop_on_interrupt=*/false)) Kill();
    }
  }
  if (InterruptGuard::Signal() != 0) return Interrupted();
  return exit_code_;
}

absl::StatusOr<int> ChildProcess::Stop(int signal, absl::Duration patience) {
  if (Running()) kill(pid_, signal);
  if (EndsWithin(patience, /*stop_on_interrupt=*/false)) return exit_code_;
  Kill();
  return absl::DeadlineExceededError(
      absl::StrCat(name_, " did not end within ", absl::FormatDuration(patience)));
}

absl::StatusOr<int> Run(const Command& command, absl::Duration timeout) {
  absl::StatusOr<ChildProcess> child = ChildProcess::Start(command);
  if (!child.ok()) return child.status();
  absl::StatusOr<int> code = child->Wait(timeout);
  if (code.ok() && *code == kCannotStart) {
    return absl::NotFoundError(absl::StrCat("cannot start ", command.argv[0]));
  }
  return code;
}

absl::StatusOr<Output> CaptureOutput(const Command& command, absl::Duration timeout) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("pipe: ", strerror(errno)));
  }
  absl::StatusOr<ChildProcess> child = ChildProcess::StartInto(command, ends[1]);
  close(ends[1]);
  std::string text;
  if (child.ok()) text = ReadAll(ends[0], timeout);
  close(ends[0]);
  if (!child.ok()) return child.status();
  const absl::StatusOr<int> code = child->Wait(timeout);
  if (!code.ok()) return code.status();
  return Output{*code, std::string(absl::StripTrailingAsciiWhitespace(text))};
}

absl::StatusOr<std::string> Capture(const Command& command, absl::Duration timeout) {
  absl::StatusOr<Output> output = CaptureOutput(command, timeout);
  if (!output.ok()) return output.status();
  if (output->exit_code != 0) {
    return absl::InternalError(absl::StrCat(command.argv[0], " ended with ", output->exit_code));
  }
  return std::move(output->text);
}

absl::Status SleepUnlessInterrupted(absl::Duration duration) {
  const absl::Time until = absl::Now() + duration;
  while (absl::Now() < until) {
    if (InterruptGuard::Signal() != 0) return Interrupted();
    absl::SleepFor(kPoll);
  }
  return absl::OkStatus();
}

}  // namespace tools
