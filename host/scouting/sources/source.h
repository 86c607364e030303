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
    kBreak,    ///< the sender is gone and may come again (a socket): what is unread is the end of its stream
    kEnd,      ///< no more will come
    kFull,     ///< the buffer is full of unread bytes: the caller must consume some
  };

  virtual ~ByteSource() = default;
  virtual std::span<const std::byte> unread() const = 0;
  /// Takes `bytes` off the front of `unread()`; their memory may be overwritten by the next `fill`.
  virtual void consume(size_t bytes) = 0;
  /// Waits for more bytes, at most `timeout_ms`. Errors: what the system says of the file or socket, naming it.
  virtual absl::StatusOr<Fill> fill(int timeout_ms) = 0;
  /// Ends a waiting `fill` (kEnd), now and from then on. From any thread.
  virtual void interrupt() = 0;
  /// For people: "tcp://127.0.0.1:9000 (listening)".
  virtual std::string name() const = 0;
};

struct SourceOptions {
  size_t buffer_bytes = size_t{8} << 20;  ///< of received and unread bytes; at least the longest packet twice
  /// Multiple of the LHC's rate at which a file is replayed; 0: as fast as it goes.
  double rate = 0;
  /// Start of a replayed file again at its end, this many times in all; 0: for ever.
  uint64_t passes = 1;
};

/// Opens "tcp://host:port" (connects, again and again while nobody listens), "tcp-listen://host:port" (one sender at a
/// time, the next may come when it goes), "dma:/dev/..." (a character device or FIFO), "file:PATH" or a plain path
/// (mapped; gzip is unpacked), "-" (standard input).
/// Errors: InvalidArgument with what was expected, NotFound, PermissionDenied, Unavailable (address in use).
absl::StatusOr<std::unique_ptr<ByteSource>> open_source(const std::string& address, const SourceOptions& options);

}  // namespace strobe::scouting
