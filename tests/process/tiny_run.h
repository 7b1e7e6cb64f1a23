#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

// Runs of the real program on a configuration small enough for a test: 12 steps through all phases.
namespace desa2va::test {

namespace fs = std::filesystem;

// The programs lie beside the test.
inline fs::path programs() {
  return fs::read_symlink("/proc/self/exe").parent_path();
}

inline fs::path source_dir() {
  const char* folder = std::getenv("DESA2VA_SOURCE_DIR");
  return folder == nullptr ? fs::current_path() : fs::path(folder);
}

// Where the data of these tests are made, once; removed at the end.
inline const fs::path& data_folder() {
  static const TempDir folder;
  static const fs::path path = folder.path();
  return path;
}

// The tiny configuration cut down: few scenes, small batches.
inline std::vector<std::string> small_overrides() {
  return {"train.steps=12",
          "phase_a.images=2",
          "data.batch=1",
          "checkpoint.every_steps=3",
          "checkpoint.keep=20",
          "eval.samples=4",
          "data.recipe.train_images=12",
          "data.recipe.train_videos=3",
          "data.recipe.heldout_images=3",
          "data.recipe.heldout_videos=1",
          "data.recipe.qa_images=4",
          "data.shards=" + (data_folder() / "shards").string()};
}

// `desa2va run configs/tiny.yaml ...`; the exit code, 128 + signal if it was killed.
inline std::vector<std::string> run_command(const fs::path& run_dir,
                                            const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {(programs() / "desa2va").string(), "run",
                                    (source_dir() / "configs/tiny.yaml").string(),
                                    "run.dir=" + run_dir.string()};
  for (const auto& word : small_overrides()) words.push_back(word);
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// Starts it with its output in RUN_DIR.out.
inline pid_t start(const std::vector<std::string>& words, const fs::path& out) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::setenv("XDG_CACHE_HOME", (data_folder() / "cache").c_str(), 1);
  if (std::freopen(out.c_str(), "w", stdout) == nullptr) ::_exit(126);
  ::dup2(STDOUT_FILENO, STDERR_FILENO);
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

inline int wait_for(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

inline std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Runs to the end; on another exit code than `expected` the output is in the message.
inline ::testing::AssertionResult runs(const fs::path& run_dir,
                                       const std::vector<std::string>& more = {},
                                       int expected = 0) {
  const fs::path out = run_dir.string() + ".out";
  const int code = wait_for(start(run_command(run_dir, more), out));
  if (code == expected) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "exit code " << code << "\n" << read_file(out);
}

// metrics.jsonl without what stands under "time".
inline std::string metrics_outside_time(const fs::path& run_dir) {
  std::ifstream in(run_dir / "metrics.jsonl");
  std::string all;
  for (std::string line; std::getline(in, line);)
    all += line.substr(0, line.find(",\"time\":")) + "\n";
  return all;
}

inline ::testing::AssertionResult same_run(const fs::path& a, const fs::path& b) {
  const std::string left = metrics_outside_time(a);
  const std::string right = metrics_outside_time(b);
  if (left.empty()) return ::testing::AssertionFailure() << a << " has no metrics";
  if (left != right)
    return ::testing::AssertionFailure() << "metrics differ:\n" << left << "\n" << right;
  const fs::path out = b.string() + ".diff";
  const int code = wait_for(
      start({(programs() / "desa2va").string(), "ckpt", "diff", a.string(), b.string()}, out));
  if (code != 0)
    return ::testing::AssertionFailure() << "ckpt diff: " << code << "\n" << read_file(out);
  return ::testing::AssertionSuccess();
}

}  // namespace desa2va::test
