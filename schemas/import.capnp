@0xc4d90b6be1f7a25e;
# What an import that may be interrupted has learnt about one media file; lives in the hidden folder
# of the unfinished data set only (docs/formats.md).
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("desa2va::schema");

struct DecodedMedia {
  path @0 :Text;             # below the root of import
  bytes @1 :UInt64;          # of the file, when it was read
  modifiedNs @2 :Int64;      # since 1970
  kind @3 :UInt8;            # MediaKind
  problem @4 :Text;          # empty: usable, else why not
  remark @5 :Text;
  storedAs @6 :Text;
  hashHigh @7 :UInt64;       # XXH3-128 of the content
  hashLow @8 :UInt64;
  width @9 :UInt32;          # as shown
  height @10 :UInt32;
  rgbCrc32 @11 :UInt32;
  frames @12 :UInt32;
  decodeMs @13 :Float64;
  frameIndex @14 :Data;      # of videos: a StoredVideoIndex message
}
