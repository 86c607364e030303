#include "host/scouting/pipeline/sequence.h"

namespace strobe::scouting {

bool Sequence::seen(uint32_t number) const {
  return number <= last_ && last_ - number < kWindow && recent_[number % kWindow];
}

void Sequence::accept(uint32_t number) {
  if (any_) {
    missing_ += (number - last_) / step_ - 1;
    if (number - last_ >= kWindow) recent_.reset();
    for (uint32_t gone = last_ + 1; gone < number && number - last_ < kWindow; ++gone) recent_[gone % kWindow] = false;
  }
  any_ = true;
  last_ = number;
  recent_[number % kWindow] = true;
}

Sequence::Verdict Sequence::next(uint32_t number) {
  if (any_ && number <= last_) return next_behind(number);
  if (held_) return next_with_held(number);
  if (continues(number)) {
    accept(number);
    return Verdict::kNext;
  }
  held_ = number;
  return Verdict::kHold;
}

Sequence::Verdict Sequence::next_behind(uint32_t number) {
  if (seen(number)) return Verdict::kDuplicate;
  // It fills a gap that was counted, unless it came before the window.
  if (last_ - number < kWindow) {
    if (missing_ > 0) --missing_;
    recent_[number % kWindow] = true;
  }
  return Verdict::kLate;
}

Sequence::Verdict Sequence::next_with_held(uint32_t number) {
  if (number == *held_) return Verdict::kDuplicate;
  if (number > *held_) {
    const bool behind_held = number - *held_ == step_;
    if (!behind_held && held_is_far()) return replace_held(number);
    accept_held();
    if (!behind_held) {
      held_ = number;
      return Verdict::kHold;
    }
    accept(number);
    return Verdict::kNext;
  }
  if ((*held_ - (any_ ? last_ : number)) / step_ <= kBelieved) {
    accept(number);
    if (*held_ - number != step_) return Verdict::kBeforeHeld;
    accept_held();
    return Verdict::kThenHeld;
  }
  if (!continues(number)) return replace_held(number);
  accept(number);
  held_.reset();
  return Verdict::kReplaceHeld;
}

Sequence::Verdict Sequence::replace_held(uint32_t number) {
  held_ = number;
  return Verdict::kReplaceAndHold;
}

void Sequence::accept_held() {
  accept(*held_);
  held_.reset();
}

bool Sequence::release(bool at_end) {
  if (!held_) return true;
  if (!at_end && held_is_far()) return false;
  accept_held();
  return true;
}

}  // namespace strobe::scouting
