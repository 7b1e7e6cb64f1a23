#pragma once

#include <unistd.h>

#include <string>
#include <vector>

namespace desa2va::launcher {

// This process becomes `program`: same id, terminal and open files. Returns only when it could not,
// with errno set.
inline void become(const std::string& program, std::vector<std::string> words) {
  std::vector<char*> argv(words.size() + 1, nullptr);
  for (std::size_t i = 0; i < words.size(); ++i) argv[i] = words[i].data();
  ::execv(program.c_str(), argv.data());
}

}  // namespace desa2va::launcher
