@0xd2c6b1e5a0934f12;
# data -> mllm. One Batch for every microbatch, in microbatch order, also when it has no rows. A
# restart sends it again with the same bytes: it is a function of (config, seed, phase, microbatch).
using Cxx = import "/capnp/c++.capnp";
using Tensor = import "/schemas/tensor.capnp".Tensor;
$Cxx.namespace("desa2va::schema");

struct Batch {
  ids @0 :Tensor;               # i64 [B, L], right-padded with 0
  labels @1 :Tensor;            # i64 [B, L], -100: no loss
  lengths @2 :Tensor;           # i64 [B]
  tilesPerSample @3 :Tensor;    # i64 [B]
  tiles @4 :Tensor;             # u8 [T, 3, s, s], RGB; normalised in mllm
  segCounts @5 :Tensor;         # i64 [B], [SEG] tokens of each sample that have an object
  realTextIds @6 :Tensor;       # i64 [n, Lt], right-padded with 0; one row per [SEG] (phase A: per text)
  realTextLengths @7 :Tensor;   # i64 [n]
  regionsPerSample @8 :Tensor;  # i64 [B], regions that the conversation is about (Osprey)
  regions @9 :Tensor;           # u8 [R, g, g], in sample order; 1 where a cell of the sample's last tile
                                # belongs to the region; g * g are the tokens of a tile
}
