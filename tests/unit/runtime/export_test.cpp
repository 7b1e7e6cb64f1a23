#include "common/runtime/tracing/export.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

#include "common/runtime/tracing/tracer.h"

namespace desa2va::tracing {
namespace {

class Export : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "d2export-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write_ring(Rank rank, Span span, std::int64_t begin_ns) {
    auto tracer = Tracer::open(ring_path(folder_, rank), rank, clock_);
    ASSERT_TRUE(tracer);
    tracer->record(span, begin_ns, begin_ns + 1500, 4, 0xabc);
    tracer->counter(Counter::QueueDepth, 3);
  }

  FakeClock clock_;
  std::string folder_;
};

TEST_F(Export, IsJsonWithNamedProcessesSpansCountersAndArrows) {
  write_ring({Role::Mllm, 0}, Span::MllmForward, 1000);
  write_ring({Role::Decoupler, 0}, Span::DecouplerForward, 9000);
  const auto rings = open_rings(folder_);
  ASSERT_TRUE(rings);
  const std::string path = folder_ + "/trace.json";
  const auto counts = export_chrome(*rings, path);
  ASSERT_TRUE(counts) << counts.error().message();
  EXPECT_EQ(counts->spans, 2U);
  EXPECT_EQ(counts->counters, 2U);
  EXPECT_EQ(counts->arrows, 1U);

  std::ifstream file(path);
  const auto document = nlohmann::json::parse(file);
  std::map<std::string, int> phases;
  std::set<std::string> processes;
  for (const auto& event : document["traceEvents"]) {
    ++phases[event["ph"]];
    if (event["name"] == "process_name")
      processes.insert(event["args"]["name"].get<std::string>().substr(0, 6));
    if (event["name"] == "mllm forward") {
      EXPECT_DOUBLE_EQ(event["ts"].get<double>(), 1.0);
      EXPECT_DOUBLE_EQ(event["dur"].get<double>(), 1.5);
      EXPECT_EQ(event["args"]["microbatch"], 4);
      EXPECT_EQ(event["cat"], "compute");
    }
  }
  EXPECT_EQ(phases["X"], 2);
  EXPECT_EQ(phases["C"], 2);
  EXPECT_EQ(phases["s"], 1);
  EXPECT_EQ(phases["f"], 1);
  EXPECT_EQ(processes, (std::set<std::string>{"mllm-0", "decoup"}));
}

TEST_F(Export, AFileThatCannotBeWrittenIsNamed) {
  write_ring({Role::Mllm, 0}, Span::MllmForward, 1000);
  const auto counts = export_chrome(*open_rings(folder_), folder_ + "/no/such/file");
  ASSERT_FALSE(counts);
  EXPECT_EQ(counts.error().exit_code(), 2);
}

}  // namespace
}  // namespace desa2va::tracing
