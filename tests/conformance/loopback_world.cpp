#include "common/runtime/transport/loopback/loopback.h"
#include "tests/conformance/endpoint_fixture.h"

namespace desa2va::transport {
namespace {

class LoopbackWorld final : public EndpointWorld {
 public:
  std::unique_ptr<Endpoint> open(const Edge& edge, Rank self, const EdgeOptions& options) override {
    return std::move(*network_.open(edge, self, options));
  }

 private:
  LoopbackNetwork network_;
};

INSTANTIATE_TEST_SUITE_P(Loopback, EndpointSuite,
                         ::testing::Values(WorldMaker{
                             "loopback",
                             [](const Edge&) { return std::make_unique<LoopbackWorld>(); }}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace desa2va::transport
