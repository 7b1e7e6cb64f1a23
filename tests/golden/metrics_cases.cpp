#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <fmt/format.h>

#include "common/evaluation/captions/meteor.h"
#include "common/evaluation/captions/ngrams.h"
#include "common/evaluation/captions/ptb.h"
#include "common/evaluation/choice.h"
#include "common/evaluation/gcg/answer.h"
#include "common/evaluation/gcg/score.h"
#include "common/evaluation/masks/boundary.h"
#include "common/evaluation/masks/overlap.h"
#include "common/evaluation/video/sequence.h"
#include "common/preprocess/image/decode.h"
#include "tests/golden/registry.h"

// The metrics of the evaluation. Numbers to 1e-9 unless said otherwise, texts and choices exactly.
namespace desa2va::golden {
namespace {

using nlohmann::json;
using preprocess::Mask;
using preprocess::Rle;

constexpr double kTolerance = 1e-9;

void near(Case& c, const std::string& what, double got, const json& expected,
          double tolerance = kTolerance) {
  c.number(what, got, expected.get<double>(), tolerance);
}

void same(Case& c, const std::string& what, const json& got, const json& expected) {
  c.check(got == expected,
          got == expected ? what
                          : fmt::format("{}: {}, expected {}", what, got.dump(), expected.dump()));
}

template <class T>
T value(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}

Rle rle_in(const json& mask) {
  return value(preprocess::rle_from_string(mask.at("size").at(0), mask["size"].at(1),
                                           mask.at("counts").get<std::string>()));
}

preprocess::IndexedImage indices_in(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  return value(preprocess::decode_indices(as_bytes(bytes)).in(path.string()));
}

Mask object_in(const preprocess::IndexedImage& image, int object) {
  Mask mask = Mask::zeros(image.width, image.height);
  for (std::size_t i = 0; i < image.indices.size(); ++i)
    mask.pixels[i] = image.indices[i] == object ? 1 : 0;
  return mask;
}

std::vector<std::filesystem::path> frames_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".png") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

void run_jf_case(Case& c, const json& one) {
  const std::string name = one.at("name");
  const auto folder = c.path().parent_path() / "jf" / name;
  const auto frames = frames_in(folder / "gt");
  same(c, name + ": frames", frames.size(), one.at("frames"));
  const int objects = one.at("objects");
  std::vector<double> j_sum(static_cast<std::size_t>(objects));
  std::vector<double> f_sum(static_cast<std::size_t>(objects));
  for (std::size_t frame = 0; frame < frames.size(); ++frame) {
    const auto truth = indices_in(frames[frame]);
    const auto predicted = indices_in(folder / "pred" / frames[frame].filename());
    same(c, name + ": radius", evaluation::boundary_radius(truth.width, truth.height),
         one.at("radius"));
    for (std::size_t o = 0; o < j_sum.size(); ++o) {
      const int index = static_cast<int>(o) + 1;
      const auto got = value(
          evaluation::region_and_boundary(object_in(truth, index), object_in(predicted, index)));
      near(c, fmt::format("{}: J of object {}, frame {}", name, index, frame), got.j,
           one.at("J").at(o).at(frame));
      near(c, fmt::format("{}: F of object {}, frame {}", name, index, frame), got.f,
           one.at("F").at(o).at(frame));
      j_sum[o] += got.j;
      f_sum[o] += got.f;
    }
  }
  double j_mean = 0;
  double f_mean = 0;
  const auto frame_count = static_cast<double>(frames.size());
  for (std::size_t o = 0; o < j_sum.size(); ++o) {
    near(c, name + ": J_mean_per_object", j_sum[o] / frame_count,
         one.at("J_mean_per_object").at(o));
    near(c, name + ": F_mean_per_object", f_sum[o] / frame_count,
         one.at("F_mean_per_object").at(o));
    j_mean += j_sum[o] / frame_count / objects;
    f_mean += f_sum[o] / frame_count / objects;
  }
  near(c, name + ": J_mean", j_mean, one.at("J_mean"));
  near(c, name + ": F_mean", f_mean, one.at("F_mean"));
  near(c, name + ": JF", (j_mean + f_mean) / 2, one.at("JF"));
}

void run_jf(Case& c) {
  for (const json& one : c.spec().at("cases")) run_jf_case(c, one);
  if (c.spec().contains("too_many_objects")) {
    // What the reference refuses is told apart here: such objects are named and not scored.
    const json& one = c.spec()["too_many_objects"];
    const auto picture = [](int objects) {
      preprocess::IndexedImage image{objects + 1, 1, {}};
      for (int i = 0; i <= objects; ++i) image.indices.push_back(static_cast<std::uint8_t>(i));
      return image;
    };
    const int wanted = one.at("gt_objects");
    const int found = one.at("pred_objects");
    auto truth = picture(wanted);
    truth.width = std::max(wanted, found) + 1;
    truth.indices.resize(static_cast<std::size_t>(truth.width));
    const std::vector frames = {value(evaluation::score_frame(truth, picture(found)))};
    const auto score = evaluation::score_sequence(frames);
    same(c, "too many objects: scored", score.objects.size(), wanted);
    same(c, "too many objects: named", score.unknown.size(), found - wanted);
  }
  if (!c.spec().contains("size_mismatch")) return;
  for (const json& one : c.spec()["size_mismatch"]) {
    const auto blank = [](const json& size) { return Mask::zeros(size.at(1), size.at(0)); };
    const auto got = evaluation::region_and_boundary(blank(one.at("gt")), blank(one.at("pred")));
    c.check(!got.has_value() && one.at("expect") == "error",
            "size mismatch " + one["gt"].dump() + " " + one["pred"].dump());
  }
}

void run_mask_iou(Case& c) {
  int number = 0;
  for (const json& set : c.spec().at("sets")) {
    const std::string what = fmt::format("set {}: ", number++);
    evaluation::ReferringScore score;
    for (const json& image : set.at("images")) {
      for (const json& query : image.at("queries")) {
        const Rle truth = rle_in(query.at("gt"));
        if (query.at("pred").is_null()) {
          score.add_unanswered(preprocess::area(truth));
        } else {
          score.add(value(evaluation::overlap(truth, rle_in(query["pred"]))));
        }
      }
    }
    same(c, what + "queries", score.queries(), set.at("queries"));
    same(c, what + "answered", score.answered(), set.at("answered"));
    near(c, what + "intersection", static_cast<double>(score.intersection()),
         set.at("intersection"));
    near(c, what + "union", static_cast<double>(score.united()), set.at("union"));
    near(c, what + "cIoU", score.ciou(false), set.at("cIoU").at("count_missing_false"));
    near(c, what + "cIoU, missing counted", score.ciou(true), set["cIoU"].at("count_missing_true"));
    near(c, what + "gIoU of the answered", score.giou_answered(),
         set.at("gIoU").at("answered_only"));
    near(c, what + "gIoU, missing as zero", score.giou_missing_as_zero(),
         set["gIoU"].at("missing_as_zero"));
    near(c, what + "gIoU of the reference", score.giou_reference(), set["gIoU"].at("reference"));
  }
}

void run_gcg_set(Case& c, const std::string& what, const json& set) {
  std::map<std::string, evaluation::GcgImage> images;
  for (const json& image : set.at("images")) images[image.at("id")].id = image["id"];
  for (const json& truth : set.at("ground_truth")) {
    auto& image = images.at(truth.at("image_id"));
    image.truth.push_back(rle_in(truth.at("segmentation")));
    image.crowd.push_back(truth.value("iscrowd", 0) != 0);
  }
  for (const json& predicted : set.at("predictions")) {
    auto& image = images.at(predicted.at("image_id"));
    image.predicted.push_back(rle_in(predicted.at("segmentation")));
    image.confidence.push_back(predicted.at("score"));
  }
  const auto similarity = [&](std::string_view truth, std::string_view predicted) {
    return set.at("text_similarity").at(fmt::format("{}|{}", truth, predicted)).get<double>();
  };
  std::vector<evaluation::GcgImageScore> scores;
  for (const json& expected : set.at("per_image")) {
    auto& image = images.at(expected.at("image_id"));
    image.truth_phrases = expected.at("gt_phrases");
    image.predicted_phrases = expected.at("pred_phrases");
    scores.push_back(value(evaluation::score_gcg_image(
        image, similarity, {set.at("iou_threshold"), set.at("text_threshold")})));
    near(c, what + image.id + ": mIoU", scores.back().miou, expected.at("mIoU"));
    same(c, what + image.id + ": matches", scores.back().matches, expected.at("matches"));
  }
  std::vector<const evaluation::GcgImageScore*> all;
  for (const auto& score : scores) all.push_back(&score);
  const auto total = evaluation::score_gcg(all);
  near(c, what + "AP", total.ap, set.at("AP"));
  near(c, what + "AP50", total.ap50, set.at("AP50"));
  near(c, what + "AP75", total.ap75, set.at("AP75"));
  near(c, what + "AR100", total.ar100, set.at("AR100"));
  near(c, what + "mIoU", total.miou, set.at("mIoU"));
  near(c, what + "recall", total.recall, set.at("recall"));
}

void run_gcg(Case& c) {
  int number = 0;
  for (const json& set : c.spec().at("sets"))
    run_gcg_set(c, fmt::format("set {}: ", number++), set);
}

void run_gcg_parse(Case& c) {
  for (const json& one : c.spec().at("cases")) {
    const auto answer = evaluation::parse_gcg_answer(one.at("text").get<std::string>());
    same(c, one["text"].dump() + ": caption", answer.caption, one.at("caption"));
    same(c, one["text"].dump() + ": phrases", answer.phrases, one.at("phrases"));
  }
}

void run_caption_set(Case& c, const std::string& what, const json& set) {
  std::vector<evaluation::CaptionPair> pairs;
  evaluation::MeteorStats sum;
  double rouge_sum = 0;
  for (const json& image : set.at("images")) {
    const std::string name = what + image.at("id").get<std::string>();
    evaluation::CaptionPair pair;
    pair.candidate = evaluation::ptb_tokens(image.at("candidate").get<std::string>());
    const std::string line = evaluation::ptb_line(image["candidate"].get<std::string>());
    same(c, name + ": words", line, image.at("candidate_tokens"));
    std::vector<std::string> references;
    for (const json& reference : image.at("references")) {
      pair.references.push_back(evaluation::ptb_tokens(reference.get<std::string>()));
      references.push_back(evaluation::ptb_line(reference.get<std::string>()));
    }
    same(c, name + ": words of the references", references, image.at("reference_tokens"));
    const auto stats = evaluation::meteor(line, references);
    same(c, name + ": METEOR_stats", stats.line(), image.at("METEOR_stats"));
    near(c, name + ": METEOR-es", stats.score(), image.at("METEOR-es"), 1e-6);
    sum.add(stats);
    const double rouge = evaluation::rouge_l(pair);
    near(c, name + ": ROUGE-L", rouge, image.at("ROUGE-L"));
    rouge_sum += rouge;
    pairs.push_back(std::move(pair));
  }
  const auto cider = evaluation::cider(pairs);
  const auto bleu = evaluation::bleu(pairs);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const json& image = set["images"][i];
    const std::string name = what + image.at("id").get<std::string>();
    near(c, name + ": CIDEr", cider.per_image[i], image.at("CIDEr"));
    for (std::size_t n = 0; n < 4; ++n)
      near(c, fmt::format("{}: BLEU-{}", name, n + 1), bleu.per_image[i][n],
           image.at("BLEU").at(n));
  }
  near(c, what + "CIDEr", cider.mean, set.at("CIDEr"));
  near(c, what + "METEOR-es", sum.score(), set.at("METEOR-es"), 1e-6);
  near(c, what + "ROUGE-L", rouge_sum / static_cast<double>(pairs.size()), set.at("ROUGE-L"));
  for (std::size_t n = 0; n < 4; ++n)
    near(c, fmt::format("{}BLEU-{}", what, n + 1), bleu.corpus[n], set.at("BLEU").at(n));
}

void run_caption(Case& c) {
  for (const json& one : c.spec().at("tokenizer"))
    same(c, "words of " + one.at("text").get<std::string>(),
         evaluation::ptb_line(one["text"].get<std::string>()), one.at("tokens"));
  for (const json& one : c.spec().at("meteor_stems")) {
    const bool match =
        evaluation::stem_english(one.at("a")) == evaluation::stem_english(one.at("b"));
    same(c, fmt::format("stems of {} and {}", one["a"].dump(), one["b"].dump()), match,
         one.at("match"));
  }
  if (c.spec().contains("meteor_function_words")) {
    std::vector<std::string> expected = c.spec()["meteor_function_words"];
    std::sort(expected.begin(), expected.end());
    const auto words = evaluation::meteor_function_words();
    same(c, "function words", std::vector<std::string>(words.begin(), words.end()), expected);
  }
  int number = 0;
  for (const json& set : c.spec().at("sets"))
    run_caption_set(c, fmt::format("set {}: ", number++), set);
}

void run_multiple_choice(Case& c) {
  for (const json& one : c.spec().at("cases")) {
    evaluation::Options options;
    for (const auto& [letter, text] : one.at("options").items()) options[letter.at(0)] = text;
    const std::string answer = one.at("answer");
    const auto letter = [](std::optional<char> choice) {
      return choice ? json(std::string(1, *choice)) : json();
    };
    same(c, "'" + answer + "': SEED", letter(evaluation::seed_choice(answer, options)),
         one.at("seed"));
    same(c, "'" + answer + "': Video-MME", letter(evaluation::videomme_choice(answer, options)),
         one.at("videomme"));
  }
}

}  // namespace

void add_metrics_cases(Registry& registry) {
  registry.json_file("jf.json", run_jf);
  registry.json_file("mask_iou.json", run_mask_iou);
  registry.json_file("gcg.json", run_gcg);
  registry.json_file("gcg_parse.json", run_gcg_parse);
  registry.json_file("caption.json", run_caption);
  registry.json_file("multiple_choice.json", run_multiple_choice);
}

}  // namespace desa2va::golden
