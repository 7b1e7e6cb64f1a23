#pragma once

#include <filesystem>
#include <stdexcept>

#include <gtest/gtest.h>

#include "common/runtime/transport/ports.h"
#include "common/runtime/transport/zmq/zmq_network.h"
#include "tests/conformance/endpoint_world.h"

namespace desa2va::transport {

// Two networks, as two processes would have them.
class ZmqWorld final : public EndpointWorld {
 public:
  ZmqWorld(const Edge& edge, LinkKind kind) : socket_dir_(*make_socket_dir("")) {
    DirectoryOptions options;
    options.socket_dir = socket_dir_;
    options.default_kind = kind;
    if (kind == LinkKind::Tcp) options.port_bases[edge_name(edge)] = *find_free_ports(1);
    upstream_ = std::make_unique<ZmqNetwork>(Directory({edge}, options));
    downstream_ = std::make_unique<ZmqNetwork>(Directory({edge}, options));
  }
  ~ZmqWorld() override {
    upstream_.reset();
    downstream_.reset();
    EXPECT_TRUE(std::filesystem::is_empty(socket_dir_)) << "a socket was left behind";
    std::filesystem::remove_all(socket_dir_);
  }
  std::unique_ptr<Endpoint> open(const Edge& edge, Rank self, const EdgeOptions& options) override {
    auto opened = (self == edge.from ? upstream_ : downstream_)->open(edge, self, options);
    if (!opened) throw std::runtime_error(opened.error().message());
    return std::move(*opened);
  }

 private:
  std::string socket_dir_;
  std::unique_ptr<ZmqNetwork> upstream_;
  std::unique_ptr<ZmqNetwork> downstream_;
};

inline WorldMaker zmq_world(std::string name, LinkKind kind) {
  return {std::move(name),
          [kind](const Edge& edge) { return std::make_unique<ZmqWorld>(edge, kind); }};
}

}  // namespace desa2va::transport
