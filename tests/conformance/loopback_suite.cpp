#include "tests/conformance/endpoint_fixture.h"
#include "tests/conformance/loopback_world.h"

namespace desa2va::transport {
namespace {

INSTANTIATE_TEST_SUITE_P(Loopback, EndpointSuite, ::testing::Values(loopback_world()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace desa2va::transport
