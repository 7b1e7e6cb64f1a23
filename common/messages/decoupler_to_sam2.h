#pragma once

#include "common/base/host_tensor.h"

// decoupler <-> sam2 (schemas/decoupler_to_sam2.capnp). n rows, d = sam2.dim.
namespace desa2va::messages {

struct Prompts {
  HostTensor text;       // f32 [n, d] h_t; baseline and phase A: [0, d]
  HostTensor visual;     // f32 [n, d] h_v; baseline: z; phase A: [0, d]
  HostTensor real_text;  // f32 [n, d] h_r; baseline: [0, d]
  HostTensor sample;     // i64 [n], the sample of each row; phase A: [0]
};

struct PromptGradients {
  HostTensor text;       // f32 [n, d], d(total / M) / d h_t
  HostTensor visual;     // f32 [n, d], of h_v (baseline: of z)
  HostTensor real_text;  // f32 [n, d], of h_r; only in phase A, else [0, d]
  HostTensor reference;  // f32 [n, d], v*; only in B and C with adversarial terms, else [0, d]
};

}  // namespace desa2va::messages
