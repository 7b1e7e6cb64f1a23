#pragma once

#include "common/base/host_tensor.h"

// data -> mllm (schemas/data_to_mllm.capnp). B samples, L the longest of them, T tiles, n [SEG]s
// that have an object.
namespace desa2va::messages {

struct Batch {
  HostTensor ids;               // i64 [B, L], right-padded with 0; phase A: [0, 0]
  HostTensor labels;            // i64 [B, L], -100 where there is no loss
  HostTensor lengths;           // i64 [B]
  HostTensor tiles_per_sample;  // i64 [B]; 0 for a text-only sample
  HostTensor tiles;             // u8 [T, 3, s, s], RGB
  HostTensor seg_counts;  // i64 [B], adds to n: the first so many [SEG]s of a sample go on, others
                          // take part in the language loss alone
  HostTensor real_text_ids;  // i64 [n, Lt], right-padded with 0; phase A: one row a distinct text
  HostTensor real_text_lengths;  // i64 [n]
  // Regions a conversation is about: each takes the embeddings of its cells of the sample's last
  // tile, in the places that follow those of the tiles. g * g are the tokens of a tile.
  HostTensor regions_per_sample;  // i64 [B]
  HostTensor regions;             // u8 [R, g, g], in sample order, 1 inside
};

}  // namespace desa2va::messages
