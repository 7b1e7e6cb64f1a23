#pragma once

#include "common/base/host_tensor.h"

// mllm <-> decoupler (schemas/mllm_to_decoupler.capnp). n [SEG] tokens, D the LLM's width.
namespace desa2va::messages {

struct SegStates {
  HostTensor hidden;     // f32 [n, D]; phase A: [0, D]
  HostTensor real_text;  // f32 [n, D]; phase A: one row a distinct text; baseline: [0, D]
  HostTensor sample;     // i64 [n], the sample of each row; phase A: [0]
};

struct SegGradients {
  HostTensor hidden;  // f32 [n, D], d(total / M) / d hidden
};

}  // namespace desa2va::messages
