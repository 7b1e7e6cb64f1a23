@0x9f3a7be2d4c81056;
# Checkpoints. A rank writes chunks into a part file and tells the coordinator so with a Receipt;
# the coordinator collects one Receipt of every rank into a Manifest and writes that to the catalog
# in one synced write, which is the commit. A Receipt may be repeated or lost: without a Manifest
# its part counts for nothing. After a restart the newest Manifest is the state of the run.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("desa2va::schema");

struct StoredChunk {
  hashHigh @0 :UInt64;       # XXH3-128 of the chunk's bytes
  hashLow @1 :UInt64;
  bytes @2 :UInt32;          # at most 4 MiB
  number @3 :UInt32;         # key in the part
  part @4 :UInt32;           # index into `parts` of the message
}

struct StoredTensor {
  name @0 :Text;
  dtype @1 :Text;            # "f32", "f64", "f16", "bf16", "i64", "i32", "u8", "bool"
  shape @2 :List(Int64);     # row-major; empty: a scalar
  owner @3 :Text;            # the rank that saved it
  chunks @4 :List(StoredChunk);  # in the order of the bytes
}

struct NamedBytes {
  name @0 :Text;
  bytes @1 :Data;
}

struct NamedText {
  name @0 :Text;
  text @1 :Text;
}

struct StoredReceipt {
  rank @0 :Text;
  step @1 :UInt64;
  part @2 :Text;             # empty: nothing was new
  writtenBytes @3 :UInt64;
  reusedBytes @4 :UInt64;
  parts @5 :List(Text);      # file names that chunks refer to
  tensors @6 :List(StoredTensor);
  blobs @7 :List(NamedBytes);
}

struct StoredManifest {
  step @0 :UInt64;
  phase @1 :UInt8;           # 0 A, 1 B, 2 C
  position @2 :UInt64;       # microbatches since the phase's start
  facts @3 :List(NamedText); # ascending by name
  config @4 :Text;           # YAML
  parts @5 :List(Text);
  tensors @6 :List(StoredTensor);  # ascending by name
  blobs @7 :List(NamedBytes);      # ascending by name
}
