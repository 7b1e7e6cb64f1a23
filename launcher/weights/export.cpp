#include "launcher/weights/export.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include <nlohmann/json.hpp>

#include "common/config/keys.h"
#include "common/config/load.h"
#include "common/parameters/inventory.h"
#include "common/storage/checkpoint/catalog.h"
#include "common/storage/checkpoint/compare.h"
#include "common/weights/convert.h"
#include "common/weights/names.h"
#include "common/weights/output_file.h"
#include "common/weights/safetensors_writer.h"
#include "launcher/weights/merge.h"
#include "launcher/weights/published_config.h"
#include "launcher/weights/tokenizer_files.h"

namespace desa2va::launcher {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using weights::TensorToWrite;

constexpr std::string_view kMllm = "mllm.";
constexpr std::string_view kLanguage = "mllm.model.language_model.";
constexpr std::string_view kSam = "grounding_encoder.sam2_model.";
constexpr std::string_view kEmbedding =
    "mllm.model.language_model.base_model.model.model.embed_tokens.weight";
constexpr std::string_view kExtra = "desa2va_extra";

Error usage(std::string message) {
  return Error(Errc::InvalidArgument, std::move(message)).with_exit(ExitCode::Usage);
}

bool is_lora(std::string_view name) {
  return name.find(".lora_") != std::string_view::npos;
}

std::string torch_name(DType dtype) {
  return dtype == DType::BF16 ? "bfloat16" : dtype == DType::F16 ? "float16" : "float32";
}

// Elements from a function, written as `dtype`.
weights::Fill as_dtype(DType dtype,
                       std::function<Result<void>(std::uint64_t, std::span<float>)> values) {
  return [dtype, values = std::move(values)](std::uint64_t first,
                                             MutableByteSpan out) -> Result<void> {
    std::vector<float> floats(out.size() / size_of(dtype));  // not kept: there are many tensors
    DESA2VA_TRY(values(first / size_of(dtype), floats));
    weights::convert(std::as_bytes(std::span(floats)), DType::F32, out, dtype);
    return {};
  };
}

class Export {
 public:
  Export(const ExportRequest& request, const checkpoint::CheckpointReader& reader,
         config::Config config, fs::path run_dir)
      : request_(request),
        reader_(reader),
        tensors_(reader),
        config_(std::move(config)),
        preset_(parameters::preset_of(config_.preset)),
        run_dir_(std::move(run_dir)) {}

  Result<ExportReport> run(const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
    report_.step = reader_.manifest().step;
    DESA2VA_TRY(check());
    DESA2VA_TRY(make_folder());
    if (auto done = write_all(progress); !done) {
      std::error_code ignored;
      for (const auto& file : report_.files) fs::remove(fs::path(request_.to) / file, ignored);
      return std::move(done.error());
    }
    return std::move(report_);
  }

 private:
  Result<void> write_all(const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
    std::vector<TensorToWrite> main, extra;
    DESA2VA_TRY(choose(main, extra));
    std::uint64_t all = 0, before = 0;
    for (const auto* list : {&main, &extra})
      for (const auto& tensor : *list) all += tensor.info.bytes();
    weights::WriteOptions options;
    options.shard_bytes = request_.shard_bytes;
    options.stop = request_.stop;
    options.progress = [&](std::uint64_t bytes) {
      if (progress) progress(before + bytes, all);
    };
    if (request_.format == ExportFormat::Peft) options.stem = "adapter_model";
    DESA2VA_TRY(write(main, options));
    report_.tensors = main.size();
    before = report_.bytes;
    options.stem = kExtra;
    options.shard_bytes = ~std::uint64_t{0};  // one file, as its name says
    if (!extra.empty()) DESA2VA_TRY(write(extra, options));
    return write_beside();
  }

  bool folds() const { return config::has_decoupling(config_.preset); }
  bool no_stem() const { return folds() && config_.model.decoupler.stem == "none"; }

  DType dtype_of(const std::string& name) const {
    if (request_.dtype) return *request_.dtype;
    switch (request_.format) {
      case ExportFormat::Sa2va:
        return DType::BF16;
      case ExportFormat::Peft:
        return DType::F32;
      case ExportFormat::Safetensors:
        break;
    }
    return tensors_.dtype(name);
  }

  Result<void> check() {
    for (const auto& parameter : parameters::inventory(config_.model, preset_)) {
      if (!tensors_.has(parameter.name) || tensors_.shape(parameter.name) != parameter.shape)
        return fail(Errc::Corrupt, "the checkpoint {} tensor '{}' of its own configuration",
                    tensors_.has(parameter.name) ? "has another shape for" : "lacks",
                    parameter.name)
            .with_exit(ExitCode::Storage);
    }
    if (request_.format != ExportFormat::Sa2va) return {};
    if (no_stem() && !request_.force && !config_.export_force)
      return usage(
          "decoupler.stem is none: the visual prompt has no projector that the Sa2VA layout could "
          "hold, so no exact export exists; export.force=true (--force) leaves text_hidden_fcs "
          "out, "
          "--format safetensors keeps everything");
    if (no_stem())
      report_.notes.emplace_back(
          "text_hidden_fcs is left out: decoupler.linear_vision in desa2va_extra.safetensors reads "
          "the language model's state directly");
    const auto& sam = config_.model.sam2;
    if (sam.variant != "hiera_l" || sam.version != "2.0")
      report_.notes.push_back(
          fmt::format("the published Sa2VA classes build SAM-2.0 hiera_l; this model's {} {} loads "
                      "with code of your own",
                      sam.variant, sam.version));
    return {};
  }

  Result<void> make_folder() {
    std::error_code error;
    fs::create_directories(request_.to, error);
    if (error) return usage(fmt::format("--to: cannot make {}: {}", request_.to, error.message()));
    for (const auto& entry : fs::directory_iterator(request_.to)) {
      std::string name = entry.path().filename().string();
      // What a killed export left, where files cannot be without a name until they are whole.
      const bool rest = name.ends_with(".tmp");
      if (rest) name.resize(name.size() - 4);
      if (!name.ends_with(".safetensors") && !name.ends_with(".safetensors.index.json")) continue;
      if (!rest && !request_.replace)
        return usage(fmt::format("--to: {} has weights already ({}); --replace replaces them",
                                 request_.to, name));
      fs::remove(entry.path(), error);
    }
    return {};
  }

  // What goes beside a layout keeps its precision unless the user says otherwise.
  TensorToWrite extra_of(const std::string& name) {
    return plain(name, name, request_.dtype.value_or(DType::F32));
  }
  TensorToWrite plain(const std::string& name, std::string as) {
    return plain(name, std::move(as), dtype_of(name));
  }
  TensorToWrite plain(const std::string& name, std::string as, DType dtype) {
    return {std::move(as),
            {dtype, tensors_.shape(name)},
            as_dtype(dtype, [this, name](std::uint64_t first, std::span<float> out) {
              return tensors_.read(name, first, out);
            })};
  }

  TensorToWrite merged(const std::string& name, std::string as) {
    const DType dtype = dtype_of(name);
    auto linear = std::make_shared<std::optional<MergedLinear>>();  // A is read when its turn comes
    return {
        std::move(as),
        {dtype, tensors_.shape(name)},
        as_dtype(
            dtype, [this, name, linear](std::uint64_t first, std::span<float> out) -> Result<void> {
              if (!*linear) {
                DESA2VA_ASSIGN(
                    *linear, MergedLinear::open(tensors_, name, config_.model.llm.lora.scaling()));
              }
              DESA2VA_TRY((*linear)->read(first, out));
              const auto& shape = tensors_.shape(name);
              if (first + out.size() == static_cast<std::uint64_t>(shape[0] * shape[1]))
                linear->reset();
              return {};
            })};
  }

  TensorToWrite values(std::string name, std::vector<std::int64_t> shape, std::vector<float> data) {
    auto kept = std::make_shared<std::vector<float>>(std::move(data));
    const DType dtype = request_.dtype.value_or(DType::BF16);
    return {std::move(name),
            {dtype, std::move(shape)},
            as_dtype(dtype, [kept](std::uint64_t first, std::span<float> out) -> Result<void> {
              std::copy_n(kept->begin() + static_cast<std::ptrdiff_t>(first), out.size(),
                          out.begin());
              return {};
            })};
  }

  Result<void> choose(std::vector<TensorToWrite>& main, std::vector<TensorToWrite>& extra) {
    for (const auto& parameter : parameters::inventory(config_.model, preset_)) {
      const std::string& name = parameter.name;
      switch (request_.format) {
        case ExportFormat::Safetensors:
          main.push_back(plain(name, name));
          break;
        case ExportFormat::Peft:
          if (is_lora(name)) {
            main.push_back(plain(name, adapter_name(name)));
          } else if (ever_trains(name)) {
            extra.push_back(extra_of(name));
          }
          break;
        case ExportFormat::Sa2va:
          DESA2VA_TRY(choose_sa2va(name, main, extra));
          break;
      }
    }
    return {};
  }

  Result<void> choose_sa2va(const std::string& name, std::vector<TensorToWrite>& main,
                            std::vector<TensorToWrite>& extra) {
    if (is_lora(name)) return {};
    if (name.starts_with(kMllm)) {
      const bool wrapped = name.ends_with(".base_layer.weight");
      main.push_back(wrapped ? merged(name, weights::model_path(name))
                             : plain(name, weights::model_path(name)));
    } else if (name.starts_with(kSam)) {
      std::string as = name;
      constexpr std::string_view kGamma = ".gamma";
      if (as.ends_with(kGamma)) as.replace(as.size() - kGamma.size(), kGamma.size(), ".g_weight");
      main.push_back(plain(name, std::move(as)));
    } else if (name.starts_with("text_hidden_fcs.0.") || (is_projector(name) && !folds())) {
      main.push_back(plain(name, name));
    } else if (name == "text_hidden_fcs.2.weight") {
      DESA2VA_TRY(choose_folded(main, extra));
    } else if (!is_projector(name)) {
      extra.push_back(extra_of(name));
    }
    return {};
  }

  static bool is_projector(std::string_view name) { return name.starts_with("text_hidden_fcs."); }

  // The visual branch as Sa2VA's projector; the two parts it was folded of go beside it, so that a
  // wrapper that adds the text branch starts from z.
  Result<void> choose_folded(std::vector<TensorToWrite>& main, std::vector<TensorToWrite>& extra) {
    DESA2VA_ASSIGN(const auto outer_weight, tensors_.all("decoupler.linear_vision.weight"));
    DESA2VA_ASSIGN(const auto outer_bias, tensors_.all("decoupler.linear_vision.bias"));
    DESA2VA_ASSIGN(const auto weight, tensors_.all("text_hidden_fcs.2.weight"));
    DESA2VA_ASSIGN(const auto bias, tensors_.all("text_hidden_fcs.2.bias"));
    Folded folded = fold(outer_weight, outer_bias, weight, bias);
    main.push_back(values("text_hidden_fcs.2.weight", tensors_.shape("text_hidden_fcs.2.weight"),
                          std::move(folded.weight)));
    main.push_back(values("text_hidden_fcs.2.bias", tensors_.shape("text_hidden_fcs.2.bias"),
                          std::move(folded.bias)));
    for (const char* name : {"text_hidden_fcs.2.weight", "text_hidden_fcs.2.bias"})
      extra.push_back(extra_of(name));
    return {};
  }

  static std::string adapter_name(std::string name) {
    name.erase(0, kLanguage.size());
    const auto at = name.find(".default.");
    if (at != std::string::npos) name.erase(at, 8);
    return name;
  }

  bool ever_trains(const std::string& name) const {
    return parameters::has_own_optimizer(name) || trains_in(name, Phase::A) ||
           trains_in(name, Phase::B) || trains_in(name, Phase::C);
  }
  bool trains_in(const std::string& name, Phase phase) const {
    return parameters::trains(name, config_.model, preset_, phase);
  }

  Result<void> write(const std::vector<TensorToWrite>& tensors,
                     const weights::WriteOptions& options) {
    DESA2VA_ASSIGN(const auto written, weights::write_safetensors(request_.to, tensors, options));
    report_.bytes += written.bytes;
    report_.files.insert(report_.files.end(), written.files.begin(), written.files.end());
    return {};
  }

  Result<void> write_file(const std::string& name, const std::string& content) {
    DESA2VA_TRY(weights::write_file((fs::path(request_.to) / name).string(), content));
    report_.files.push_back(name);
    return {};
  }

  // Keys as JSON values: what a program that reads the extra tensors has to know.
  Json method_keys() const {
    Json keys = Json::object();
    config::Config copy = config_;  // the table binds to fields that may be written
    for (const auto& key : config::all_keys(copy)) {
      const auto section = key.path.substr(0, key.path.find('.'));
      static const std::vector<std::string> kSections = {
          "preset", "decoupler", "real_text", "label_mask", "adv",  "club",  "ortho",
          "fusion", "reprompt",  "align",     "loss",       "sam2", "prompt"};
      const bool wanted =
          std::find(kSections.begin(), kSections.end(), section) != kSections.end() ||
          key.path.starts_with("llm.lora.");
      if (!wanted) continue;
      const std::string text = config::value_text(key);
      Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
      keys[key.path] = value.is_discarded() ? Json(text) : value;
    }
    return keys;
  }

  Result<void> write_tokenizer() {
    for (const fs::path& folder : {fs::path(config_.data.tokenizer), run_dir_ / "tokenizer",
                                   fs::path(config_.data.shards) / "tokenizer"}) {
      if (folder.empty() || !has_tokenizer(folder)) continue;
      DESA2VA_TRY(copy_tokenizer(folder, request_.to));
      return {};
    }
    report_.notes.push_back(
        fmt::format("no tokenizer was found for {}: copy its files beside the "
                    "weights",
                    run_dir_.string()));
    return {};
  }

  Result<void> write_beside() {
    if (request_.format == ExportFormat::Peft) return write_adapter_config();
    DESA2VA_TRY(write_tokenizer());
    if (request_.format == ExportFormat::Safetensors)
      return write_file("config.yaml", config::to_yaml(config_));
    Json original;
    if (auto read = read_config_json(run_dir_ / "source")) original = std::move(*read);
    const DType dtype = request_.dtype.value_or(DType::BF16);
    const std::int64_t rows = tensors_.shape(std::string(kEmbedding))[0];
    DESA2VA_TRY(write_file(
        "config.json", sa2va_config(config_, original, rows, torch_name(dtype)).dump(2) + "\n"));
    std::error_code ignored;
    const auto generation = run_dir_ / "source" / "generation_config.json";
    if (fs::copy_file(generation, fs::path(request_.to) / "generation_config.json",
                      fs::copy_options::overwrite_existing, ignored))
      report_.files.emplace_back("generation_config.json");
    const Json document = {{"format", "desa2va_extra 1"},
                           {"step", report_.step},
                           {"lora_merged", true},
                           {"visual_branch_folded", folds() && !no_stem()},
                           {"keys", method_keys()}};
    return write_file("desa2va_config.json", document.dump(2) + "\n");
  }

  Result<void> write_adapter_config() {
    const auto& lora = config_.model.llm.lora;
    const Json document = {
        {"peft_type", "LORA"},
        {"task_type", "CAUSAL_LM"},
        {"base_model_name_or_path", nullptr},
        {"r", lora.r},
        {"lora_alpha", lora.alpha},
        {"lora_dropout", lora.dropout},
        {"bias", "none"},
        {"fan_in_fan_out", false},
        {"inference_mode", true},
        {"init_lora_weights", true},
        {"target_modules",
         {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}}};
    return write_file("adapter_config.json", document.dump(2) + "\n");
  }

  const ExportRequest& request_;
  const checkpoint::CheckpointReader& reader_;
  const StoredTensors tensors_;
  const config::Config config_;
  const parameters::Preset preset_;
  const fs::path run_dir_;
  ExportReport report_;
};

}  // namespace

Result<ExportReport> export_weights(
    const ExportRequest& request,
    const std::function<void(std::uint64_t done, std::uint64_t all)>& progress) {
  auto address = checkpoint::parse_address(request.run);
  if (!address) return std::move(address.error()).with_exit(ExitCode::Usage);
  DESA2VA_ASSIGN(auto manifest, checkpoint::load(*address));
  DESA2VA_ASSIGN(
      const config::Loaded loaded,
      config::load_stored(manifest.config, "the checkpoint's configuration", request.overrides));
  const fs::path store = address->store;
  const fs::path run_dir = store.filename() == "checkpoints" ? store.parent_path() : store;
  DESA2VA_ASSIGN(const auto reader, checkpoint::CheckpointReader::open(store, std::move(manifest)));
  return Export(request, reader, loaded.config, run_dir).run(progress);
}

}  // namespace desa2va::launcher
