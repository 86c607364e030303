#include "platform/process/unfinished.h"

#include <map>
#include <utility>

namespace strobe::process {
namespace {

struct All {
  std::mutex mutex;
  std::map<uint64_t, std::function<void()>> undo;  ///< by age
  uint64_t last = 0;
};

/// Never destroyed: a signal may come while the process ends.
All& all() {
  static All& list = *new All;
  return list;
}

}  // namespace

Step begin_step() { return Step(all().mutex); }

Unfinished::Unfinished(const Step&, std::function<void()> undo) : number_(++all().last) {
  all().undo.emplace(number_, std::move(undo));
}

Unfinished::Unfinished(Unfinished&& other) noexcept : number_(std::exchange(other.number_, 0)) {}

Unfinished& Unfinished::operator=(Unfinished&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

Unfinished::~Unfinished() {
  if (number_ != 0) forget(begin_step());
}

void Unfinished::forget(const Step&) {
  all().undo.erase(number_);
  number_ = 0;
}

void undo_unfinished() {
  all().mutex.lock();  // for good
  for (auto undo = all().undo.rbegin(); undo != all().undo.rend(); ++undo) undo->second();
}

}  // namespace strobe::process
