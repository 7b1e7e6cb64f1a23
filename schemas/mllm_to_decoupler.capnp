@0xf3b09c6d1e7845a2;
# mllm <-> decoupler. SegStates goes down for every microbatch, SegGradients comes back for every
# microbatch of B and C, in the same order. In phase A hidden has no rows and nothing comes back.
using Cxx = import "/capnp/c++.capnp";
using Tensor = import "/schemas/tensor.capnp".Tensor;
$Cxx.namespace("desa2va::schema");

struct SegStates {
  hidden @0 :Tensor;            # f32 [n, D], final-norm states at the [SEG] positions
  realText @1 :Tensor;          # f32 [n, D] (phase A: one row per distinct text)
  sample @2 :Tensor;            # i64 [n], the sample of each row
}

struct SegGradients {
  hidden @0 :Tensor;            # f32 [n, D], d(total / M) / d hidden
}
