#include "common/config/keys.h"

namespace desa2va::config {

void visit(DatasetConfig& item, Visitor& v) {
  v.key("name", item.name, any(), "", "of the data set below data.shards");
  v.key("importer", item.importer, any(), "",
        "layout of the original files (`desa2va shards import --help`), imported when missing");
  v.key("path", item.path, any(), "path",
        "root of the original files; with a recipe, relative to what the recipe made");
  v.key("split", item.split, any(), "", "of the original files");
  v.key("repeats", item.repeats, between(1, 10000), "times", "an epoch runs through it");
  v.key("weight", item.weight, between(0.0001, 10000), "times",
        "repeats; fractions are allowed: 0.5 is half of it an epoch, another half the next");
  v.key("max_items", item.max_items, at_least(1), "samples", "use only the first; null: all");
}

void visit_data(Config& config, Visitor& v) {
  v.section("data", [&data = config.data](Visitor& s) {
    s.key("shards", data.shards, any(), "path",
          "directory of the data sets; empty: beside what data.recipe makes, in the cache");
    s.key("tokenizer", data.tokenizer, any(), "path",
          "directory with vocab.json and merges.txt; empty: `tokenizer` in data.shards");
    s.key("vocabulary", data.vocabulary, between(0, 200000), "tokens",
          "to learn from the data's texts where data.shards has no tokenizer (at least 256); 0: "
          "none");
    s.key(
        "root", data.root, any(), "path",
        "of the original files: what paths in the mixtures start from, and where those without one "
        "are; empty: the working directory");
    s.list("mixture", data.mixture, "data sets to train on");
    s.section("recipe", [&recipe = data.recipe](Visitor& r) {
      r.key("kind", recipe.kind, one_of({"none", "shapes"}), "",
            "make moving shapes where data.shards is missing, or nothing");
      r.key("*", recipe.fields, any(), "",
            "fields of the recipe, as `desa2va shards synth --help` explains them");
    });
    s.key("group_world", data.group_world, at_least(1), "ranks",
          "of the reference, for length grouping; null: micro_batches / accumulation");
    s.key(
        "grouping", data.grouping, one_of({"reference", "cost", "none"}), "",
        "microbatches of like samples: by the reference's constants of each data set (images 100, "
        "videos 10000, Ref-SAV 20000), by the shards' cost index, or as they come");
    s.key(
        "step_order", data.step_order, one_of({"cost", "stream"}), "",
        "microbatches of a step: the costliest first, so that replicas finish together, or as the "
        "grouping has them");
    s.key("batch", data.batch, between(1, 1024), "samples", "in one microbatch of B and C");
    s.key("frames_per_sample", data.frames_per_sample, between(1, 64), "frames", "of a video");
    s.key("objects_per_sample", data.objects_per_sample, between(1, 64), "objects",
          "asked for in one sample");
    s.key("failure_budget", data.failure_budget, at_least(0), "samples",
          "that may be replaced in a run before it ends with exit code 3");
    s.key("timeout_ms", data.timeout_ms, at_least(1), "ms", "for one sample");
    s.key("on_timeout", data.on_timeout, one_of({"stop", "substitute"}), "",
          "end with exit code 3, or replace the sample (equal runs are then no longer promised)");
    s.key(
        "video_short", data.video_short, one_of({"repeat", "reference"}), "",
        "fewer frames than frames_per_sample: repeat the last, or leave frame blocks without one");
    s.key("clamp_masks", data.clamp_masks, any(), "",
          "overlapping polygons of one object count once (the reference adds them)");
    s.key("mask_resize", data.mask_resize, one_of({"nearest", "center"}), "",
          "which pixel of its cell a training mask keeps when it shrinks: the top left, as the "
          "reference does (half a cell of offset, which shows at tiny sizes), or the middle");
    s.key("read_ahead", data.read_ahead, between(1, 1024), "microbatches",
          "at most made before they are asked for");
  });
  v.section("prompt", [&prompt = config.prompt](Visitor& s) {
    s.key("template", prompt.template_name, one_of({"qwen_chat", "phi3_chat"}), "",
          "words around a turn of conversation");
    s.key("refcoco_phi3_override", prompt.refcoco_phi3_override, any(), "",
          "RefCOCO turns use a phi3-like instruction, as in the reference");
  });
  v.section("encode", [&prompt = config.prompt](Visitor& s) {
    s.key("separator_everywhere", prompt.separator_everywhere, any(), "",
          "a separator after each turn of image data too (the reference: videos only)");
  });
  v.section("infer", [&infer = config.infer](Visitor& s) {
    s.key("video_mode", infer.video_mode, one_of({"sa2va", "consistent", "every_frame"}), "",
          "masks of a video: the prompt on its first 5 frames, then SAM-2's memory; mask prompts "
          "on 5 "
          "frames spread over it for SAM-2 as it was before training; or the prompt on every frame "
          "without memory, for models whose SAM-2 was never pretrained");
    s.key("mllm_frames", infer.mllm_frames, one_of({"first5", "uniform5"}), "",
          "which frames of a video the language model sees");
    s.key("text_branch_on_tracked", infer.text_branch_on_tracked, any(), "",
          "run the text decoder on frames without a prompt too");
    s.key("memory_dtype", infer.memory_dtype, one_of({"bfloat16", "float32"}), "",
          "of remembered frames while a video is tracked");
    s.key("sam2_original", infer.sam2_original, any(), "",
          "directory with SAM-2's weights from before training, for video_mode=consistent: what "
          "`desa2va ckpt import --sam2` made, or the run itself while it keeps step 0; empty: the "
          "run");
    s.key("max_new_tokens", infer.max_new_tokens, between(1, 8192), "tokens", "of an answer");
  });
  v.section("eval", [&eval = config.eval](Visitor& s) {
    s.list("mixture", eval.mixture, "held-out data sets");
    s.key("samples", eval.samples, at_least(1), "samples", "scored, over all data sets");
    s.key("drawings", eval.drawings, at_least(0), "samples", "drawn as PNG or MP4");
  });
}

}  // namespace desa2va::config
