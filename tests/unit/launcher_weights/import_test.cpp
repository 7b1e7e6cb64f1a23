#include "launcher/weights/import.h"

#include <cmath>
#include <cstring>
#include <fstream>

#include "launcher/weights/import_sources.h"
#include "launcher/weights/imported_values.h"
#include "tests/unit/launcher_weights/fixture.h"

namespace desa2va::launcher {
namespace {

constexpr const char* kEmbedding =
    "mllm.model.language_model.base_model.model.model.embed_tokens.weight";
constexpr const char* kHead = "mllm.model.language_model.base_model.model.lm_head.weight";

TEST_F(Weights, EveryTensorOfTheFilesIsInTheStoreAndTheRestStartsAsAnUntrainedModel) {
  const auto report = imported(request());
  EXPECT_EQ(report.rows, model_.rows + 5);
  EXPECT_EQ(report.old_rows, model_.rows);
  const auto reader = open(at("run"));
  EXPECT_EQ(reader.manifest().step, 0U);
  const auto preset = parameters::preset_of(report.config.preset);
  const parameters::InitialValues initial(report.config.model, preset,
                                          static_cast<std::uint64_t>(report.config.run.seed));
  std::size_t from_files = 0;
  for (const auto& parameter : parameters::inventory(report.config.model, preset)) {
    const std::string& name = parameter.name;
    std::vector<float> expected(static_cast<std::size_t>(parameter.numel()));
    ASSERT_TRUE(initial.read(name, 0, expected).has_value()) << name;
    const HostTensor* file = nullptr;
    const std::string sam =
        name.starts_with("grounding_encoder.text_mask_decoder.")
            ? "sam_mask_decoder." + name.substr(36)
            : name.substr(std::min(name.size(), desa2va::test::kSamPrefix.size()));
    if (name.starts_with("mllm.") && name.find(".lora_") == std::string::npos)
      file = &model_.internvl.at(weights::model_path(name));
    if (name.starts_with("grounding_encoder.")) file = &model_.sam2.at(sam);
    if (file != nullptr) {
      const auto values = floats(*file);
      std::copy(values.begin(), values.end(), expected.begin());  // new rows stay
      ++from_files;
    }
    EXPECT_EQ(floats(reader, name), expected) << name;
    EXPECT_EQ(reader.manifest().find(name)->dtype, DType::F32);
    EXPECT_EQ(reader.manifest().find(name)->owner,
              std::string(desa2va::name(parameters::owner(name))) + "-0");
  }
  EXPECT_EQ(from_files, report.imported + report.copied);
  EXPECT_EQ(report.tensors, reader.manifest().tensors.size());
}

TEST_F(Weights, TheDirectoryIsARunWithConfigurationAndTokenizer) {
  imported(request());
  const auto config = config::load_run(at("run"));
  ASSERT_TRUE(config.has_value()) << config.error().message();
  EXPECT_EQ(config->model.vit.hidden_size, 16);
  EXPECT_EQ(config->model.llm.num_key_value_heads, 2);
  EXPECT_EQ(config->model.llm.vocab_size, model_.rows + 5);
  EXPECT_EQ(config->model.sam2.hiera.stages, (std::vector<std::int64_t>{1, 1, 2, 1}));
  EXPECT_EQ(config->model.sam2.mem_layers, 2);
  EXPECT_EQ(config->model.sam2.version, "2.0");
  const auto tokenizer = text::Tokenizer::load(config->data.tokenizer);
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message();
  EXPECT_EQ(tokenizer->special().seg, model_.rows);
  EXPECT_EQ(tokenizer->special().vp_end, model_.rows + 4);
  const auto added = nlohmann::json::parse(std::ifstream(dir_ / "run/tokenizer/added_tokens.json"));
  EXPECT_EQ(added.at("[SEG]"), model_.rows);
  const auto config_file =
      nlohmann::json::parse(std::ifstream(dir_ / "run/tokenizer/tokenizer_config.json"));
  const auto seg = config_file.at("added_tokens_decoder").at(std::to_string(model_.rows));
  EXPECT_EQ(seg.at("content"), "[SEG]");
  EXPECT_EQ(seg.at("special"), true);
  EXPECT_EQ(seg.at("normalized"), false);
}

TEST_F(Weights, KeptElementTypesAreThoseOfTheFilesBitForBit) {
  auto wanted = request();
  wanted.keep_dtype = true;
  imported(wanted);
  const auto reader = open(at("run"));
  const auto norm = reader.read("mllm.model.language_model.base_model.model.model.norm.weight");
  EXPECT_EQ(norm->dtype, DType::BF16);
  EXPECT_EQ(as_text(norm->data.bytes()),
            as_text(model_.internvl.at("language_model.model.norm.weight").data.bytes()));
}

TEST_F(Weights, EveryMisfitIsListedAndNothingIsWritten) {
  auto tensors = model_.internvl;
  tensors.erase("mlp1.0.weight");
  tensors.erase("vision_model.encoder.layers.1.ls2");
  tensors.emplace("vision_model.extra", HostTensor::empty(DType::F32, {3}));
  tensors["mlp1.1.bias"] = HostTensor::empty(DType::F32, {7});
  std::filesystem::remove_all(dir_ / "internvl");
  model_.internvl = tensors;
  model_.write(dir_.path());
  const auto message = refused(request());
  for (const char* part :
       {"2 tensors are missing", "mlp1.0.weight [64]", "vision_model.encoder.layers.1.ls2",
        "1 tensors have no place", "vision_model.extra f32[3]", "1 tensors have another shape",
        "mlp1.1.bias f32[7]", "the model has [32]"})
    EXPECT_NE(message.find(part), std::string::npos) << part << " in " << message;
  EXPECT_FALSE(std::filesystem::exists(dir_ / "run"));
}

TEST_F(Weights, AMissingHeadIsACopyOfTheEmbedding) {
  model_.internvl.erase("language_model.lm_head.weight");
  std::filesystem::remove_all(dir_ / "internvl");
  model_.write(dir_.path());
  imported(request());
  const auto reader = open(at("run"));
  auto head = floats(reader, kHead), embedding = floats(reader, kEmbedding);
  const auto old = static_cast<std::size_t>(model_.rows * 32);
  EXPECT_TRUE(std::equal(head.begin(), head.begin() + static_cast<long>(old), embedding.begin()));
  EXPECT_NE(head[old], embedding[old]) << "new rows are drawn for each";
}

TEST_F(Weights, ATrainingCheckpointLiesOnTopAndMayBeAPart) {
  const std::string layer =
      "mllm.model.language_model.base_model.model.model.layers.1.self_attn.q_proj.";
  desa2va::test::OfficialModel::Tensors tensors;
  const auto add = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
    tensors.emplace(name, desa2va::test::OfficialModel::values("x" + name, shape, DType::F32));
  };
  add(layer + "lora_A.default.weight", {4, 32});
  add(layer + "lora_B.default.weight", {32, 4});
  add(kEmbedding, {model_.rows + 5, 32});
  add("text_hidden_fcs.0.bias", {32});
  add("grounding_encoder.sam2_model.sam_mask_decoder.iou_token.weight", {1, 16});
  desa2va::test::OfficialModel::write(tensors, dir_.path(), 5'000'000'000, "trained");
  auto wanted = request();
  wanted.checkpoint = at("trained.safetensors");
  imported(wanted);
  const auto reader = open(at("run"));
  for (const auto& [name, tensor] : tensors)
    EXPECT_EQ(floats(reader, name), floats(tensor)) << name;
  EXPECT_EQ(floats(reader, "grounding_encoder.text_mask_decoder.iou_token.weight"),
            floats(tensors.at("grounding_encoder.sam2_model.sam_mask_decoder.iou_token.weight")));
}

TEST_F(Weights, AnUnknownTensorOfACheckpointIsRefusedUnlessPassedOver) {
  desa2va::test::OfficialModel::write({{"optimizer.state", HostTensor::empty(DType::F32, {2})}},
                                      dir_.path(), 5'000'000'000, "trained");
  auto wanted = request();
  wanted.checkpoint = at("trained.safetensors");
  EXPECT_NE(refused(wanted).find("optimizer.state"), std::string::npos);
  wanted.skip_unexpected = true;
  EXPECT_EQ(imported(wanted).skipped.size(), 1U);
}

TEST_F(Weights, SizesThatNoFileTellsAreGuessedAndSaid) {
  auto wanted = request();
  std::erase_if(wanted.overrides, [](const auto& key) { return key.starts_with("sam2."); });
  const auto report = imported(wanted);
  ASSERT_EQ(report.notes.size(), 1U);
  EXPECT_NE(report.notes[0].find("sam2.hiera.window_spec"), std::string::npos);
  EXPECT_EQ(report.config.model.sam2.variant, "custom");
}

TEST_F(Weights, AnotherModelThanOursIsNamed) {
  auto json = model_.config_json();
  json["llm_config"]["architectures"] = {"InternLM2ForCausalLM"};
  ASSERT_TRUE(weights::write_file(at("internvl/config.json"), json.dump()).has_value());
  EXPECT_NE(refused(request()).find("llm_config.architectures"), std::string::npos);
}

TEST_F(Weights, ADamagedTokenizerIsRefused) {
  const auto vocabulary = dir_ / "internvl/vocab.json";
  auto tokens = nlohmann::ordered_json::parse(std::ifstream(vocabulary));
  const auto write = [&](const nlohmann::ordered_json& changed) {
    EXPECT_TRUE(weights::write_file(vocabulary.string(), changed.dump()).has_value());
    return refused(request());
  };
  auto twice = tokens;
  twice["a"] = 0;
  EXPECT_NE(write(twice).find("given twice"), std::string::npos);
  auto hole = tokens;
  for (auto& [token, id] : hole.items())
    if (id == 100) id = 100319;
  EXPECT_NE(write(hole).find("token id 100 is missing"), std::string::npos);
}

TEST_F(Weights, ARunIsNotOverwrittenAndAnImportOnlyWhenAsked) {
  imported(request());
  EXPECT_NE(refused(request()).find("--replace"), std::string::npos);
  auto again = request();
  again.replace = true;
  imported(again);
  auto catalog = checkpoint::Catalog::open(dir_ / "run/checkpoints").value();
  auto manifest = catalog.load(0).value();
  manifest.step = 3;
  ASSERT_TRUE(catalog.commit(manifest).has_value());
  EXPECT_NE(refused(again).find("step 3"), std::string::npos);
}

TEST_F(Weights, WhatIsNeededIsSaid) {
  ImportRequest wanted;
  wanted.to = at("run");
  EXPECT_NE(refused(wanted).find("--internvl"), std::string::npos);
  wanted = request();
  wanted.sa2va = wanted.internvl;
  EXPECT_NE(refused(wanted).find("--sa2va"), std::string::npos);
}

// Mean and standard deviation of each column over rows [first, first + count).
std::vector<std::pair<double, double>> columns(const std::vector<float>& matrix, std::size_t width,
                                               std::size_t first, std::size_t count) {
  std::vector<std::pair<double, double>> moments(width);
  for (std::size_t i = 0; i < width; ++i) {
    double sum = 0, squares = 0;
    for (std::size_t row = first; row < first + count; ++row) {
      const double x = matrix[row * width + i];
      sum += x;
      squares += x * x;
    }
    const auto n = static_cast<double>(count);
    moments[i] = {sum / n, std::sqrt(std::max(0.0, squares / n - sum / n * sum / n))};
  }
  return moments;
}

TEST_F(Weights, AddedRowsCanLieAroundTheMeanOfTheOldOnes) {
  auto mean = request();
  mean.overrides.emplace_back("embed.init=mean");
  imported(mean);
  imported(request("normal"));
  for (const char* name : {kEmbedding, kHead}) {
    const auto values = floats(open(at("run")), name);
    const auto rows = static_cast<std::size_t>(model_.rows);
    const std::size_t width = values.size() / (rows + 5);
    const auto old = columns(values, width, 0, rows);
    for (std::size_t row = rows; row < rows + 5; ++row) {
      double distance = 0;
      for (std::size_t i = 0; i < width; ++i) {
        const double away = values[row * width + i] - old[i].first;
        EXPECT_LT(std::abs(away), 6 * std::sqrt(1e-9) * old[i].second + 1e-7) << name;
        distance += std::abs(away);
      }
      EXPECT_GT(distance, 0) << name;
    }
    const auto normal = floats(open(at("normal")), name);
    EXPECT_TRUE(std::equal(values.begin(),
                           values.begin() + static_cast<std::ptrdiff_t>(rows * width),
                           normal.begin()));
    EXPECT_NE(values, normal);
  }
}

// Rows that lie in memory.
class Rows final : public weights::TensorSource {
 public:
  Rows(std::int64_t rows, std::int64_t width, std::vector<float> values)
      : values_(std::move(values)) {
    tensors_.emplace("w", weights::TensorInfo{DType::F32, {rows, width}});
  }
  const std::map<std::string, weights::TensorInfo>& tensors() const override { return tensors_; }
  Result<void> read(const std::string&, std::uint64_t first, MutableByteSpan out) const override {
    std::memcpy(out.data(), reinterpret_cast<const std::byte*>(values_.data()) + first, out.size());
    return {};
  }
  std::string describe() const override { return "rows in memory"; }

 private:
  std::map<std::string, weights::TensorInfo> tensors_;
  std::vector<float> values_;
};

TEST(RowsAroundMean, HaveMeanAndCovarianceOfTheOldRows) {
  // Two columns that always differ in sign, around (3, -1).
  constexpr std::int64_t kOld = 1500;
  constexpr std::size_t kNew = 4000;
  std::vector<float> old;
  for (std::int64_t i = 0; i < kOld; ++i) {
    const float x = static_cast<float>(i % 3) - 1;
    old.push_back(3 + 200 * x);
    old.push_back(-1 - 100 * x);
  }
  const Rows source(kOld, 2, std::move(old));
  const Origin origin{&source, "w", source.tensors().at("w")};
  const auto made = rows_around_mean(origin, kNew, 7, "embedding");
  ASSERT_TRUE(made.has_value());
  const auto got = columns(*made, 2, 0, kNew);
  const double deviation = std::sqrt(2.0 / 3.0) * std::sqrt(1e-9);
  EXPECT_NEAR(got[0].first, 3, 10 * 200 * deviation / std::sqrt(kNew));
  EXPECT_NEAR(got[1].first, -1, 10 * 100 * deviation / std::sqrt(kNew));
  EXPECT_NEAR(got[0].second, 200 * deviation, 0.1 * 200 * deviation);
  EXPECT_NEAR(got[1].second, 100 * deviation, 0.1 * 100 * deviation);
  for (std::size_t row = 0; row < kNew; row += 100)
    EXPECT_NEAR((*made)[row * 2] - 3, -2 * ((*made)[row * 2 + 1] + 1), 1e-5);
}

TEST(OurName, NamesOfEveryKindOfFileBecomeCanonical) {
  const std::string q =
      "mllm.model.language_model.base_model.model.model.layers.0.self_attn.q_proj.";
  EXPECT_EQ(our_name(SourceKind::InternVl, "language_model.model.layers.0.self_attn.q_proj.weight"),
            q + "base_layer.weight");
  EXPECT_EQ(our_name(SourceKind::Sa2va,
                     "grounding_encoder.sam2_model.memory_encoder.fuser.layers.0.g_weight"),
            "grounding_encoder.sam2_model.memory_encoder.fuser.layers.0.gamma");
  EXPECT_EQ(our_name(SourceKind::Checkpoint, q + "lora_A.default.weight"),
            q + "lora_A.default.weight");
  EXPECT_EQ(our_name(SourceKind::Checkpoint,
                     "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"),
            q + "lora_A.default.weight");
  EXPECT_EQ(our_name(SourceKind::Checkpoint, "mllm.model.mlp1.1.bias"), "mllm.model.mlp1.1.bias");
  EXPECT_EQ(our_name(SourceKind::Sam2, "no_mem_embed"),
            "grounding_encoder.sam2_model.no_mem_embed");
}

}  // namespace
}  // namespace desa2va::launcher
