#pragma once

#include <mutex>

namespace strobe::scouting {

/// A value that one thread changes and others look at: changes inside one `change` are seen together or not at all.
template <typename T>
class Guarded {
 public:
  template <typename Change>
  void change(Change&& apply) {
    const std::lock_guard lock(mutex_);
    apply(value_);
  }
  T get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace strobe::scouting
