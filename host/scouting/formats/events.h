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

  /// As Decoder::decode; `orbit` must be empty.
  Decoded decode(std::span<const std::byte> bytes, bool at_end, SourceOrbit& orbit);
  /// The header at `at`, if it can be one.
  std::optional<Event> header(const std::byte* at) const;
  bool is_padding(const std::byte* at) const { return has_marker_ && load<uint64_t>(at) == 0; }

 private:
  enum class Stop : uint8_t { kOrbitEnds, kNeedMore, kDoubt };
  struct Stretch {
    const std::byte* begin;
    const std::byte* end;
    bool at_end;
  };

  /// Decodes as long as all is right; `at` is where it stopped.
  Stop fast(const Stretch& bytes, const Event& first, SourceOrbit& orbit, const std::byte*& at);
  /// Takes all events at once that are right in themselves; the last of them, if any, is `last`.
  const std::byte* scan(const Stretch& bytes, SourceOrbit& orbit, std::optional<Event>& last);
  EventScan scan_words(const Stretch& bytes, Buffer<uint64_t>& objects);
  Decoded careful(const Stretch& bytes, SourceOrbit& orbit);
  Decoded no_event(const Stretch& bytes) const;
  Stop collect(const Stretch& bytes, uint32_t number, SourceOrbit& orbit, const std::byte*& at);
  bool resynchronise(const Stretch& bytes, uint32_t number, SourceOrbit& orbit, const std::byte*& at);
  const std::byte* find_event(const std::byte* begin, size_t step, const Stretch& bytes,
                              std::optional<uint32_t> number) const;
  bool leads_on(const Event& event, const Stretch& bytes) const;
  std::optional<uint32_t> believed_number(const Event& first, const Stretch& bytes) const;
  bool is_sound(const Event& event) const;
  bool is_believable(const Event& event, const Stretch& bytes) const;
  static bool may_hold_header(const Event& event, uint32_t orbit);
  bool starts_again(const Event& event, const Stretch& bytes) const;
  const std::byte* held_header(const Event& event, const Stretch& bytes) const;
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
