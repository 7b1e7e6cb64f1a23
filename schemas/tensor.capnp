@0xc5a1d3f0b7e24a61;
# A tensor inside a message: what it is here, its bytes in a payload frame behind the header.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("desa2va::schema");

struct Tensor {
  dtype @0 :UInt8;          # DType of common/base/host_tensor.h
  shape @1 :List(Int64);    # row-major; empty: a scalar
  payload @2 :UInt16;       # which payload frame holds the bytes (numel * size of dtype)
}
