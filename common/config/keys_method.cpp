#include "common/config/keys.h"

namespace desa2va::config {
namespace {

void visit_adversarial(AdversarialConfig& adv, Visitor& v) {
  v.key("objective", adv.objective, one_of({"cross", "own", "eq3", "off"}), "",
        "h_t toward vision and h_v toward text (cross), each toward its own, equation 3, nothing");
  v.key("order", adv.order, one_of({"after", "before"}), "",
        "the estimators learn at the commit, or before any gradient of the step returns");
  v.key("grl_schedule", adv.grl_schedule, one_of({"dann", "constant"}), "",
        "of the reversed gradient's factor lambda over the progress of B and C");
  v.key("grl_lambda", adv.grl_lambda, at_least(0), "", "lambda of `constant`");
  v.key("leaky_slope", adv.leaky_slope, between(0, 1), "", "of the discriminators' LeakyReLU");
  v.key("hidden", adv.hidden, elements_at_least(1), "channels", "of the discriminators' layers");
  v.key("lr", adv.lr, above(0), "", "of the discriminators' Adam");
  v.key("weight", adv.weight, at_least(0), "", "of the adversarial loss; 0: it is measured only");
}

void visit_club(ClubConfig& club, Visitor& v) {
  v.key("mixture_k", club.mixture_k, between(1, 64), "components", "of q(h_t | h_v)");
  v.key("hidden", club.hidden, at_least(1), "channels", "of its network");
  v.key("standardize", club.standardize, any(), "", "layer-normalise both features first");
  v.key("update_every", club.update_every, at_least(1), "optimizer updates", "between refreshes");
  v.key("inner_steps", club.inner_steps, at_least(1), "Adam steps", "of one refresh");
  v.key("fifo_size", club.fifo_size, at_least(2), "pairs", "kept for refreshes and negatives");
  v.key("lr", club.lr, above(0), "", "of its Adam");
  v.key("weight", club.weight, at_least(0), "",
        "of the mutual-information loss; 0: it is measured only");
  v.key("clamp_min", club.clamp_min, any(), "", "smallest value of the estimate; null: no clamp");
}

void visit_loss(LossConfig& loss, Visitor& v) {
  v.key("w_visual", loss.w_visual, at_least(0), "", "of the visual masks' loss");
  v.key("w_text", loss.w_text, at_least(0), "", "of the text masks' loss");
  v.key("w_fused", loss.w_fused, at_least(0), "", "of the fused masks' loss, in C");
  v.key("mask_ce", loss.mask_ce, one_of({"bce", "mse"}), "",
        "binary cross-entropy, or the squared error of equation 9");
  v.key("mask_weight", loss.mask_weight, at_least(0), "", "of the loss per point");
  v.key("dice_weight", loss.dice_weight, at_least(0), "", "of the Dice loss");
  v.key("dice_eps", loss.dice_eps, above(0), "", "added above and below the line");
  v.key("sample_points", loss.sample_points, any(), "", "at drawn points, or at every pixel");
  v.key("num_points", loss.num_points, at_least(1), "points", "drawn per mask");
  v.key("oversample_ratio", loss.oversample_ratio, at_least(1), "",
        "candidates per point, for finding uncertain ones");
  v.key("importance_sample_ratio", loss.importance_sample_ratio, between(0, 1), "fraction",
        "of points that are uncertain ones");
  v.key("iou_weight", loss.iou_weight, at_least(0), "", "of the predicted IoU's squared error");
}

}  // namespace

void visit_method(ModelConfig& model, Visitor& v) {
  DecouplerConfig& decoupler = model.decoupler;
  v.section("decoupler", [&](Visitor& s) {
    s.key("input", decoupler.input, one_of({"seg_shared"}), "", "both branches read one [SEG]");
    s.key("stem", decoupler.stem, one_of({"mlp", "none"}), "",
          "Sa2VA's projector before the two linears, or the linears alone");
    s.key("init", decoupler.init, one_of({"identity_vision", "default"}), "",
          "the visual linear starts as the identity, or at random");
  });
  v.section("real_text", [&](Visitor& s) {
    s.key(
        "source", decoupler.real_text_source, one_of({"llm_text", "embed_mean", "llm_answer"}), "",
        "what x_real is: the model's reading of the expression, its mean embedding, the answer's");
    s.key("embeddings", decoupler.real_text_embeddings, one_of({"snapshot", "current"}), "",
          "embedding matrix of the text pass in B and C");
    s.key("max_tokens", decoupler.real_text_max_tokens, between(1, 8192), "tokens",
          "of an expression");
  });
  v.section("label_mask", [&](Visitor& s) {
    s.key("target", decoupler.label_mask_target, one_of({"hard", "soft"}), "",
          "the text branch's target: 0 and 1, or probabilities");
    s.key("min_area", decoupler.label_mask_min_area, at_least(0), "pixels",
          "at decoder size; a smaller label mask of a visible object is left out");
  });
  v.section("adv", [&](Visitor& s) { visit_adversarial(decoupler.adv, s); });
  v.section("club", [&](Visitor& s) { visit_club(decoupler.club, s); });
  v.section("ortho", [&](Visitor& s) {
    s.key("features", decoupler.ortho_features, one_of({"prompt", "mask_token", "mask"}), "",
          "what is made orthogonal");
    s.key("form", decoupler.ortho_form, one_of({"cross", "pair"}), "",
          "over all pairs of a batch (the paper), or within each pair");
    s.key("weight", decoupler.ortho_weight, at_least(0), "",
          "of the orthogonality loss; 0: it is measured only");
  });
  v.section("fusion", [&](Visitor& s) {
    s.key("mode", decoupler.fusion_mode,
          one_of({"gate", "mean", "iou", "max", "prob_mean", "visual"}), "",
          "how the two branches' masks become one; visual: no fusion, loss.w_fused is 0");
  });
  v.section("reprompt", [&](Visitor& s) {
    s.key("enabled", decoupler.reprompt_enabled, any(), "",
          "feed the fused mask back as a prompt of the visual branch");
    s.key("train_prob", decoupler.reprompt_train_prob, between(0, 1), "probability",
          "of a microbatch of C");
    s.key("train_mask_encoder", decoupler.reprompt_train_mask_encoder, any(), "",
          "train the mask prompt's convolutions");
    s.key("clamp", decoupler.reprompt_clamp, above(0), "", "of the logits that are fed back");
  });
  v.section("align", [&](Visitor& s) {
    s.key(
        "weight", decoupler.align_weight, at_least(0), "",
        "of the square distance of the prompt to the real text's; for models trained from scratch");
    s.key("until", decoupler.align_until, between(0, 1), "fraction",
          "of B and C at which the weight has fallen to 0");
    s.key("on", decoupler.align_on, one_of({"h_t", "both"}), "", "which prompts");
  });
  v.section("init", [&](Visitor& s) {
    s.key(
        "from", model.init_from, any(), "path",
        "run directory or store with the first weights (see `desa2va ckpt import`), with @STEP for "
        "another than its last step; what it lacks starts at random");
    s.key("prompt_gain", decoupler.prompt_gain, above(0), "",
          "multiplies the projector's initial output weight");
    s.key("real_text_gain", decoupler.real_text_gain, above(0), "",
          "multiplies the real text's initial weight; for models trained from scratch");
  });
  v.section("loss", [&](Visitor& s) { visit_loss(model.loss, s); });
}

}  // namespace desa2va::config
