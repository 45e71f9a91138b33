#include "tests/server/cluster.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tests/server/client.h"
#include "tests/server/wait.h"

namespace server {
namespace {

constexpr char kConfiguration[] = R"(
listen_addresses = ''
fsync = off
full_page_writes = off
wal_level = replica
max_connections = 200
max_prepared_transactions = 20
shared_buffers = 64MB
max_wal_size = 2GB
wal_keep_size = 0
log_lock_waits = on
deadlock_timeout = 1s
log_min_duration_statement = 2s
log_line_prefix = '%m [%p] %a@%d '
)";

// Waits for the end of its input, which comes when the test process is gone, and then takes away
// what is left of the cluster.
constexpr char kGuardScript[] = R"(
trap '' INT TERM HUP
cat >/dev/null
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  [ -d "$1" ] || exit 0
  alive=
  for file in "$1"/*/postmaster.pid; do
    pid=$(head -n 1 "$file" 2>/dev/null)
    if [ -n "$pid" ] && kill -QUIT "$pid" 2>/dev/null; then alive=yes; fi
  done
  if [ -n "$alive" ]; then
    sleep 0.5
  else
    rm -rf "$1"
    sleep 0.2
  fi
done
)";

std::string BinFolder() {
  if (const char* folder = std::getenv("PG_RESTRUCTURE_TEST_BINDIR")) return folder;
  int newest = 0;
  std::string found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
    const int version = std::atoi(entry.path().filename().c_str());
    if (version <= newest || !std::filesystem::exists(entry.path() / "bin/initdb")) continue;
    newest = version;
    found = entry.path() / "bin";
  }
  if (found.empty()) throw std::runtime_error("no PostgreSQL: set PG_RESTRUCTURE_TEST_BINDIR");
  return found;
}

std::string TemporaryFolder() {
  const char* const base = std::getenv("TMPDIR");
  std::string name = std::string(base == nullptr ? "/tmp" : base) + "/pg_restructure.XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed: " + name);
  return name;
}

std::vector<std::string> PlainEnvironment() {
  return {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "TZ=UTC"};
}

}  // namespace

std::string Target::Conninfo(const std::string& application_name) const {
  std::string text = "host=" + host + " dbname=" + database + " user=" + user +
                     " application_name=" + application_name +
                     " connect_timeout=20 options='-c statement_timeout=120000'";
  if (!password.empty()) text += " password=" + password;
  return text;
}

Target Target::As(const std::string& role) const {
  Target other = *this;
  other.user = role;
  return other;
}

Cluster& Cluster::Get() {
  static Cluster cluster;
  return cluster;
}

Cluster::Cluster() : bin_folder_(BinFolder()), account_(UnprivilegedAccount()) {
  // Whatever server the caller's shell points at is none of ours.
  for (const char* name : {"PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGSERVICE", "PGOPTIONS"}) {
    ::unsetenv(name);
  }
  folder_ = TemporaryFolder();
  Guard();
  Initialize();
  Configure();
  Start();
  version_ =
      static_cast<int>(Client(InDatabase("postgres").Conninfo()).Number("SHOW server_version_num"));
}

Cluster::~Cluster() {
  try {
    Stop(Shutdown::kImmediate);
  } catch (const std::exception&) {  // The guard is the second to try.
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
  (void)close(guard_pipe_);
  (void)waitpid(guard_, nullptr, 0);
}

void Cluster::Initialize() {
  if (account_ && chown(folder_.c_str(), account_->user, account_->group) != 0) {
    throw std::runtime_error("chown failed: " + folder_);
  }
  // The tool may run under another account than the server.
  (void)chmod(folder_.c_str(), 0755);
  Run({bin_folder_ + "/initdb", "-D", folder_ + "/data", "-U", "postgres", "-A", "trust",
       "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"});
}

void Cluster::Configure() {
  std::ofstream file(folder_ + "/data/postgresql.conf", std::ios::app);
  file << kConfiguration << "unix_socket_directories = '" << folder_ << "'\n";
  if (!file.flush()) throw std::runtime_error("cannot write postgresql.conf");
}

void Cluster::Guard() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  Launch launch;
  launch.arguments = {"/bin/sh", "-c", kGuardScript, "guard", folder_};
  launch.environment = PlainEnvironment();
  launch.in = ends[0];
  launch.own_session = true;
  guard_ = Spawn(launch);
  guard_pipe_ = ends[1];
  (void)close(ends[0]);
}

void Cluster::Run(const std::vector<std::string>& arguments) {
  Launch launch;
  launch.arguments = arguments;
  launch.environment = PlainEnvironment();
  launch.account = account_;
  launch.out = log_.descriptor();
  launch.err = log_.descriptor();
  int status = 0;
  if (waitpid(Spawn(launch), &status, 0) < 0 || status != 0) {
    throw std::runtime_error(arguments[0] + " failed:\n" + LogTail());
  }
}

pid_t Cluster::Serve(const std::string& data_folder) {
  Launch launch;
  launch.arguments = {bin_folder_ + "/postgres", "-D", data_folder};
  launch.environment = PlainEnvironment();
  launch.account = account_;
  launch.out = log_.descriptor();
  launch.err = log_.descriptor();
  launch.own_session = true;
  return Spawn(launch);
}

void Cluster::Start() {
  postmaster_ = Serve(folder_ + "/data");
  const std::string conninfo = InDatabase("postgres").Conninfo();
  const bool up = Eventually([&] { return PQping(conninfo.c_str()) == PQPING_OK; });
  if (!up) throw std::runtime_error("the server does not start:\n" + LogTail());
}

void Cluster::Stop(Shutdown how) {
  if (postmaster_ == 0) return;
  (void)kill(postmaster_, how == Shutdown::kFast ? SIGINT : SIGQUIT);
  const pid_t pid = postmaster_;
  const bool gone = Eventually([pid] { return waitpid(pid, nullptr, WNOHANG) != 0; });
  if (!gone) throw std::runtime_error("the server does not stop:\n" + LogTail());
  postmaster_ = 0;
}

Target Cluster::CreateDatabase() {
  const Target target = InDatabase("test" + std::to_string(++databases_));
  Client(InDatabase("postgres").Conninfo()).Exec("CREATE DATABASE " + target.database);
  return target;
}

void Cluster::DropDatabase(const Target& target) {
  Client client(InDatabase("postgres").Conninfo());
  for (const Row& row :
       client.Query("SELECT gid FROM pg_prepared_xacts WHERE database = $1", {target.database})) {
    Client(target.Conninfo()).Exec("ROLLBACK PREPARED " + Literal(*row[0]));
  }
  client.Exec("DROP DATABASE IF EXISTS " + target.database + " WITH (FORCE)");
}

Target Cluster::InDatabase(const std::string& database) const {
  Target target;
  target.host = folder_;
  target.database = database;
  return target;
}

std::string Cluster::Program(const std::string& name) const {
  const std::string own = bin_folder_ + "/" + name;
  return std::filesystem::exists(own) ? own : name;
}

std::string Cluster::LogTail() const {
  constexpr std::size_t kShown = 8000;
  const std::string text = log_.Read();
  return text.size() <= kShown ? text : text.substr(text.size() - kShown);
}

}  // namespace server
