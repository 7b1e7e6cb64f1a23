#pragma once

#include <optional>
#include <string>

#include "common/datasets/media_loader.h"
#include "common/datasets/tree.h"

namespace desa2va::datasets {

// What is known of media that were decoded before, by this import or by one that was interrupted,
// so that nothing is decoded twice. Called by the threads that decode; safe for all of them.
class MediaMemory {
 public:
  struct Known {
    LoadedMedia media;
    // The sink has the bytes already: nothing need be read. Else they are read and compared with
    // the hash.
    bool handed_on = false;
    // They lie in a finished file of the interrupted import.
    bool stored = false;
  };

  virtual ~MediaMemory() = default;
  // Nothing where the file was never seen or has changed since.
  virtual std::optional<Known> find(const std::string& path, MediaKind kind, FileStamp stamp) = 0;
  // What decoding showed, broken media included. Failing to keep it ends the import.
  virtual Result<void> remember(const LoadedMedia& media, FileStamp stamp) = 0;
};

}  // namespace desa2va::datasets
