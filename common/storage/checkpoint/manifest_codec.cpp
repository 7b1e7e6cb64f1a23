#include <map>

#include "common/storage/checkpoint/manifest.h"
#include "common/storage/rocks/wire.h"
#include "schemas/checkpoint.capnp.h"

namespace desa2va::checkpoint {
namespace {

using rocks::to_data;
using rocks::to_span;
using rocks::to_string;

// Part names once per message instead of once per chunk.
class PartTable {
 public:
  explicit PartTable(const std::vector<TensorRecord>& tensors) {
    for (const auto& tensor : tensors) {
      for (const auto& chunk : tensor.chunks) {
        if (index_.try_emplace(chunk.part, static_cast<std::uint32_t>(names_.size())).second) {
          names_.push_back(chunk.part);
        }
      }
    }
  }
  std::uint32_t index(const std::string& name) const { return index_.at(name); }
  std::uint32_t size() const { return static_cast<std::uint32_t>(names_.size()); }
  void write(capnp::List<capnp::Text>::Builder out) const {
    for (std::uint32_t i = 0; i < size(); ++i) out.set(i, rocks::to_text(names_[i]));
  }

 private:
  std::map<std::string, std::uint32_t> index_;
  std::vector<std::string> names_;
};

void write_tensors(const std::vector<TensorRecord>& tensors, const PartTable& parts,
                   capnp::List<schema::StoredTensor>::Builder out) {
  for (std::uint32_t i = 0; i < out.size(); ++i) {
    const auto& tensor = tensors[i];
    auto stored = out[i];
    stored.setName(rocks::to_text(tensor.name));
    stored.setDtype(std::string(name(tensor.dtype)).c_str());
    stored.setOwner(rocks::to_text(tensor.owner));
    auto shape = stored.initShape(static_cast<std::uint32_t>(tensor.shape.size()));
    for (std::uint32_t d = 0; d < shape.size(); ++d) shape.set(d, tensor.shape[d]);
    auto chunks = stored.initChunks(static_cast<std::uint32_t>(tensor.chunks.size()));
    for (std::uint32_t c = 0; c < chunks.size(); ++c) {
      const auto& chunk = tensor.chunks[c];
      chunks[c].setHashHigh(chunk.hash.high);
      chunks[c].setHashLow(chunk.hash.low);
      chunks[c].setBytes(chunk.bytes);
      chunks[c].setNumber(chunk.number);
      chunks[c].setPart(parts.index(chunk.part));
    }
  }
}

Result<TensorRecord> read_tensor(schema::StoredTensor::Reader stored,
                                 capnp::List<capnp::Text>::Reader parts) {
  TensorRecord tensor;
  tensor.name = to_string(stored.getName());
  tensor.owner = to_string(stored.getOwner());
  auto dtype = dtype_from(to_string(stored.getDtype()));
  if (!dtype) return fail(Errc::Corrupt, "tensor '{}': {}", tensor.name, dtype.error().message());
  tensor.dtype = *dtype;
  // 2^48 bytes: far above any tensor, far below an overflow in the grid.
  double bytes = static_cast<double>(size_of(tensor.dtype));
  for (const std::int64_t extent : stored.getShape()) {
    bytes *= static_cast<double>(extent);
    if (extent < 0 || extent > (1LL << 48) || bytes > 0x1p48) {
      return fail(Errc::Corrupt, "tensor '{}' has an impossible extent {}", tensor.name, extent);
    }
    tensor.shape.push_back(extent);
  }
  // The list is bounded by the message; the grid of the shape is only made once that agrees.
  const auto chunks = stored.getChunks();
  if (bytes > static_cast<double>(chunks.size()) * 0x1p22) {
    return fail(Errc::Corrupt, "tensor '{}' has too few chunks: {}", tensor.name, chunks.size());
  }
  const auto grid = chunk_grid(tensor.dtype, tensor.shape);
  if (chunks.size() + 1 != grid.size()) {
    return fail(Errc::Corrupt, "tensor '{}' has {} chunks, its shape asks for {}", tensor.name,
                chunks.size(), grid.size() - 1);
  }
  for (std::uint32_t c = 0; c < chunks.size(); ++c) {
    const auto chunk = chunks[c];
    if (chunk.getBytes() != grid[c + 1] - grid[c] || chunk.getPart() >= parts.size()) {
      return fail(Errc::Corrupt, "tensor '{}': chunk {} does not fit its shape or names no part",
                  tensor.name, c);
    }
    tensor.chunks.push_back({{chunk.getHashHigh(), chunk.getHashLow()},
                             chunk.getBytes(),
                             chunk.getNumber(),
                             to_string(parts[chunk.getPart()])});
  }
  return tensor;
}

Result<std::vector<TensorRecord>> read_tensors(capnp::List<schema::StoredTensor>::Reader stored,
                                               capnp::List<capnp::Text>::Reader parts) {
  for (const auto part : parts) {
    // A name, never a path: what is read must lie in the store.
    if (part.size() == 0 || to_string(part).find('/') != std::string::npos) {
      return fail(Errc::Corrupt, "'{}' is no name of a part", to_string(part));
    }
  }
  std::vector<TensorRecord> tensors;
  tensors.reserve(stored.size());
  for (const auto item : stored) {
    DESA2VA_ASSIGN(auto tensor, read_tensor(item, parts));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

void write_blobs(const std::map<std::string, std::string>& blobs,
                 capnp::List<schema::NamedBytes>::Builder out) {
  std::uint32_t i = 0;
  for (const auto& [name, bytes] : blobs) {
    out[i].setName(rocks::to_text(name));
    out[i++].setBytes(to_data(as_bytes(bytes)));
  }
}

std::map<std::string, std::string> read_blobs(capnp::List<schema::NamedBytes>::Reader stored) {
  std::map<std::string, std::string> blobs;
  for (const auto item : stored) {
    blobs.emplace(to_string(item.getName()), as_text(to_span(item.getBytes())));
  }
  return blobs;
}

std::uint32_t count(const auto& container) {
  return static_cast<std::uint32_t>(container.size());
}

}  // namespace

Buffer encode(const Manifest& manifest) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::StoredManifest>();
  root.setStep(manifest.step);
  root.setPhase(static_cast<std::uint8_t>(manifest.phase));
  root.setPosition(manifest.position);
  auto facts = root.initFacts(count(manifest.facts));
  std::uint32_t i = 0;
  for (const auto& [name, text] : manifest.facts) {
    facts[i].setName(rocks::to_text(name));
    facts[i++].setText(rocks::to_text(text));
  }
  root.setConfig(rocks::to_text(manifest.config));
  const PartTable parts(manifest.tensors);
  parts.write(root.initParts(parts.size()));
  write_tensors(manifest.tensors, parts, root.initTensors(count(manifest.tensors)));
  write_blobs(manifest.blobs, root.initBlobs(count(manifest.blobs)));
  return rocks::to_bytes(message);
}

Buffer encode(const PartReceipt& receipt) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::StoredReceipt>();
  root.setRank(rocks::to_text(receipt.rank));
  root.setStep(receipt.step);
  root.setPart(rocks::to_text(receipt.part));
  root.setWrittenBytes(receipt.written_bytes);
  root.setReusedBytes(receipt.reused_bytes);
  const PartTable parts(receipt.tensors);
  parts.write(root.initParts(parts.size()));
  write_tensors(receipt.tensors, parts, root.initTensors(count(receipt.tensors)));
  write_blobs(receipt.blobs, root.initBlobs(count(receipt.blobs)));
  return rocks::to_bytes(message);
}

Result<Manifest> decode_manifest(ByteSpan bytes) {
  return rocks::with_message<schema::StoredManifest>(
      bytes, "manifest", [](schema::StoredManifest::Reader root) -> Result<Manifest> {
        Manifest manifest;
        manifest.step = root.getStep();
        if (root.getPhase() > static_cast<std::uint8_t>(Phase::C)) {
          return fail(Errc::Corrupt, "manifest names phase {}; there are 0 to 2", root.getPhase());
        }
        manifest.phase = static_cast<Phase>(root.getPhase());
        manifest.position = root.getPosition();
        for (const auto fact : root.getFacts()) {
          manifest.facts.emplace(to_string(fact.getName()), to_string(fact.getText()));
        }
        manifest.config = to_string(root.getConfig());
        DESA2VA_ASSIGN(manifest.tensors, read_tensors(root.getTensors(), root.getParts()));
        for (std::size_t i = 1; i < manifest.tensors.size(); ++i) {
          if (manifest.tensors[i - 1].name >= manifest.tensors[i].name) {
            return fail(Errc::Corrupt, "tensor '{}' is out of order", manifest.tensors[i].name);
          }
        }
        manifest.blobs = read_blobs(root.getBlobs());
        return manifest;
      });
}

Result<PartReceipt> decode_receipt(ByteSpan bytes) {
  return rocks::with_message<schema::StoredReceipt>(
      bytes, "receipt", [](schema::StoredReceipt::Reader root) -> Result<PartReceipt> {
        PartReceipt receipt;
        receipt.rank = to_string(root.getRank());
        receipt.step = root.getStep();
        receipt.part = to_string(root.getPart());
        receipt.written_bytes = root.getWrittenBytes();
        receipt.reused_bytes = root.getReusedBytes();
        DESA2VA_ASSIGN(receipt.tensors, read_tensors(root.getTensors(), root.getParts()));
        receipt.blobs = read_blobs(root.getBlobs());
        return receipt;
      });
}

}  // namespace desa2va::checkpoint
