#include "tests/server/tool.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "tests/server/client.h"

namespace server {
namespace {

// PG_RESTRUCTURE_TEST_TOOL is set by the build that runs us; by hand, it is the one we belong to.
std::string Binary() {
  const char* const given = std::getenv("PG_RESTRUCTURE_TEST_TOOL");
  return given == nullptr ? PG_RESTRUCTURE_BINARY : given;
}

Launch LaunchOf(const Target& target, const Arguments& arguments, const Environment& environment) {
  Launch launch;
  launch.arguments = {Binary()};
  launch.arguments.insert(launch.arguments.end(), arguments.begin(), arguments.end());
  launch.environment = Inherited(
      {"PATH", "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH"});
  launch.environment.push_back("HOME=" + target.host);  // Nobody's .pgpass or service file.
  launch.environment.push_back("LC_ALL=C.UTF-8");
  launch.environment.push_back("PGHOST=" + target.host);
  launch.environment.push_back("PGDATABASE=" + target.database);
  launch.environment.push_back("PGUSER=" + target.user);
  if (!target.password.empty()) launch.environment.push_back("PGPASSWORD=" + target.password);
  launch.environment.insert(launch.environment.end(), environment.begin(), environment.end());
  return launch;
}

std::string CommandOf(const Arguments& arguments, const Environment& environment) {
  std::string text;
  for (const std::string& setting : environment) text += setting + " ";
  text += "pg_restructure";
  for (const std::string& argument : arguments) {
    const bool plain = argument.find_first_of(" \"'\\;") == std::string::npos && !argument.empty();
    text += " " + (plain ? argument : Literal(argument));
  }
  return text;
}

// What the server is doing, for the message about a hang.
std::string Activity(const Target& target) {
  try {
    Client client(target.Conninfo("activity"));
    return Shown(client.Query(
        "SELECT pid, application_name, state, wait_event_type || '.' || wait_event,"
        " pg_blocking_pids(pid), clock_timestamp() - xact_start, left(query, 150)"
        " FROM pg_stat_activity WHERE datname = current_database() ORDER BY backend_start"));
  } catch (const ServerError& error) {
    return error.what();
  }
}

}  // namespace

std::ostream& operator<<(std::ostream& stream, const Outcome& outcome) {
  stream << "$ " << outcome.command << "\n-> ";
  if (outcome.hung) {
    stream << "hung";
  } else if (outcome.signal != 0) {
    stream << "signal " << outcome.signal;
  } else {
    stream << "exit code " << outcome.exit_code;
  }
  stream << " after " << outcome.elapsed.count() << " ms\n" << outcome.out;
  if (!outcome.err.empty()) stream << "--- stderr\n" << outcome.err;
  return stream;
}

Tool::Tool(const Target& target, const Arguments& arguments, const Environment& environment)
    : target_(target), started_(Clock::now()), command_(CommandOf(arguments, environment)) {
  Launch launch = LaunchOf(target, arguments, environment);
  launch.out = out_.descriptor();
  launch.err = err_.descriptor();
  pid_ = Spawn(launch);
}

Tool::~Tool() {
  if (!Running()) return;
  (void)kill(pid_, SIGKILL);
  (void)Eventually([this] { return !Running(); });
}

void Tool::Signal(int signal) {
  if (Running()) (void)kill(pid_, signal);
}

bool Tool::Running() {
  if (outcome_) return false;
  int status = 0;
  rusage usage{};
  if (wait4(pid_, &status, WNOHANG, &usage) == 0) return true;
  Reap(status, usage.ru_maxrss);
  return false;
}

void Tool::Reap(int status, std::int64_t peak_memory_kb) {
  outcome_.emplace();
  outcome_->command = command_;
  if (WIFEXITED(status)) outcome_->exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome_->signal = WTERMSIG(status);
  outcome_->out = out_.Read();
  outcome_->err = err_.Read();
  outcome_->peak_memory_kb = peak_memory_kb;
  outcome_->elapsed = std::chrono::duration_cast<milliseconds>(Clock::now() - started_);
  if (std::getenv("PG_RESTRUCTURE_TEST_TRACE") != nullptr) std::cerr << *outcome_ << "\n";
}

Outcome Tool::Wait(milliseconds deadline) {
  if (Eventually([this] { return !Running(); }, deadline)) return *outcome_;
  const std::string activity = Activity(target_);
  (void)kill(pid_, SIGKILL);
  (void)Eventually([this] { return !Running(); });
  outcome_->hung = true;
  outcome_->err += "\n--- the server at that time\n" + activity;
  return *outcome_;
}

Outcome RunTool(const Target& target, const Arguments& arguments, const Environment& environment,
                milliseconds deadline) {
  Tool tool(target, arguments, environment);
  return tool.Wait(deadline);
}

}  // namespace server
