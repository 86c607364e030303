#pragma once

#include <atomic>
#include <cstddef>

namespace strobe::server {

/// What a completion queue hands back: something to go on with.
class Event {
 public:
  /// `ok` as gRPC means it: the operation took place.
  virtual void proceed(bool ok) = 0;

 protected:
  ~Event() = default;
};

/// An event that calls a member function of its owner.
template <typename Owner>
class MemberEvent final : public Event {
 public:
  MemberEvent(Owner& owner, void (Owner::*step)(bool)) : owner_(owner), step_(step) {}
  void proceed(bool ok) override { (owner_.*step_)(ok); }

 private:
  Owner& owner_;
  void (Owner::*step_)(bool);
};

/// Counts of calls, shared by the server and its calls.
struct CallCounts {
  std::atomic<size_t> alive{0};    ///< call objects, waiting or working
  std::atomic<size_t> waiting{0};  ///< of them: ready to accept an inference
};

}  // namespace strobe::server
