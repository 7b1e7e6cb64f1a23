#include "common/storage/shards/catalog.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/storage/rocks/files.h"
#include "common/storage/shards/layout.h"

namespace desa2va::shards {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kFormatName = "desa2va-shards";
constexpr std::uint64_t kMaxCatalogBytes = 256ULL << 20U;

Json to_json(const Catalog& catalog) {
  Json json;
  json["format"] = kFormatName;
  json["version"] = kFormatVersion;
  json["dataset"] = catalog.dataset;
  json["kind"] = catalog.kind;
  json["created_by"] = catalog.created_by;
  json["samples"] = catalog.samples;
  json["usable"] = catalog.samples - catalog.broken.size();
  json["media"] = catalog.media;
  json["media_bytes"] = catalog.media_bytes;
  json["text"] = {{"samples_with_text", catalog.text.samples_with_text},
                  {"bytes", catalog.text.bytes},
                  {"longest_bytes", catalog.text.longest_bytes},
                  {"objects", catalog.text.objects}};
  json["numerics"] = catalog.numerics;
  json["facts"] = catalog.facts;
  json["broken"] = Json::array();
  for (const auto& one : catalog.broken) {
    json["broken"].push_back({{"number", one.number}, {"key", one.key}, {"reason", one.reason}});
  }
  json["files"] = Json::array();
  for (const auto& file : catalog.files) {
    json["files"].push_back({{"name", file.name},
                             {"kind", file.kind},
                             {"bytes", file.bytes},
                             {"first", file.first},
                             {"entries", file.entries},
                             {"xxh3_128", file.hash.hex()}});
  }
  return json;
}

Result<FileEntry> read_file_entry(const Json& json) {
  FileEntry file;
  file.name = json.at("name");
  file.kind = json.at("kind");
  file.bytes = json.at("bytes");
  file.first = json.at("first");
  file.entries = json.at("entries");
  // A name, never a path: what is read must lie in the directory.
  if (file.name.empty() || file.name.find('/') != std::string::npos) {
    return fail(Errc::Corrupt, "'{}' is no file name", file.name);
  }
  if (file.kind != kMediaKind && file.kind != kSamplesKind && file.kind != kIndexKind) {
    return fail(Errc::Corrupt, "file '{}' is of unknown kind '{}'", file.name, file.kind);
  }
  auto hash = ContentHash::parse(json.at("xxh3_128").get<std::string>());
  if (!hash) return fail(Errc::Corrupt, "file '{}': {}", file.name, hash.error().message());
  file.hash = *hash;
  return file;
}

Result<Catalog> from_json(const Json& json) {
  Catalog catalog;
  if (json.at("format") != kFormatName) {
    return fail(Errc::Corrupt, "format is not '{}'", kFormatName);
  }
  if (const int version = json.at("version"); version != kFormatVersion) {
    return fail(Errc::InvalidArgument,
                "format version {}, this program reads {}: use a newer program", version,
                kFormatVersion);
  }
  catalog.dataset = json.at("dataset");
  catalog.kind = json.at("kind");
  catalog.created_by = json.at("created_by");
  catalog.samples = json.at("samples");
  catalog.media = json.at("media");
  catalog.media_bytes = json.at("media_bytes");
  const auto& text = json.at("text");
  catalog.text = {text.at("samples_with_text"), text.at("bytes"), text.at("longest_bytes"),
                  text.at("objects")};
  catalog.numerics = json.at("numerics").get<std::map<std::string, std::string>>();
  catalog.facts = json.at("facts").get<std::map<std::string, std::string>>();
  for (const auto& one : json.at("broken")) {
    catalog.broken.push_back({one.at("number"), one.at("key"), one.at("reason")});
    const auto& last = catalog.broken.back();
    const bool ascends =
        catalog.broken.size() < 2 || catalog.broken[catalog.broken.size() - 2].number < last.number;
    if (!ascends || last.number >= catalog.samples) {
      return fail(Errc::Corrupt, "broken sample {} is out of order or range", last.number);
    }
  }
  for (const auto& one : json.at("files")) {
    DESA2VA_ASSIGN(auto file, read_file_entry(one));
    catalog.files.push_back(std::move(file));
  }
  return catalog;
}

Result<void> check_hash(const std::string& text, const std::string& checksums) {
  const auto wanted = fmt::format("{}  {}\n", content_hash(as_bytes(text)).hex(), kCatalogFile);
  if (!checksums.starts_with(wanted)) {
    return fail(Errc::Corrupt, "content differs from its hash in {}: one of the two is damaged",
                kChecksumFile);
  }
  return {};
}

}  // namespace

std::vector<std::uint64_t> Catalog::usable() const {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(samples - broken.size());
  auto next = broken.begin();
  for (std::uint64_t number = 0; number < samples; ++number) {
    if (next != broken.end() && next->number == number) {
      ++next;
    } else {
      numbers.push_back(number);
    }
  }
  return numbers;
}

namespace {

Result<std::string> read_catalog_text(const std::filesystem::path& dir) {
  auto text = rocks::read_file(dir / kCatalogFile, kMaxCatalogBytes);
  if (text || text.error().code() != Errc::NotFound) return text;
  return fail(Errc::NotFound, "no dataset in {}: there is no {}", dir.string(), kCatalogFile);
}

Result<Catalog> parse_catalog(const std::string& text, const std::filesystem::path& path) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return fail(Errc::Corrupt, "{} is no JSON document", path.string());
  try {
    return from_json(json).in(path.string());
  } catch (const Json::exception& exception) {
    return fail(Errc::Corrupt, "{}: {}", path.string(), exception.what());
  }
}

}  // namespace

Result<Catalog> load_catalog(const std::filesystem::path& dir) {
  DESA2VA_ASSIGN(const auto text, read_catalog_text(dir));
  auto checksums = rocks::read_file(dir / kChecksumFile, kMaxCatalogBytes);
  if (!checksums) {
    if (checksums.error().code() != Errc::NotFound) return std::move(checksums.error());
    return fail(Errc::Corrupt, "{}: {} is missing beside it", (dir / kCatalogFile).string(),
                kChecksumFile);
  }
  DESA2VA_TRY(check_hash(text, *checksums).in((dir / kCatalogFile).string()));
  return parse_catalog(text, dir / kCatalogFile);
}

Result<Catalog> load_catalog_unchecked(const std::filesystem::path& dir) {
  DESA2VA_ASSIGN(const auto text, read_catalog_text(dir));
  return parse_catalog(text, dir / kCatalogFile);
}

std::string checksum_lines(std::string_view catalog_text, const Catalog& catalog) {
  auto lines = fmt::format("{}  {}\n", content_hash(as_bytes(catalog_text)).hex(), kCatalogFile);
  for (const auto& file : catalog.files)
    lines += fmt::format("{}  {}\n", file.hash.hex(), file.name);
  return lines;
}

Result<void> write_catalog(const std::filesystem::path& dir, const Catalog& catalog) {
  // Names of files may hold bytes that are no UTF-8; they are replaced, not refused.
  const std::string text =
      to_json(catalog).dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  const std::string checksums = checksum_lines(text, catalog);
  DESA2VA_TRY(rocks::write_file(dir / kCatalogFile, as_bytes(text)));
  return rocks::write_file(dir / kChecksumFile, as_bytes(checksums));
}

}  // namespace desa2va::shards
