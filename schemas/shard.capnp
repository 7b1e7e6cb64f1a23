@0xd0b6f1c27a3e5941;
# Values inside the SST files of a dataset directory (docs/formats.md has keys and files).
# One writer, once; any number of readers, for ever. Nothing here is ever changed after it was
# published; new fields may be added at the end, and a reader that does not know them ignores them.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("desa2va::schema");

struct StoredSample {
  key @0 :Text;              # unique in the dataset, stable over imports
  media @1 :Data;            # 16 bytes (XXH3-128, big-endian) for each medium the payload points to
  broken @2 :Text;           # empty: usable; else why training must not draw it
  payload @3 :Data;          # a Sample, opaque to the store
}

struct StoredCosts {         # of consecutive samples
  costs @0 :List(Cost);

  struct Cost {
    frames @0 :Int64;        # frames that the sample can draw from
    pixels @1 :Int64;        # width * height of one frame
    tokens @2 :Int64 = -1;   # of all its words, without templates and pictures; -1: not known
    objects @3 :Int64;       # referred objects, or turns
    textBytes @4 :Int64;     # UTF-8 bytes of all sentences
    decodeMs @5 :Float32 = -1;  # milliseconds to decode one frame at import; -1: not known
    tiles @6 :Int32 = -1;    # square pictures that the ViT sees of it; -1: not known
  }
}

struct StoredMedia {         # value of the index: where the bytes of a hash are
  file @0 :UInt32;           # media-<file>.sst
  number @1 :UInt64;         # key in that file
  bytes @2 :UInt64;
  offset @3 :UInt64;         # of the bytes in that file; 0: not known, seek the key
}

struct StoredVideoIndex {    # frame index of a video: which frames it really has, in the order shown
  packets @0 :UInt32;        # video packets with data
  frames @1 :List(Frame);
  starts @2 :List(UInt32);   # packets from which decoding may start, ascending
  decodeError @3 :Text;      # the first error met, empty: none

  struct Frame {
    pts @0 :Int64;           # in the stream's time base, ascending
    content @1 :UInt64;      # XXH3-64 of the decoded planes
    packet @2 :UInt32;       # number of the packet it is decoded from, in file order
    type @3 :UInt8;          # 'I', 'P', 'B' or '?'
    keyframe @4 :Bool;
    damaged @5 :Bool;        # decoded with errors, or predicted from such a frame
  }
}
