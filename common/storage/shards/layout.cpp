#include "common/storage/shards/layout.h"

#include "common/storage/rocks/sst.h"

namespace desa2va::shards {

std::string file_name(std::string_view kind, std::uint32_t number) {
  return fmt::format("{}-{:05}.sst", kind, number);
}

std::string hash_bytes(const ContentHash& hash) {
  return rocks::number_key(hash.high) + rocks::number_key(hash.low);
}

ContentHash hash_from(std::string_view bytes) {
  return {*rocks::number_from(bytes.substr(0, 8)), *rocks::number_from(bytes.substr(8, 8))};
}

std::string cost_key(std::uint64_t first) {
  return "c" + rocks::number_key(first);
}
std::string frame_index_key(const ContentHash& hash) {
  return "f" + hash_bytes(hash);
}
std::string media_key(const ContentHash& hash) {
  return "m" + hash_bytes(hash);
}

}  // namespace desa2va::shards
