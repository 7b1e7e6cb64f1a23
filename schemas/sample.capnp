@0xb1f7c2d94e6a0835;
# One sample of a data set as a shard keeps it: written by an importer, read by the data service.
# The values are those of common/datasets/sample.h; unknown enumerants are refused by the reader.
# Equal samples are equal bytes: one segment, fields set in this order, no padding that varies.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("desa2va::schema");

struct Sample {
  dataset @0 :Text;
  split @1 :Text;
  id @2 :Text;
  kind @3 :UInt8;                   # SampleKind
  status @4 :UInt8;                 # SampleStatus
  reason @5 :Text;
  media @6 :List(MediaRef);
  frames @7 :List(UInt32);          # of a video file: numbers of the frames with masks
  expressions @8 :List(Expression);
  caption @9 :Text;
  turns @10 :List(Turn);
  source @11 :Text;                 # JSON, for tools
  foreground @12 :List(Mask);       # ReVOS: all that could be meant, per frame

  struct MediaRef {
    hashHigh @0 :UInt64;            # XXH3-128 of the file; zero: the file is missing
    hashLow @1 :UInt64;
    kind @2 :UInt8;                 # MediaKind
    path @3 :Text;
    width @4 :UInt32;               # pixels, as shown (upright)
    height @5 :UInt32;
    rgbCrc32 @6 :UInt32;
    frames @7 :UInt32 = 1;          # of a video: how many it shows
  }

  struct Mask {
    height @0 :UInt32;              # pixels
    width @1 :UInt32;
    counts @2 :Text;                # COCO's compressed run lengths
  }

  struct Expression {
    id @0 :Text;
    texts @1 :List(Text);
    shortTexts @2 :List(Text);
    verbatim @3 :Bool;
    hasSpan @4 :Bool;
    spanBegin @5 :UInt32;           # characters (code points) of the caption
    spanEnd @6 :UInt32;
    masks @7 :List(Mask);
    source @8 :Text;                # JSON, for tools
  }

  struct Turn {
    question @0 :Text;
    answer @1 :Text;
  }
}
