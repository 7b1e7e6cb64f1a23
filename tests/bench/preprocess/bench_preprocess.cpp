// bench_preprocess [ARGUMENT...]: runs peers.py in the environment of the interop tests; its --help
// says what. Where that environment is missing it says so and ends well.
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  const std::filesystem::path tests = DESA2VA_TESTS_DIR;
  const auto beside = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  std::vector<std::string> words = {tests / "interop/with_python.sh",
                                    tests / "bench/preprocess/peers.py", "--peer",
                                    beside / "preprocess_peer"};
  words.insert(words.end(), argv + 1, argv + argc);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status)) return 70;
  constexpr int kSkipped = 77;
  return WEXITSTATUS(status) == kSkipped ? 0 : WEXITSTATUS(status);
}
