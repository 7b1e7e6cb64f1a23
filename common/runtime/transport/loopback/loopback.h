#pragma once

#include <map>
#include <memory>
#include <utility>

#include "common/runtime/transport/edge.h"

// The transport within one process: bytes are shared, nothing is copied or encoded.
namespace desa2va::transport {

// Two joined ends. The first belongs to `edge.from`. Checks payloads only where a message brings
// checksums: the bytes never leave the process. The ends may live on two threads.
std::pair<std::unique_ptr<Endpoint>, std::unique_ptr<Endpoint>> loopback_pair(
    const Edge& edge, const EdgeOptions& options);

// Joins the services of one process: the first `open` of an edge makes both ends and keeps the
// other for the second. Belongs to one thread.
class LoopbackNetwork final : public Network {
 public:
  Result<std::unique_ptr<Endpoint>> open(const Edge& edge, Rank self,
                                         const EdgeOptions& options) override;

 private:
  struct Waiting {
    Rank owner;
    std::unique_ptr<Endpoint> endpoint;
  };
  std::map<Edge, Waiting> waiting_;
};

}  // namespace desa2va::transport
