#include "common/synth/pickle_writer.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>

namespace desa2va::synth {

namespace {

void append_little_endian(std::string& out, std::uint32_t word) {
  for (unsigned shift = 0; shift < 32; shift += 8)
    out += static_cast<char>((word >> shift) & 0xFFU);
}

void append_text(std::string& out, const std::string& text) {
  out += 'X';  // BINUNICODE
  append_little_endian(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

void append(std::string& out, const nlohmann::json& value) {
  using Kind = nlohmann::json::value_t;
  switch (value.type()) {
    case Kind::boolean:
      out += value.get<bool>() ? '\x88' : '\x89';  // NEWTRUE, NEWFALSE
      return;
    case Kind::number_integer:
    case Kind::number_unsigned: {
      const auto number = value.get<std::int64_t>();
      if (number < std::numeric_limits<std::int32_t>::min() ||
          number > std::numeric_limits<std::int32_t>::max()) {
        break;
      }
      out += 'J';  // BININT
      append_little_endian(out, static_cast<std::uint32_t>(static_cast<std::int32_t>(number)));
      return;
    }
    case Kind::number_float: {
      const auto bits = std::bit_cast<std::uint64_t>(value.get<double>());
      out += 'G';  // BINFLOAT, big-endian
      for (int shift = 56; shift >= 0; shift -= 8) {
        out += static_cast<char>((bits >> static_cast<unsigned>(shift)) & 0xFFU);
      }
      return;
    }
    case Kind::string:
      append_text(out, value.get_ref<const std::string&>());
      return;
    case Kind::array:
      out += "](";  // EMPTY_LIST, MARK
      for (const auto& item : value) append(out, item);
      out += 'e';  // APPENDS
      return;
    case Kind::object:
      out += "}(";  // EMPTY_DICT, MARK
      for (const auto& [key, item] : value.items()) {
        append_text(out, key);
        append(out, item);
      }
      out += 'u';  // SETITEMS
      return;
    default:
      break;
  }
  out += 'N';  // None
}

}  // namespace

std::string to_pickle(const nlohmann::json& value) {
  std::string out = "\x80\x02";  // PROTO 2
  append(out, value);
  return out + '.';  // STOP
}

}  // namespace desa2va::synth
