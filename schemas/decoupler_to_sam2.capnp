@0xa94e2d7f60c1b853;
# decoupler <-> sam2. Prompts goes down, PromptGradients comes back, both for every microbatch.
using Cxx = import "/capnp/c++.capnp";
using Tensor = import "/schemas/tensor.capnp".Tensor;
$Cxx.namespace("desa2va::schema");

struct Prompts {
  text @0 :Tensor;              # f32 [n, dim] h_t; baseline and phase A: [0, dim]
  visual @1 :Tensor;            # f32 [n, dim] h_v; baseline: z; phase A: [0, dim]
  realText @2 :Tensor;          # f32 [n, dim] h_r; baseline: [0, dim]
  sample @3 :Tensor;            # i64 [n], the sample of each row
}

struct PromptGradients {
  text @0 :Tensor;              # f32 [n, dim] d(total / M) / d h_t
  visual @1 :Tensor;            # f32 [n, dim] of h_v (baseline: of z)
  realText @2 :Tensor;          # f32 [n, dim] of h_r, phase A only, else [0, dim]
  reference @3 :Tensor;         # f32 [n, dim] v*: frozen features pooled under each object's mask
}
