#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

#include "common/base/ids.h"
#include "common/config/model.h"
#include "common/models/desa2va/fixed_objects.h"
#include "common/models/desa2va/parts.h"
#include "common/models/desa2va/points.h"
#include "common/models/desa2va/references.h"
#include "common/models/weights/parameters.h"

// What the sam2 role holds and computes: frames to features, prompts to masks, masks to losses.
// Every function throws c10::Error on wrong shapes; call through `tensor::guarded`.
namespace desa2va::models {

// Where the two decoders' tensors are named.
inline constexpr std::string_view kVisualDecoder = "grounding_encoder.sam2_model.sam_mask_decoder.";
inline constexpr std::string_view kTextDecoder = "grounding_encoder.text_mask_decoder.";

// Raw FPN outputs, before conv_s0 / conv_s1 and without no_mem_embed: S = image_size, C = dim.
struct EncodedFrames {
  at::Tensor p1;  // (F, C, S/4, S/4)
  at::Tensor p2;  // (F, C, S/8, S/8)
  at::Tensor p3;  // (F, C, S/16, S/16)
};

// Loss values as numbers, already weighted inside a branch (2.0 BCE, 0.5 Dice) but not by w_* and
// not divided by M. Names: {mask,dice,iou}_{visual,text,fused,visual_reprompt}, ortho; in phase A
// mask_text and dice_text. `total` is what to call backward on (after dividing by M); it carries
// w_*. Undefined `total`: nothing to train in this microbatch.
struct MaskLosses {
  std::map<std::string, double> values;
  at::Tensor total;
};

struct PhaseAInput {
  EncodedFrames frames;
  at::Tensor h_r;                          // (n, C), a leaf with gradient: one row per text
  std::vector<std::int64_t> object_frame;  // per object, its frame of the microbatch
  std::vector<std::int64_t> object_text;   // per object, its row of h_r
  at::Tensor targets;                      // (O, S/4, S/4) float, see `resize_masks`
};
struct PhaseAResult {
  MaskLosses losses;
  at::Tensor logits;               // (O, S/4, S/4), detached
  std::vector<std::int64_t> best;  // chosen mask per object, 0-based among masks 1..3
};

struct JointInput {
  EncodedFrames frames;
  at::Tensor h_t, h_v, h_r;  // (n, C), one row per [SEG]; h_t and h_v leaves with gradient.
                             // Baselines: h_v = z alone, the others undefined
  std::vector<SampleCounts> samples;  // prompts of all samples add up to n
  DecoderEntries entries;             // fix_objects(samples, ...)
  at::Tensor targets;  // (sum objects * frames, S/4, S/4) float, object-major per sample
};
struct JointOptions {
  Phase phase = Phase::C;    // B: no fusion, no reprompt
  bool reprompt = false;     // the microbatch's draw (only in C and where enabled)
  bool keep_logits = false;  // fill JointResult::logits (tests, pictures)
};
struct JointResult {
  MaskLosses losses;
  at::Tensor v_ref;  // (n, C): P3 pooled under each object's masks, all its frames together
  double alpha = 0;  // mean share of the visual mask in the fusion (phase C)
  std::int64_t labels_kept = 0;
  std::map<std::string, at::Tensor> logits;  // detached, (N, S/4, S/4) and (N) integers
};

// Masks of single prompts, for evaluation. All (N, S/4, S/4) logits; (N) scores.
struct Prediction {
  at::Tensor visual, text, fused, reprompted;  // undefined where the model has no such branch
  at::Tensor alpha, iou_visual, iou_text;
};

// Belongs to one thread. Parameters are float32 on the CPU unless moved; names are the
// checkpoint's. What comes in lies on the model's device; what goes out does too.
class SamSegmenter {
 public:
  SamSegmenter(const config::ModelConfig& config, ModelParts parts);
  ~SamSegmenter();
  SamSegmenter(SamSegmenter&&) noexcept;
  SamSegmenter& operator=(SamSegmenter&&) noexcept;

  // frames: uint8 (F, 3, S, S), RGB. Without `with_grad` nothing is kept for a backward.
  EncodedFrames encode(const at::Tensor& frames, bool with_grad);

  // Text pre-training: every object is one (frame, text, mask) triple.
  PhaseAResult phase_a(const PhaseAInput& input, const PointSource& points);

  // Phases B, C and the baselines.
  JointResult joint(const JointInput& input, const JointOptions& options,
                    const PointSource& points);

  // No gradient. frame_index: (N), the frame of each prompt; h_t may be undefined (baselines).
  // `reprompt`: second pass with the fused mask as a dense prompt.
  Prediction predict(const EncodedFrames& frames, const at::Tensor& h_t, const at::Tensor& h_v,
                     const std::vector<std::int64_t>& frame_index, bool reprompt);
  // Masks of the text decoder for real-text prompts (phase A's own evaluation).
  at::Tensor predict_real_text(const EncodedFrames& frames, const at::Tensor& h_r,
                               const std::vector<std::int64_t>& frame_index);

  // Handles under full checkpoint names: grounding_encoder.sam2_model.*,
  // grounding_encoder.text_mask_decoder.*, fusion.gate.*. A new model holds uninitialised memory
  // and asks for no gradients: `initialise` or `load`, then `enable_gradients`.
  NamedTensors named_parameters() const;
  // The parameters and the Gaussian matrix of the prompt encoder: what a checkpoint holds.
  NamedTensors named_state() const;
  // First weights (model.md 5.15); text_mask_decoder starts as a copy of sam_mask_decoder.
  void initialise(std::uint64_t seed);

  // Keeps a second copy of the visual decoder and of the mask prompt's convolutions as they were
  // before training: what `KeyframePredictor` propagates with. `tensors` holds exactly
  // `original_names()`.
  std::vector<std::string> original_names() const;
  void keep_original(const std::map<std::string, HostTensor>& tensors);

  // Moves everything ("cuda:0") and gives image encoder and decoders `type`. Prompt encoder,
  // memory, gate and the decoders' two heads stay float32; masks, scores and losses are float32
  // always.
  void to(const std::string& device, at::ScalarType type = at::kFloat);

  // Copies the decoder's tensors; both directions are commits of a phase, nothing trains across.
  void text_decoder_from_visual();
  void visual_decoder_from_text();

 private:
  struct Impl;
  friend class VideoPredictor;
  friend class KeyframePredictor;
  std::unique_ptr<Impl> impl_;
};

}  // namespace desa2va::models
