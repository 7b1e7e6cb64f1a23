#pragma once

#include <functional>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/host_tensor.h"
#include "common/storage/checkpoint/part_writer.h"

namespace desa2va::protocol {

// The state of one rank as a checkpoint holds it: a copy that nobody changes.
struct Snapshot {
  std::vector<std::pair<std::string, HostTensor>> tensors;
  std::vector<std::pair<std::string, std::string>> blobs;
};

// Writes snapshots of one rank in the background, one at a time, on a thread of its own. Belongs to
// the service's thread.
class Saver {
 public:
  // `wake` is called from the writing thread when it is done.
  Saver(std::string store, std::string rank, std::function<void()> wake);
  ~Saver();

  // Chunks of this committed manifest need not be written again.
  void knows(const checkpoint::Manifest& committed);

  // Starts to write. Internal if the last save was not collected yet.
  Result<void> start(std::uint64_t step, Snapshot snapshot);
  // The encoded receipt, once it is durable; empty while it is being written. Overloaded: disk
  // full.
  Result<std::optional<Buffer>> poll();

 private:
  const std::string store_;
  const std::string rank_;
  const std::function<void()> wake_;
  checkpoint::KnownChunks known_;
  std::jthread thread_;
  std::future<Result<checkpoint::PartReceipt>> written_;
};

}  // namespace desa2va::protocol
