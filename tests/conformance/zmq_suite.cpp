#include "tests/conformance/endpoint_fixture.h"
#include "tests/conformance/zmq_world.h"

namespace desa2va::transport {
namespace {

INSTANTIATE_TEST_SUITE_P(Zmq, EndpointSuite,
                         ::testing::Values(zmq_world("ipc", LinkKind::Ipc),
                                           zmq_world("tcp", LinkKind::Tcp)),
                         [](const auto& info) { return info.param.name; });

TEST(ZmqNetwork, APortInUseIsNamedWithItsKeyAndEndsWith2) {
  DirectoryOptions options;
  options.default_kind = LinkKind::Tcp;
  options.port_bases["mllm_to_decoupler"] = *find_free_ports(1);
  ZmqNetwork first(Directory({kEdge}, options));
  ZmqNetwork second(Directory({kEdge}, options));
  const auto taken = first.open(kEdge, kUpstream, {});
  ASSERT_TRUE(taken);
  const auto refused = second.open(kEdge, kUpstream, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::InvalidArgument);
  EXPECT_EQ(refused.error().exit_code(), 2);
  const std::string& message = refused.error().message();
  EXPECT_NE(message.find(std::to_string(options.port_bases["mllm_to_decoupler"])),
            std::string::npos);
  EXPECT_NE(message.find("transport.mllm_to_decoupler.port_base"), std::string::npos) << message;
}

TEST(ZmqNetwork, SomebodyElseAtTheAddressIsNamed) {
  const Edge other{kUpstream, {Role::Decoupler, 1}};
  DirectoryOptions options;
  options.default_kind = LinkKind::Tcp;
  options.port_bases["mllm_to_decoupler"] = *find_free_ports(1);
  // Both directories put their first edge at the same port.
  ZmqNetwork first(Directory({kEdge}, options));
  ZmqNetwork second(Directory({other}, options));
  End up{*first.open(kEdge, kUpstream, {})};
  End down{*second.open(other, other.to, {})};
  up->set_waker(up.waker);
  const auto got = up.receive();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Errc::InvalidArgument);
  EXPECT_NE(got.error().message().find("decoupler-1"), std::string::npos) << got.error().message();
}

TEST(ZmqNetwork, AMissingSocketDirectoryIsRefused) {
  ZmqNetwork network(Directory({kEdge}, {"/nonexistent/desa2va"}));
  const auto refused = network.open(kEdge, kUpstream, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().exit_code(), 2);
}

TEST(ZmqNetwork, EndpointsThatOutliveItAreUnavailable) {
  const std::string socket_dir = *make_socket_dir("");
  auto network = std::make_unique<ZmqNetwork>(Directory({kEdge}, {socket_dir}));
  const auto up = std::move(*network->open(kEdge, kUpstream, {}));
  network.reset();
  EXPECT_EQ(up->try_receive().error().code(), Errc::Unavailable);
  Message message = message_of(1);
  EXPECT_EQ(up->try_send(message).error().code(), Errc::Unavailable);
  std::filesystem::remove_all(socket_dir);
}

TEST(ZmqNetwork, EndsWhenThePeerNeverCame) {
  const std::string socket_dir = *make_socket_dir("");
  {
    ZmqNetwork network(Directory({kEdge}, {socket_dir}));
    const auto up = network.open(kEdge, kUpstream, {});
    ASSERT_TRUE(up);
    (*up)->close();
  }
  std::filesystem::remove_all(socket_dir);
}

}  // namespace
}  // namespace desa2va::transport
