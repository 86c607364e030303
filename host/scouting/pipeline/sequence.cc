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
  if (any_ && number <= last_) {
    if (seen(number)) return Verdict::kDuplicate;
    // It fills a gap that was counted, unless it came before the window.
    if (last_ - number < kWindow) {
      if (missing_ > 0) --missing_;
      recent_[number % kWindow] = true;
    }
    return Verdict::kLate;
  }
  const bool continues = any_ && number - last_ == step_;
  if (!held_) {
    if (continues) {
      accept(number);
      return Verdict::kNext;
    }
    held_ = number;
    return Verdict::kHold;
  }
  if (number == *held_) return Verdict::kDuplicate;
  if (number > *held_) {
    const bool next_of_held = number - *held_ == step_;
    // Two damaged numbers in a row, the second higher, would make all that follow late. Nearer ones are a stream with
    // many gaps, as one of which orbits were dropped.
    if (!next_of_held && any_ && (*held_ - last_) / step_ > kWindow) {
      held_ = number;
      return Verdict::kReplaceAndHold;
    }
    accept(*held_);
    held_.reset();
    if (next_of_held) {
      accept(number);
      return Verdict::kNext;
    }
    held_ = number;
    return Verdict::kHold;
  }
  if ((*held_ - (any_ ? last_ : number)) / step_ <= kBelieved) {
    accept(number);
    if (*held_ - number != step_) return Verdict::kBeforeHeld;
    accept(*held_);
    held_.reset();
    return Verdict::kThenHeld;
  }
  if (continues) {
    accept(number);
    held_.reset();
    return Verdict::kReplaceHeld;
  }
  held_ = number;
  return Verdict::kReplaceAndHold;
}

bool Sequence::release(bool at_end) {
  if (!held_) return true;
  if (!at_end && any_ && (*held_ - last_) / step_ > kWindow) return false;
  accept(*held_);
  held_.reset();
  return true;
}

}  // namespace strobe::scouting
