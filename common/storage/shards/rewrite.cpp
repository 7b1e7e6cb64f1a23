#include "common/storage/shards/rewrite.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "common/base/hash_table.h"
#include "common/base/random.h"
#include "common/storage/shards/partial_dir.h"

namespace desa2va::shards {
namespace {

// One dataset in the making.
class Copier {
 public:
  Copier(ShardWriter& writer, const RewriteOptions& options) : writer_(writer), options_(options) {}

  Result<void> copy(const ShardReader& reader, std::uint64_t number) {
    if (options_.stop.stop_requested()) return fail(Errc::Cancelled, "interrupted");
    DESA2VA_ASSIGN(const SampleRecord record, reader.sample(number));
    const auto [first_in, fresh] = keys_.insert(content_hash(as_bytes(record.key)), &reader);
    if (!fresh && options_.skip_repeated_keys) {
      ++skipped_;
      return {};
    }
    if (!fresh) {
      return fail(Errc::InvalidArgument,
                  "sample '{}' is in dataset '{}' and again in '{}': leave one out, or keep the "
                  "first of each with --skip-repeated",
                  record.key, (*first_in)->catalog().dataset, reader.catalog().dataset);
    }
    for (const auto& hash : record.media) DESA2VA_TRY(copy_medium(reader, hash));
    DESA2VA_ASSIGN(const auto copied, writer_.sample(record, reader.cost(number)));
    static_cast<void>(copied);
    return {};
  }

  std::uint64_t skipped() const { return skipped_; }

 private:
  Result<void> copy_medium(const ShardReader& reader, const ContentHash& hash) {
    if (!media_.insert(hash).second) return {};
    DESA2VA_ASSIGN(const Buffer bytes, reader.media(hash));
    DESA2VA_ASSIGN(const auto stored, writer_.media(bytes.bytes()));
    DESA2VA_ASSIGN(const auto index, reader.frame_index(hash));
    return index ? writer_.frame_index(stored, index->bytes()) : Result<void>();
  }

  ShardWriter& writer_;
  const RewriteOptions& options_;
  HashTable<const ShardReader*> keys_;
  HashTable<Nothing> media_;
  std::uint64_t skipped_ = 0;
};

WriterOptions writer_options(const std::vector<Selection>& sources, const RewriteOptions& options) {
  WriterOptions chosen = options.writer;
  if (sources.empty()) return chosen;
  const Catalog& first = sources[0].reader->catalog();
  if (chosen.dataset.empty()) chosen.dataset = first.dataset;
  if (chosen.kind.empty()) chosen.kind = first.kind;
  if (chosen.numerics.empty()) chosen.numerics = first.numerics;
  if (chosen.facts.empty()) chosen.facts = first.facts;
  return chosen;
}

// Samples that share a medium have one representative.
std::vector<std::uint64_t> groups_of(const std::vector<SampleRecord>& records) {
  std::vector<std::uint64_t> parent(records.size());
  std::iota(parent.begin(), parent.end(), 0);
  const auto root = [&](std::uint64_t at) {
    while (parent[at] != at) at = parent[at] = parent[parent[at]];
    return at;
  };
  std::map<ContentHash, std::uint64_t> first;
  for (std::uint64_t i = 0; i < records.size(); ++i) {
    for (const auto& hash : records[i].media) {
      const auto [known, fresh] = first.emplace(hash, i);
      if (!fresh) parent[root(i)] = root(known->second);
    }
  }
  for (auto& one : parent) one = root(one);
  return parent;
}

// Keys and media alone.
Result<std::vector<SampleRecord>> headers(const ShardReader& reader) {
  std::vector<SampleRecord> records;
  records.reserve(reader.sample_count());
  for (std::uint64_t number = 0; number < reader.sample_count(); ++number) {
    DESA2VA_ASSIGN(SampleRecord record, reader.sample(number));
    record.payload = {};
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace

Result<Rewritten> rewrite(const std::filesystem::path& out, const std::vector<Selection>& sources,
                          const RewriteOptions& options) {
  std::uint64_t all = 0;
  for (const auto& source : sources) all += source.numbers.size();
  DESA2VA_ASSIGN(auto writer, ShardWriter::create(out, writer_options(sources, options)));
  Copier copier(writer, options);
  std::uint64_t done = 0;
  for (const auto& source : sources) {
    for (const std::uint64_t number : source.numbers) {
      DESA2VA_TRY(copier.copy(*source.reader, number));
      if (options.progress) options.progress(++done, all);
    }
  }
  DESA2VA_ASSIGN(auto catalog, writer.finish());
  return Rewritten{std::move(catalog), copier.skipped()};
}

Result<std::vector<Part>> divide(const ShardReader& reader, const std::vector<std::string>& names,
                                 const std::vector<double>& shares, std::uint64_t seed,
                                 bool together) {
  DESA2VA_ASSIGN(const auto records, headers(reader));
  std::vector<std::uint64_t> group(records.size());
  std::iota(group.begin(), group.end(), 0);
  if (together) group = groups_of(records);
  std::map<std::uint64_t, std::vector<std::uint64_t>> members;
  for (std::uint64_t i = 0; i < group.size(); ++i) members[group[i]].push_back(i);
  // Ranked by a number that the seed makes of the first key.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranked;
  for (const auto& [representative, numbers] : members) {
    const auto& key = records[numbers[0]].key;
    const Random random(seed, "split", key);
    ranked.emplace_back(std::uint64_t{random.word(0)} << 32U | random.word(1), representative);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<Part> parts(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) parts[i].name = names[i];
  std::size_t part = 0;
  double end = shares[0] * static_cast<double>(records.size());
  std::uint64_t taken = 0;
  for (const auto& [rank, representative] : ranked) {
    while (part + 1 < parts.size() && static_cast<double>(taken) + 0.5 > end)
      end += shares[++part] * static_cast<double>(records.size());
    const auto& numbers = members[representative];
    parts[part].numbers.insert(parts[part].numbers.end(), numbers.begin(), numbers.end());
    taken += numbers.size();
  }
  for (auto& one : parts) std::sort(one.numbers.begin(), one.numbers.end());
  return parts;
}

Result<std::vector<Part>> divide_by_split(const ShardReader& reader) {
  DESA2VA_ASSIGN(const auto records, headers(reader));
  std::vector<Part> parts;
  for (std::uint64_t number = 0; number < records.size(); ++number) {
    const std::string& key = records[number].key;
    const auto begin = key.find('/');
    const auto end = begin == std::string::npos ? begin : key.find('/', begin + 1);
    if (end == std::string::npos || end == begin + 1) {
      return fail(Errc::InvalidArgument,
                  "sample {} has the key '{}', which names no split: expected SET/SPLIT/ID", number,
                  key);
    }
    const auto name = key.substr(begin + 1, end - begin - 1);
    auto part = std::find_if(parts.begin(), parts.end(),
                             [&](const Part& known) { return known.name == name; });
    if (part == parts.end()) part = parts.insert(parts.end(), {name, {}});
    part->numbers.push_back(number);
  }
  return parts;
}

Result<std::vector<Catalog>> write_parts(const std::filesystem::path& out,
                                         const ShardReader& reader, const std::vector<Part>& parts,
                                         const RewriteOptions& options) {
  std::error_code error;
  if (std::filesystem::exists(out, error) && !std::filesystem::is_empty(out, error)) {
    return fail(Errc::InvalidArgument, "{} exists already: remove it or choose another place",
                out.string());
  }
  DESA2VA_ASSIGN(auto folder, PartialDir::create(out));
  std::uint64_t all = 0;
  std::uint64_t done = 0;
  for (const auto& part : parts) all += part.numbers.size();
  std::vector<Catalog> catalogs;
  for (const auto& part : parts) {
    RewriteOptions of_part = options;
    of_part.writer.facts = reader.catalog().facts;
    of_part.writer.facts["part"] =
        fmt::format("{}: {} of {} samples", part.name, part.numbers.size(), reader.sample_count());
    if (options.progress)
      of_part.progress = [&](std::uint64_t, std::uint64_t) { options.progress(++done, all); };
    DESA2VA_ASSIGN(auto rewritten,
                   rewrite(folder.path() / part.name, {{&reader, part.numbers}}, of_part));
    catalogs.push_back(std::move(rewritten.catalog));
  }
  DESA2VA_TRY(folder.publish(/*replace=*/false));
  return catalogs;
}

}  // namespace desa2va::shards
