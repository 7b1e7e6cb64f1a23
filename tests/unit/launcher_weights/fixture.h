#pragma once

#include "common/config/load.h"
#include "common/parameters/initial_values.h"
#include "common/storage/checkpoint/catalog.h"
#include "common/storage/checkpoint/checkpoint_reader.h"
#include "common/storage/checkpoint/compare.h"
#include "launcher/weights/export.h"
#include "launcher/weights/import.h"
#include "tests/support/official_model.h"
#include "tests/support/temp_dir.h"

namespace desa2va::launcher {

// A tiny official model on disk, and what an import made of it.
class Weights : public ::testing::Test {
 protected:
  Weights() { model_.write(dir_.path()); }

  std::string at(const std::string& name) const { return (dir_ / name).string(); }
  ImportRequest request(const std::string& to = "run") const {
    ImportRequest request;
    request.internvl = at("internvl");
    request.sam2 = at("sam2.safetensors");
    request.to = at(to);
    request.overrides = {"llm.lora.r=4",
                         "llm.lora.alpha=8",
                         "club.hidden=8",
                         "adv.hidden=[8, 8]",
                         "sam2.variant=custom",
                         "sam2.image_size=64",
                         "sam2.hiera.num_heads=1",
                         "sam2.hiera.window_spec=[8, 4, 2, 2]",
                         "sam2.hiera.global_att_blocks=[3]"};
    return request;
  }
  ImportReport imported(const ImportRequest& request) const {
    auto report = import_weights(request, {});
    EXPECT_TRUE(report.has_value()) << report.error().message();
    return report.has_value() ? std::move(*report) : ImportReport{};
  }
  std::string refused(const ImportRequest& request) const {
    const auto report = import_weights(request, {});
    EXPECT_FALSE(report.has_value());
    return report.has_value() ? "" : report.error().message();
  }

  static checkpoint::CheckpointReader open(const std::string& run) {
    const auto address = checkpoint::parse_address(run).value();
    auto reader =
        checkpoint::CheckpointReader::open(address.store, checkpoint::load(address).value());
    EXPECT_TRUE(reader.has_value());
    return std::move(*reader);
  }
  static std::vector<float> floats(const HostTensor& tensor) {
    std::vector<float> out(static_cast<std::size_t>(tensor.numel()));
    weights::convert(tensor.data.bytes(), tensor.dtype, std::as_writable_bytes(std::span(out)),
                     DType::F32);
    return out;
  }
  static std::vector<float> floats(const checkpoint::CheckpointReader& reader,
                                   const std::string& name) {
    const auto tensor = reader.read(name);
    EXPECT_TRUE(tensor.has_value()) << name;
    return tensor.has_value() ? floats(*tensor) : std::vector<float>();
  }

  const desa2va::test::TempDir dir_;
  desa2va::test::OfficialModel model_;
};

}  // namespace desa2va::launcher
