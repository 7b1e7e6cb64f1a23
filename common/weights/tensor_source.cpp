#include "common/weights/tensor_source.h"

#include <filesystem>

#include <fmt/ranges.h>

#include "common/weights/pt_file.h"
#include "common/weights/safetensors.h"
#include "common/weights/safetensors_folder.h"

namespace desa2va::weights {

std::string describe(const TensorInfo& info) {
  return fmt::format("{}[{}]", name(info.dtype), fmt::join(info.shape, ", "));
}

Result<HostTensor> TensorSource::read_all(const std::string& name) const {
  const auto found = tensors().find(name);
  if (found == tensors().end()) {
    return fail(Errc::NotFound, "{} has no tensor '{}'", describe(), name);
  }
  HostTensor tensor = HostTensor::empty(found->second.dtype, found->second.shape);
  DESA2VA_TRY(read(name, 0, tensor.data.mutable_bytes()));
  return tensor;
}

Result<SourcePtr> open_source(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return open_safetensors_folder(path);
  const std::filesystem::path file(path);
  if (!std::filesystem::exists(file, error)) {
    return fail(Errc::NotFound, "{}: no such file or folder", path);
  }
  if (file.extension() == ".safetensors") return open_safetensors(path);
  if (file.extension() == ".pt" || file.extension() == ".pth" || file.extension() == ".bin") {
    return open_pt(path);
  }
  return fail(Errc::InvalidArgument,
              "{}: is no weights file; known are .safetensors, .pt, .pth, .bin (zip archives of "
              "torch.save) and folders of .safetensors",
              path);
}

}  // namespace desa2va::weights
