#include "launcher/weights/export.h"

#include <fstream>

#include "common/storage/checkpoint/part_writer.h"
#include "common/weights/safetensors.h"
#include "common/weights/safetensors_folder.h"
#include "launcher/weights/merge.h"
#include "tests/unit/launcher_weights/fixture.h"

namespace desa2va::launcher {
namespace {

using desa2va::test::OfficialModel;

const std::string kQ =
    "mllm.model.language_model.base_model.model.model.layers.1.self_attn.q_proj.";

class WeightsExport : public Weights {
 protected:
  ExportRequest wanted(ExportFormat format, const std::string& to) const {
    ExportRequest request;
    request.run = at("run");
    request.format = format;
    request.to = at(to);
    return request;
  }
  ExportReport exported(const ExportRequest& request) const {
    auto report = export_weights(request, {});
    EXPECT_TRUE(report.has_value()) << report.error().message();
    return report.has_value() ? std::move(*report) : ExportReport{};
  }
  weights::SourcePtr folder(const std::string& name) const {
    auto source = weights::open_safetensors_folder(at(name));
    EXPECT_TRUE(source.has_value()) << source.error().message();
    return std::move(*source);
  }
  // The run as if it had been trained: step 1, with other values for these tensors.
  void train(const OfficialModel::Tensors& changed) {
    auto catalog = checkpoint::Catalog::open(dir_ / "run/checkpoints").value();
    const auto start = catalog.load(0).value();
    auto writer = checkpoint::PartWriter::create(dir_ / "run/checkpoints", "all-0", 1, {}).value();
    for (const auto& record : start.tensors) {
      const auto found = changed.find(record.name);
      ASSERT_TRUE((found == changed.end() ? writer.add_unchanged(record)
                                          : writer.add(record.name, found->second))
                      .has_value());
    }
    checkpoint::Manifest manifest;
    manifest.step = 1;
    manifest.config = start.config;
    ASSERT_TRUE(manifest.add(writer.finish().value()).has_value());
    ASSERT_TRUE(catalog.commit(manifest).has_value());
  }
  OfficialModel::Tensors trained() const {
    OfficialModel::Tensors tensors;
    const auto add = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
      tensors.emplace(name, OfficialModel::values("t" + name, shape, DType::F32));
    };
    add(kQ + "lora_A.default.weight", {4, 32});
    add(kQ + "lora_B.default.weight", {32, 4});
    add("decoupler.linear_vision.weight", {16, 16});
    add("decoupler.linear_vision.bias", {16});
    return tensors;
  }
  nlohmann::json json(const std::string& file) const {
    return nlohmann::json::parse(std::ifstream(dir_ / file));
  }
};

TEST_F(WeightsExport, WhatWasImportedComesOutBitForBit) {
  imported(request());
  exported(wanted(ExportFormat::Sa2va, "out"));
  const auto source = folder("out");
  std::size_t seen = 0;
  for (const auto& [name, tensor] : model_.internvl) {
    if (name.find("embed_tokens") != std::string::npos || name.find("lm_head") != std::string::npos)
      continue;  // five rows more; below
    const auto got = source->read_all(name);
    ASSERT_TRUE(got.has_value()) << name;
    EXPECT_EQ(got->dtype, DType::BF16);
    EXPECT_EQ(as_text(got->data.bytes()), as_text(tensor.data.bytes())) << name;
    ++seen;
  }
  const auto head = source->read_all("language_model.lm_head.weight").value();
  const auto& published = model_.internvl.at("language_model.lm_head.weight");
  EXPECT_EQ(head.dim(0), model_.rows + 5);
  EXPECT_EQ(as_text(head.data.bytes().first(published.data.size())),
            as_text(published.data.bytes()));
  const std::string fuser = "grounding_encoder.sam2_model.memory_encoder.fuser.layers.0.";
  EXPECT_TRUE(source->tensors().contains(fuser + "g_weight"));
  EXPECT_FALSE(source->tensors().contains(fuser + "gamma"));
  EXPECT_EQ(source->tensors().size(), seen + 2 + model_.sam2.size() + 4);
}

TEST_F(WeightsExport, AnExportImportsAsTheSameModel) {
  imported(request());
  train(trained());
  auto whole = wanted(ExportFormat::Sa2va, "out");
  whole.dtype = DType::F32;
  exported(whole);
  ImportRequest back;
  back.sa2va = at("out");
  back.to = at("again");
  imported(back);
  const auto first = open(at("run")), second = open(at("again"));
  for (const auto& record : first.manifest().tensors) {
    if (record.name.find("q_proj.base_layer.weight") != std::string::npos ||
        record.name.find(".lora_") != std::string::npos)
      continue;  // merged
    ASSERT_NE(second.manifest().find(record.name), nullptr) << record.name;
    EXPECT_EQ(second.manifest().find(record.name)->hash(), record.hash()) << record.name;
  }
  EXPECT_EQ(config::load_run(at("again"))->model.llm.vocab_size, model_.rows + 5);
  EXPECT_EQ(config::load_run(at("again"))->model.decoupler.club.hidden, 8);
}

TEST_F(WeightsExport, LoraIsMergedAndTheVisualBranchFolded) {
  imported(request());
  const auto changed = trained();
  train(changed);
  auto whole = wanted(ExportFormat::Sa2va, "out");
  whole.dtype = DType::F32;
  exported(whole);
  const auto source = folder("out");
  const auto reader = open(at("run"));
  auto expected = floats(reader, kQ + "base_layer.weight");
  add_product(expected, changed.at(kQ + "lora_B.default.weight").values<float>(),
              changed.at(kQ + "lora_A.default.weight").values<float>(), 4, 2.0F);
  EXPECT_EQ(
      floats(source->read_all("language_model.model.layers.1.self_attn.q_proj.weight").value()),
      expected);
  const auto folded =
      fold(changed.at("decoupler.linear_vision.weight").values<float>(),
           changed.at("decoupler.linear_vision.bias").values<float>(),
           floats(reader, "text_hidden_fcs.2.weight"), floats(reader, "text_hidden_fcs.2.bias"));
  EXPECT_EQ(floats(source->read_all("text_hidden_fcs.2.weight").value()), folded.weight);
  EXPECT_EQ(floats(source->read_all("text_hidden_fcs.2.bias").value()), folded.bias);
  for (const auto& [name, info] : source->tensors())
    EXPECT_EQ(name.find("lora"), std::string::npos) << name;
  const auto extra = weights::open_safetensors(at("out/desa2va_extra.safetensors")).value();
  EXPECT_EQ(floats(extra->read_all("text_hidden_fcs.2.weight").value()),
            floats(reader, "text_hidden_fcs.2.weight"));
  for (const char* name : {"decoupler.club.trunk.weight", "fusion.gate.weight",
                           "grounding_encoder.text_mask_decoder.iou_token.weight"})
    EXPECT_TRUE(extra->tensors().contains(name)) << name;
}

TEST_F(WeightsExport, ConfigurationAndTokenizerAreThoseOfThePublishedLayout) {
  imported(request());
  exported(wanted(ExportFormat::Sa2va, "out"));
  const auto config = json("out/config.json");
  EXPECT_EQ(config.at("model_type"), "sa2va_chat");
  EXPECT_EQ(config.at("architectures"), nlohmann::json::array({"Sa2VAChatModel"}));
  EXPECT_EQ(config.at("auto_map").at("AutoModel"), "modeling_sa2va_chat.Sa2VAChatModel");
  EXPECT_EQ(config.at("llm_config").at("vocab_size"), model_.rows + 5);
  EXPECT_EQ(config.at("template"), "qwen_chat");
  EXPECT_EQ(config.at("hidden_size"), 32);
  EXPECT_EQ(config.at("tie_word_embeddings"), false);
  EXPECT_EQ(config.at("max_dynamic_patch"), 12);
  EXPECT_EQ(json("out/added_tokens.json").at("[SEG]"), model_.rows);
  EXPECT_EQ(json("out/desa2va_config.json").at("keys").at("fusion.mode"), "gate");
}

TEST_F(WeightsExport, ShardsAreNoLargerThanAsked) {
  imported(request());
  auto sharded = wanted(ExportFormat::Sa2va, "out");
  sharded.shard_bytes = 30'000;
  const auto report = exported(sharded);
  EXPECT_GT(report.files.size(), 4U);
  EXPECT_EQ(folder("out")->tensors().size(), report.tensors);
}

TEST_F(WeightsExport, AModelWithoutProjectorIsRefusedUnlessForced) {
  auto bare = request();
  bare.overrides.emplace_back("decoupler.stem=none");
  imported(bare);
  auto refused = wanted(ExportFormat::Sa2va, "out");
  const auto report = export_weights(refused, {});
  ASSERT_FALSE(report.has_value());
  EXPECT_NE(report.error().message().find("decoupler.stem"), std::string::npos);
  EXPECT_EQ(report.error().exit_code(), 2);
  refused.overrides = {"export.force=true"};
  exported(refused);
  exported(wanted(ExportFormat::Safetensors, "whole"));
}

TEST_F(WeightsExport, TheAdapterHasPeftsNamesAndTheOtherTrainedTensorsLieBesideIt) {
  imported(request());
  train(trained());
  exported(wanted(ExportFormat::Peft, "adapter"));
  const auto adapter = weights::open_safetensors(at("adapter/adapter_model.safetensors")).value();
  EXPECT_EQ(adapter->tensors().size(), 2U * 7U * 2U);
  EXPECT_EQ(
      floats(adapter->read_all("base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight")
                 .value()),
      floats(trained().at(kQ + "lora_A.default.weight")));
  const auto config = json("adapter/adapter_config.json");
  EXPECT_EQ(config.at("r"), 4);
  EXPECT_EQ(config.at("lora_alpha"), 8);
  const auto extra = weights::open_safetensors(at("adapter/desa2va_extra.safetensors")).value();
  EXPECT_TRUE(extra->tensors().contains(
      "mllm.model.language_model.base_model.model.model.embed_tokens.weight"));
}

TEST_F(WeightsExport, EveryTensorUnderItsOwnNameComesBackAsACheckpoint) {
  imported(request());
  train(trained());
  exported(wanted(ExportFormat::Safetensors, "whole"));
  auto back = request("again");
  back.checkpoint = at("whole");
  imported(back);
  const auto a = open(at("run")).manifest(), b = open(at("again")).manifest();
  EXPECT_EQ(checkpoint::diff(a, b).differences.size(), 0U);
}

TEST_F(WeightsExport, WeightsThatAreThereAreReplacedOnlyWhenAsked) {
  imported(request());
  auto request = wanted(ExportFormat::Sa2va, "out");
  exported(request);
  EXPECT_NE(export_weights(request, {}).error().message().find("--replace"), std::string::npos);
  request.replace = true;
  exported(request);
}

TEST_F(WeightsExport, AStopLeavesNoWeightsAndTheNextExportRemovesTheRestOfAKilledOne) {
  imported(request());
  auto stopped = wanted(ExportFormat::Sa2va, "out");
  std::stop_source stop;
  stopped.stop = stop.get_token();
  stopped.shard_bytes = 10'000;
  const auto report = export_weights(stopped, [&](std::uint64_t done, std::uint64_t all) {
    if (2 * done > all) stop.request_stop();
  });
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code(), Errc::Cancelled);
  EXPECT_TRUE(std::filesystem::is_empty(at("out")));
  const auto rest = std::filesystem::path(at("out")) / "model-00001-of-00009.safetensors.tmp";
  std::ofstream(rest) << "half";
  exported(wanted(ExportFormat::Sa2va, "out"));
  EXPECT_FALSE(std::filesystem::exists(rest));
}

TEST_F(WeightsExport, WhatIsNotThereIsNamed) {
  EXPECT_EQ(export_weights(wanted(ExportFormat::Sa2va, "out"), {}).error().code(), Errc::NotFound);
}

}  // namespace
}  // namespace desa2va::launcher
