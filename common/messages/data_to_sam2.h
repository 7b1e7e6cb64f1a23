#pragma once

#include <cstdint>
#include <vector>

#include "common/base/host_tensor.h"

// data -> sam2 (schemas/data_to_sam2.capnp).
namespace desa2va::messages {

// Masks of one sample (phase A: of one object), at the size of its original pictures.
struct Masks {
  std::int64_t height = 0;
  std::int64_t width = 0;
  HostTensor bits;  // u8 [objects * frames, height, ceil(width / 8)], object-major; first pixel in
                    // the lowest bit of its row
};

struct Frames {
  HostTensor frames;             // u8 [F, 3, S, S], RGB
  HostTensor frames_per_sample;  // i64 [K], only samples with frames, in batch order
  HostTensor object_counts;      // i64 [K]
  HostTensor samples;            // i64 [K], which sample of the batch each entry is
  std::vector<Masks> masks;      // K entries; phase A: one an object, in the order of object_frame
  HostTensor object_frame;       // i64 [O], phase A: index into frames; else [0]
  HostTensor object_text;        // i64 [O], phase A: row of Batch::real_text_ids; else [0]
  bool reprompt = false;         // this microbatch's draw for reprompt.train_prob
};

}  // namespace desa2va::messages
