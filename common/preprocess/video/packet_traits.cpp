#include "common/preprocess/video/packet_traits.h"

#include <optional>

namespace desa2va::preprocess {

namespace {

std::uint8_t byte_at(ByteSpan bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}

// The position behind the next 00 00 01, or nothing.
std::optional<std::size_t> behind_start_code(ByteSpan bytes, std::size_t at) {
  for (; at + 3 <= bytes.size(); ++at) {
    if (byte_at(bytes, at) == 0 && byte_at(bytes, at + 1) == 0 && byte_at(bytes, at + 2) == 1)
      return at + 3;
  }
  return std::nullopt;
}

// What one NAL unit says.
struct Nal {
  bool picture = false;     // holds (a part of) a picture
  bool referenced = false;  // which others are predicted from
  bool parameters = false;
};

Nal read_h264(std::uint8_t header) {
  const unsigned type = header & 0x1fU;
  Nal nal;
  nal.picture = type >= 1 && type <= 5;
  nal.referenced = (header & 0x60U) != 0;
  nal.parameters = type == 7 || type == 8;
  return nal;
}

// Even types up to 14 are no reference within their temporal layer; with a single layer, which is
// what id 0 in all of them means to us, for nobody.
Nal read_hevc(std::uint8_t header, std::uint8_t second) {
  const unsigned type = (header >> 1U) & 0x3fU;
  const unsigned temporal_id = (second & 7U) - 1U;
  Nal nal;
  nal.picture = type < 32;
  nal.referenced = type > 14 || type % 2 != 0 || temporal_id != 0;
  nal.parameters = type >= 32 && type <= 34;
  return nal;
}

// Every picture of the packet is bidirectional: others are never predicted from such.
PacketTraits startcode_traits(ByteSpan packet, bool mpeg4) {
  bool any = false;
  bool all = true;
  bool parameters = false;
  for (auto at = behind_start_code(packet, 0); at; at = behind_start_code(packet, *at)) {
    if (*at + 2 >= packet.size()) break;
    const std::uint8_t code = byte_at(packet, *at);
    if (mpeg4 && code == 0xb6) {
      any = true;
      all = all && byte_at(packet, *at + 1) >> 6U == 2;
    } else if (!mpeg4 && code == 0x00) {
      any = true;
      all = all && ((byte_at(packet, *at + 2) >> 3U) & 7U) == 3;
    } else if (mpeg4 ? code <= 0x2f : code == 0xb3) {
      parameters = true;
    }
  }
  return {any && all, parameters};
}

}  // namespace

PacketReader::PacketReader(PacketSyntax syntax, ByteSpan extradata) : syntax_(syntax) {
  const bool configuration = !extradata.empty() && byte_at(extradata, 0) == 1;
  if (syntax == PacketSyntax::H264 && configuration && extradata.size() >= 7)
    length_size_ = (byte_at(extradata, 4) & 3U) + 1;
  if (syntax == PacketSyntax::Hevc && configuration && extradata.size() >= 23)
    length_size_ = (byte_at(extradata, 21) & 3U) + 1;
}

PacketTraits PacketReader::traits(ByteSpan packet) const {
  switch (syntax_) {
    case PacketSyntax::H264:
    case PacketSyntax::Hevc:
      return nal_traits(packet);
    case PacketSyntax::Mpeg4Part2:
      return startcode_traits(packet, true);
    case PacketSyntax::Mpeg1or2:
      return startcode_traits(packet, false);
    case PacketSyntax::Unknown:
      break;
  }
  return {};
}

PacketTraits PacketReader::nal_traits(ByteSpan packet) const {
  PacketTraits traits;
  bool picture = false;
  bool referenced = false;
  const auto look = [&](std::size_t at) {
    const std::uint8_t header = byte_at(packet, at);
    const Nal nal = syntax_ == PacketSyntax::H264 ? read_h264(header)
                                                  : read_hevc(header, byte_at(packet, at + 1));
    picture = picture || nal.picture;
    referenced = referenced || (nal.picture && nal.referenced);
    traits.parameters = traits.parameters || nal.parameters;
  };
  bool whole = true;
  if (length_size_ == 0) {
    for (auto at = behind_start_code(packet, 0); at && *at + 2 <= packet.size();
         at = behind_start_code(packet, *at))
      look(*at);
  } else {
    std::size_t at = 0;
    while (at + length_size_ + 2 <= packet.size()) {
      std::size_t length = 0;
      for (std::size_t i = 0; i < length_size_; ++i)
        length = length << 8U | byte_at(packet, at + i);
      at += length_size_;
      if (length < 2 || length > packet.size() - at) break;
      look(at);
      at += length;
    }
    whole = at == packet.size();
  }
  traits.disposable = whole && picture && !referenced && !traits.parameters;
  return traits;
}

}  // namespace desa2va::preprocess
