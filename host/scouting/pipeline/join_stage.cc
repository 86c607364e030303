#include "host/scouting/pipeline/join_stage.h"

#include <chrono>
#include <utility>

#include "host/scouting/pipeline/clock.h"

namespace strobe::scouting {
namespace {

/// Orbits that one source may be ahead of another, where it can be held: about 20 ms of the LHC.
constexpr size_t kMostAhead = 256;

}  // namespace

JoinStage::JoinStage(Setup setup)
    : setup_(std::move(setup)), joiner_(setup_.options, [this](JoinedOrbit orbit) { go_on(std::move(orbit)); }) {
  if (setup_.own_thread) queue_ = std::make_unique<BoundedQueue<JoinedOrbit>>(setup_.queue_orbits);
  count();
}

JoinStage::~JoinStage() {
  if (queue_ != nullptr) queue_->close();
  if (thread_.joinable()) thread_.join();
}

void JoinStage::start() {
  if (queue_ != nullptr) thread_ = std::thread([this] { work(); });
}

void JoinStage::stop() {
  // Without the lock: a receiver may hold it while it waits for the very thread that calls this.
  stopped_ = true;
  caught_up_.notify_all();
}

void JoinStage::wait() {
  if (thread_.joinable()) thread_.join();
}

std::optional<Fault> JoinStage::take(size_t source, SourceOrbitPtr orbit) {
  std::unique_lock lock(mutex_);
  const bool taken = joiner_.take(source, std::move(orbit), now_ns());
  count();
  if (setup_.options.sources > 1 && !setup_.drop_when_slow) let_others_catch_up(lock);
  return taken ? std::nullopt : std::optional(Fault::kOutOfSequence);
}

/// Holds a source that is far ahead of the others, until they have come, ended, or their time is over.
void JoinStage::let_others_catch_up(std::unique_lock<std::mutex>& lock) {
  constexpr std::chrono::milliseconds kLook{20};
  caught_up_.notify_all();
  while (joiner_.waiting() > kMostAhead && !stopped_) {
    caught_up_.wait_for(lock, kLook);
    joiner_.check_time(now_ns());
    count();
  }
}

void JoinStage::go_on(JoinedOrbit orbit) {
  if (queue_ == nullptr) {
    if (setup_.drop_when_slow && !setup_.worker.has_room()) {
      ++full_;
      return;
    }
    return setup_.worker.take(std::move(orbit));
  }
  const bool taken = setup_.drop_when_slow ? queue_->try_push(std::move(orbit)) : queue_->push(std::move(orbit));
  if (!taken) ++full_;
}

void JoinStage::count() {
  account_.change([&](JoinAccount& account) {
    account = joiner_.account();
    account.orbits.out -= full_;
    account.orbits.dropped[static_cast<size_t>(Fault::kDownstreamFull)] += full_;
  });
}

void JoinStage::idle(size_t) {
  {
    const std::lock_guard lock(mutex_);
    joiner_.check_time(now_ns());
    count();
  }
  if (queue_ == nullptr) setup_.worker.idle();
}

void JoinStage::finish(size_t source) {
  const std::lock_guard lock(mutex_);
  joiner_.finish(source);
  count();
  caught_up_.notify_all();
  if (++finished_ < setup_.options.sources) return;
  if (queue_ != nullptr) return queue_->close();
  setup_.worker.finish();
  setup_.ended();
}

void JoinStage::work() {
  if (setup_.enter_thread) setup_.enter_thread();
  for (;;) {
    std::optional<JoinedOrbit> orbit = queue_->try_pop();
    if (!orbit) {
      setup_.worker.idle();
      orbit = queue_->pop();
    }
    if (!orbit) break;
    setup_.worker.take(*std::move(orbit));
  }
  setup_.worker.finish();
  setup_.ended();
}

std::optional<QueueDepth> JoinStage::depth() const {
  if (queue_ == nullptr) return std::nullopt;
  return QueueDepth{"work", queue_->size(), queue_->capacity()};
}

}  // namespace strobe::scouting
