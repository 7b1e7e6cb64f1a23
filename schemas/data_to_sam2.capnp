@0xe81f7a44c2d05b39;
# data -> sam2. One Frames for every microbatch, in microbatch order, also without frames.
using Cxx = import "/capnp/c++.capnp";
using Tensor = import "/schemas/tensor.capnp".Tensor;
$Cxx.namespace("desa2va::schema");

struct Frames {
  frames @0 :Tensor;            # u8 [F, 3, S, S], RGB
  framesPerSample @1 :Tensor;   # i64 [K]: only samples with frames, in batch order
  objectCounts @2 :Tensor;      # i64 [K]
  samples @3 :Tensor;           # i64 [K]: which sample of the batch each entry is
  masks @4 :List(Masks);        # K entries; phase A: one an object, in the order of objectFrame
  objectFrame @5 :Tensor;       # i64 [O], phase A: the frame of each object, else [0]
  objectText @6 :Tensor;        # i64 [O], phase A: the real text of each object, else [0]
  reprompt @7 :Bool;            # the microbatch's draw for `reprompt.train_prob`
}

struct Masks {
  height @0 :UInt32;
  width @1 :UInt32;
  bits @2 :Tensor;              # u8 [objects * frames, height, ceil(width / 8)], object-major, first pixel in the lowest bit of its row
}
