#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

// The include lines of every folder against the table in common/README.md.
namespace {

namespace fs = std::filesystem;

fs::path root() {
  const char* folder = std::getenv("DESA2VA_SOURCE_DIR");
  return folder == nullptr ? fs::path(".") : fs::path(folder);
}

struct Row {
  std::set<std::string> may_include;
  bool torch = false;
};

std::map<std::string, Row> read_table() {
  std::map<std::string, Row> rows;
  std::ifstream in(root() / "common/README.md");
  const std::regex row(R"(\| `([^`]+)` \| (.*) \| (yes|no) \|)");
  const std::regex name("`([^`]+)`");
  for (std::string line; std::getline(in, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, row)) continue;
    Row& entry = rows[match[1]];
    entry.torch = match[3] == "yes";
    const std::string list = match[2];
    for (std::sregex_iterator it(list.begin(), list.end(), name), end; it != end; ++it)
      entry.may_include.insert((*it)[1]);
  }
  return rows;
}

bool below(const std::string& path, const std::string& folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

// The longest row that the path lies below.
const std::string* row_of(const std::map<std::string, Row>& rows, const std::string& path) {
  const std::string* best = nullptr;
  for (const auto& [folder, row] : rows)
    if (below(path, folder) && (best == nullptr || folder.size() > best->size())) best = &folder;
  return best;
}

template <class F>
void each_include(const std::string& top, F&& f) {
  const std::regex include("\\s*#include [\"<]([^\">]+)[\">].*");
  for (const auto& entry : fs::recursive_directory_iterator(root() / top)) {
    const auto extension = entry.path().extension();
    if (extension != ".h" && extension != ".cpp") continue;
    std::ifstream in(entry.path());
    const std::string file = fs::relative(entry.path(), root()).string();
    for (std::string line; std::getline(in, line);) {
      std::smatch match;
      if (std::regex_match(line, match, include)) f(file, match[1].str());
    }
  }
}

TEST(Layering, IncludesGoOnlyWhereTheTableSays) {
  const auto rows = read_table();
  ASSERT_GT(rows.size(), 15U);
  int seen = 0;
  for (const char* top : {"common", "services", "launcher"}) {
    each_include(top, [&](const std::string& file, const std::string& target) {
      const bool ours = below(target, "common") || below(target, "services") ||
                        below(target, "launcher") || below(target, "schemas");
      if (!ours) return;
      ++seen;
      const std::string* from = row_of(rows, file);
      const std::string* to = row_of(rows, target);
      ASSERT_NE(from, nullptr) << file << " lies in a folder without a row";
      ASSERT_NE(to, nullptr) << file << " includes " << target << ", a folder without a row";
      if (*from == *to) return;
      bool allowed = false;
      for (const std::string& folder : rows.at(*from).may_include) {
        // A named folder covers what lies below it, unless that has a row of its own.
        allowed = allowed || folder == *to || (below(*to, folder) && !rows.contains(folder));
      }
      EXPECT_TRUE(allowed) << file << " includes " << target << "; the row of " << *from
                           << " in common/README.md does not name " << *to;
    });
  }
  EXPECT_GT(seen, 100);
}

TEST(Layering, OnlyFoldersMarkedSoIncludeLibTorch) {
  const auto rows = read_table();
  for (const char* top : {"common", "services", "launcher"}) {
    each_include(top, [&](const std::string& file, const std::string& target) {
      const bool torch = below(target, "ATen") || below(target, "torch") || below(target, "c10");
      if (!torch) return;
      const std::string* from = row_of(rows, file);
      ASSERT_NE(from, nullptr) << file;
      EXPECT_TRUE(rows.at(*from).torch) << file << " includes " << target;
    });
  }
}

TEST(Layering, EveryFolderSaysWhatItIs) {
  for (const char* top : {"common", "services"}) {
    for (const auto& entry : fs::directory_iterator(root() / top)) {
      if (!entry.is_directory()) continue;
      EXPECT_TRUE(fs::exists(entry.path() / "README.md")) << entry.path();
    }
  }
  EXPECT_TRUE(fs::exists(root() / "launcher/README.md"));
}

}  // namespace
