#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/config/model.h"

// Everything a run is told, as plain values; read by load.h, immutable afterwards. Field names are
// the config keys (`train.steps` is Config::train.steps); keys whose name differs say so. Meaning,
// unit, default and range of each key stand together in keys_*.cpp and, generated from there, in
// docs/configuration.md. No YAML in here: any part may include this header.
namespace desa2va::config {

enum class Preset : std::uint8_t { Desa2va, Baseline, Desa2vaNoPretrain, BaselinePretrain };
constexpr bool has_phase_a(Preset preset) {
  return preset == Preset::Desa2va || preset == Preset::BaselinePretrain;
}
// Phase B, the decoupler's tensors, the text decoder in B and C; without it all of C is `baseline`.
constexpr bool has_decoupling(Preset preset) {
  return preset == Preset::Desa2va || preset == Preset::Desa2vaNoPretrain;
}

enum class RunMode : std::uint8_t { Processes, Monolith };
struct RunConfig {
  std::string dir;  // load() makes it absolute, without a slash at the end
  RunMode mode = RunMode::Processes;
  std::int64_t seed = 42;
};

enum class Precision : std::uint8_t { Fp32, Bf16MasterFp32 };
enum class Reduction : std::uint8_t { Fast, Reproducible };
struct TrainConfig {
  std::optional<std::int64_t> steps;       // optimizer updates of all phases; else by epochs
  double epochs = 1;                       // of phases B + C, without `steps`
  std::optional<std::int64_t> stop_after;  // end after this step with a checkpoint
  std::int64_t micro_batches = 32;         // a step; M
  std::int64_t accumulation = 4;           // micro-iterations a step, in schedules only; a
  Precision precision = Precision::Fp32;
  Reduction reduction = Reduction::Fast;
  double lr = 4e-5;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0.05;
  double clip_norm = 1.0;
  double warmup_ratio = 0.05;
  std::int64_t max_skipped_in_row = 10;
  bool activation_checkpointing = false;
};

struct PhaseAConfig {
  double frac = 0.2;         // of train.steps
  double epochs = 1;         // without train.steps
  std::int64_t images = 8;   // frames a microbatch
  std::optional<double> lr;  // train.lr if absent
};
struct PhaseBConfig {
  double frac = 0.1;  // of what phase A leaves
};

// `optim.missing_grad`: a tensor without gradient is left alone, or decayed as with a zero
// gradient.
enum class MissingGrad : std::uint8_t { Skip, Zero };
struct OptimConfig {
  MissingGrad missing_grad = MissingGrad::Skip;
};

struct CheckpointConfig {
  std::int64_t every_steps = 1000;  // 0: only at the end and when stopped
  std::int64_t keep = 2;            // newest that stay
  bool phase_ends = false;          // also one at the end of each phase, which stays
};

// `services.<role>.*`
struct ServiceConfig {
  std::int64_t replicas = 1;
  std::string device = "cpu";  // | cuda | cuda:N
  std::int64_t threads = 1;    // of the compute thread's operators
  std::int64_t in_flight = 4;  // open microbatches
  std::vector<std::string> hosts = {};
  // Of data alone: threads that make microbatches (absent: 2, none in the monolith), and how many
  // bytes they may be ahead.
  std::optional<std::int64_t> workers = {};
  std::int64_t look_ahead_bytes = 256LL << 20U;
};

enum class Edge : std::uint8_t {
  DataToMllm,
  DataToSam2,
  MllmToDecoupler,
  DecouplerToSam2,
  Control
};
inline constexpr std::array kEdges = {Edge::DataToMllm, Edge::DataToSam2, Edge::MllmToDecoupler,
                                      Edge::DecouplerToSam2, Edge::Control};
constexpr std::string_view name(Edge edge) {
  constexpr std::array<std::string_view, 5> kNames = {
      "data_to_mllm", "data_to_sam2", "mllm_to_decoupler", "decoupler_to_sam2", "control"};
  return kNames[static_cast<std::size_t>(edge)];
}

// `transport.<edge>.*`; both directions of the edge.
enum class EdgeKind : std::uint8_t { Auto, Loopback, Ipc, Tcp };
struct EdgeConfig {
  EdgeKind kind = EdgeKind::Auto;
  std::int64_t budget_bytes = 256LL << 20U;  // in flight, each direction
  std::int64_t port_base = 0;                // of tcp, one port a pair of ranks
};

// One member of `data.mixture[]` or `eval.mixture[]`.
struct DatasetConfig {
  std::string name = {};      // of the data set in data.shards
  std::string importer = {};  // mevis | refcoco | refsav | llava; empty: must be there already
  std::string path = {};      // root of the original files; with a recipe relative to what it made
  std::string split = "train";
  std::int64_t repeats = 1;
  double weight = 1;  // times repeats
  std::optional<std::int64_t> max_items = {};
};

// `data.recipe.*`: training data that the project makes itself where data.shards lacks it.
struct RecipeConfig {
  std::string kind = "none";  // | shapes
  // The other keys below data.recipe: fields of the maker (common/synth/recipe.h), which checks
  // them.
  std::map<std::string, std::string, std::less<>> fields = {};
};

enum class OnTimeout : std::uint8_t { Stop, Substitute };
enum class VideoShort : std::uint8_t { Repeat, Reference };
enum class DataGrouping : std::uint8_t { Reference, Cost, None };
enum class StepOrder : std::uint8_t { Cost, Stream };
struct DataConfig {
  std::string shards;     // directory; load() makes it absolute; the launcher fills an empty one
  std::string tokenizer;  // directory with vocab.json, merges.txt; empty: <shards>/tokenizer
  std::int64_t vocabulary = 0;  // ordinary tokens to learn where there is no tokenizer; 0: none
  std::string root;  // what relative paths of mixtures start from; load() makes it absolute
  std::vector<DatasetConfig> mixture;
  RecipeConfig recipe;
  std::optional<std::int64_t>
      group_world;  // of length grouping; absent: micro_batches / accumulation
  DataGrouping grouping = DataGrouping::Reference;
  StepOrder step_order = StepOrder::Cost;
  std::int64_t batch = 2;              // samples a microbatch
  std::int64_t frames_per_sample = 5;  // of a video
  std::int64_t objects_per_sample = 5;
  std::int64_t failure_budget = 100;  // substituted samples a run
  std::int64_t timeout_ms = 60000;    // for one sample
  OnTimeout on_timeout = OnTimeout::Stop;
  VideoShort video_short = VideoShort::Repeat;
  bool clamp_masks = true;
  std::string mask_resize = "nearest";     // | center
  std::int64_t read_ahead = 8;             // microbatches prepared before they are wanted
  bool sampler_reference_repeats = false;  // `sampler.reference_repeats`
};

// `prompt.*` and `encode.*`
struct PromptConfig {
  std::string template_name = "qwen_chat";  // `prompt.template`: | phi3_chat
  bool refcoco_phi3_override = false;
  bool separator_everywhere = false;  // `encode.separator_everywhere`
};

struct InferConfig {
  std::string video_mode = "sa2va";    // | consistent | every_frame
  std::string mllm_frames = "first5";  // | uniform5
  bool text_branch_on_tracked = false;
  std::string memory_dtype = "bfloat16";  // | float32
  std::string sam2_original;              // directory; empty: the run itself
  std::int64_t max_new_tokens = 2048;
};

struct EvalConfig {
  std::vector<DatasetConfig> mixture;  // held-out data
  std::int64_t samples = 200;
  std::int64_t drawings = 8;
};

struct TraceConfig {
  bool enabled = true;
  std::int64_t ring_bytes = 4LL << 20U;  // a process
};

struct Config {
  Preset preset = Preset::Desa2va;
  RunConfig run;
  ModelConfig
      model;  // keys: vit.*, llm.*, sam2.*, decoupler.*, adv.*, club.*, loss.*, ... (model.h)
  TrainConfig train;
  PhaseAConfig phase_a;
  PhaseBConfig phase_b;
  OptimConfig optim;
  CheckpointConfig checkpoint;
  std::map<Role, ServiceConfig> services = {{Role::Data, {}},
                                            {Role::Mllm, {}},
                                            {Role::Decoupler, {}},
                                            {Role::Sam2, {}},
                                            {Role::Coordinator, {}}};
  std::map<Edge, EdgeConfig> transport = {{Edge::DataToMllm, {}},
                                          {Edge::DataToSam2, {}},
                                          {Edge::MllmToDecoupler, {}},
                                          {Edge::DecouplerToSam2, {}},
                                          {Edge::Control, {}}};
  DataConfig data;
  PromptConfig prompt;
  InferConfig infer;
  EvalConfig eval;
  TraceConfig trace;
  bool export_force = false;  // `export.force`

  const ServiceConfig& service(Role role) const { return services.at(role); }
  const EdgeConfig& edge(Edge edge) const { return transport.at(edge); }
  std::int64_t group_world() const {
    return data.group_world.value_or(train.micro_batches / train.accumulation);
  }
};

}  // namespace desa2va::config
