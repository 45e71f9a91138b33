#include "tests/server/standby.h"

#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "tests/server/client.h"
#include "tests/server/wait.h"

namespace server {

Standby::Standby(Cluster& cluster, std::string name)
    : cluster_(cluster), name_(std::move(name)), folder_(cluster.folder() + "/" + name_) {
  Client primary(cluster_.InDatabase("postgres").Conninfo());
  primary.Query("SELECT pg_create_physical_replication_slot($1, true)", {name_});
  cluster_.Run({cluster_.Program("pg_basebackup"), "-h", cluster_.folder(), "-U", "postgres", "-D",
                folder_, "-X", "stream", "-c", "fast", "--no-sync"});
  cluster_.Run({"/bin/touch", folder_ + "/standby.signal"});
  std::ofstream file(folder_ + "/postgresql.conf", std::ios::app);
  file << "unix_socket_directories = '" << folder_ << "'\nprimary_slot_name = '" << name_
       << "'\nprimary_conninfo = 'host=" << cluster_.folder()
       << " user=postgres application_name=" << name_ << "'\n";
  if (!file.flush()) throw std::runtime_error("cannot write the standby's postgresql.conf");
  file.close();
  Start();
}

Standby::~Standby() {
  try {
    Stop();
    Client primary(cluster_.InDatabase("postgres").Conninfo());
    (void)Eventually([&] {
      return primary.Holds(
          "NOT EXISTS (SELECT FROM pg_replication_slots WHERE active AND"
          " slot_name = " +
          Literal(name_) + ")");
    });
    primary.Query("SELECT pg_drop_replication_slot($1)", {name_});
  } catch (const std::exception&) {  // What is left goes with the cluster.
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Standby::Start() {
  postmaster_ = cluster_.Serve(folder_);
  Client primary(cluster_.InDatabase("postgres").Conninfo());
  const bool streams = Eventually([&] {
    return primary.Holds(
        "EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming'"
        " AND application_name = " +
        Literal(name_) + ")");
  });
  if (!streams) throw std::runtime_error("the standby does not stream:\n" + cluster_.LogTail());
}

void Standby::Stop() {
  if (postmaster_ == 0) return;
  const pid_t pid = postmaster_;
  (void)kill(pid, SIGQUIT);
  if (!Eventually([pid] { return waitpid(pid, nullptr, WNOHANG) != 0; })) {
    throw std::runtime_error("the standby does not stop:\n" + cluster_.LogTail());
  }
  postmaster_ = 0;
}

void Standby::PauseReplay() {
  Client client(Conninfo());
  client.Exec("SELECT pg_wal_replay_pause()");
  if (!Eventually([&] { return client.Holds("pg_get_wal_replay_pause_state() = 'paused'"); })) {
    throw std::runtime_error("the replay does not pause");
  }
}

void Standby::ResumeReplay() { Client(Conninfo()).Exec("SELECT pg_wal_replay_resume()"); }

std::string Standby::Conninfo() const {
  Target target = cluster_.InDatabase("postgres");
  target.host = folder_;
  return target.Conninfo();
}

}  // namespace server
