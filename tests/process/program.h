#pragma once

#include "common/base/bytes.h"
#include "tests/process/tiny_run.h"

// Programs that a test runs to their end, and files that it gives them.
namespace desa2va::test {

struct Said {
  int code = 0;
  std::string out, err;
};

// Standard output and standard error apart.
inline Said say(const std::vector<std::string>& words) {
  const fs::path out = data_folder() / "out.txt";
  const fs::path err = data_folder() / "err.txt";
  std::string line = "exec";
  for (const auto& word : words) line += " '" + word + "'";
  line += " >'" + out.string() + "' 2>'" + err.string() + "'";
  const int code = wait_for(start({"/bin/bash", "-c", line}, data_folder() / "shell.txt"));
  return {code, read_file(out), read_file(err)};
}

inline void write(const fs::path& file, const Buffer& bytes) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

inline fs::path fresh(const std::string& name) {
  const fs::path folder = data_folder() / name;
  fs::remove_all(folder);
  return folder;
}

}  // namespace desa2va::test
