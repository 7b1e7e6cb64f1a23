#include "common/storage/rocks/status.h"

namespace desa2va::rocks {

Error to_error(const rocksdb::Status& status, std::string_view what,
               const std::filesystem::path& path) {
  const std::string text = status.ToString();
  if (status.IsNoSpace() || text.find("No space left") != std::string::npos ||
      text.find("quota exceeded") != std::string::npos) {
    return fail(Errc::Overloaded, "{} {}: no space left on device: free some space there", what,
                path.string());
  }
  Errc code = Errc::Internal;
  if (status.IsCorruption()) {
    code = Errc::Corrupt;
  } else if (status.IsNotFound() || status.IsPathNotFound() ||
             text.find("No such file") != std::string::npos) {
    code = Errc::NotFound;
  } else if (text.find("Permission denied") != std::string::npos ||
             text.find("Read-only file system") != std::string::npos) {
    code = Errc::InvalidArgument;
  } else if (status.IsIOError() || status.IsBusy() || status.IsTryAgain()) {
    code = Errc::Unavailable;
  }
  return fail(code, "{} {}: {}", what, path.string(), text);
}

}  // namespace desa2va::rocks
