#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "common/preprocess/text/tokenizer.h"

// The files of a tokenizer: vocab.json, merges.txt and added_tokens.json divided by bytes 0;
// without one, tokenizer.json. What builds must give back any text that it encodes.
namespace {

namespace fs = std::filesystem;

// In memory where there is such a place, and removed at the end.
struct Folder {
  Folder() {
    const char* parent = fs::is_directory("/dev/shm") ? "/dev/shm" : "/tmp";
    std::string pattern = std::string(parent) + "/desa2va-fuzz-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

void write(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(text.data(), static_cast<std::streamsize>(text.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  constexpr std::array kNames = {"vocab.json", "merges.txt", "added_tokens.json"};
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  if (rest.find('\0') == std::string_view::npos) {
    for (const char* name : kNames) ::unlink((folder.path / name).c_str());
    write(folder.path / "tokenizer.json", rest);
  } else {
    for (const char* name : kNames) {
      const auto end = std::min(rest.find('\0'), rest.size());
      write(folder.path / name, rest.substr(0, end));
      rest.remove_prefix(std::min(rest.size(), end + 1));
    }
  }
  const auto vocabulary = desa2va::text::read_vocabulary(folder.path);
  if (!vocabulary) {
    if (vocabulary.error().message().empty()) std::abort();
    return 0;
  }
  const auto tokenizer = desa2va::text::Tokenizer::build(*vocabulary);
  if (!tokenizer) return 0;
  constexpr std::string_view kText = "the cat's 12\n <img>";
  if (tokenizer->decode(tokenizer->encode(kText)) != kText) std::abort();
  return 0;
}
