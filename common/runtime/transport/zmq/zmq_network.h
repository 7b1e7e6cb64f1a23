#pragma once

#include <memory>

#include "common/runtime/transport/edge.h"

namespace desa2va::transport {

// ZeroMQ between processes, over ipc or tcp as the directory says.
//
// One transport thread owns every socket of the process; endpoints hand it messages and take what
// it received. Destroying the network waits until goodbyes and what precedes them have left, a few
// seconds at most; endpoints that still exist are Unavailable from then on. `open` may be called
// from any thread.
class ZmqNetwork final : public Network {
 public:
  explicit ZmqNetwork(Directory directory);
  ~ZmqNetwork() override;

  // Binds at once (or says why not: a port in use is InvalidArgument with exit code 2), connects
  // when the other end appears, in whatever order the two are opened.
  Result<std::unique_ptr<Endpoint>> open(const Edge& edge, Rank self,
                                         const EdgeOptions& options) override;

 private:
  class Transport;
  Directory directory_;
  std::unique_ptr<Transport> transport_;
};

}  // namespace desa2va::transport
