#include "launcher/weights/stored_tensors.h"

#include "common/weights/convert.h"

namespace desa2va::launcher {

Result<void> StoredTensors::read(const std::string& name, std::uint64_t first,
                                 std::span<float> out) const {
  const auto* record = reader_.manifest().find(name);
  if (record == nullptr) return fail(Errc::NotFound, "the checkpoint has no tensor '{}'", name);
  if (!weights::converts(record->dtype, DType::F32)) {
    return fail(Errc::InvalidArgument, "tensor '{}' is {}, which is no type of weights", name,
                desa2va::name(record->dtype));
  }
  if (out.empty()) return {};
  HostTensor rows;
  std::uint64_t skip = first;
  if (record->shape.empty()) {
    DESA2VA_ASSIGN(rows, reader_.read(name));
  } else {
    std::uint64_t width = 1;
    for (std::size_t i = 1; i < record->shape.size(); ++i)
      width *= static_cast<std::uint64_t>(record->shape[i]);
    const std::uint64_t begin = first / width;
    const std::uint64_t end = (first + out.size() + width - 1) / width;
    DESA2VA_ASSIGN(rows, reader_.read_rows(name, static_cast<std::int64_t>(begin),
                                           static_cast<std::int64_t>(end - begin)));
    skip = first - begin * width;
  }
  const std::size_t size = size_of(record->dtype);
  weights::convert(rows.data.bytes().subspan(skip * size, out.size() * size), record->dtype,
                   std::as_writable_bytes(out), DType::F32);
  return {};
}

Result<std::vector<float>> StoredTensors::all(const std::string& name) const {
  if (!has(name)) return fail(Errc::NotFound, "the checkpoint has no tensor '{}'", name);
  std::uint64_t count = 1;
  for (const std::int64_t side : shape(name)) count *= static_cast<std::uint64_t>(side);
  std::vector<float> values(count);
  DESA2VA_TRY(read(name, 0, values));
  return values;
}

}  // namespace desa2va::launcher
