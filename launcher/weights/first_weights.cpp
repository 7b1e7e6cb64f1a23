#include "launcher/weights/first_weights.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/ranges.h>

#include "common/config/load.h"
#include "common/config/run_files.h"
#include "common/parameters/inventory.h"
#include "common/storage/checkpoint/catalog.h"
#include "common/storage/checkpoint/compare.h"
#include "launcher/weights/tokenizer_files.h"

namespace desa2va::launcher {
namespace {

namespace fs = std::filesystem;
using checkpoint::Manifest;
using checkpoint::TensorRecord;

constexpr std::string_view kVisualDecoder = "grounding_encoder.sam2_model.sam_mask_decoder.";
constexpr std::string_view kTextDecoder = "grounding_encoder.text_mask_decoder.";
constexpr std::size_t kMostListed = 20;

Error usage(std::string message) {
  return Error(Errc::InvalidArgument, std::move(message)).with_exit(ExitCode::Usage);
}

struct Chosen {
  std::vector<TensorRecord> tensors;  // under our names, owned by the role's first rank
  std::vector<std::string> random;    // what is not there
};

// The record that our tensor starts from; null where there is none.
const TensorRecord* record_for(const Manifest& manifest, const std::string& name) {
  if (const auto* found = manifest.find(name)) return found;
  if (!name.starts_with(kTextDecoder)) return nullptr;
  return manifest.find(std::string(kVisualDecoder) + name.substr(kTextDecoder.size()));
}

Result<Chosen> choose(const config::Config& config, const Manifest& manifest) {
  Chosen chosen;
  std::vector<std::string> wrong;
  for (const auto& parameter :
       parameters::inventory(config.model, parameters::preset_of(config.preset))) {
    const auto* found = record_for(manifest, parameter.name);
    if (found == nullptr) {
      chosen.random.push_back(parameter.name);
      continue;
    }
    if (found->shape != parameter.shape) {
      wrong.push_back(fmt::format("{}: [{}] there, [{}] by the configuration", parameter.name,
                                  fmt::join(found->shape, ", "), fmt::join(parameter.shape, ", ")));
      continue;
    }
    TensorRecord record = *found;
    record.name = parameter.name;
    record.owner = to_string(Rank{parameters::owner(parameter.name), 0});
    chosen.tensors.push_back(std::move(record));
  }
  if (!wrong.empty()) {
    const auto shown = std::min(wrong.size(), kMostListed);
    return usage(fmt::format(
        "{} tensors do not fit:\n  {}{}\ntake the sizes of its config.yaml (vit, llm, sam2)",
        wrong.size(),
        fmt::join(wrong.begin(), wrong.begin() + static_cast<std::ptrdiff_t>(shown), "\n  "),
        shown < wrong.size() ? "\n  ..." : ""));
  }
  if (chosen.tensors.empty()) return usage("it has no tensor of this model");
  return chosen;
}

// The published config.json goes along, for a later export.
void bring_source(const fs::path& store, const std::string& run_dir) {
  const fs::path source = store.parent_path() / "source";
  std::error_code ignored;
  if (fs::is_directory(source, ignored))
    fs::copy(source, fs::path(run_dir) / "source",
             fs::copy_options::recursive | fs::copy_options::overwrite_existing, ignored);
}

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Weights and tokens must speak the same language.
bool other_tokens(const config::Config& config, const fs::path& store) {
  const fs::path ours = config.data.tokenizer.empty() ? fs::path(config.data.shards) / "tokenizer"
                                                      : fs::path(config.data.tokenizer);
  const fs::path theirs = store.parent_path() / "tokenizer";
  if (!has_tokenizer(ours) || !has_tokenizer(theirs)) return false;
  return text_of(ours / "vocab.json") != text_of(theirs / "vocab.json");
}

Result<void> check_own_start(const config::Config& config, const std::string& store) {
  const auto catalog = checkpoint::Catalog::open_read_only(store);
  if (!catalog && catalog.error().code() == Errc::NotFound) return {};
  if (!catalog) return Error(catalog.error()).in(store);
  DESA2VA_ASSIGN(const auto steps, catalog->steps());
  if (steps.empty() || steps.front() != 0) return {};
  DESA2VA_ASSIGN(const Manifest manifest, catalog->load(0));
  if (auto chosen = choose(config, manifest); !chosen)
    return std::move(chosen.error()).in("the weights imported into " + store);
  return {};
}

}  // namespace

Result<void> put_first_weights(const config::Config& config, const std::string& run_dir,
                               const std::function<void(const std::string&)>& say) {
  const std::string& from = config.model.init_from;
  const std::string store = config::checkpoint_dir(run_dir);
  if (from.empty()) return check_own_start(config, store);
  auto address = checkpoint::parse_address(from);
  if (!address) return std::move(address.error()).in("init.from").with_exit(ExitCode::Usage);
  auto manifest = checkpoint::load(*address);
  if (!manifest) {
    Error error = std::move(manifest.error()).in("init.from");
    return error.code() == Errc::Corrupt ? std::move(error).with_exit(ExitCode::Storage)
                                         : std::move(error);
  }
  std::error_code error;
  if (fs::equivalent(address->store, store, error)) return check_own_start(config, store);
  DESA2VA_ASSIGN(Chosen chosen, choose(config, *manifest).in("init.from: " + from));
  Manifest start;
  start.facts["init.from"] = fmt::format("{}@{}", from, manifest->step);
  start.config = config::to_yaml(config);
  std::sort(chosen.tensors.begin(), chosen.tensors.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  start.tensors = std::move(chosen.tensors);
  // What an earlier attempt put there; nothing was trained yet.
  fs::remove_all(store, error);
  DESA2VA_ASSIGN(auto catalog, checkpoint::Catalog::open(store));
  DESA2VA_ASSIGN([[maybe_unused]] const auto copied, catalog.commit_copy(start, address->store));
  bring_source(address->store, run_dir);
  say(fmt::format("first weights: {} tensors from {} (step {}), {} at random{}",
                  start.tensors.size(), from, manifest->step, chosen.random.size(),
                  chosen.random.empty() ? "" : ", such as " + chosen.random.front()));
  if (other_tokens(config, address->store))
    say(
        fmt::format("warning: the tokenizer of this run is not the one beside the first weights; "
                    "data.tokenizer={} is",
                    (address->store.parent_path() / "tokenizer").string()));
  return {};
}

}  // namespace desa2va::launcher
