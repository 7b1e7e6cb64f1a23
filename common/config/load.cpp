#include "common/config/load.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/config/keys.h"
#include "common/config/layers.h"
#include "common/config/parse.h"
#include "common/config/rules.h"

namespace desa2va::config {
namespace {

Result<std::string> read_text(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || !text)
    return fail(Errc::NotFound, "{}: cannot be read; is the path right?", file)
        .with_exit(ExitCode::Usage);
  return text.str();
}

// The last value given for a key that chooses a layer, before any layer is applied.
Result<std::string> chosen(std::string_view key, std::string_view text, const Layer& layer,
                           const std::vector<std::string>& overrides) {
  DESA2VA_ASSIGN(std::string value, peek_yaml(text, layer, key));
  const std::string prefix = std::string(key) + "=";
  for (const std::string& item : overrides) {
    if (item.starts_with(prefix)) value = item.substr(prefix.size());
  }
  return value;
}

void make_absolute(std::string& path, const std::string& base) {
  if (path.empty() || base.empty()) return;
  namespace fs = std::filesystem;
  path = (fs::path(base) / path).lexically_normal().string();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
}

void make_paths_absolute(Config& config, const std::string& base) {
  make_absolute(config.run.dir, base);
  make_absolute(config.data.shards, base);
  make_absolute(config.data.tokenizer, base);
  make_absolute(config.model.init_from, base);
  if (config.data.recipe.kind != "none") return;  // then relative to what the recipe made
  make_absolute(config.data.root, base);
  for (auto* mixture : {&config.data.mixture, &config.eval.mixture}) {
    for (DatasetConfig& item : *mixture) {
      if (config.data.root.empty()) {
        make_absolute(item.path, base);
      } else if (item.path.empty() && !item.importer.empty()) {
        item.path = config.data.root;
      } else {
        make_absolute(item.path, config.data.root);
      }
    }
  }
}

Result<Loaded> load_layers(std::string_view text, const Layer& file,
                           const std::vector<std::string>& overrides, const std::string& base) {
  Loaded loaded;
  DESA2VA_ASSIGN(const std::string preset, chosen("preset", text, file, overrides));
  DESA2VA_TRY(apply_yaml(preset_layer(preset), Layer{"preset " + preset}, loaded));
  DESA2VA_ASSIGN(const std::string variant, chosen("sam2.variant", text, file, overrides));
  DESA2VA_TRY(apply_yaml(variant_layer(variant), Layer{"sam2.variant " + variant}, loaded));
  DESA2VA_TRY(apply_yaml(text, file, loaded));
  for (const std::string& item : overrides) DESA2VA_TRY(apply_override(item, loaded));
  make_paths_absolute(loaded.config, base);
  DESA2VA_TRY(apply_rules(loaded));
  return loaded;
}

}  // namespace

Result<Loaded> load_text(std::string_view text, const std::string& name,
                         const std::vector<std::string>& overrides, const std::string& base) {
  return load_layers(text, Layer{.name = name, .has_lines = true}, overrides, base);
}

Result<Loaded> load_stored(std::string_view text, const std::string& name,
                           const std::vector<std::string>& overrides) {
  return load_layers(text, Layer{.name = name, .has_lines = true, .stored = true}, overrides, "");
}

Result<Loaded> load(const std::string& file, const std::vector<std::string>& overrides,
                    const std::string& base) {
  DESA2VA_ASSIGN(const std::string text, read_text(file));
  return load_text(text, file, overrides, base);
}

Result<Config> load_run(const std::string& run_dir) {
  const std::string file = run_dir + "/config.yaml";
  DESA2VA_ASSIGN(const std::string text, read_text(file));
  DESA2VA_ASSIGN(Loaded loaded, load_stored(text, file, {}));
  return std::move(loaded.config);
}

std::vector<Difference> resume_conflicts(const Config& run, const Config& now) {
  Config old_config = run;  // the table binds to fields that may be written
  Config new_config = now;
  std::map<std::string, std::pair<std::string, std::string>> values;
  std::vector<std::string> order;
  const auto add = [&](Config& config, bool is_old) {
    for (const Key& key : all_keys(config)) {
      const auto [entry, fresh] = values.try_emplace(key.path, "-", "-");
      if (fresh) order.push_back(key.path);
      (is_old ? entry->second.first : entry->second.second) = value_text(key);
    }
  };
  add(old_config, true);
  add(new_config, false);
  std::vector<Difference> differences;
  for (const std::string& path : order) {
    const auto& [was, is] = values.at(path);
    if (was != is && !may_differ_on_resume(path)) differences.push_back({path, was, is});
  }
  return differences;
}

}  // namespace desa2va::config
