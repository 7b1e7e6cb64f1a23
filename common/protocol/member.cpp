#include "common/protocol/member.h"

#include <unistd.h>

namespace desa2va::protocol {

using messages::Kind;

Member::Member(Rank self, const Routes& routes, Courier& courier, StepActions& actions)
    : self_(self), routes_(routes), courier_(courier), actions_(actions) {}

Result<void> Member::hello(std::vector<std::pair<std::string, std::string>> facts) {
  return courier_.send_coordinator(
      messages::Hello{self_, static_cast<std::uint32_t>(::getpid()), std::move(facts)});
}

Stamp Member::stamp() const {
  return {current_.phase, current_.step, 0, false};
}

Result<void> Member::wrong_order(Kind kind) const {
  return fail(Errc::Internal, "{} got {} in step {} while {}", to_string(self_), name(kind),
              current_.step,
              std::array{"idle", "computing", "reducing", "prepared",
                         "done"}[static_cast<std::size_t>(state_)]);
}

Result<void> Member::on_control(const transport::Message& message) {
  const Kind kind = messages::kind(message);
  switch (kind) {
    case Kind::Generation: {
      DESA2VA_ASSIGN(const auto generation, messages::decode<messages::Generation>(message));
      last_step_ = generation.last_step;
      if (auto restored = actions_.restore(generation.restore_step); !restored) {
        Error error =
            std::move(restored.error()).in(fmt::format("restore step {}", generation.restore_step));
        // Corrupt alone would read as bad data.
        if (error.code() == Errc::Corrupt) return std::move(error).with_exit(ExitCode::Storage);
        return error;
      }
      ready_ = true;
      return courier_.send_coordinator(messages::Ready{generation.restore_step});
    }
    case Kind::Step: {
      if (state_ != State::Idle) return wrong_order(kind);
      DESA2VA_ASSIGN(const auto step, messages::decode<messages::Step>(message));
      current_ = {message.envelope.step, message.envelope.phase, step.learning_rate, step.progress};
      own_ = routes_.of_step(self_, current_.step).size();
      done_ = 0;
      courier_.tracer().set_step(current_.step, current_.phase);
      DESA2VA_TRY(actions_.begin_step(current_));
      open_ = current_;
      state_ = State::Flowing;
      return {};
    }
    case Kind::Commit: {
      if (state_ != State::Prepared) return wrong_order(kind);
      DESA2VA_ASSIGN(const auto commit, messages::decode<messages::Commit>(message));
      auto span = courier_.tracer().span(tracing::Span::OptimizerStep);
      return apply(actions_.commit(commit.scale));
    }
    case Kind::Skip:
      if (state_ != State::Prepared) return wrong_order(kind);
      return apply(actions_.skip());
    case Kind::Committed:
      if (state_ != State::Applied) return wrong_order(kind);
      state_ = State::Idle;
      return actions_.committed(current_);
    case Kind::Save: {
      if (state_ != State::Idle) return wrong_order(kind);
      DESA2VA_ASSIGN(const auto save, messages::decode<messages::Save>(message));
      auto span = courier_.tracer().span(tracing::Span::Save);
      DESA2VA_TRY(actions_.start_save(save.step));
      saving_ = save.step;
      return {};
    }
    case Kind::Stop:
      finished_ = true;
      return {};
    default:
      return fail(Errc::Corrupt, "{} does not understand {} from the coordinator", to_string(self_),
                  name(kind));
  }
}

Result<void> Member::apply(Result<messages::Done> done) {
  if (!done) return std::move(done.error());
  state_ = State::Applied;
  return courier_.send_coordinator(*done, stamp());
}

Result<bool> Member::advance() {
  if (saving_) {
    Result<std::optional<Buffer>> receipt = actions_.saved();
    if (!receipt && receipt.error().code() != Errc::Overloaded) return std::move(receipt.error());
    if (!receipt || *receipt) {
      const Stamp stamp{current_.phase, *saving_, 0, false};
      saving_.reset();
      // A full disk abandons the save, not the run: an empty receipt tells the coordinator so.
      if (!receipt)
        DESA2VA_TRY(courier_.send_coordinator(
            messages::Event{"save_failed", receipt.error().message()}, stamp));
      DESA2VA_TRY(
          courier_.send_coordinator(messages::Saved{receipt ? **receipt : Buffer()}, stamp));
      return true;
    }
  }
  if (state_ == State::Flowing && done_ == own_) {
    open_.reset();
    DESA2VA_TRY(actions_.start_reduce());
    state_ = State::Reducing;
  }
  if (state_ == State::Reducing) {
    DESA2VA_ASSIGN(const bool reduced, actions_.reduced());
    if (!reduced) return false;
    auto span = courier_.tracer().span(tracing::Span::Prepare);
    DESA2VA_ASSIGN(const messages::Prepared prepared, actions_.prepare());
    state_ = State::Prepared;
    DESA2VA_TRY(courier_.send_coordinator(prepared, stamp()));
    return true;
  }
  return false;
}

Result<void> Member::report(std::uint64_t global, const messages::Losses& losses) {
  return courier_.send_coordinator(losses, {current_.phase, current_.step, global, false});
}

}  // namespace desa2va::protocol
