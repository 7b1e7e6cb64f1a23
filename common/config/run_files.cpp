#include "common/config/run_files.h"

#include <fstream>

namespace desa2va::config {

std::string run_file(const std::string& run_dir, const std::string& name) {
  return run_dir.ends_with('/') ? run_dir + name : run_dir + "/" + name;
}

Result<std::string> socket_dir(const std::string& run_dir) {
  const std::string path = run_file(run_dir, "sockets");
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line) || line.empty())
    return fail(Errc::NotFound, "{}: does not name a directory; is the run started?", path);
  return line;
}

}  // namespace desa2va::config
