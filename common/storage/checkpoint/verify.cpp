#include <map>
#include <set>
#include <utility>

#include "common/storage/checkpoint/catalog.h"
#include "common/storage/checkpoint/compare.h"
#include "common/storage/checkpoint/layout.h"
#include "common/storage/rocks/sst.h"

namespace desa2va::checkpoint {
namespace {

// Reads each chunk once, however many checkpoints share it, and remembers what was wrong with it.
class ChunkChecker {
 public:
  explicit ChunkChecker(std::filesystem::path parts) : parts_(std::move(parts)) {}

  // Empty when the chunk is as it was written.
  const std::string& check(const Chunk& chunk, VerifyReport& report) {
    const auto [at, fresh] = seen_.try_emplace({chunk.part, chunk.number, chunk.hash});
    if (fresh) {
      at->second = read(chunk);
      ++report.chunks;
      report.bytes += chunk.bytes;
    }
    return at->second;
  }

 private:
  std::string read(const Chunk& chunk) {
    auto [at, fresh] = open_.try_emplace(chunk.part, fail(Errc::Internal, "not opened"));
    if (fresh) at->second = rocks::SstReader::open(parts_ / chunk.part, rocks::Kind::Bulk);
    if (!at->second) return at->second.error().message();
    std::string what;
    const auto found =
        at->second->get(rocks::number_key(chunk.number), [&](ByteSpan bytes) -> Result<void> {
          if (bytes.size() != chunk.bytes) {
            what = fmt::format("{} bytes instead of {}", bytes.size(), chunk.bytes);
          } else if (content_hash(bytes) != chunk.hash) {
            what = "its hash differs";
          }
          return {};
        });
    if (!found) return found.error().message();
    return *found ? what : "it is missing";
  }

  std::filesystem::path parts_;
  std::map<std::string, Result<rocks::SstReader>> open_;
  std::map<std::tuple<std::string, std::uint32_t, ContentHash>, std::string> seen_;
};

}  // namespace

Result<VerifyReport> verify(const std::filesystem::path& dir, std::optional<std::uint64_t> step) {
  VerifyReport report;
  auto catalog = Catalog::open_read_only(dir);
  if (!catalog) {
    if (catalog.error().code() != Errc::Corrupt) return std::move(catalog.error());
    report.defects.push_back({0, "", 0, std::string(kCatalogFolder), catalog.error().message()});
    return report;
  }
  std::vector<std::uint64_t> steps;
  if (step) {
    steps.push_back(*step);
  } else {
    DESA2VA_ASSIGN(steps, catalog->steps());
  }
  ChunkChecker checker(dir / kPartsFolder);
  for (const auto one : steps) {
    const auto manifest = catalog->load(one);
    if (!manifest) {
      if (manifest.error().code() != Errc::Corrupt) return manifest.error();
      report.defects.push_back(
          {one, "", 0, std::string(kCatalogFolder), manifest.error().message()});
      continue;
    }
    ++report.checkpoints;
    for (const auto& tensor : manifest->tensors) {
      ++report.tensors;
      for (std::size_t i = 0; i < tensor.chunks.size(); ++i) {
        const auto& what = checker.check(tensor.chunks[i], report);
        if (!what.empty()) {
          report.defects.push_back({one, tensor.name, i, tensor.chunks[i].part, what});
        }
      }
    }
  }
  return report;
}

}  // namespace desa2va::checkpoint
