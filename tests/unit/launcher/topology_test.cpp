#include "launcher/run/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace desa2va::launcher {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

TEST(Topology, OneProcessARank) {
  config::Config config;
  config.services[Role::Sam2].replicas = 2;
  config.services[Role::Sam2].threads = 3;
  const auto processes = processes_of(config, "/r", "/bin");
  std::vector<std::string> names;
  for (const auto& process : processes) {
    names.push_back(process.name);
    EXPECT_THAT(process.argv, Contains("--run-dir=/r/"));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"coordinator-0", "data-0", "mllm-0", "decoupler-0",
                                             "sam2-0", "sam2-1"}));
  EXPECT_EQ(processes.back().argv[0], "/bin/desa2va-sam2");
  EXPECT_THAT(processes.back().argv, Contains("--rank=1"));
  EXPECT_EQ(processes.back().log_path, "/r/logs/sam2-1.log");
  EXPECT_EQ(processes.back().environment.at("OMP_NUM_THREADS"), "3");
}

TEST(Topology, TheMonolithIsAlone) {
  config::Config config;
  config.run.mode = config::RunMode::Monolith;
  const auto processes = processes_of(config, "/r", "/bin");
  ASSERT_EQ(processes.size(), 1U);
  EXPECT_EQ(processes[0].name, conductor(config));
  EXPECT_THAT(processes[0].argv, Contains("--run-dir=/r/"));
}

TEST(Topology, AMissingProgramIsNamed) {
  supervision::ProcessSpec spec;
  spec.argv = {"/no/such/desa2va-data"};
  const auto checked = check_programs({spec});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().exit_code(), static_cast<int>(ExitCode::Usage));
  EXPECT_THAT(checked.error().message(), HasSubstr("/no/such/desa2va-data is missing"));
}

}  // namespace
}  // namespace desa2va::launcher
