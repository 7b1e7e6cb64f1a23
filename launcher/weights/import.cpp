#include "launcher/weights/import.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <fmt/ranges.h>

#include "common/config/load.h"
#include "common/config/run_files.h"
#include "common/storage/checkpoint/catalog.h"
#include "common/storage/checkpoint/part_writer.h"
#include "launcher/run/run_dir.h"
#include "launcher/weights/import_sources.h"
#include "launcher/weights/imported_values.h"
#include "launcher/weights/published_config.h"
#include "launcher/weights/sam_shapes.h"
#include "launcher/weights/tokenizer_files.h"

namespace desa2va::launcher {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEmbedding =
    "mllm.model.language_model.base_model.model.model.embed_tokens.weight";
constexpr std::string_view kSamPrefix = "grounding_encoder.sam2_model.";
constexpr std::string_view kLoraA = ".q_proj.lora_A.";

Error usage(std::string message) {
  return Error(Errc::InvalidArgument, std::move(message)).with_exit(ExitCode::Usage);
}

// Everything known before the first byte is written.
struct Plan {
  std::vector<NamedSource> sources;
  config::Config config;
  Match match;
  fs::path tokenizer;  // empty: none
  fs::path published;  // directory with config.json; empty: none
};

Result<void> check_request(const ImportRequest& request) {
  const bool parts = !request.internvl.empty() || !request.sam2.empty();
  if (parts && !request.sa2va.empty())
    return usage("ckpt import: --sa2va holds both models; give it alone, or --internvl and --sam2");
  if (request.sa2va.empty() && (request.internvl.empty() || request.sam2.empty()))
    return usage(
        "ckpt import: give --internvl DIR and --sam2 FILE, or --sa2va DIR; --checkpoint goes on "
        "top");
  if (request.to.empty()) return usage("ckpt import: --to: not given");
  return {};
}

Result<void> open_one(const std::string& path, SourceKind kind, bool verify,
                      std::vector<NamedSource>& sources) {
  if (path.empty()) return {};
  DESA2VA_ASSIGN(auto source, weights::open_source(path));
  if (verify) DESA2VA_TRY(source->verify());
  sources.push_back({kind, std::move(source)});
  return {};
}

Result<std::vector<NamedSource>> open_sources(const ImportRequest& request) {
  std::vector<NamedSource> sources;
  const bool verify = !request.ignore_checksums;
  DESA2VA_TRY(open_one(request.internvl, SourceKind::InternVl, verify, sources));
  DESA2VA_TRY(open_one(request.sam2, SourceKind::Sam2, verify, sources));
  DESA2VA_TRY(open_one(request.sa2va, SourceKind::Sa2va, verify, sources));
  if (!request.sa2va.empty()) {  // what an export of ours put beside the published layout
    const auto extra = fs::path(request.sa2va) / "desa2va_extra.safetensors";
    if (fs::exists(extra))
      DESA2VA_TRY(open_one(extra.string(), SourceKind::Checkpoint, verify, sources));
  }
  DESA2VA_TRY(open_one(request.checkpoint, SourceKind::Checkpoint, verify, sources));
  return sources;
}

// A guess gives way to what the user said.
void keep_given(const config::Loaded& given, SamShapes& shapes) {
  std::erase_if(shapes.guessed, [&](const std::string& key) {
    const auto origin = given.origin.find(key);
    const bool said = origin != given.origin.end() && origin->second != "default" &&
                      !origin->second.starts_with("preset") &&
                      !origin->second.starts_with("sam2.variant");
    if (said)
      std::erase_if(shapes.keys, [&](const auto& item) { return item.starts_with(key + "="); });
    return said;
  });
}

// Keys of the model out of config.json and the shapes; notes say what was guessed.
Result<std::vector<std::string>> derive_keys(const ImportRequest& request, const Plan& plan,
                                             const config::Loaded& given,
                                             std::vector<std::string>& notes) {
  std::vector<std::string> keys;
  auto published = read_config_json(plan.published);
  if (published) {
    DESA2VA_ASSIGN(keys, keys_from(*published).in(plan.published.string()));
  } else if (request.config.empty()) {
    return std::move(published.error()).in("the sizes of the language model are needed: --config");
  }
  std::map<std::string, weights::TensorInfo> sam;
  std::string lora_rank;
  for (const auto& [kind, source] : plan.sources) {
    for (const auto& [name, info] : source->tensors()) {
      const std::string ours = our_name(kind, name);
      if (ours.starts_with(kSamPrefix)) sam.emplace(ours.substr(kSamPrefix.size()), info);
      if (ours.find(kLoraA) != std::string::npos && info.shape.size() == 2)
        lora_rank = std::to_string(info.shape[0]);
    }
  }
  DESA2VA_ASSIGN(SamShapes shapes,
                 detect_sam(sam, given.config.model.sam2).in(request.sam2 + request.sa2va));
  keep_given(given, shapes);
  keys.insert(keys.end(), shapes.keys.begin(), shapes.keys.end());
  if (!shapes.guessed.empty())
    notes.push_back(
        fmt::format("the SAM-2 has none of the published sizes; its files do not say {}: guessed. "
                    "Check them in config.yaml, or import again with --config or KEY=VALUE",
                    fmt::join(shapes.guessed, ", ")));
  if (!lora_rank.empty() && request.config.empty()) {
    keys.push_back("llm.lora.r=" + lora_rank);
    keys.push_back(fmt::format("llm.lora.alpha={}", 2 * std::stoll(lora_rank)));
  }
  return keys;
}

Result<config::Loaded> load_config(const ImportRequest& request,
                                   const std::vector<std::string>& overrides) {
  const std::string base = fs::current_path().string();
  if (!request.config.empty()) return config::load(request.config, overrides, base);
  std::vector<std::string> keys;
  if (!request.sa2va.empty()) {
    DESA2VA_ASSIGN(keys, method_keys(request.sa2va));
  }
  keys.insert(keys.end(), overrides.begin(), overrides.end());
  return config::load_text("", "defaults", keys, base);
}

std::int64_t rows_of(const Plan& plan) {
  for (auto at = plan.sources.rbegin(); at != plan.sources.rend(); ++at) {
    for (const auto& [name, info] : at->source->tensors()) {
      if (our_name(at->kind, name) == kEmbedding && info.shape.size() == 2) return info.shape[0];
    }
  }
  return 0;
}

Result<void> find_tokenizer(const ImportRequest& request, Plan& plan, ImportReport& report) {
  report.old_rows = report.rows = rows_of(plan);
  plan.tokenizer = request.tokenizer.empty() ? plan.published : fs::path(request.tokenizer);
  if (has_tokenizer(plan.tokenizer)) {
    DESA2VA_ASSIGN(const TokenizerFacts facts, examine_tokenizer(plan.tokenizer));
    report.rows = std::max(report.rows, facts.size);
    return {};
  }
  if (!request.tokenizer.empty())
    return usage(
        fmt::format("--tokenizer: no vocab.json or tokenizer.json in {}", request.tokenizer));
  plan.tokenizer.clear();
  if (!request.internvl.empty() && request.checkpoint.empty())
    report.rows += static_cast<std::int64_t>(added_tokens().size());
  report.notes.push_back(fmt::format(
      "{} has no tokenizer (vocab.json or tokenizer.json); before this is trained or used, import "
      "again with --tokenizer DIR or set data.tokenizer",
      plan.published.string()));
  return {};
}

Result<Plan> make_plan(const ImportRequest& request, ImportReport& report) {
  Plan plan;
  DESA2VA_ASSIGN(plan.sources, open_sources(request));
  plan.published = request.sa2va.empty() ? request.internvl : request.sa2va;
  if (!fs::is_directory(plan.published)) plan.published = plan.published.parent_path();
  // The file first, as the user gave it: an error in it is the user's.
  DESA2VA_ASSIGN(const config::Loaded given, load_config(request, request.overrides));
  DESA2VA_ASSIGN(auto keys, derive_keys(request, plan, given, report.notes));
  DESA2VA_TRY(find_tokenizer(request, plan, report));
  keys.push_back(fmt::format("llm.vocab_size={}", report.rows));
  keys.insert(keys.end(), request.overrides.begin(), request.overrides.end());
  DESA2VA_ASSIGN(config::Loaded loaded, load_config(request, keys));
  plan.config = std::move(loaded.config);
  plan.match =
      match(plan.sources,
            parameters::inventory(plan.config.model, parameters::preset_of(plan.config.preset)));
  if (request.skip_unexpected) report.skipped = std::exchange(plan.match.unexpected, {});
  if (plan.match.good()) return plan;
  return usage("ckpt import: the files do not fit the model" + plan.match.describe());
}

struct Target {
  fs::path run_dir, store;
  std::optional<RunDir> held;
};

Result<Target> claim_target(const ImportRequest& request) {
  Target target;
  fs::path to = fs::absolute(request.to).lexically_normal();
  if (!to.has_filename()) to = to.parent_path();
  const bool is_store = fs::exists(to / "catalog" / "CURRENT") || to.filename() == "checkpoints";
  target.store = is_store ? to : to / "checkpoints";
  target.run_dir = is_store && to.filename() == "checkpoints" ? to.parent_path() : to;
  if (!is_store || target.run_dir != to) {
    DESA2VA_ASSIGN(target.held, RunDir::claim(target.run_dir.string()));
  }
  const auto catalog = checkpoint::Catalog::open_read_only(target.store);
  if (!catalog && catalog.error().code() == Errc::NotFound) return target;
  if (!catalog) return Error(catalog.error()).in(target.store.string());
  DESA2VA_ASSIGN(const auto steps, catalog->steps());
  if (!steps.empty() && steps.back() > 0)
    return usage(
        fmt::format("--to: {} is a run with {} checkpoints up to step {}; import into "
                    "another directory",
                    target.run_dir.string(), steps.size(), steps.back()));
  if (!steps.empty() && !request.replace)
    return usage(fmt::format("--to: {} holds imported weights already; --replace replaces them",
                             target.run_dir.string()));
  return target;
}

// Tokenizer, configuration and the published config.json, beside the checkpoint.
Result<void> write_beside(Plan& plan, const Target& target) {
  if (!plan.tokenizer.empty()) {
    const fs::path folder = target.run_dir / "tokenizer";
    DESA2VA_TRY(copy_tokenizer(plan.tokenizer, folder));
    plan.config.data.tokenizer = folder.string();
  }
  std::error_code error;
  for (const char* name : {"config.json", "generation_config.json"}) {
    if (!fs::exists(plan.published / name)) continue;
    fs::create_directories(target.run_dir / "source", error);
    fs::copy_file(plan.published / name, target.run_dir / "source" / name,
                  fs::copy_options::overwrite_existing, error);
    if (error)
      return usage(fmt::format("{}/source/{}: {}", target.run_dir.string(), name, error.message()));
  }
  plan.config.run.dir = target.run_dir.string();
  plan.config.model.init_from.clear();
  return replace_file(config::config_file(target.run_dir.string()), config::to_yaml(plan.config))
      .in("config.yaml");
}

Result<void> write_store(const ImportRequest& request, const Plan& plan, const Target& target,
                         const Progress& progress, ImportReport& report) {
  const auto preset = parameters::preset_of(plan.config.preset);
  const auto inventory = parameters::inventory(plan.config.model, preset);
  ImportedValues values(plan.match, plan.config, request.keep_dtype);
  std::uint64_t all = 0, done = 0;
  for (const auto& parameter : inventory)
    all += static_cast<std::uint64_t>(parameter.numel()) * size_of(values.dtype(parameter.name));
  DESA2VA_ASSIGN(auto catalog, checkpoint::Catalog::open(target.store));
  checkpoint::Manifest manifest;
  manifest.facts["source"] =
      request.sa2va.empty() ? request.internvl + " + " + request.sam2 : request.sa2va;
  if (!request.checkpoint.empty()) manifest.facts["source"] += " + " + request.checkpoint;
  manifest.config = config::to_yaml(plan.config);
  for (const Role role : {Role::Mllm, Role::Decoupler, Role::Sam2}) {
    DESA2VA_ASSIGN(auto writer,
                   checkpoint::PartWriter::create(target.store, to_string(Rank{role, 0}), 0, {}));
    for (const auto& parameter : inventory) {
      if (parameters::owner(parameter.name) != role) continue;
      const std::string& name = parameter.name;
      DESA2VA_TRY(writer.add(name, values.dtype(name), parameter.shape,
                             [&](std::uint64_t first, MutableByteSpan out) -> Result<void> {
                               DESA2VA_TRY(values.read(name, first, out));
                               done += out.size();
                               if (progress) progress(done, all);
                               return {};
                             }));
      const bool from_file = plan.match.origins.at(name).source != nullptr;
      ++(from_file ? report.imported : report.initialised);
      ++report.tensors;
    }
    DESA2VA_ASSIGN(const auto receipt, writer.finish());
    DESA2VA_TRY(manifest.add(receipt));
  }
  report.bytes = all;
  report.copied = plan.match.copied.size();
  report.imported -= report.copied;
  DESA2VA_TRY(catalog.commit(manifest));
  DESA2VA_ASSIGN([[maybe_unused]] const auto removed,
                 catalog.gc(1));  // what a replaced import left
  return {};
}

}  // namespace

Result<ImportReport> import_weights(const ImportRequest& request, const Progress& progress) {
  DESA2VA_TRY(check_request(request));
  ImportReport report;
  DESA2VA_ASSIGN(Plan plan, make_plan(request, report));
  DESA2VA_ASSIGN(const Target target, claim_target(request));
  DESA2VA_TRY(write_beside(plan, target));
  DESA2VA_TRY(write_store(request, plan, target, progress, report));
  report.run_dir = target.run_dir.string();
  report.store = target.store.string();
  report.config = plan.config;
  return report;
}

}  // namespace desa2va::launcher
