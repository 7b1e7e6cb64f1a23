#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "common/runtime/transport/edge.h"

// The suite in endpoint_suite.cpp runs in several worlds: each makes joined ends its own way.
namespace desa2va::transport {

class EndpointWorld {
 public:
  virtual ~EndpointWorld() = default;
  virtual std::unique_ptr<Endpoint> open(const Edge& edge, Rank self,
                                         const EdgeOptions& options) = 0;
};

struct WorldMaker {
  std::string name;
  std::function<std::unique_ptr<EndpointWorld>(const Edge&)> make;
};
inline std::ostream& operator<<(std::ostream& out, const WorldMaker& maker) {
  return out << maker.name;
}

}  // namespace desa2va::transport
