// import_check ROOT EXPECTED.json [--only NAME,NAME...]: imports every data set that the file
// describes from the tree at ROOT and compares every fact, sample by sample.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "common/datasets/facts.h"
#include "common/datasets/importer.h"
#include "common/datasets/video_facts.h"
#include "tests/conformance/data/fact_check.h"

namespace desa2va::checks {
namespace {

using nlohmann::json;

// Remarks for people, and what the reference implementation does where it fails.
bool is_informative(const std::string& key) {
  static const std::set<std::string> kRemarks = {"error", "expect", "note", "short", "meaning"};
  return kRemarks.contains(key) || key.starts_with("reference");
}

json without_remarks(const json& value) {
  if (value.is_object()) {
    json kept = json::object();
    for (const auto& [key, inner] : value.items())
      if (!is_informative(key)) kept[key] = without_remarks(inner);
    return kept;
  }
  if (value.is_array()) {
    json kept = json::array();
    for (const json& inner : value) kept.push_back(without_remarks(inner));
    return kept;
  }
  return value;
}

// Everything an import says, as JSON; records go through their bytes on the way.
class CollectingSink final : public datasets::ImportSink {
 public:
  Result<void> media(const datasets::MediaItem& item) override {
    hashes_.insert(item.hash);
    if (item.kind == datasets::MediaKind::Video) videos[item.path] = item.bytes;
    return {};
  }
  Result<void> sample(const datasets::Sample& sample) override {
    const Buffer bytes = datasets::encode_sample(sample);
    DESA2VA_ASSIGN(const datasets::Sample read, datasets::decode_sample(bytes.bytes()));
    for (const datasets::MediaRef& media : read.media) {
      if (media.hash != ContentHash{} && !hashes_.contains(media.hash))
        return fail(Errc::Internal, "{} refers to media that were not handed on", media.path);
    }
    DESA2VA_ASSIGN(json facts, datasets::facts_of(read));
    samples[sample.split].push_back(std::move(facts));
    return {};
  }
  Result<void> split_done(const datasets::SplitInfo& info) override {
    json facts = json::parse(info.source);
    facts["samples"] = info.samples;
    facts["expressions"] = info.expressions;
    splits[info.split] = std::move(facts);
    return {};
  }

  std::map<std::string, json> samples;
  std::map<std::string, json> splits;
  std::map<std::string, Buffer> videos;

 private:
  std::set<ContentHash> hashes_;
};

// The sample whose `key` has that value; null if there is none.
json find_by(const json& samples, const std::string& key, const json& value) {
  for (const json& sample : samples)
    if (sample.contains(key) && sample[key] == value) return sample;
  return nullptr;
}

class ImportCheck {
 public:
  ImportCheck(std::filesystem::path root, const json& expected, FactCheck& check)
      : root_(std::move(root)), expected_(expected), check_(check) {}

  void check_dataset(const std::string& name, const json& facts);

 private:
  bool run(const std::string& importer, const std::filesystem::path& root,
           std::vector<std::string> splits, CollectingSink& sink) {
    const datasets::Importer* found = datasets::find_importer(importer);
    const auto done = found->run({root, std::move(splits)}, sink);
    check_.require(importer, done.has_value(), done ? "" : done.error().message());
    return done.has_value();
  }

  void check_count(const std::string& key, const json& found) {
    if (expected_["samples"].contains(key))
      check_.compare("samples." + key, expected_["samples"][key], found);
  }

  // One sample: what is broken must be marked so, all the rest be equal.
  void check_sample(const std::string& path, json expected, const json& found) {
    if (found.is_null()) return check_.require(path, false, "no such sample was imported");
    if (expected.contains("broken")) {
      const std::string reason = found["reason"];
      check_.require(path + ".status", found["status"] != "ok", "is broken, but marked ok");
      // Short reasons are names, longer ones sentences for people.
      if (const std::string what = expected["broken"]; what.size() <= 20)
        check_.require(path + ".reason", reason.starts_with(what),
                       fmt::format("expected '{}', found '{}'", what, reason));
      expected.erase("broken");
    }
    check_.compare(path, without_remarks(expected), found);
  }

  void check_list(const std::string& path, const json& expected, const std::string& key,
                  const std::string& found_key, const json& found) {
    check_.compare(path + ".count", expected.size(), found.size());
    for (const json& one : expected)
      check_sample(fmt::format("{}[{}]", path, one[key].dump()), one,
                   find_by(found, found_key, one[key]));
  }

  void check_files(const std::string& path, const json& expected, CollectingSink& sink,
                   const std::string& folder) {
    for (const auto& [name, facts] : expected.items())
      check_.compare(path + "." + name, without_remarks(facts),
                     datasets::video_facts(sink.videos[folder + "/" + name]));
  }

  void check_refcoco(const std::string& name, const json& facts);
  void check_video_set(const std::string& name, const json& facts);
  void check_refsav(const json& facts);
  void check_entries(const std::string& name, const json& facts);

  std::filesystem::path root_;
  const json& expected_;
  FactCheck& check_;
};

void ImportCheck::check_refcoco(const std::string& name, const json& facts) {
  CollectingSink sink;
  if (!run(name, root_, {}, sink)) return;
  for (const auto& [split, of_split] : facts["splits"].items()) {
    const std::string path = name + "." + split;
    json found = sink.splits[split];
    json set = facts;
    set.erase("splits");
    check_.compare(path + ".set", set, found["set"]);
    check_count(name + " " + split, found["samples"]);
    for (const char* key : {"samples", "refs", "objects"})
      check_.compare(path + "." + key, of_split[key], found[key]);
    check_list(path, of_split["by_image"], "image_id", "image_id", sink.samples[split]);
  }
}

void ImportCheck::check_video_set(const std::string& name, const json& facts) {
  for (const auto& [split, of_split] : facts.items()) {
    CollectingSink sink;
    // Some are described in a tree of their own: what stands before "video_datas" leads to it.
    const std::string folder = of_split["image_folder"];
    const std::string prefix = folder.substr(0, folder.find("video_datas/"));
    const std::string importer = name == "rvos_png_only" ? "rvos" : name;
    if (!run(importer, root_ / prefix, {split}, sink)) continue;
    const std::string path = name + "." + split;
    json expected = without_remarks(of_split);
    expected.erase("videos");
    for (const char* key : {"image_folder", "expression_file", "mask_file", "annotations"}) {
      if (expected.contains(key) && expected[key].is_string())
        expected[key] = expected[key].get<std::string>().substr(prefix.size());
    }
    check_.compare(path, expected, sink.splits[split]);
    check_count(name + " " + split, sink.splits[split]["samples"]);
    check_list(path, of_split["videos"], "video", "video", sink.samples[split]);
  }
}

void ImportCheck::check_refsav(const json& facts) {
  CollectingSink sink;
  if (!run("refsav", root_, {}, sink)) return;
  json expected = facts;
  expected.erase("videos");
  expected.erase("files");
  check_.compare("refsav", expected, sink.splits["train"]);
  check_count("refsav", sink.splits["train"]["samples"]);
  check_list("refsav", facts["videos"], "key", "key", sink.samples["train"]);
  check_files("refsav.files", facts["files"], sink, facts["root"]);
}

// Sets that are lists of numbered entries, in one part or several.
void ImportCheck::check_entries(const std::string& name, const json& facts) {
  const bool one_part = facts.contains("entries");
  const json parts = one_part ? json{{"train", facts}} : facts;
  for (const auto& [part, of_part] : parts.items()) {
    CollectingSink sink;
    if (!run(name, root_, {part}, sink)) continue;
    const std::string path = one_part ? name : name + "." + part;
    json entries = of_part["entries"];
    json expected = without_remarks(of_part);
    expected.erase("entries");
    check_.compare(path, expected, sink.splits[part]);
    check_count(one_part ? name : name + " " + part, sink.splits[part]["samples"]);
    // Video entries describe their file, which the sink holds.
    for (json& entry : entries) {
      if (!entry.contains("file") || !entry["file"].is_object()) continue;
      const std::string file = entry.value("resolved", entry["video"].get<std::string>());
      const Buffer& bytes = sink.videos[of_part["root"].get<std::string>() + "/" + file];
      json wanted = without_remarks(entry["file"]);
      // Concealment of damage is each decoder's own.
      if (entry.contains("damaged")) {
        const json found = datasets::video_facts(bytes);
        for (const std::size_t i : entry["damaged"]["frames_equal_to_undamaged"])
          check_.compare(fmt::format("{}.{}.crc32[{}]", path, file, i), wanted["crc32_yuv420p"][i],
                         found["crc32_yuv420p"][i]);
        wanted.erase("crc32_yuv420p");
      }
      check_.compare(path + "." + file, wanted, datasets::video_facts(bytes));
      entry.erase("file");
      entry.erase("damaged");
    }
    check_list(path, entries, "index", "index", sink.samples[part]);
  }
}

void ImportCheck::check_dataset(const std::string& name, const json& facts) {
  check_.begin(name);
  if (name.starts_with("refcoco")) {
    check_refcoco(name, facts);
  } else if (name == "refsav") {
    check_refsav(facts);
  } else if (name == "llava" || name == "chat_univi" || name == "gcg" || name == "osprey") {
    check_entries(name, facts);
  } else {
    check_video_set(name, facts);
  }
  check_.finish();
}

}  // namespace
}  // namespace desa2va::checks

int main(int argc, char** argv) {
  using namespace desa2va;
  std::set<std::string> only;
  if (argc == 5 && std::string(argv[3]) == "--only") {
    std::istringstream names(argv[4]);
    for (std::string name; std::getline(names, name, ',');) only.insert(name);
  } else if (argc != 3) {
    std::cerr << "usage: import_check ROOT EXPECTED.json [--only NAME,NAME...]\n";
    return 2;
  }
  const nlohmann::json expected = checks::read_json_or_exit(argv[2]);
  checks::FactCheck check;
  checks::ImportCheck imports(argv[1], expected, check);
  for (const auto& [name, facts] : expected.at("datasets").items()) {
    if (!only.empty() && !only.contains(name)) continue;
    const std::string importer = name == "rvos_png_only" ? "rvos" : name;
    if (datasets::find_importer(importer) == nullptr) {
      check.skip(name, "no importer", false);
    } else {
      imports.check_dataset(name, facts);
    }
  }
  return check.report();
}
