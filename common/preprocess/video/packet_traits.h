#pragma once

#include "common/base/bytes.h"

namespace desa2va::preprocess {

// The codecs whose packets we can look into without decoding them.
enum class PacketSyntax : std::uint8_t {
  Unknown,     // nothing is known: every packet may be needed
  H264,        // NAL units with lengths or start codes
  Hevc,        // the same
  Mpeg4Part2,  // start codes
  Mpeg1or2,    // start codes
};

struct PacketTraits {
  // No other packet's picture is predicted from this one: left out, the others decode to the same.
  bool disposable = false;
  // Sets parameters of the whole stream, which stay in force in the decoder.
  bool parameters = false;
};

// How packets of a stream are laid out, from what the container says about it.
class PacketReader {
 public:
  PacketReader() = default;
  // `extradata` as the container holds it: avcC or hvcC mean NAL units with lengths.
  PacketReader(PacketSyntax syntax, ByteSpan extradata);

  // Reads headers only; what makes no sense is taken as needed by others. Pure; any thread.
  PacketTraits traits(ByteSpan packet) const;

 private:
  PacketTraits nal_traits(ByteSpan packet) const;

  PacketSyntax syntax_ = PacketSyntax::Unknown;
  std::size_t length_size_ = 0;  // bytes of a NAL unit's length; 0: start codes
};

}  // namespace desa2va::preprocess
