#include "launcher/weights/published_config.h"

#include <fstream>
#include <sstream>

namespace desa2va::launcher {
namespace {

using Json = nlohmann::ordered_json;

class Reader {
 public:
  explicit Reader(const Json& root) : root_(root) {}

  // "llm_config.hidden_size" -> the value, null where it is absent.
  const Json& at(const std::string& path) const {
    static const Json kNull;
    const Json* here = &root_;
    std::istringstream parts(path);
    for (std::string part; std::getline(parts, part, '.');) {
      if (!here->is_object() || !here->contains(part)) return kNull;
      here = &(*here)[part];
    }
    return *here;
  }

  // key=value where the field is there.
  void number(const std::string& path, const std::string& key) {
    const Json& value = at(path);
    if (value.is_null()) return;
    if (!value.is_number()) return wrong(path, "a number");
    keys.push_back(key + "=" + value.dump());
  }
  void flag(const std::string& path, const std::string& key) {
    const Json& value = at(path);
    if (value.is_null()) return;
    if (!value.is_boolean()) return wrong(path, "true or false");
    keys.push_back(key + "=" + value.dump());
  }
  // The one value that this program can do; absent is that one.
  void only(const std::string& path, const Json& allowed) {
    const Json& value = at(path);
    if (!value.is_null() && value != allowed) wrong(path, allowed.dump());
  }
  void wrong(const std::string& path, const std::string& allowed) {
    if (failure.empty())
      failure = fmt::format("config.json: {} is {}; allowed: {}", path, at(path).dump(), allowed);
  }

  std::vector<std::string> keys;
  std::string failure;

 private:
  const Json& root_;
};

}  // namespace

Result<Json> read_config_json(const std::filesystem::path& folder) {
  const auto path = folder / "config.json";
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Errc::NotFound, "{}: cannot be read", path.string());
  Json root = Json::parse(in, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return fail(Errc::Corrupt, "{}: is no JSON object", path.string());
  return root;
}

Result<std::vector<std::string>> keys_from(const Json& config) {
  Reader reader(config);
  reader.only("downsample_ratio", 0.5);
  reader.only("ps_version", "v2");
  reader.only("select_layer", -1);
  reader.number("min_dynamic_patch", "vit.min_tiles");
  reader.number("max_dynamic_patch", "vit.max_tiles");
  reader.flag("use_thumbnail", "vit.use_thumbnail");
  const std::string vit = "vision_config.";
  reader.only(vit + "qk_normalization", false);
  reader.only(vit + "norm_type", "layer_norm");
  reader.only(vit + "hidden_act", "gelu");
  reader.number(vit + "image_size", "vit.image_size");
  reader.number("force_image_size", "vit.image_size");
  for (const char* name : {"patch_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
                           "intermediate_size", "layer_norm_eps"})
    reader.number(vit + name, std::string("vit.") + name);
  reader.flag(vit + "qkv_bias", "vit.qkv_bias");
  const std::string llm = "llm_config.";
  const Json& architectures = reader.at(llm + "architectures");
  if (!architectures.is_null() && architectures != Json::array({"Qwen2ForCausalLM"}))
    reader.wrong(llm + "architectures", "[\"Qwen2ForCausalLM\"]");
  reader.only(llm + "hidden_act", "silu");
  reader.only(llm + "use_sliding_window", false);
  // "dynamic" changes nothing within the length the model was trained for.
  const Json& scaling = reader.at(llm + "rope_scaling");
  if (!scaling.is_null() && reader.at(llm + "rope_scaling.type") != "dynamic")
    reader.wrong(llm + "rope_scaling", "null or type dynamic");
  for (const char* name :
       {"hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
        "intermediate_size", "rope_theta", "rms_norm_eps", "initializer_range"})
    reader.number(llm + name, std::string("llm.") + name);
  if (reader.failure.empty()) return std::move(reader.keys);
  return Error(Errc::InvalidArgument, reader.failure);
}

Result<std::vector<std::string>> method_keys(const std::filesystem::path& folder) {
  const auto path = folder / "desa2va_config.json";
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::vector<std::string>();
  const Json root = Json::parse(in, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object() || !root.contains("keys") || !root["keys"].is_object())
    return fail(Errc::Corrupt, "{}: is no JSON object with keys", path.string());
  std::vector<std::string> keys;
  for (const auto& [key, value] : root["keys"].items())
    keys.push_back(key + "=" + (value.is_string() ? value.get<std::string>() : value.dump()));
  return keys;
}

Json sa2va_config(const config::Config& config, const Json& original, std::int64_t rows,
                  const std::string& dtype) {
  const auto& vit = config.model.vit;
  const auto& llm = config.model.llm;
  Json out = original.is_object() ? original : Json::object();
  out["architectures"] = {"Sa2VAChatModel"};
  out["auto_map"] = {{"AutoConfig", "configuration_sa2va_chat.Sa2VAChatConfig"},
                     {"AutoModel", "modeling_sa2va_chat.Sa2VAChatModel"},
                     {"AutoModelForCausalLM", "modeling_sa2va_chat.Sa2VAChatModel"}};
  out["model_type"] = "sa2va_chat";
  out["downsample_ratio"] = 0.5;
  out["dynamic_image_size"] = true;
  out["force_image_size"] = vit.image_size;
  out["hidden_size"] = llm.hidden_size;
  out["max_dynamic_patch"] = vit.max_tiles;
  out["min_dynamic_patch"] = vit.min_tiles;
  out["pad2square"] = false;
  out["ps_version"] = "v2";
  out["select_layer"] = -1;
  out["template"] = config.prompt.template_name;
  out["tie_word_embeddings"] = false;
  out["torch_dtype"] = dtype;
  out["use_thumbnail"] = vit.use_thumbnail;
  Json& language = out["llm_config"];
  language["architectures"] = {"Qwen2ForCausalLM"};
  language["model_type"] = "qwen2";
  language["hidden_act"] = "silu";
  language["hidden_size"] = llm.hidden_size;
  language["initializer_range"] = llm.initializer_range;
  language["intermediate_size"] = llm.intermediate_size;
  if (!language.contains("max_position_embeddings")) language["max_position_embeddings"] = 32768;
  language["num_attention_heads"] = llm.num_attention_heads;
  language["num_hidden_layers"] = llm.num_hidden_layers;
  language["num_key_value_heads"] = llm.num_key_value_heads;
  language["rms_norm_eps"] = llm.rms_norm_eps;
  language["rope_theta"] = llm.rope_theta;
  language["tie_word_embeddings"] = false;
  language["torch_dtype"] = dtype;
  language["vocab_size"] = rows;
  Json& vision = out["vision_config"];
  vision["architectures"] = {"InternVisionModel"};
  vision["model_type"] = "intern_vit_6b";
  vision["hidden_act"] = "gelu";
  vision["hidden_size"] = vit.hidden_size;
  vision["image_size"] = vit.image_size;
  vision["intermediate_size"] = vit.intermediate_size;
  vision["layer_norm_eps"] = vit.layer_norm_eps;
  vision["norm_type"] = "layer_norm";
  vision["num_attention_heads"] = vit.num_attention_heads;
  vision["num_channels"] = 3;
  vision["num_hidden_layers"] = vit.num_hidden_layers;
  vision["patch_size"] = vit.patch_size;
  vision["qk_normalization"] = false;
  vision["qkv_bias"] = vit.qkv_bias;
  vision["torch_dtype"] = dtype;
  return out;
}

}  // namespace desa2va::launcher
