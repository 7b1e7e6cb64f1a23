#include "launcher/weights/import_sources.h"

#include <algorithm>
#include <set>

#include <fmt/ranges.h>

#include "common/weights/names.h"

namespace desa2va::launcher {
namespace {

constexpr std::string_view kSam = "grounding_encoder.sam2_model.";
constexpr std::string_view kMllm = "mllm.";
constexpr std::string_view kEmbedding =
    "mllm.model.language_model.base_model.model.model.embed_tokens.weight";
constexpr std::string_view kHead = "mllm.model.language_model.base_model.model.lm_head.weight";
constexpr std::string_view kVisualDecoder = "grounding_encoder.sam2_model.sam_mask_decoder.";
constexpr std::string_view kTextDecoder = "grounding_encoder.text_mask_decoder.";
constexpr std::size_t kMostListed = 60;  // of each kind

bool has_more_rows(std::string_view name) {
  return name == kEmbedding || name == kHead;
}

// ".lora_A.weight", as peft writes it, is ".lora_A.default.weight" in the trainer.
std::string with_default(std::string name) {
  for (const std::string part : {".lora_A.", ".lora_B."}) {
    const auto at = name.find(part);
    if (at != std::string::npos && name.substr(at + part.size()) == "weight")
      name.insert(at + part.size(), "default.");
  }
  return name;
}

std::string mllm_name(const std::string& name) {
  return with_default(weights::canonical_name(weights::model_path(name)));
}

std::string ungamma(std::string name) {
  constexpr std::string_view kNew = ".g_weight";
  if (name.ends_with(kNew)) name.replace(name.size() - kNew.size(), kNew.size(), ".gamma");
  return name;
}

// What the method adds to the published models.
bool may_be_missing(std::string_view name) {
  return name.starts_with("decoupler.") || name.starts_with("text_hidden_fcs.") ||
         name.starts_with("fusion.") || name.starts_with("grounding_encoder.text_mask_decoder.") ||
         name.find(".lora_") != std::string_view::npos;
}

bool fits(const std::string& name, const std::vector<std::int64_t>& there,
          const std::vector<std::int64_t>& ours) {
  if (there == ours) return true;
  return has_more_rows(name) && there.size() == 2 && ours.size() == 2 && there[1] == ours[1] &&
         there[0] > 0 && there[0] < ours[0];
}

// As the user's files call it.
std::string published(const std::string& name) {
  if (name.starts_with(kSam)) return name.substr(kSam.size());
  return name.starts_with(kMllm) ? weights::model_path(name) : name;
}

std::string list(const std::string& kind, const std::vector<std::string>& items) {
  if (items.empty()) return {};
  const auto shown = std::min(items.size(), kMostListed);
  std::string text = fmt::format(
      "\n{} {}:\n  {}", items.size(), kind,
      fmt::join(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(shown), "\n  "));
  if (shown < items.size()) text += fmt::format("\n  ... and {} more", items.size() - shown);
  return text;
}

}  // namespace

std::string our_name(SourceKind kind, const std::string& name) {
  switch (kind) {
    case SourceKind::InternVl:
      return mllm_name(name);
    case SourceKind::Sam2:
      return std::string(kSam) + name;
    case SourceKind::Sa2va:
      if (name.starts_with(kSam)) return ungamma(name);
      if (name.starts_with("text_hidden_fcs.")) return name;
      return mllm_name(name);
    case SourceKind::Checkpoint:
      break;
  }
  const bool language = name.starts_with(kMllm) || name.starts_with("vision_model.") ||
                        name.starts_with("language_model.") || name.starts_with("mlp1.") ||
                        name.starts_with("base_model.model.");
  if (!language) return ungamma(name);
  if (name.starts_with("base_model.model.")) return mllm_name("language_model." + name);
  return mllm_name(name);
}

std::string Match::describe() const {
  return list("tensors are missing", missing) +
         list("tensors have no place in the model", unexpected) +
         list("tensors have another shape", wrong_shape);
}

Match match(const std::vector<NamedSource>& sources,
            const std::vector<parameters::Parameter>& inventory) {
  Match out;
  std::set<std::string> wrong;
  std::map<std::string, const parameters::Parameter*> ours;
  for (const auto& parameter : inventory) {
    ours.emplace(parameter.name, &parameter);
    out.origins[parameter.name] = {};
  }
  for (const auto& [kind, source] : sources) {
    for (const auto& [name, info] : source->tensors()) {
      const std::string target = our_name(kind, name);
      const auto place = ours.find(target);
      if (place == ours.end()) {
        out.unexpected.push_back(
            fmt::format("{} {} in {}", name, weights::describe(info), source->describe()));
        continue;
      }
      if (!fits(target, info.shape, place->second->shape)) {
        wrong.insert(target);
        out.wrong_shape.push_back(fmt::format("{} {} in {}, the model has [{}]", name,
                                              weights::describe(info), source->describe(),
                                              fmt::join(place->second->shape, ", ")));
        continue;
      }
      if (info.dtype != DType::F32 && info.dtype != DType::F16 && info.dtype != DType::BF16 &&
          info.dtype != DType::F64) {
        wrong.insert(target);
        out.wrong_shape.push_back(fmt::format("{} {} in {}, allowed are f32, f64, f16 and bf16",
                                              name, weights::describe(info), source->describe()));
        continue;
      }
      out.origins[target] = {source.get(), name, info};
    }
  }
  for (auto& [name, origin] : out.origins) {
    if (origin.source != nullptr || wrong.contains(name)) continue;
    if (name == kHead && out.origins.at(std::string(kEmbedding)).source != nullptr) {
      origin = out.origins.at(std::string(kEmbedding));
      out.copied.push_back(name);
    } else if (name.starts_with(kTextDecoder)) {
      const auto visual =
          out.origins.find(std::string(kVisualDecoder) + name.substr(kTextDecoder.size()));
      if (visual != out.origins.end()) origin = visual->second;
      out.copied.push_back(name);
    } else if (!may_be_missing(name)) {
      out.missing.push_back(
          fmt::format("{} [{}]", published(name), fmt::join(ours.at(name)->shape, ", ")));
    }
  }
  return out;
}

}  // namespace desa2va::launcher
