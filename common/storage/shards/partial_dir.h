#pragma once

#include <filesystem>

#include "common/base/result.h"

namespace desa2va::shards {

// The hidden folder in which a dataset grows, `.<name>.partial-XXXXXX` beside its future place. It
// holds a lock for as long as its maker lives, so that the next maker can tell a dead one's rest.
// Belongs to one thread; removes the folder when dropped before `publish`.
class PartialDir {
 public:
  // Makes the parents of `target`, removes rests of dead writers of `target`, and starts.
  static Result<PartialDir> create(const std::filesystem::path& target);
  PartialDir(PartialDir&& other) noexcept;
  PartialDir& operator=(PartialDir&& other) noexcept;
  ~PartialDir();

  const std::filesystem::path& path() const { return path_; }

  // Syncs the folder and renames it to `target` in one step; with `replace` an older one is
  // exchanged and removed, else InvalidArgument says that it exists.
  Result<void> publish(bool replace);

 private:
  PartialDir() = default;

  std::filesystem::path target_;
  std::filesystem::path path_;  // empty: published or moved from
  int lock_ = -1;
};

}  // namespace desa2va::shards
