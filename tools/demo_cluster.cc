#include "tools/demo_cluster.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace tools {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kStartLimit = absl::Seconds(60);

constexpr char kSettings[] = R"(
listen_addresses = ''
shared_buffers = 256MB
maintenance_work_mem = 256MB
max_wal_size = 2GB
checkpoint_timeout = 15min
log_lock_waits = on
deadlock_timeout = 100ms
)";

// Settings that depend on the machine: containers often have a /dev/shm of 64 MB, which is too
// small for a parallel index build.
std::string MachineSettings() {
  struct statvfs shm = {};
  constexpr unsigned long kEnough = 512UL << 20;
  const bool roomy = statvfs("/dev/shm", &shm) == 0 && shm.f_bavail * shm.f_frsize >= kEnough;
  return roomy ? "" : "dynamic_shared_memory_type = mmap\n";
}

bool HasServer(const fs::path& programs) {
  std::error_code ignored;
  return fs::exists(programs / "initdb", ignored) && fs::exists(programs / "pgbench", ignored);
}

// Debian keeps every major version in its own folder; the newest is taken.
std::string NewestVersionedFolder() {
  int newest = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
    int major = 0;
    if (absl::SimpleAtoi(entry.path().filename().string(), &major) &&
        HasServer(entry.path() / "bin")) {
      newest = std::max(newest, major);
    }
  }
  return newest == 0 ? "" : absl::StrCat("/usr/lib/postgresql/", newest, "/bin");
}

absl::Status Expect(const Command& command, absl::Duration limit) {
  const absl::StatusOr<int> code = Run(command, limit);
  if (!code.ok()) return code.status();
  if (*code == 0) return absl::OkStatus();
  std::string message = absl::StrCat(command.argv[0], " ended with ", *code);
  std::ifstream log(command.output_file);
  for (std::string line; std::getline(log, line);) absl::StrAppend(&message, "\n  ", line);
  return absl::InternalError(message);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DemoCluster>> DemoCluster::Start() {
  std::unique_ptr<DemoCluster> cluster(new DemoCluster());
  for (const auto step : {&DemoCluster::FindPrograms, &DemoCluster::MakeFolder,
                          &DemoCluster::InitializeAndStart, &DemoCluster::MakeDatabase}) {
    const absl::Status status = (cluster.get()->*step)();
    if (!status.ok()) return status;
  }
  return cluster;
}

DemoCluster::~DemoCluster() {
  if (kept_ || folder_.empty()) return;
  if (started_) {
    Command stop = Server("pg_ctl", {"-D", Data(), "-m", "immediate", "-w", "stop"});
    stop.output_file = folder_ + "/stop.log";
    Run(stop, kStartLimit).IgnoreError();
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

absl::Status DemoCluster::FindPrograms() {
  if (HasServer("/usr/bin")) programs_ = "/usr/bin";
  const std::string newest = NewestVersionedFolder();
  if (!newest.empty()) programs_ = newest;
  if (programs_.empty()) {
    const absl::StatusOr<std::string> told =
        Capture({{"pg_config", "--bindir"}, {}, {}, {}, {}}, kStartLimit);
    if (told.ok() && HasServer(*told)) programs_ = *told;
  }
  if (programs_.empty()) {
    return absl::FailedPreconditionError(
        "no PostgreSQL server found here\n"
        "HINT: install one with pgbench, e.g. apt-get install postgresql postgresql-contrib");
  }
  const absl::StatusOr<std::string> version =
      Capture({{programs_ + "/postgres", "--version"}, {}, {}, {}, {}}, kStartLimit);
  if (!version.ok()) return version.status();
  // "postgres (PostgreSQL) 15.6 (Debian 15.6-0+deb12u1)"
  const std::vector<std::string> words = absl::StrSplit(*version, ' ');
  version_ = words.size() > 2 ? words[2] : *version;
  return absl::OkStatus();
}

absl::Status DemoCluster::MakeFolder() {
  if (geteuid() == 0) {
    absl::StatusOr<User> user = FindUser("postgres");
    if (!user.ok()) user = FindUser("nobody");
    if (!user.ok()) return user.status();
    user_ = *std::move(user);
  }
  // Not $TMPDIR: the path of a socket is limited to about 100 characters.
  char folder[] = "/tmp/pg_restructure_demo_XXXXXX";
  if (mkdtemp(folder) == nullptr) {
    return absl::InternalError("cannot make a folder in /tmp\nHINT: is there space?");
  }
  folder_ = folder;
  if (user_.has_value() && chown(folder, user_->uid, user_->gid) != 0) {
    return absl::InternalError(absl::StrCat("cannot give ", folder_, " to ", user_->name));
  }
  environment_ = {absl::StrCat("PGHOST=", folder_), "PGPORT=5432", "PGUSER=postgres",
                  "PGDATABASE=postgres"};
  return absl::OkStatus();
}

absl::Status DemoCluster::InitializeAndStart() {
  Command initialize = Server("initdb", {"-D", Data(), "-U", "postgres", "--auth=trust",
                                         "--encoding=UTF8", "--no-locale", "--no-sync"});
  initialize.output_file = folder_ + "/initdb.log";
  absl::Status status = Expect(initialize, kStartLimit);
  if (!status.ok()) return status;

  std::ofstream settings(Data() + "/postgresql.conf", std::ios::app);
  settings << kSettings << MachineSettings() << "unix_socket_directories = '" << folder_ << "'\n";
  settings.close();
  if (!settings) return absl::InternalError(absl::StrCat("cannot write into ", Data()));

  started_ = true;  // From here on it may run, whatever pg_ctl says.
  Command start = Server("pg_ctl", {"-D", Data(), "-l", folder_ + "/server.log", "-w", "start"});
  start.output_file = folder_ + "/start.log";
  return Expect(start, kStartLimit);
}

absl::Status DemoCluster::MakeDatabase() {
  for (const char* sql :
       {"CREATE ROLE demo LOGIN", "GRANT pg_monitor TO demo", "CREATE DATABASE demo OWNER demo"}) {
    const absl::StatusOr<std::string> done = Query(sql);
    if (!done.ok()) return done.status();
  }
  environment_ = {absl::StrCat("PGHOST=", folder_), "PGPORT=5432", "PGUSER=demo",
                  "PGDATABASE=demo"};
  return absl::OkStatus();
}

Command DemoCluster::Server(const std::string& program, std::vector<std::string> arguments) const {
  Command command = Client(program, std::move(arguments));
  command.user = user_;
  return command;
}

Command DemoCluster::Client(const std::string& program, std::vector<std::string> arguments) const {
  Command command;
  command.argv = std::move(arguments);
  command.argv.insert(command.argv.begin(), absl::StrCat(programs_, "/", program));
  command.environment = environment_;
  command.working_folder = folder_;
  return command;
}

absl::StatusOr<std::string> DemoCluster::Query(const std::string& sql, absl::Duration limit) const {
  return Capture(Client("psql", {"-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql}), limit);
}

std::string DemoCluster::Keep() {
  kept_ = true;
  const std::string as = user_.has_value() ? absl::StrCat("runuser -u ", user_->name, " -- ") : "";
  return absl::StrCat("the server goes on; connect with\n  psql -h ", folder_,
                      " -U demo demo\nand remove it with\n  ", as, programs_, "/pg_ctl -D ", Data(),
                      " -m fast stop && rm -r ", folder_, "\n");
}

}  // namespace tools
