#pragma once

#include <optional>

#include "host/scouting/formats/answers.h"
#include "host/scouting/formats/event_scan.h"

/// Phase 2 events: a 64-bit header and as many words as it says, one event after another.
namespace strobe::scouting {

/// An event's place and header.
struct Event {
  const std::byte* at = nullptr;
  uint32_t orbit = 0;
  uint32_t crossing = 0;
  uint32_t words = 0;
  bool error = false;
  const std::byte* begin() const { return at + sizeof(uint64_t); }
  const std::byte* end() const { return begin() + words * sizeof(uint64_t); }
};

/// Cuts events into orbits and decodes them, for streams of nothing else and for what the DTH's blocks hold.
class EventReader {
 public:
  /// Twice the longest orbit that is believed; a Puppi orbit with 1000 candidates in each of 594 crossings is 4.8 MB.
  static constexpr size_t kLongestBytes = size_t{16} << 20;

  /// `isa` is one that the machine has, not kBest.
  EventReader(const SourceFormat& format, const DecoderOptions& options, Isa isa);

  /// As Decoder::decode; `orbit` must be empty. The answer is the same whatever the pieces in which the bytes come.
  Decoded decode(std::span<const std::byte> bytes, bool at_end, SourceOrbit& orbit);
  /// As `decode` at the stream's end, of what is there all at once.
  Decoded decode_all(std::span<const std::byte> bytes, SourceOrbit& orbit);
  /// The header at `at`, if it can be one.
  std::optional<Event> header(const std::byte* at) const;
  bool is_padding(const std::byte* at) const { return has_marker_ && load<uint64_t>(at) == 0; }

 private:
  enum class Stop : uint8_t { kOrbitEnds, kNeedMore, kDoubt, kGoesOn };
  enum class Belief : uint8_t { kYes, kNo, kUnknown };
  struct Stretch {
    const std::byte* begin;
    const std::byte* end;
    bool at_end;
  };
  /// Damaged bytes are looked at in stretches of this size, of twice that, and so on.
  static constexpr size_t kShortestStep = size_t{32} << 10;
  /// Where an event stands that cannot be believed, more of its orbit is looked for within this.
  static constexpr size_t kNeighbourhood = size_t{32} << 10;

  /// Decodes as long as all is right; `at` is where it stopped.
  Stop fast(const Stretch& bytes, const Event& first, SourceOrbit& orbit, const std::byte*& at);
  /// Takes all events at once that are right in themselves; the last of them, if any, is `last`.
  const std::byte* scan(const Stretch& bytes, SourceOrbit& orbit, std::optional<Event>& last);
  EventScan scan_words(const Stretch& bytes, Buffer<uint64_t>& objects);
  std::optional<Decoded> decode_sound(const Stretch& bytes, SourceOrbit& orbit);
  Decoded careful_in_steps(const Stretch& bytes, SourceOrbit& orbit);
  Decoded careful(const Stretch& bytes, SourceOrbit& orbit);
  Decoded no_event(const Stretch& bytes) const;
  Stop collect(const Stretch& bytes, uint32_t number, SourceOrbit& orbit, const std::byte*& at);
  Stop take_own(const Event& event, const Stretch& bytes, SourceOrbit& orbit, const std::byte*& at);
  Stop meet(const Event& event, uint32_t number, const Stretch& bytes, SourceOrbit& orbit, const std::byte*& at);
  Stop resynchronise(const Stretch& bytes, uint32_t number, SourceOrbit& orbit, const std::byte*& at);
  std::optional<Event> header_within(const std::byte* at, const Stretch& bytes) const;
  std::optional<Event> find_near(const std::byte* begin, uint32_t number, const Stretch& bytes) const;
  std::optional<Event> find_any(const std::byte* begin, const Stretch& bytes) const;
  std::optional<Event> find_next(const std::byte* begin, uint32_t number, const Stretch& bytes) const;
  static bool was_header(const std::byte* at, uint32_t number, const Event& next);
  bool is_truncated_orbit(const std::byte* at) const;
  std::optional<Event> possible_event(const std::byte* at) const;
  Belief may_follow(const std::byte* at, uint32_t number, bool sure, const Stretch& bytes) const;
  Belief agrees_with_next(const Event& event, const Stretch& bytes) const;
  Belief believe(const Event& event, bool sure, const Stretch& bytes) const;
  bool is_sound_up_to(const Event& event, const std::optional<Event>& next, const Stretch& bytes) const;
  std::optional<uint32_t> believed_number(const Event& first, const Stretch& bytes) const;
  bool is_sound(const Event& event) const;
  /// Whether two orbits may follow each other in one stream, for belief in a header: some may be lacking or come late.
  static bool is_near(uint32_t orbit, uint32_t other) {
    constexpr uint32_t kNearOrbits = 64;
    return orbit - other < kNearOrbits || other - orbit < kNearOrbits;
  }
  static bool may_hold_header(const Event& event, uint32_t orbit);
  bool starts_again(const Event& event, const Stretch& bytes) const;
  void append(const Event& event, SourceOrbit& orbit) const;
  void finish(SourceOrbit& orbit) const;

  const SourceFormat& format_;
  const DecoderOptions options_;
  const bool has_marker_;         ///< Native64's `10` in the highest bits
  const ScanEvents scan_events_;  ///< null: event by event
  Buffer<uint32_t> places_;       ///< of the headers in what was scanned
  std::vector<Event> events_;
};

}  // namespace strobe::scouting
