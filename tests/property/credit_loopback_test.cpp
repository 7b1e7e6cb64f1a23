#include "tests/conformance/loopback_world.h"
#include "tests/property/credit_property.h"

namespace desa2va::transport {
namespace {

INSTANTIATE_TEST_SUITE_P(Loopback, CreditProperty, ::testing::Values(loopback_world()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace desa2va::transport
