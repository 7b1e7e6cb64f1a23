#include <cstdint>
#include <cstdlib>

#include "common/weights/pickle.h"
#include "common/weights/pt_file.h"

// The first byte chooses: 0 the program of a pickle alone, else a whole archive of torch.save. What
// reads must lie inside its storages, and every element of every view must be there to read.
namespace {

using namespace desa2va;

void require(bool holds) {
  if (!holds) std::abort();
}

void run_program(ByteSpan program) {
  const auto tensors = weights::read_state_dict(program);
  if (!tensors) return require(!tensors.error().message().empty());
  for (const auto& [name, tensor] : *tensors) {
    std::int64_t last = tensor.offset;
    bool empty = false;
    require(tensor.info.shape.size() == tensor.strides.size() && tensor.offset >= 0);
    for (std::size_t i = 0; i < tensor.strides.size(); ++i) {
      require(tensor.info.shape[i] >= 0 && tensor.strides[i] >= 0);
      empty = empty || tensor.info.shape[i] == 0;
      if (tensor.info.shape[i] > 0) last += (tensor.info.shape[i] - 1) * tensor.strides[i];
    }
    require(empty || last < tensor.storage_numel);
  }
}

void run_archive(ByteSpan bytes) {
  const auto source = weights::parse_pt(Buffer::wrap(bytes, nullptr), "input");
  if (!source) return require(!source.error().message().empty());
  for (const auto& [name, info] : (*source)->tensors()) {
    // A view may be as large as it likes: its storage is shared by all its elements.
    if (info.bytes() > 1U << 16U) continue;
    require((*source)->read_all(name).has_value());
  }
  (void)(*source)->verify();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteSpan rest{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
  if (data[0] == 0) {
    run_program(rest);
    return 0;
  }
  run_archive(rest);
  return 0;
}
