#include "common/config/reference.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace desa2va::config {
namespace {

TEST(Reference, TheDocumentIsCurrent) {
  const char* root = std::getenv("DESA2VA_SOURCE_DIR");
  ASSERT_NE(root, nullptr);
  std::ifstream in(std::string(root) + "/docs/configuration.md");
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), reference_markdown())
      << "run: desa2va run --help-config > docs/configuration.md";
}

TEST(Reference, RolesAndElementsAreOneLineEach) {
  const std::string text = reference_markdown();
  const auto first = text.find("`services.<role>.replicas`");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(text.find("`services.<role>.replicas`", first + 1), std::string::npos);
  EXPECT_NE(text.find("`data.mixture[].name`"), std::string::npos);
  EXPECT_NE(text.find("`transport.<edge>.kind` **R**"), std::string::npos);
}

}  // namespace
}  // namespace desa2va::config
