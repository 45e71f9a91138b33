#include "tests/server/relay.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <vector>

#include "absl/strings/str_cat.h"

namespace server {
namespace {

constexpr char kSocketName[] = "/.s.PGSQL.5432";

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error("too long: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  return address;
}

int Socket() {
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw std::runtime_error("no socket");
  return descriptor;
}

// Passes on what there is; false at the end.
bool Pass(int from, int to) {
  std::array<char, 65536> bytes{};
  const ssize_t size = read(from, bytes.data(), bytes.size());
  for (ssize_t sent = 0; sent < size;) {
    const ssize_t more =
        send(to, bytes.data() + sent, static_cast<std::size_t>(size - sent), MSG_NOSIGNAL);
    if (more <= 0) return false;
    sent += more;
  }
  return size > 0;
}

}  // namespace

Relay::Relay(const Target& server)
    : server_socket_(absl::StrCat(server.host, kSocketName)), target_(server) {
  std::string folder = "/tmp/relay_XXXXXX";
  if (mkdtemp(folder.data()) == nullptr || chmod(folder.c_str(), 0755) != 0) {
    throw std::runtime_error("no folder for the relay");
  }
  target_.host = folder;
  const std::string path = absl::StrCat(folder, kSocketName);
  const sockaddr_un address = AddressOf(path);
  listener_ = Socket();
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      chmod(path.c_str(), 0777) != 0 || listen(listener_, 16) != 0) {
    throw std::runtime_error("cannot listen at " + path);
  }
  thread_ = std::thread([this] { Run(); });
}

Relay::~Relay() {
  over_ = true;
  thread_.join();
  close(listener_);
  (void)unlink(absl::StrCat(target_.host, kSocketName).c_str());
  (void)rmdir(target_.host.c_str());
}

void Relay::Run() {
  constexpr int kLookEvery = 20;  // milliseconds
  std::map<int, int> others;      // the two sides of a connection, each to the other
  const auto end = [&others](int side) {
    const int other = others[side];
    others.erase(side);
    others.erase(other);
    close(side);
    close(other);
  };
  while (!over_) {
    std::vector<pollfd> wanted = {{listener_, POLLIN, 0}};
    for (const auto& [side, other] : others) wanted.push_back({side, POLLIN, 0});
    if (poll(wanted.data(), wanted.size(), kLookEvery) <= 0) continue;
    for (const pollfd& ready : wanted) {
      if (ready.revents == 0) continue;
      if (ready.fd == listener_) {
        const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const int server = Socket();
        const sockaddr_un address = AddressOf(server_socket_);
        others[client] = server;
        others[server] = client;
        if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
          end(client);
        }
        break;  // Who else is ready is asked again.
      }
      if (others.count(ready.fd) > 0 && !Pass(ready.fd, others[ready.fd])) end(ready.fd);
    }
  }
  while (!others.empty()) end(others.begin()->first);
}

}  // namespace server
