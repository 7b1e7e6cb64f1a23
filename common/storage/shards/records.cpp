#include "common/storage/shards/records.h"

#include <cstring>

#include "common/storage/rocks/wire.h"
#include "common/storage/shards/layout.h"
#include "schemas/shard.capnp.h"

namespace desa2va::shards {

Buffer encode(const SampleRecord& sample) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::StoredSample>();
  root.setKey(rocks::to_text(sample.key));
  std::string media;
  for (const auto& hash : sample.media) media += hash_bytes(hash);
  root.setMedia(rocks::to_data(as_bytes(media)));
  root.setBroken(rocks::to_text(sample.broken));
  root.setPayload(rocks::to_data(sample.payload.bytes()));
  return rocks::to_bytes(message);
}

Result<SampleRecord> decode_sample(ByteSpan bytes) {
  return rocks::with_message<schema::StoredSample>(
      bytes, "sample", [](schema::StoredSample::Reader root) -> Result<SampleRecord> {
        SampleRecord sample;
        sample.key = rocks::to_string(root.getKey());
        sample.broken = rocks::to_string(root.getBroken());
        auto media = as_text(rocks::to_span(root.getMedia()));
        for (; media.size() >= kHashBytes; media.remove_prefix(kHashBytes)) {
          sample.media.push_back(hash_from(media.substr(0, kHashBytes)));
        }
        if (!media.empty())
          return fail(Errc::Corrupt, "sample '{}': torn list of media", sample.key);
        sample.payload = Buffer::copy_of(rocks::to_span(root.getPayload()));
        return sample;
      });
}

Buffer encode(std::span<const SampleCost> costs) {
  capnp::MallocMessageBuilder message;
  auto list =
      message.initRoot<schema::StoredCosts>().initCosts(static_cast<std::uint32_t>(costs.size()));
  for (std::uint32_t i = 0; i < list.size(); ++i) {
    list[i].setFrames(costs[i].frames);
    list[i].setPixels(costs[i].pixels);
    list[i].setTokens(costs[i].tokens);
    list[i].setObjects(costs[i].objects);
    list[i].setTextBytes(costs[i].text_bytes);
    list[i].setDecodeMs(costs[i].decode_ms);
    list[i].setTiles(costs[i].tiles);
  }
  return rocks::to_bytes(message);
}

Result<std::vector<SampleCost>> decode_costs(ByteSpan bytes) {
  return rocks::with_message<schema::StoredCosts>(
      bytes, "cost index", [](schema::StoredCosts::Reader root) -> Result<std::vector<SampleCost>> {
        std::vector<SampleCost> costs;
        for (const auto cost : root.getCosts()) {
          costs.push_back({cost.getFrames(), cost.getPixels(), cost.getTokens(), cost.getObjects(),
                           cost.getTextBytes(), cost.getDecodeMs(), cost.getTiles()});
        }
        return costs;
      });
}

Buffer encode(const MediaLocation& location) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::StoredMedia>();
  root.setFile(location.file);
  root.setNumber(location.number);
  root.setBytes(location.bytes);
  root.setOffset(location.offset);
  return rocks::to_bytes(message);
}

Result<MediaLocation> decode_location(ByteSpan bytes) {
  return rocks::with_message<schema::StoredMedia>(
      bytes, "media index", [](schema::StoredMedia::Reader root) -> Result<MediaLocation> {
        return MediaLocation{root.getFile(), root.getNumber(), root.getBytes(), root.getOffset()};
      });
}

}  // namespace desa2va::shards
