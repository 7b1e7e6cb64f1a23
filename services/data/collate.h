#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/messages/data_to_mllm.h"
#include "common/messages/data_to_sam2.h"
#include "common/preprocess/text/tokenizer.h"
#include "services/data/assemble.h"

// Samples to the two messages of a microbatch.
namespace desa2va::data {

// Ids of texts (first `max_tokens`; an empty text is <|endoftext|>), right-padded with 0.
void set_real_texts(const text::Tokenizer& tokenizer, std::span<const std::string> texts,
                    std::int64_t max_tokens, messages::Batch& batch);

messages::Batch collate_batch(const config::Config& config, const text::Tokenizer& tokenizer,
                              std::span<const Part> parts);
messages::Frames collate_frames(const config::Config& config, std::span<const Part> parts);

// Phase A: only texts, each distinct one once, in the order of their first object.
struct PhaseAMessages {
  messages::Batch batch;
  messages::Frames frames;
};
PhaseAMessages collate_phase_a(const config::Config& config, const text::Tokenizer& tokenizer,
                               std::span<const FramePart> parts);

}  // namespace desa2va::data
