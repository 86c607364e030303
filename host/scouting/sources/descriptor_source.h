#pragma once

#include <memory>
#include <string>

#include "host/scouting/sources/interrupt.h"
#include "host/scouting/sources/mirrored_ring.h"
#include "host/scouting/sources/pacer.h"
#include "host/scouting/sources/source.h"

namespace strobe::scouting {

/// Bytes at most that a read asks for: more leave the processor's cache before they are decoded, and gain nothing.
constexpr size_t kMostBytesARead = size_t{256} << 10;

/// What `read` gives of a descriptor: a character device, a FIFO (whose writers may come and go), standard input.
class DescriptorSource : public ByteSource {
 public:
  /// Errors: as open_source.
  static absl::StatusOr<std::unique_ptr<ByteSource>> open_device(const std::string& path, Interrupt interrupt,
                                                                 const SourceOptions& options);
  static absl::StatusOr<std::unique_ptr<ByteSource>> standard_input(Interrupt interrupt, const SourceOptions& options);
  ~DescriptorSource() override;
  std::span<const std::byte> unread() const override { return ring_.unread(); }
  void consume(size_t bytes) override { ring_.consume(bytes); }
  absl::StatusOr<Fill> fill(int timeout_ms) override;
  void pace() override { pacer_.wait(interrupt_); }
  void interrupt() override { interrupt_.raise(); }
  std::string name() const override { return name_; }

 private:
  DescriptorSource(std::string name, int descriptor, bool is_fifo, Interrupt interrupt, MirroredRing ring, double rate);
  absl::StatusOr<Fill> end_of_writer();

  std::string name_;
  int descriptor_;
  bool is_fifo_;
  bool broken_ = false;  ///< a FIFO's writer has gone, and what it wrote is not all consumed
  bool ended_ = false;
  Interrupt interrupt_;
  MirroredRing ring_;
  Pacer pacer_;
};

}  // namespace strobe::scouting
