#include "common/config/keys.h"

namespace desa2va::config {

void visit_model(ModelConfig& model, Visitor& v) {
  v.section("vit", [&vit = model.vit](Visitor& s) {
    s.key("image_size", vit.image_size, at_least(2), "pixels",
          "a side of one tile; an even number of patches");
    s.key("patch_size", vit.patch_size, at_least(1), "pixels", "a side of one patch");
    s.key("hidden_size", vit.hidden_size, at_least(1), "channels", "width");
    s.key("num_hidden_layers", vit.num_hidden_layers, at_least(1), "layers", "depth");
    s.key("num_attention_heads", vit.num_attention_heads, at_least(1), "heads",
          "divides vit.hidden_size");
    s.key("intermediate_size", vit.intermediate_size, at_least(1), "channels", "width of the MLP");
    s.key("layer_norm_eps", vit.layer_norm_eps, above(0), "", "of its layer norms");
    s.key("qkv_bias", vit.qkv_bias, any(), "", "attention inputs have a bias");
    s.key("position_scale", vit.position_scale, above(0), "",
          "multiplies the initial position embedding (tiny models: 0.02)");
    s.key("train", vit.train, any(), "", "train it too; for models without pretrained weights");
    s.key("min_tiles", vit.min_tiles, between(1, 64), "tiles", "fewest of one image");
    s.key("max_tiles", vit.max_tiles, between(1, 64), "tiles", "most of one image");
    s.key("use_thumbnail", vit.use_thumbnail, any(), "", "the whole image as one more tile");
  });
  v.section("llm", [&llm = model.llm](Visitor& s) {
    s.key("vocab_size", llm.vocab_size, at_least(1), "tokens",
          "rows of embedding and head; at least what the tokenizer has");
    s.key("hidden_size", llm.hidden_size, at_least(1), "channels", "width");
    s.key("num_hidden_layers", llm.num_hidden_layers, at_least(1), "layers", "depth");
    s.key("num_attention_heads", llm.num_attention_heads, at_least(1), "heads",
          "query heads; divides llm.hidden_size");
    s.key("num_key_value_heads", llm.num_key_value_heads, at_least(1), "heads",
          "divides llm.num_attention_heads");
    s.key("intermediate_size", llm.intermediate_size, at_least(1), "channels", "width of the MLP");
    s.key("rope_theta", llm.rope_theta, above(0), "", "base of the rotary positions");
    s.key("rms_norm_eps", llm.rms_norm_eps, above(0), "", "of its norms");
    s.key("initializer_range", llm.initializer_range, above(0), "",
          "standard deviation of initial weights");
    s.key("tie_word_embeddings", llm.tie_word_embeddings, any(), "",
          "embedding and head are one matrix");
    s.key("train_base", llm.train_base, any(), "",
          "train the base weights too; for models without pretrained weights");
    s.key("max_length", llm.max_length, at_least(8), "tokens",
          "of one sample; longer ones are cut at the end");
    s.section("lora", [&lora = llm.lora](Visitor& l) {
      l.key("r", lora.r, at_least(1), "", "rank");
      l.key("alpha", lora.alpha, above(0), "", "the update counts alpha / r times");
      l.key("dropout", lora.dropout, between(0, 0.99), "fraction", "of its inputs");
    });
  });
  v.section("sam2", [&sam = model.sam2](Visitor& s) {
    s.key("variant", sam.variant, one_of({"hiera_t", "hiera_s", "hiera_b+", "hiera_l", "custom"}),
          "", "sets sam2.hiera.*; custom: they are given");
    s.key("version", sam.version, one_of({"2.0", "2.1"}), "", "of SAM-2's published weights");
    s.key("image_size", sam.image_size, at_least(32), "pixels", "a side; a multiple of 32");
    s.key("dim", sam.dim, at_least(8), "channels", "width of prompts and decoder; multiple of 8");
    s.section("hiera", [&hiera = sam.hiera](Visitor& h) {
      h.key("embed_dim", hiera.embed_dim, at_least(1), "channels", "width of the first stage");
      h.key("num_heads", hiera.num_heads, at_least(1), "heads", "of the first stage");
      h.key("stages", hiera.stages, elements_at_least(1, 4), "blocks", "in each of four stages");
      h.key("window_spec", hiera.window_spec, elements_at_least(1, 4), "tokens",
            "side of the attention windows, a stage");
      h.key("global_att_blocks", hiera.global_att_blocks, elements_at_least(0, 0), "block numbers",
            "that attend to the whole picture");
      h.key("pos_embed_bkg", hiera.pos_embed_bkg, at_least(1), "tokens",
            "grid of the background position embedding");
      h.key("q_pool", hiera.q_pool, between(0, 3), "stages", "that start by pooling 2x2");
      h.key("mlp_ratio", hiera.mlp_ratio, above(0), "", "width of the MLP / width");
      h.key("fpn_top_down_levels", hiera.fpn_top_down_levels, elements_at_least(0, 0), "levels",
            "of the neck that get the coarser level added");
    });
    s.key("decoder_layers", sam.decoder_layers, at_least(1), "layers", "of the mask decoder");
    s.key("decoder_heads", sam.decoder_heads, at_least(1), "heads", "divides sam2.dim / 2");
    s.key("decoder_mlp_dim", sam.decoder_mlp_dim, at_least(1), "channels", "width of its MLP");
    s.key("iou_head_depth", sam.iou_head_depth, at_least(2), "layers", "of the IoU head");
    s.key("iou_head_hidden_dim", sam.iou_head_hidden_dim, at_least(1), "channels",
          "of the IoU head");
    s.key("mask_in_chans", sam.mask_in_chans, at_least(4), "channels",
          "of the mask prompt's convolutions; multiple of 4");
    s.key("mem_dim", sam.mem_dim, at_least(1), "channels", "of memory features");
    s.key("mem_layers", sam.mem_layers, at_least(1), "layers", "of the memory attention");
    s.key("mem_mlp_dim", sam.mem_mlp_dim, at_least(1), "channels", "width of its MLP");
    s.key("num_maskmem", sam.num_maskmem, at_least(1), "frames", "remembered at once");
    s.key("mask_select", sam.mask_select, one_of({"argmax_iou", "fixed"}), "",
          "the mask of the best predicted IoU, or always mask token 1");
    s.key("train_encoder", sam.train_encoder, one_of({"never", "phase_a"}), "",
          "when the image encoder trains; for models without pretrained weights");
    s.key("visual_from_text_after_a", sam.visual_from_text_after_a, any(), "",
          "the visual decoder starts B as a copy of the text decoder");
    s.key("fixed_objects", sam.fixed_objects, between(1, 64), "objects",
          "of each frame, by repeating or drawing");
  });
  v.section("embed", [&model](Visitor& s) {
    s.key("init", model.embed_init, one_of({"normal", "mean"}), "",
          "rows that an import adds to embedding and head: normal, or around the mean of the old");
  });
}

}  // namespace desa2va::config
