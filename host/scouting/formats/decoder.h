#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "host/scouting/core/orbit.h"

namespace strobe::scouting {

/// What a decoder found at the front of a stream.
struct Decoded {
  enum class Kind : uint8_t {
    kOrbit,     ///< a whole orbit, in the SourceOrbit; perhaps with crossings dropped
    kNothing,   ///< bytes that belong to no orbit (padding, a packet's trailer, a file header)
    kBad,       ///< bytes that cannot be used: `fault` says why
    kNeedMore,  ///< the front of something that may be whole when more has come; consumed is 0
  };
  Kind kind = Kind::kNeedMore;
  size_t consumed = 0;  ///< bytes to take off the front
  Fault fault = Fault::kLostSync;
  uint64_t orbit = 0;  ///< of kBad: the orbit's number where it can be told
  bool knows_orbit = false;
  uint32_t orbits = 0;  ///< of kBad: orbits lost in it, as far as can be told (0: only bytes)
  std::string detail;   ///< of kBad: expected and found, for the quarantine
};

struct DecoderOptions {
  bool columns = true;   ///< fill the collections
  bool payload = false;  ///< fill `payload`: what raw-file and TCP sinks write
};

/// Cuts one stream of one format into orbits and decodes them. Every byte is accounted for: consumed as an orbit, as
/// nothing, or as bad. Remembers nothing between calls but what stands once at a stream's start (the link names of a
/// pattern file), and what `expect_more` allows. One decoder a stream; not thread-safe.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual const SourceFormat& format() const = 0;
  /// Looks at the front of `bytes`; `at_end` says that no more will come. Fills `orbit` (cleared first) for kOrbit.
  /// With `at_end`, never kNeedMore while there are bytes. Never reads beyond `bytes`, whatever they are.
  virtual Decoded decode(std::span<const std::byte> bytes, bool at_end, SourceOrbit& orbit) = 0;
  /// A promise about the next `decode`: it gets the orbit that the last one got, which answered kNeedMore, and the
  /// bytes of that call, unchanged, at the front of its own. What was decoded of them need not be decoded again.
  virtual void expect_more() {}
  /// Bytes that hold the longest packet of the format: kNeedMore is not answered for more than that.
  virtual size_t longest_bytes() const = 0;
};

/// The instruction set of vector code, for tests and benchmarks; by default the best that the machine has.
enum class Isa : uint8_t { kBest, kScalar, kAvx2, kAvx512 };

/// Errors: Unimplemented where the machine lacks `isa`.
absl::StatusOr<std::unique_ptr<Decoder>> make_decoder(const SourceFormat& format, const DecoderOptions& options,
                                                      Isa isa = Isa::kBest);

}  // namespace strobe::scouting
