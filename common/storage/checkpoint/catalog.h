#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/storage/checkpoint/manifest.h"

namespace rocksdb {
class Env;
}

namespace desa2va::checkpoint {

struct Summary {
  std::uint64_t step = 0;
  Phase phase = Phase::A;
  std::uint64_t position = 0;
  std::uint64_t tensors = 0;
  std::uint64_t bytes = 0;  // of all tensors, however often a chunk is shared
};

struct GcReport {
  std::vector<std::uint64_t> manifests;  // steps removed
  std::vector<std::string> parts;        // files removed
  std::uint64_t bytes = 0;               // given back
};

// The store's list of checkpoints: a small RocksDB database in `<dir>/catalog`. One process holds
// it for writing (the coordinator); any number may look at it read-only meanwhile, each seeing the
// moment at which it opened.
//
// Belongs to one thread. A checkpoint exists if and only if `commit` returned success, or would
// have: a kill during commit leaves either all of it or nothing.
class Catalog {
 public:
  // Makes the store if it is not there. Unavailable while another process holds it for writing.
  // `env`: the file system of the database; tests inject faults.
  static Result<Catalog> open(const std::filesystem::path& dir, rocksdb::Env* env = nullptr);
  // NotFound when there is no store. Waits for nobody and changes nothing.
  static Result<Catalog> open_read_only(const std::filesystem::path& dir);
  Catalog(Catalog&&) noexcept;
  Catalog& operator=(Catalog&&) noexcept;
  ~Catalog();

  // One synced write. Before it, checks that every part named is there; NotFound names what is
  // missing. A manifest of the same step is replaced. Overloaded when the disk is full: the older
  // checkpoints are intact and a later commit may succeed.
  Result<void> commit(const Manifest& manifest);

  // Brings the parts that `manifest` names from the store `from` (links where the file system
  // allows, since parts never change; else copies), then commits it. Returns the bytes that were
  // copied.
  Result<std::uint64_t> commit_copy(const Manifest& manifest, const std::filesystem::path& from);

  // Ascending.
  Result<std::vector<std::uint64_t>> steps() const;
  // Ascending by step; Corrupt when any manifest is.
  Result<std::vector<Summary>> list() const;
  // The newest; empty when there is none yet.
  Result<std::optional<std::uint64_t>> last_step() const;
  // NotFound names the steps that are there. Corrupt when the stored bytes disagree.
  Result<Manifest> load(std::uint64_t step) const;

  // Keeps the newest `keep` (>= 1) manifests, and those of the steps in `also` that are there, and
  // removes the others, then every part that no manifest names and that belongs to a step up to the
  // newest; call it while no rank is saving one of those. A kill in between loses nothing: run
  // again.
  Result<GcReport> gc(std::size_t keep, std::span<const std::uint64_t> also = {});
  // Forgets checkpoints after `step` (a run restarted from an older one); their parts go with gc.
  Result<void> drop_after(std::uint64_t step);

  const std::filesystem::path& dir() const;

 private:
  struct Impl;
  explicit Catalog(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace desa2va::checkpoint
