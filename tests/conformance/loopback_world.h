#pragma once

#include "common/runtime/transport/loopback/loopback.h"
#include "tests/conformance/endpoint_world.h"

namespace desa2va::transport {

class LoopbackWorld final : public EndpointWorld {
 public:
  std::unique_ptr<Endpoint> open(const Edge& edge, Rank self, const EdgeOptions& options) override {
    return std::move(*network_.open(edge, self, options));
  }

 private:
  LoopbackNetwork network_;
};

inline WorldMaker loopback_world() {
  return {"loopback", [](const Edge&) { return std::make_unique<LoopbackWorld>(); }};
}

}  // namespace desa2va::transport
