#include "common/weights/names.h"

#include <algorithm>
#include <array>

namespace desa2va::weights {
namespace {

constexpr std::string_view kTrainerPrefix = "mllm.model.";
constexpr std::string_view kLlm = "language_model.";
constexpr std::string_view kWrapper = "base_model.model.";
constexpr std::string_view kBaseLayer = ".base_layer";
constexpr std::array<std::string_view, 7> kLoraTargets = {
    "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};

// "...q_proj.weight" and "...q_proj.bias", not "...q_proj.lora_A.default.weight".
bool is_wrapped_linear(std::string_view path) {
  const auto leaf = path.rfind('.');
  if (leaf == std::string_view::npos) return false;
  const auto owner = path.substr(0, leaf);
  const auto dot = owner.rfind('.');
  const auto target = dot == std::string_view::npos ? owner : owner.substr(dot + 1);
  return std::find(kLoraTargets.begin(), kLoraTargets.end(), target) != kLoraTargets.end();
}

}  // namespace

std::string canonical_name(std::string_view path) {
  std::string name(kTrainerPrefix);
  if (!path.starts_with(kLlm)) return name.append(path);
  name.append(kLlm).append(kWrapper);
  const auto rest = path.substr(kLlm.size());
  if (!is_wrapped_linear(rest)) return name.append(rest);
  const auto leaf = rest.rfind('.');
  return name.append(rest.substr(0, leaf)).append(kBaseLayer).append(rest.substr(leaf));
}

std::string model_path(std::string_view name) {
  if (name.starts_with(kTrainerPrefix)) name.remove_prefix(kTrainerPrefix.size());
  std::string path(name);
  if (!name.starts_with(kLlm)) return path;
  if (name.substr(kLlm.size()).starts_with(kWrapper)) path.erase(kLlm.size(), kWrapper.size());
  if (const auto at = path.rfind(kBaseLayer); at != std::string::npos) {
    path.erase(at, kBaseLayer.size());
  }
  return path;
}

}  // namespace desa2va::weights
