#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace strobe::scouting {

/// Where a source's bytes come from: a contiguous view of what has come and is not consumed yet. The decoder reads them
/// where the kernel put them. Used by one thread, `interrupt` aside.
class ByteSource {
 public:
  enum class Fill : uint8_t {
    kMore,     ///< `unread()` has grown
    kTimeout,  ///< nothing came in the given time
    /// A stream has ended and another may come (a socket's or FIFO's next sender, a file's next pass): what is unread
    /// is the end of the one that ended, and is to be consumed; until it is, `fill` says so again.
    kBreak,
    kEnd,   ///< no more will come
    kFull,  ///< the buffer is full of unread bytes: the caller must consume some
  };

  virtual ~ByteSource() = default;
  virtual std::span<const std::byte> unread() const = 0;
  /// Takes `bytes` off the front of `unread()`; their memory may be overwritten by the next `fill`.
  virtual void consume(size_t bytes) = 0;
  /// Waits for more bytes, at most `timeout_ms` (an attempt to connect is not cut short: 2 s). Errors: what the system
  /// says of the file or socket, naming it; what came before an error is in `unread()`.
  virtual absl::StatusOr<Fill> fill(int timeout_ms) = 0;
  /// To be called for every orbit that was cut from `unread()`: sources with a rate wait here until it is due (bytes
  /// alone do not tell how much time they stand for). Others return at once.
  virtual void pace() {}
  /// Ends a waiting `fill` (kEnd) or `pace`, now and from then on. From any thread.
  virtual void interrupt() = 0;
  /// For people: "tcp-listen://127.0.0.1:9000", with the port that the system chose where 0 was asked for.
  virtual std::string name() const = 0;
};

struct SourceOptions {
  size_t buffer_bytes = size_t{8} << 20;  ///< of received and unread bytes; at least what holds the longest packet
  /// Multiple of the LHC's rate at which a file or standard input is replayed; 0: as fast as it goes.
  double rate = 0;
  /// Start of a replayed file again at its end, this many times in all; 0: for ever.
  uint64_t passes = 1;
  /// "tcp://": seconds without a connection after which `fill` answers Unavailable; 0: tries for ever. Attempts are 50
  /// ms apart at first, at most 2 s later.
  double patience_seconds = 0;
};

/// Whether an address is that of a file, whose bytes are all there at once: none of the streams that `open_source`
/// knows.
bool is_file_address(const std::string& address);

/// Opens "tcp://host:port" (connects, again and again while nobody listens), "tcp-listen://host:port" (one sender at a
/// time, the next may come when it goes), "dma:/dev/..." (a character device or FIFO), "file:PATH" or a plain path
/// (mapped; gzip is unpacked as it is read), "-" (standard input).
/// Errors: InvalidArgument with what was expected, NotFound, PermissionDenied, Unavailable (address in use).
absl::StatusOr<std::unique_ptr<ByteSource>> open_source(const std::string& address, const SourceOptions& options);

}  // namespace strobe::scouting
