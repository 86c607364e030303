#pragma once

#include <cstdint>
#include <functional>
#include <mutex>

/// What this process starts and leaves behind: children, and whatever must be gone when a signal ends it.
namespace strobe::process {

/// A stretch that a signal does not part: `undo_unfinished` waits until it is over. Short ones only: one at a time in
/// the whole process, never one within another.
using Step = std::unique_lock<std::mutex>;
Step begin_step();

/// Something that would outlive a program that a signal ends: a temporary folder, a child's process group. Noted in the
/// step that makes it, forgotten in the step that ends it or hands it to its user.
///
/// The list of all of them belongs to the process, as its signals do; it is the one global thing in strobe.
class Unfinished {
 public:
  Unfinished() = default;  ///< nothing
  /// `undo` runs inside a step and must not begin one.
  Unfinished(const Step& step, std::function<void()> undo);
  Unfinished(Unfinished&& other) noexcept;
  Unfinished& operator=(Unfinished&& other) noexcept;
  ~Unfinished();
  void forget(const Step& step);

 private:
  uint64_t number_ = 0;  ///< 0: nothing
};

/// Undoes all that is unfinished, the newest first. From then on no step begins any more: a thread that tries waits for
/// the end of the process, which is the caller's to bring about.
void undo_unfinished();

}  // namespace strobe::process
