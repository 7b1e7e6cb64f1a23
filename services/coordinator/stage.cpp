#include "services/coordinator/stage.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

namespace desa2va::coordinator {
namespace {

bool trains(Rank rank) {
  return rank.role != Role::Data;
}

std::string json_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Of an object, as part of a longer one.
std::string members(const std::string& object) {
  return object.substr(1, object.size() - 2);
}

}  // namespace

Stage::Stage(protocol::RunPlan plan, Settings settings)
    : plan_(plan), settings_(std::move(settings)), committed_(settings_.restore_step) {
  if (settings_.restore_step > 0) saved_ = settings_.restore_step;
  skipped_in_row_ = settings_.restored.skipped_in_row;
  const Record& restored = settings_.restored;
  if (restored.substituted > 0 || !restored.unusable.empty())
    replaced_[settings_.restore_step] = {restored.substituted, restored.unusable};
}

template <class T>
void Stage::to_all(const T& what, bool training_only) {
  for (const Rank rank : settings_.ranks) {
    if (!training_only || trains(rank)) commands_.emplace_back(Send{rank, step_, what});
  }
}

bool Stage::everyone(const std::map<Rank, bool>& said, bool training_only) const {
  return std::all_of(settings_.ranks.begin(), settings_.ranks.end(), [&](Rank rank) {
    return (training_only && !trains(rank)) || said.contains(rank);
  });
}

Result<void> Stage::expect(State state, Rank rank, const char* what) const {
  if (state_ == state) return {};
  return fail(Errc::Internal, "{} said {} in step {} out of turn", to_string(rank), what,
              step_.step);
}

Result<void> Stage::once(std::map<Rank, bool>& said, Rank rank, const char* what) const {
  if (said.emplace(rank, true).second) return {};
  return fail(Errc::Internal, "{} said {} twice in step {}", to_string(rank), what, step_.step);
}

Result<std::vector<Command>> Stage::decide(const Happened& event) {
  commands_.clear();
  if (state_ == State::Finished) return std::vector<Command>();
  if (const auto* from = std::get_if<FromRank>(&event)) {
    if (const auto* losses = std::get_if<messages::Losses>(&from->what)) {
      sum_.add(from->microbatch, from->rank, *losses);
    } else if (const auto* failed = std::get_if<messages::Failed>(&from->what)) {
      finish(failed->exit_code != 0 ? failed->exit_code : static_cast<int>(ExitCode::Service),
             fmt::format("{}: {}", to_string(from->rank), failed->message));
    } else {
      Result<void> done;
      std::visit(
          [&](const auto& what) {
            if constexpr (requires { on(from->rank, what); }) done = on(from->rank, what);
            if constexpr (requires { on(*from, what); }) done = on(*from, what);
          },
          from->what);
      if (!done) return std::move(done.error());
    }
  } else if (const auto* committed = std::get_if<CheckpointCommitted>(&event)) {
    on_committed(*committed);
  } else {
    stop_requested_ = true;
    if (state_ == State::Gathering || state_ == State::Restoring)
      finish(static_cast<int>(ExitCode::Interrupted), "interrupted before the first step");
  }
  return std::move(commands_);
}

Result<void> Stage::on(Rank rank, const messages::Hello&) {
  DESA2VA_TRY(expect(State::Gathering, rank, "Hello"));
  DESA2VA_TRY(once(said_, rank, "Hello"));
  if (!everyone(said_, false)) return {};
  said_.clear();
  state_ = State::Restoring;
  tell_unusable(0, settings_.restore_step);
  to_all(messages::Generation{settings_.restore_step, plan_.last_step()});
  return {};
}

Result<void> Stage::on(Rank rank, const messages::Ready& ready) {
  DESA2VA_TRY(expect(State::Restoring, rank, "Ready"));
  DESA2VA_TRY(once(said_, rank, "Ready"));
  if (ready.step != settings_.restore_step)
    return fail(Errc::Internal, "{} restored step {} instead of {}", to_string(rank), ready.step,
                settings_.restore_step);
  if (!everyone(said_, false)) return {};
  commands_.emplace_back(WriteEvent{
      settings_.restore_step > 0 ? "resumed" : "started",
      fmt::format("\"step\":{},\"last_step\":{}", settings_.restore_step, plan_.last_step())});
  go_on();
  return {};
}

void Stage::open_step(std::uint64_t step) {
  const auto place = plan_.place(step);
  step_ = {step, place.phase, place.lr, place.progress};
  state_ = State::Flowing;
  said_.clear();
  prepared_.clear();
  sum_.clear();
  to_all(messages::Step{place.lr, place.progress}, true);
}

Result<void> Stage::on(Rank rank, const messages::Prepared& prepared) {
  DESA2VA_TRY(expect(State::Flowing, rank, "Prepared"));
  DESA2VA_TRY(once(said_, rank, "Prepared"));
  prepared_.emplace(rank, prepared);
  if (everyone(said_, true)) close_step();
  return {};
}

// The norm over all roles, so that clipping is that of one process: tensors in name order.
void Stage::close_step() {
  std::map<std::string, double> squared;
  std::string bad;
  for (const auto& [rank, prepared] : prepared_) {
    squared.insert(prepared.norms.begin(), prepared.norms.end());
    if (!prepared.finite && bad.empty())
      bad = fmt::format("{} of {}", prepared.first_bad, to_string(rank));
  }
  double sum = 0;
  for (const auto& [name, value] : squared) sum += value;
  const double norm = std::sqrt(sum);
  skipping_ = !bad.empty() || !std::isfinite(norm);
  metrics_ = {step_.step, step_.phase, step_.learning_rate, norm, {}, {}, 0, skipping_};
  sum_.finish(settings_.microbatches, metrics_);
  said_.clear();
  state_ = State::Committing;
  if (skipping_) {
    ++skipped_in_row_;
    commands_.emplace_back(
        WriteEvent{"skip", fmt::format("\"step\":{},\"tensor\":{}", step_.step, json_text(bad))});
    to_all(messages::Skip{}, true);
    return;
  }
  skipped_in_row_ = 0;
  scale_ = std::min(1.0, settings_.clip_norm / (norm + 1e-6));
  to_all(messages::Commit{scale_}, true);
}

Result<void> Stage::on(Rank rank, const messages::Done& done) {
  DESA2VA_TRY(expect(State::Committing, rank, "Done"));
  DESA2VA_TRY(once(said_, rank, "Done"));
  metrics_.method.insert(done.metrics.begin(), done.metrics.end());
  if (everyone(said_, true)) end_step();
  return {};
}

void Stage::end_step() {
  commands_.emplace_back(WriteMetrics{metrics_});
  to_all(messages::Committed{}, true);
  tell_unusable(step_.step, step_.step);
  committed_ = step_.step;
  if (skipped_in_row_ > settings_.max_skipped_in_row) {
    finish(static_cast<int>(ExitCode::Training),
           fmt::format("{} steps in a row had gradients that are not finite; allowed: "
                       "train.max_skipped_in_row = {}. Lower train.lr or look at the data",
                       skipped_in_row_, settings_.max_skipped_in_row));
    return;
  }
  go_on();
}

// Between steps: a save where one is due, then the next step or the end.
void Stage::go_on() {
  const bool last = committed_ >= plan_.last_step() || stop_requested_;
  const bool due = committed_ > 0 && saved_ != committed_ &&
                   (last || (settings_.save_every > 0 && committed_ % settings_.save_every == 0) ||
                    (settings_.save_phase_ends && plan_.ends_phase(committed_)));
  if (due && saving_ != committed_) {
    state_ = State::Closing;
    if (saving_) return;  // one save at a time: its end comes back here
    start_save();
  }
  if (!last) {
    open_step(committed_ + 1);
    return;
  }
  state_ = State::Closing;
  if (saving_) return;
  if (last_save_failed_)
    finish(static_cast<int>(ExitCode::Storage), "the final checkpoint could not be written");
  else if (stop_requested_ && committed_ < plan_.last_step())
    finish(static_cast<int>(ExitCode::Interrupted),
           fmt::format("interrupted after step {}; run again to go on", committed_));
  else
    finish(static_cast<int>(ExitCode::Done), "");
}

void Stage::start_save() {
  saving_ = committed_;
  receipts_.clear();
  save_failed_ = false;
  saving_skipped_in_row_ = skipped_in_row_;
  to_all(messages::Save{committed_}, true);
}

Result<void> Stage::on(Rank rank, const messages::Saved& saved) {
  if (!saving_) return fail(Errc::Internal, "{} saved without being asked", to_string(rank));
  if (!receipts_.emplace(rank, saved.receipt).second)
    return fail(Errc::Internal, "{} saved step {} twice", to_string(rank), *saving_);
  save_failed_ = save_failed_ || saved.receipt.empty();
  for (const Rank other : settings_.ranks) {
    if (trains(other) && !receipts_.contains(other)) return {};
  }
  if (save_failed_) {
    on_committed({*saving_, fail(Errc::Overloaded, "a rank could not write its part")});
    return {};
  }
  CommitCheckpoint commit{
      *saving_, plan_.phase(*saving_), plan_.position_after(*saving_), {}, record_of(*saving_)};
  for (auto& [from, receipt] : receipts_) commit.receipts.push_back(receipt);
  commands_.emplace_back(std::move(commit));
  return {};
}

void Stage::on_committed(const CheckpointCommitted& event) {
  saving_.reset();
  last_save_failed_ = !event.outcome;
  if (event.outcome) {
    saved_ = event.step;
    commands_.emplace_back(WriteEvent{"checkpoint", fmt::format("\"step\":{}", event.step)});
  } else {
    if (committed_ == event.step) saved_ = event.step;  // tried: not again for this step
    commands_.emplace_back(
        WriteEvent{"checkpoint_failed", fmt::format("\"step\":{},\"reason\":{}", event.step,
                                                    json_text(event.outcome.error().message()))});
  }
  if (state_ == State::Closing) go_on();
}

Result<void> Stage::on(Rank, const messages::Event& event) {
  commands_.emplace_back(WriteEvent{event.kind, event.json.starts_with("{")
                                                    ? members(event.json)
                                                    : "\"message\":" + json_text(event.json)});
  return {};
}

Result<void> Stage::on(const FromRank& from, const messages::Replaced& replaced) {
  using Why = messages::Replaced::Why;
  const auto per_step = static_cast<std::uint64_t>(settings_.microbatches);
  const std::uint64_t step = from.microbatch / per_step + 1;
  const nlohmann::json line = {{"step", step},
                               {"microbatch", from.microbatch},
                               {"dataset", replaced.sample.dataset},
                               {"key", replaced.sample.key},
                               {"reason", replaced.reason},
                               {"substitute", replaced.substitute},
                               {"on_record", replaced.why == Why::OnRecord}};
  commands_.emplace_back(WriteEvent{"substitute", members(json_text(line))});
  if (replaced.why == Why::OnRecord) return {};
  OfStep& of = replaced_[step];
  ++of.substituted;
  if (replaced.why == Why::Reading) {
    of.unusable.insert(replaced.sample);
    if (step <= committed_) tell_unusable(step, step);  // said late, behind the commit
  }
  if (substituted() > settings_.failure_budget)
    finish(static_cast<int>(ExitCode::Data),
           fmt::format("{} samples had to be replaced; allowed: data.failure_budget = {}. "
                       "events.jsonl names them",
                       substituted(), settings_.failure_budget));
  return {};
}

std::int64_t Stage::substituted() const {
  std::int64_t all = 0;
  for (const auto& [step, of] : replaced_) all += of.substituted;
  return all;
}

Record Stage::record_of(std::uint64_t step) const {
  Record record{0, saving_skipped_in_row_, {}};
  for (auto it = replaced_.begin(); it != replaced_.upper_bound(step); ++it) {
    record.substituted += it->second.substituted;
    record.unusable.insert(it->second.unusable.begin(), it->second.unusable.end());
  }
  return record;
}

// Every data rank learns what one of them could not read in these steps.
void Stage::tell_unusable(std::uint64_t first_step, std::uint64_t last_step) {
  messages::Unusable news;
  for (auto it = replaced_.lower_bound(first_step); it != replaced_.upper_bound(last_step); ++it)
    news.samples.insert(news.samples.end(), it->second.unusable.begin(), it->second.unusable.end());
  if (news.samples.empty()) return;
  for (const Rank rank : settings_.ranks) {
    if (rank.role == Role::Data) commands_.emplace_back(Send{rank, step_, news});
  }
}

void Stage::finish(int exit_code, std::string reason) {
  state_ = State::Finished;
  to_all(messages::Stop{reason});
  commands_.emplace_back(Finish{exit_code, std::move(reason)});
}

}  // namespace desa2va::coordinator
