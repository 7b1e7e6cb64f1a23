#pragma once

#include <string_view>

// Which tensors beyond Sa2VA a preset has.
namespace desa2va::models {

struct ModelParts {
  bool text_branch = false;  // text_mask_decoder and linear_real_text (phase A trains them)
  bool decoupler = false;    // linear_text, linear_vision, discriminators, CLUB, fusion gate

  // "baseline" has neither, "baseline_pretrain" the text branch, the "desa2va" presets both.
  static constexpr ModelParts of(std::string_view preset) {
    if (preset == "baseline") return {false, false};
    if (preset == "baseline_pretrain") return {true, false};
    return {true, true};
  }
};

}  // namespace desa2va::models
