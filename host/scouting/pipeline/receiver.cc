#include "host/scouting/pipeline/receiver.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "host/scouting/pipeline/clock.h"

namespace strobe::scouting {
namespace {

/// How soon a receiver that waits for bytes sees a pause, and an orbit held after a gap goes on.
constexpr int kPatienceMs = 20;

uint64_t objects_in(const SourceOrbit& orbit) {
  uint64_t count = 0;
  for (const Collection& collection : orbit.collections) count += collection.objects();
  return count;
}

}  // namespace

Receiver::Receiver(Setup setup, Quarantine& quarantine, OrbitTaker& taker)
    : setup_(std::move(setup)), quarantine_(quarantine), taker_(taker), sequence_(setup_.step) {
  account_.change([&](SourceAccount& account) {
    account.name = setup_.name;
    account.format = std::string(setup_.decoder->format().name);
    account.address = setup_.source->name();
    account.is_file = setup_.is_file;
  });
}

void Receiver::pause(bool paused) { paused_ = paused; }

void Receiver::stop() {
  stopped_ = true;
  setup_.source->interrupt();
}

absl::Status Receiver::run() {
  absl::Status status = receive();
  release_held(true);
  if (!setup_.source->unread().empty()) {
    account_.change([&](SourceAccount& account) {
      const size_t left = setup_.source->unread().size();
      if (left > counted_bytes_) account.bytes.enter(left - counted_bytes_);
      account.bytes.drop(Fault::kStopped, left);
    });
  }
  taker_.finish(setup_.index);
  return status;
}

absl::Status Receiver::receive() {
  using Fill = ByteSource::Fill;
  while (!stopped_) {
    if (paused_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(kPatienceMs));
      continue;
    }
    auto filled = setup_.source->fill(kPatienceMs);
    filled_ns_ = now_ns();
    const bool ended = !filled.ok() || (*filled == Fill::kEnd && !stopped_), broken = !ended && *filled == Fill::kBreak;
    if (!ended && *filled == Fill::kTimeout) release_held(false);
    // Bytes that fill the whole buffer and are still no packet never will be one.
    decode_unread(ended || broken || *filled == Fill::kFull);
    if (!filled.ok()) return filled.status();
    // A pause may have left some of the source's end unread: it is decoded afterwards.
    if (ended && (stopped_ || setup_.source->unread().empty())) return absl::OkStatus();
    if (broken && setup_.source->unread().empty()) end_stream();
    taker_.idle(setup_.index);
  }
  return absl::OkStatus();
}

/// A sender has gone, or a file has been read once: what comes next is a stream of its own.
void Receiver::end_stream() {
  account_.change([](SourceAccount& account) { ++account.breaks; });
  release_held(setup_.repeats);
  starts_again_ = setup_.repeats;
}

void Receiver::decode_unread(bool at_end) {
  const size_t unread = setup_.source->unread().size();
  if (unread > counted_bytes_) {
    account_.change([&](SourceAccount& account) { account.bytes.enter(unread - counted_bytes_); });
    counted_bytes_ = unread;
  }
  while (!stopped_ && !paused_ && decode_one(at_end)) {
  }
}

/// False: more bytes are needed, or there are none.
bool Receiver::decode_one(bool at_end) {
  const auto bytes = setup_.source->unread();
  if (bytes.empty()) return false;
  if (filling_ == nullptr) filling_ = orbits_.get();
  if (std::exchange(needs_more_, false)) setup_.decoder->expect_more();
  const Decoded decoded = setup_.decoder->decode(bytes, at_end, *filling_);
  switch (decoded.kind) {
    case Decoded::Kind::kNeedMore:
      needs_more_ = true;
      return false;
    case Decoded::Kind::kNothing:
      account_.change([&](SourceAccount& account) { account.bytes.leave(decoded.consumed); });
      break;
    case Decoded::Kind::kBad:
      take_bad(decoded, bytes.first(decoded.consumed));
      break;
    case Decoded::Kind::kOrbit:
      take_orbit(decoded);
      break;
  }
  setup_.source->consume(decoded.consumed);
  counted_bytes_ -= std::min(counted_bytes_, decoded.consumed);
  if (decoded.kind == Decoded::Kind::kOrbit) setup_.source->pace();
  return true;
}

void Receiver::take_bad(const Decoded& decoded, std::span<const std::byte> bytes) {
  account_.change([&](SourceAccount& account) {
    account.bytes.drop(decoded.fault, decoded.consumed);
    account.faults[static_cast<size_t>(decoded.fault)] += std::max(decoded.orbits, 1u);
    account.orbits.enter(decoded.orbits);
    account.orbits.drop(decoded.fault, decoded.orbits);
  });
  quarantine_.put({setup_.name, decoded.fault, decoded.knows_orbit ? static_cast<int64_t>(decoded.orbit) : -1, bytes,
                   decoded.detail});
}

void Receiver::take_orbit(const Decoded& decoded) {
  SourceOrbitPtr orbit = std::move(filling_);
  orbit->received_ns = setup_.is_file ? now_ns() : filled_ns_;
  if (std::exchange(starts_again_, false)) number_offset_ = last_number_ + setup_.step - orbit->number;
  orbit->number += number_offset_;
  account_.change([&](SourceAccount& account) {
    account.bytes.leave(decoded.consumed);
    account.orbits.enter();
    account.crossings.enter(orbit->crossings_in);
    for (size_t fault = 0; fault < kFaults; ++fault) {
      if (orbit->crossing_faults[fault] == 0) continue;
      account.crossings.drop(static_cast<Fault>(fault), orbit->crossing_faults[fault]);
      account.faults[fault] += orbit->crossing_faults[fault];
    }
  });
  for (const BadBytes& bad : orbit->bad)
    quarantine_.put({setup_.name, bad.fault, static_cast<int64_t>(orbit->number), bad.bytes, "inside the orbit"});
  using Verdict = Sequence::Verdict;
  const Verdict verdict = sequence_.next(orbit->number);
  switch (verdict) {
    case Verdict::kNext:
      if (held_ != nullptr) hand_on(std::move(held_));
      return hand_on(std::move(orbit));
    case Verdict::kHold:
      if (held_ != nullptr) hand_on(std::move(held_));
      held_ = std::move(orbit);
      return;
    case Verdict::kThenHeld:
    case Verdict::kBeforeHeld:
      // Found, and nothing lost by it.
      account_.change([](SourceAccount& account) { ++account.faults[static_cast<size_t>(Fault::kOutOfSequence)]; });
      hand_on(std::move(orbit));
      if (verdict == Verdict::kThenHeld) hand_on(std::move(held_));
      return;
    case Verdict::kReplaceHeld:
      drop(*std::exchange(held_, nullptr), Fault::kOutOfSequence);
      return hand_on(std::move(orbit));
    case Verdict::kReplaceAndHold:
      drop(*std::exchange(held_, std::move(orbit)), Fault::kOutOfSequence);
      return;
    case Verdict::kLate:
      return drop(*orbit, Fault::kOutOfSequence);
    case Verdict::kDuplicate:
      return drop(*orbit, Fault::kDuplicate);
  }
}

void Receiver::release_held(bool at_end) {
  if (!sequence_.release(at_end)) return;
  if (held_ != nullptr) hand_on(std::move(held_));
}

void Receiver::hand_on(SourceOrbitPtr orbit) {
  const uint64_t crossings = orbit->crossings.size(), objects = objects_in(*orbit);
  const uint32_t number = last_number_ = orbit->number;
  const std::optional<Fault> fault = taker_.take(setup_.index, std::move(orbit));
  account_.change([&](SourceAccount& account) {
    account.missing = sequence_.missing();
    account.last_orbit = number;
    if (!fault) {
      account.orbits.leave();
      account.crossings.leave(crossings);
      account.objects += objects;
      return;
    }
    account.orbits.drop(*fault);
    account.crossings.drop(*fault, crossings);
    ++account.faults[static_cast<size_t>(*fault)];
  });
}

void Receiver::drop(const SourceOrbit& orbit, Fault fault) {
  account_.change([&](SourceAccount& account) {
    account.missing = sequence_.missing();
    account.orbits.drop(fault);
    account.crossings.drop(fault, orbit.crossings.size());
    ++account.faults[static_cast<size_t>(fault)];
  });
}

}  // namespace strobe::scouting
