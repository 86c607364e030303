#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "host/scouting/core/orbit.h"
#include "host/scouting/formats/decoder.h"
#include "host/scouting/pipeline/account.h"
#include "host/scouting/pipeline/guarded.h"
#include "host/scouting/pipeline/recycler.h"
#include "host/scouting/pipeline/sequence.h"
#include "host/scouting/sources/source.h"

namespace strobe::scouting {

using SourceOrbitPtr = std::shared_ptr<SourceOrbit>;

/// Where a receiver's orbits go. Called on the receiver's thread.
class OrbitTaker {
 public:
  virtual ~OrbitTaker() = default;
  /// An orbit of source `source`, in the order of the numbers. A fault: dropped whole for that reason (what follows is
  /// too slow, the other sources' orbit has gone on).
  virtual std::optional<Fault> take(size_t source, SourceOrbitPtr orbit) = 0;
  /// Nothing more has come at this moment: what waits for company is to go on.
  virtual void idle(size_t source) = 0;
  /// The source is at its end.
  virtual void finish(size_t source) = 0;
};

/// Bytes of one source to orbits in sequence, all of them accounted for. The body of one thread.
class Receiver {
 public:
  struct Setup {
    size_t index = 0;
    std::string name;
    uint32_t step = 1;  ///< between the numbers of the orbits
    /// A file that is read again at its end: each pass goes on counting orbits where the last one ended.
    bool repeats = false;
    bool is_file = false;  ///< all is there at once: an orbit arrives when it is its turn
    std::unique_ptr<ByteSource> source;
    std::unique_ptr<Decoder> decoder;
  };
  Receiver(Setup setup, Quarantine& quarantine, OrbitTaker& taker);

  /// Until the source ends or `stop`. Errors: the source's own.
  absl::Status run();
  /// From any thread. Paused: nothing is read, so that senders wait.
  void pause(bool paused);
  void stop();
  SourceAccount account() const { return account_.get(); }

 private:
  absl::Status receive();
  void decode_unread(bool at_end);
  void end_stream();
  bool decode_one(bool at_end);
  void take_orbit(const Decoded& decoded);
  void hand_on(SourceOrbitPtr orbit);
  void drop(const SourceOrbit& orbit, Fault fault);
  void release_held(bool at_end);
  void take_bad(const Decoded& decoded, std::span<const std::byte> bytes);

  const Setup setup_;
  Quarantine& quarantine_;
  OrbitTaker& taker_;
  Guarded<SourceAccount> account_;
  Recycler<SourceOrbit> orbits_;
  SourceOrbitPtr filling_, held_;
  Sequence sequence_;
  size_t counted_bytes_ = 0;  ///< of the unread ones: in the account
  bool needs_more_ = false;   ///< the decoder, of what is unread and in `filling_`
  int64_t filled_ns_ = 0;
  bool starts_again_ = false;
  uint32_t number_offset_ = 0, last_number_ = 0;
  std::atomic<bool> paused_{false}, stopped_{false};
};

}  // namespace strobe::scouting
