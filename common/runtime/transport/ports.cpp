#include "common/runtime/transport/ports.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace desa2va::transport {
namespace {

// The longest socket name, "/coordinator-99_decoupler-99", fits behind this.
constexpr std::size_t kLongestSocketDir = 75;

class BoundPort {
 public:
  // Port 0: any.
  explicit BoundPort(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    address.sin_port = htons(port);
    if (fd_ < 0 || bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return;
    socklen_t size = sizeof address;
    if (getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) return;
    number_ = ntohs(address.sin_port);
  }
  BoundPort(BoundPort&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), number_(other.number_) {}
  BoundPort& operator=(BoundPort&&) = delete;
  ~BoundPort() {
    if (fd_ >= 0) close(fd_);
  }
  std::uint16_t number() const { return number_; }

 private:
  int fd_;
  std::uint16_t number_ = 0;
};

}  // namespace

Result<std::uint16_t> find_free_ports(std::size_t count) {
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    std::vector<BoundPort> row;
    row.emplace_back(std::uint16_t{0});
    const std::uint16_t first = row[0].number();
    if (first == 0 || first + count > 65535) continue;
    while (row.size() < count && row.back().number() != 0)
      row.emplace_back(static_cast<std::uint16_t>(first + row.size()));
    if (row.back().number() != 0) return first;
  }
  return fail(Errc::Unavailable, "no {} free TCP ports in a row on this host", count)
      .with_exit(ExitCode::Usage);
}

Result<std::string> make_socket_dir(const std::string& xdg_runtime_dir) {
  std::string last_reason;
  for (const std::string& parent : {xdg_runtime_dir, std::string("/tmp")}) {
    if (parent.empty()) continue;
    std::string path = parent + "/desa2va-XXXXXX";
    if (path.size() > kLongestSocketDir) {
      last_reason = parent + " is too long";
    } else if (mkdtemp(path.data()) != nullptr) {
      return path;
    } else {
      last_reason = parent + ": " + std::strerror(errno);
    }
  }
  return fail(Errc::Unavailable, "no directory for sockets: {}", last_reason)
      .with_exit(ExitCode::Usage);
}

}  // namespace desa2va::transport
