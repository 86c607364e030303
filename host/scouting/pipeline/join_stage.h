#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "host/scouting/pipeline/joiner.h"
#include "host/scouting/pipeline/queue.h"
#include "host/scouting/pipeline/worker.h"

namespace strobe::scouting {

/// Between the receivers and the worker: joins sources, and applies the policy for what follows being too slow. The
/// worker runs on the receiver's thread where there is one source, or on a thread of its own behind a queue.
class JoinStage : public OrbitTaker {
 public:
  struct Setup {
    JoinOptions options;
    bool drop_when_slow = false;
    bool own_thread = false;  ///< must be so for several sources
    size_t queue_orbits = 64;
    std::function<void()> enter_thread;  ///< called on the own thread first
    Worker& worker;
    std::function<void()> ended;  ///< called once, after the last orbit, on the thread of the worker
  };
  explicit JoinStage(Setup setup);
  ~JoinStage() override;

  void start();
  /// Sources that were held go on: they are to end. From any thread.
  void stop();
  /// After all sources have ended: until the worker has too.
  void wait();
  std::optional<Fault> take(size_t source, SourceOrbitPtr orbit) override;
  void idle(size_t source) override;
  void finish(size_t source) override;
  JoinAccount account() const { return account_.get(); }
  /// Orbits before the worker, where it has a thread of its own.
  std::optional<QueueDepth> depth() const;

 private:
  void go_on(JoinedOrbit orbit);
  void work();
  void count();
  void let_others_catch_up(std::unique_lock<std::mutex>& lock);

  const Setup setup_;
  std::mutex mutex_;                   ///< receivers take turns
  std::condition_variable caught_up_;  ///< fewer orbits wait for parts
  Joiner joiner_;
  size_t finished_ = 0;
  std::atomic<bool> stopped_{false};
  uint64_t full_ = 0;  ///< orbits dropped here, by policy
  Guarded<JoinAccount> account_;
  std::unique_ptr<BoundedQueue<JoinedOrbit>> queue_;
  std::thread thread_;
};

}  // namespace strobe::scouting
