#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "common/tensor/device.h"
#include "common/tensor/guarded.h"
#include "common/weights/safetensors.h"
#include "tests/golden/registry.h"
#include "tests/golden/verdicts.h"

// golden_check [--data DIR]... PATH...: runs every golden case among the files and folders named,
// prints the error of every tensor, the largest of every module and, last, "N passed, N failed".
// Exit 1 if any failed, 2 for wrong use or a device that is not there.
namespace desa2va::golden {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUsage =
    "usage: golden_check [--data DIR]... [--device cpu|cuda|cuda:N] PATH...\n"
    "  PATH         a case (.safetensors, .json) or a folder of cases\n"
    "  --data DIR   where assets such as qwen/qwen.tiktoken lie; a folder `data` beside a folder\n"
    "               above the case or the current folder is searched as well\n"
    "  --device D   where the modules compute: cpu (default), or a CUDA device, in float32 "
    "without\n"
    "               TF32; cases without a module run where they always do\n";

// What all cases of one call share.
struct Setting {
  Registry registry;
  std::vector<fs::path> folders;  // of --data
  std::string device = "cpu";
};

Registry all_families() {
  Registry registry;
  add_mllm_cases(registry);
  add_optim_cases(registry);
  add_weights_cases(registry);
#ifdef DESA2VA_GOLDEN_SAM2
  add_sam2_cases(registry);
#endif
#ifdef DESA2VA_GOLDEN_METHOD
  add_method_cases(registry);
#endif
#ifdef DESA2VA_GOLDEN_DATA
  add_data_cases(registry);
#endif
#ifdef DESA2VA_GOLDEN_TEXT
  add_text_cases(registry);
#endif
#ifdef DESA2VA_GOLDEN_METRICS
  add_metrics_cases(registry);
#endif
  return registry;
}

// DIR/data and DIR/shared/data for every DIR above `from`.
void add_neighbours(const fs::path& from, std::vector<fs::path>& folders) {
  for (auto folder = fs::absolute(from).lexically_normal(); folder.has_relative_path();
       folder = folder.parent_path()) {
    for (const fs::path& candidate :
         {folder.parent_path() / "data", folder.parent_path() / "shared" / "data"}) {
      std::error_code ignored;
      if (fs::is_directory(candidate, ignored)) folders.push_back(candidate);
    }
  }
}

void run_case(const std::string& name, const std::string& module, const Registry::Run& run, Case c,
              Verdicts& verdicts) {
  if (const auto done = tensor::guarded([&] { run(c); }); !done) {
    c.check(false, done.error().message());
  }
  c.finish();
  verdicts.add(name, module, c);
}

// `named`: the user named this file, so it must be a case.
void run_file(const fs::path& path, bool named, const Setting& setting, Verdicts& verdicts) {
  const Registry& registry = setting.registry;
  std::vector<fs::path> folders = setting.folders;
  const auto name = path.parent_path().filename() / path.filename();
  add_neighbours(path.parent_path(), folders);
  add_neighbours(fs::current_path(), folders);
  if (path.extension() == ".json") {
    const auto* run = registry.find_json_file(path.filename());
    if (run == nullptr) return verdicts.skip(name, "no code here reads this file");
    std::ifstream file(path);
    auto document = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
    if (document.is_discarded()) return verdicts.fail(name, "this is no JSON");
    return run_case(name, path.stem(), *run,
                    Case(path, std::move(document), {}, std::move(folders)), verdicts);
  }
  auto file = weights::read_safetensors(path);
  if (!file) return verdicts.fail(name, file.error().message());
  if (!file->metadata.contains("case")) {
    if (const auto* run = registry.find_tensor_file(path.filename()))
      return run_case(name, path.stem(), *run,
                      Case(path, {}, std::move(file->tensors), std::move(folders)), verdicts);
    if (named) verdicts.skip(name, "the file is no case");
    return;  // weights that other cases read
  }
  auto spec = nlohmann::json::parse(file->metadata["case"], nullptr, false);
  if (!spec.is_object() || !spec.contains("module") || !spec["module"].is_string()) {
    return verdicts.fail(name, "the metadata `case` names no module");
  }
  const std::string module = spec["module"];
  const auto* run = registry.find_module(module);
  if (run == nullptr) return verdicts.skip(name, "no code here runs module " + module);
  run_case(
      name, module, *run,
      Case(path, std::move(spec), std::move(file->tensors), std::move(folders), setting.device),
      verdicts);
}

void run_path(const fs::path& path, const Setting& setting, Verdicts& verdicts) {
  if (fs::is_regular_file(path)) return run_file(path, true, setting, verdicts);
  if (!fs::is_directory(path)) return verdicts.fail(path, "there is no such file or folder");
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    const auto& file = entry.path();
    const bool hostile = file.parent_path().filename().string().starts_with("malformed");
    if (!entry.is_regular_file()) continue;
    if ((file.extension() == ".safetensors" && !hostile) || file.extension() == ".json")
      files.push_back(file);
  }
  std::sort(files.begin(), files.end());
  for (const auto& file : files) run_file(file, false, setting, verdicts);
}

int run_all(const std::vector<std::string>& arguments) {
  Setting setting{all_families(), {}, "cpu"};
  std::vector<fs::path> paths;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--help") {
      fmt::print("{}", kUsage);
      return 0;
    }
    if (arguments[i] == "--data" && i + 1 < arguments.size()) {
      setting.folders.emplace_back(arguments[++i]);
    } else if (arguments[i] == "--device" && i + 1 < arguments.size()) {
      auto device = tensor::find_device(arguments[++i], /*replica=*/0);
      if (!device) {
        fmt::print(stderr, "golden_check: --device {}\n", device.error().message());
        return 2;
      }
      setting.device = std::move(*device);
    } else if (arguments[i].starts_with("--")) {
      fmt::print(stderr, "golden_check: unknown option {}\n{}", arguments[i], kUsage);
      return 2;
    } else {
      paths.emplace_back(arguments[i]);
    }
  }
  if (paths.empty()) {
    fmt::print(stderr, "{}", kUsage);
    return 2;
  }
  Verdicts verdicts;
  for (const auto& path : paths) run_path(path, setting, verdicts);
  verdicts.print_summary();
  return verdicts.any_failed() ? 1 : 0;
}

}  // namespace
}  // namespace desa2va::golden

int main(int argc, char** argv) {
  try {
    return desa2va::golden::run_all({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    fmt::print(stderr, "golden_check: {}\n", error.what());
    return 70;
  }
}
