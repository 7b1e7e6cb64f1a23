#include "common/config/keys.h"

namespace desa2va::config {

void visit_run(Config& config, Visitor& v) {
  v.key("preset", config.preset,
        one_of({"desa2va", "baseline", "desa2va_no_pretrain", "baseline_pretrain"}), "",
        "which system: all phases (desa2va), Sa2VA (baseline), or either with and without phase A");
  v.section("run", [&run = config.run](Visitor& s) {
    s.key("dir", run.dir, any(), "path", "everything the run writes; made when absent");
    s.key("mode", run.mode, one_of({"processes", "monolith"}), "",
          "one process a rank, or all roles on one thread of one process");
    s.key("seed", run.seed, between(0, 9007199254740992.0), "",
          "of every random number: weights, order, dropout, points, frames");
  });
  v.section("train", [&train = config.train](Visitor& s) {
    s.key("steps", train.steps, at_least(1), "optimizer updates",
          "length of the run over all phases; null: phase_a.epochs and train.epochs decide");
    s.key("epochs", train.epochs, above(0), "epochs",
          "length of phases B and C together when train.steps is null");
    s.key("stop_after", train.stop_after, at_least(1), "optimizer updates",
          "end after this step with a checkpoint; the schedules still follow train.steps");
    s.key("micro_batches", train.micro_batches, at_least(1), "microbatches",
          "in one step; a multiple of train.accumulation");
    s.key("accumulation", train.accumulation, at_least(1), "micro-iterations",
          "a step as the learning-rate schedule counts; a constant of its formula");
    s.key("precision", train.precision, one_of({"fp32", "bf16_master_fp32"}), "",
          "of weights and activations; masters and moments are always fp32");
    s.key("reduction", train.reduction, one_of({"fast", "reproducible"}), "",
          "gradient sums in float, or in int64 so that replica counts do not change a bit");
    s.key("lr", train.lr, above(0), "", "peak learning rate of AdamW");
    s.key("betas", train.betas, between(0, 0.999999), "", "decay of AdamW's two moments");
    s.key("eps", train.eps, above(0), "", "added to AdamW's denominator");
    s.key("weight_decay", train.weight_decay, at_least(0), "", "of every tensor with a gradient");
    s.key("clip_norm", train.clip_norm, above(0), "", "largest global gradient norm");
    s.key("warmup_ratio", train.warmup_ratio, between(0, 0.9), "fraction",
          "of each schedule, spent rising to the peak");
    s.key("max_skipped_in_row", train.max_skipped_in_row, at_least(1), "steps",
          "non-finite steps in a row after which the run ends with exit code 4");
    s.key("activation_checkpointing", train.activation_checkpointing, any(), "",
          "recompute language model layers in backward to save memory");
  });
  v.section("phase_a", [&phase = config.phase_a](Visitor& s) {
    s.key("frac", phase.frac, between(0, 0.999), "fraction",
          "of train.steps; at least one step where the preset has a phase A");
    s.key("epochs", phase.epochs, above(0), "epochs", "its length when train.steps is null");
    s.key("images", phase.images, at_least(1), "frames", "in one microbatch");
    s.key("lr", phase.lr, above(0), "", "peak learning rate; null: train.lr");
  });
  v.section("phase_b", [&phase = config.phase_b](Visitor& s) {
    s.key("frac", phase.frac, between(0, 0.9), "fraction",
          "of what phase A leaves; at least one step where the preset has a phase B");
  });
  v.section("optim", [&optim = config.optim](Visitor& s) {
    s.key("missing_grad", optim.missing_grad, one_of({"skip", "zero"}), "",
          "a tensor without gradient is left alone, or decays as with a gradient of zeros");
  });
  v.section("checkpoint", [&checkpoint = config.checkpoint](Visitor& s) {
    s.key("every_steps", checkpoint.every_steps, at_least(0), "steps",
          "between checkpoints; 0: only at the end and when stopped");
    s.key("keep", checkpoint.keep, at_least(1), "checkpoints", "newest that stay");
    s.key("phase_ends", checkpoint.phase_ends, any(), "",
          "write one at the end of each phase too, and let it stay: `ckpt fork` starts other runs "
          "there");
  });
  v.section("export", [&config](Visitor& s) {
    s.key("force", config.export_force, any(), "",
          "`ckpt export` also where the format cannot hold the model (decoupler.stem: none)");
  });
}

void visit_places(Config& config, Visitor& v) {
  v.section("services", [&](Visitor& services) {
    for (const Role role : kRoles) {
      services.section(name(role), [role, &service = config.services[role]](Visitor& s) {
        s.key("replicas", service.replicas, between(1, 1024), "processes",
              "microbatch m goes to replica m mod replicas");
        s.key("device", service.device, any(), "", "cpu, cuda or cuda:N");
        s.key("threads", service.threads, between(1, 1024), "threads",
              "for operators; another count changes bits");
        s.key("in_flight", service.in_flight, between(1, 1024), "microbatches",
              "open at once; bounds memory");
        if (role == Role::Data) {
          s.key(
              "workers", service.workers, between(0, 256), "threads",
              "that make microbatches, always the same bits; 0: the service's own thread; null: 2, "
              "none in the monolith");
          s.key(
              "look_ahead_bytes", service.look_ahead_bytes, at_least(1048576), "bytes",
              "of data alone: of microbatches made and not yet sent; no other is begun beyond it");
        }
        s.key("hosts", service.hosts, any(), "", "where replicas run; empty: this host");
      });
    }
  });
  v.section("transport", [&](Visitor& transport) {
    for (const Edge edge : kEdges) {
      transport.section(name(edge), [&config = config.transport[edge]](Visitor& s) {
        s.key("kind", config.kind, one_of({"auto", "loopback", "ipc", "tcp"}), "",
              "auto: loopback in the monolith, ipc on one host, tcp between hosts");
        s.key("budget_bytes", config.budget_bytes, at_least(65536), "bytes",
              "in flight in each direction; at least one largest message");
        s.key("port_base", config.port_base, between(0, 65000), "port",
              "first of the edge's tcp ports, one a pair of ranks; needed for tcp");
      });
    }
  });
  v.section("trace", [&trace = config.trace](Visitor& s) {
    s.key("enabled", trace.enabled, any(), "", "write spans and counters to a ring per process");
    s.key("ring_bytes", trace.ring_bytes, between(65536, 1073741824), "bytes",
          "size of one process's ring; older spans are overwritten");
  });
}

}  // namespace desa2va::config
