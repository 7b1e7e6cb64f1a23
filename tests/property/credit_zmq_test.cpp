#include "tests/conformance/zmq_world.h"
#include "tests/property/credit_property.h"

namespace desa2va::transport {
namespace {

INSTANTIATE_TEST_SUITE_P(Zmq, CreditProperty,
                         ::testing::Values(zmq_world("ipc", LinkKind::Ipc),
                                           zmq_world("tcp", LinkKind::Tcp)),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace desa2va::transport
