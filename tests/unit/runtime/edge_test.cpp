#include <gtest/gtest.h>

#include <set>

#include "common/runtime/transport/edge.h"

namespace desa2va::transport {
namespace {

constexpr Rank kMllm{Role::Mllm, 0};
constexpr Rank kDecoupler{Role::Decoupler, 0};
constexpr Rank kSam2{Role::Sam2, 0};

TEST(Edge, IsNamedAsInTheConfiguration) {
  EXPECT_EQ(edge_name({kMllm, kDecoupler}), "mllm_to_decoupler");
  EXPECT_EQ(edge_name({{Role::Coordinator, 0}, kSam2}), "control");
  EXPECT_EQ(to_string(Edge{kMllm, {Role::Decoupler, 2}}), "mllm-0->decoupler-2");
}

TEST(Edge, BudgetsThatCouldLockUpAreRefusedByTheirKey) {
  const Edge edge{kMllm, kDecoupler};
  const EdgeOptions options{1000, 400};
  EXPECT_TRUE(check_budgets(edge, options, 1000, 100, 4));
  const auto message = check_budgets(edge, options, 1001, 100, 4);
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code(), Errc::InvalidArgument);
  EXPECT_NE(message.error().message().find("transport.mllm_to_decoupler.budget_bytes"),
            std::string::npos);
  EXPECT_FALSE(check_budgets(edge, options, 1000, 101, 4));
}

TEST(Directory, GivesEveryEdgeOfAJobItsOwnAddress) {
  const std::vector<Edge> edges = all_edges({{Role::Data, 2},
                                             {Role::Mllm, 1},
                                             {Role::Decoupler, 1},
                                             {Role::Sam2, 2},
                                             {Role::Coordinator, 1}});
  // data-mllm 2, data-sam2 4, mllm-decoupler 1, decoupler-sam2 2, control 6.
  EXPECT_EQ(edges.size(), 15U);
  DirectoryOptions options{"/tmp/x", LinkKind::Ipc, {{"control", LinkKind::Tcp}}, {}, {}};
  options.port_bases["control"] = 7000;
  const Directory directory(edges, options);
  std::set<std::string> urls;
  for (const Edge& edge : edges) {
    const auto url = directory.url(edge);
    ASSERT_TRUE(url) << url.error().message();
    urls.insert(*url);
  }
  EXPECT_EQ(urls.size(), edges.size());
  EXPECT_TRUE(urls.count("tcp://127.0.0.1:7005"));
  EXPECT_TRUE(urls.count("ipc:///tmp/x/mllm-0_decoupler-0"));
  EXPECT_EQ(directory.edges_of(kMllm).size(), 4U);
}

TEST(Directory, AnUnknownEdgeIsNotFound) {
  const Directory directory({{kMllm, kDecoupler}}, {"/tmp/x"});
  EXPECT_EQ(directory.url({kMllm, kSam2}).error().code(), Errc::NotFound);
}

TEST(Directory, ASocketPathThatIsTooLongIsRefusedWithTheRemedy) {
  const Edge edge{kMllm, kDecoupler};
  const std::string file = "/mllm-0_decoupler-0";
  EXPECT_TRUE(Directory({edge}, {std::string(107 - file.size(), 'x')}).url(edge));
  const auto url = Directory({edge}, {std::string(108 - file.size(), 'x')}).url(edge);
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().exit_code(), 2);
  EXPECT_NE(url.error().message().find("107"), std::string::npos);
}

TEST(Directory, APortOutOfRangeNamesItsKey) {
  const Edge edge{kMllm, kDecoupler};
  DirectoryOptions options{"/tmp/x", LinkKind::Tcp};
  const auto missing = Directory({edge}, options).url(edge);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message().find("transport.mllm_to_decoupler.port_base"),
            std::string::npos);
}

}  // namespace
}  // namespace desa2va::transport
