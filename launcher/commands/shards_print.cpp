#include "launcher/commands/shards_print.h"

#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace desa2va::launcher {

using Json = nlohmann::ordered_json;

void print_json(const Json& document, int indent) {
  fmt::print("{}\n", document.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace));
}

Json catalog_json(const shards::Catalog& catalog) {
  Json json = {{"dataset", catalog.dataset},
               {"kind", catalog.kind},
               {"created_by", catalog.created_by},
               {"samples", catalog.samples},
               {"usable", catalog.samples - catalog.broken.size()},
               {"media", catalog.media},
               {"media_bytes", catalog.media_bytes},
               {"text",
                {{"samples_with_text", catalog.text.samples_with_text},
                 {"bytes", catalog.text.bytes},
                 {"longest_bytes", catalog.text.longest_bytes},
                 {"objects", catalog.text.objects}}},
               {"numerics", catalog.numerics},
               {"facts", catalog.facts},
               {"broken", Json::array()},
               {"files", Json::array()}};
  for (const auto& one : catalog.broken) {
    json["broken"].push_back({{"number", one.number}, {"key", one.key}, {"reason", one.reason}});
  }
  for (const auto& file : catalog.files) {
    json["files"].push_back({{"name", file.name},
                             {"kind", file.kind},
                             {"bytes", file.bytes},
                             {"entries", file.entries},
                             {"xxh3_128", file.hash.hex()}});
  }
  return json;
}

void print_catalog(const std::string& dir, const shards::Catalog& catalog) {
  fmt::print("{}: dataset '{}', {} samples ({} usable), {} media of {}\n", dir, catalog.dataset,
             catalog.samples, catalog.samples - catalog.broken.size(), catalog.media,
             format_bytes(catalog.media_bytes));
  fmt::print(
      "  text: {} in {} samples, longest {}; {} objects or turns\n",
      format_bytes(static_cast<std::uint64_t>(catalog.text.bytes)), catalog.text.samples_with_text,
      format_bytes(static_cast<std::uint64_t>(catalog.text.longest_bytes)), catalog.text.objects);
  for (const auto& [name, text] : catalog.facts) fmt::print("  {}: {}\n", name, text);
  for (const auto& file : catalog.files) {
    fmt::print("  {:20} {:>10} {:>8} entries  {}\n", file.name, format_bytes(file.bytes),
               file.entries, file.hash.hex());
  }
  for (const auto& one : catalog.broken) {
    fmt::print("  broken: {} {}: {}\n", one.number, one.key, one.reason);
  }
}

Result<std::uint64_t> parse_size(const std::string& option, const std::string& text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {{"", 1},
                                                                   {"B", 1},
                                                                   {"KiB", 1024},
                                                                   {"MiB", 1048576},
                                                                   {"GiB", 1073741824},
                                                                   {"TiB", 1099511627776.0},
                                                                   {"KB", 1e3},
                                                                   {"MB", 1e6},
                                                                   {"GB", 1e9},
                                                                   {"TB", 1e12},
                                                                   {"K", 1024},
                                                                   {"M", 1048576},
                                                                   {"G", 1073741824}};
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc{} && std::isfinite(number) && number > 0) {
    for (const auto& [unit, factor] : kUnits) {
      if (unit == std::string_view(rest, static_cast<std::size_t>(end - rest)) &&
          number * factor >= 1 && number * factor < 1e18)
        return static_cast<std::uint64_t>(number * factor);
    }
  }
  return fail(Errc::InvalidArgument, "{}: '{}' is no size; give one like 256MiB, 1.5GiB or 64MB",
              option, text);
}

}  // namespace desa2va::launcher
