#pragma once

#include <filesystem>
#include <functional>

#include "common/base/result.h"

namespace desa2va::shards {

// The hidden folder in which a dataset grows, `.<name>.partial-XXXXXX` beside its future place. It
// holds a lock for as long as its maker lives, so that the next maker can tell a dead one's rest.
// Belongs to one thread; removes the folder when dropped before `publish`, unless told to leave it.
class PartialDir {
 public:
  // Whether to go on in the folder of a dead writer; asked while its lock is held.
  using Adopt = std::function<bool(const std::filesystem::path& folder)>;

  // Makes the parents of `target`, removes rests of dead writers of `target`, and starts. With
  // `adopt`, goes on in the first rest that it accepts; a live writer of `target` is then
  // InvalidArgument.
  static Result<PartialDir> create(const std::filesystem::path& target, const Adopt& adopt = {});
  PartialDir(PartialDir&& other) noexcept;
  PartialDir& operator=(PartialDir&& other) noexcept;
  ~PartialDir();

  const std::filesystem::path& path() const { return path_; }
  bool adopted() const { return adopted_; }
  // Whether the folder stays when this is dropped, for a later writer to adopt.
  void leave(bool leave) { leave_ = leave; }

  // Syncs the folder and renames it to `target` in one step; an empty folder there gives way. With
  // `replace` an older one is exchanged and removed, else InvalidArgument says that it exists.
  Result<void> publish(bool replace);

 private:
  PartialDir() = default;

  std::filesystem::path target_;
  std::filesystem::path path_;  // empty: published or moved from
  int lock_ = -1;
  bool adopted_ = false;
  bool leave_ = false;
};

}  // namespace desa2va::shards
