#pragma once

#include <zlib.h>

#include <memory>
#include <string>

#include "host/scouting/sources/interrupt.h"
#include "host/scouting/sources/mirrored_ring.h"
#include "host/scouting/sources/pacer.h"
#include "host/scouting/sources/source.h"
#include "platform/files/file.h"

namespace strobe::scouting {

/// A gzip file, unpacked into a ring as it is consumed.
class GzipSource : public ByteSource {
 public:
  static bool is_gzip(std::span<const std::byte> bytes);
  /// Errors: those of MirroredRing; ResourceExhausted where zlib has no memory.
  static absl::StatusOr<std::unique_ptr<ByteSource>> open(std::string path,
                                                          std::shared_ptr<const files::MappedFile> file,
                                                          Interrupt interrupt, const SourceOptions& options);
  ~GzipSource() override;
  std::span<const std::byte> unread() const override { return ring_.unread(); }
  void consume(size_t bytes) override { ring_.consume(bytes); }
  /// Errors: DataLoss where the file is damaged or cut; what was unpacked before is there.
  absl::StatusOr<Fill> fill(int timeout_ms) override;
  void pace() override { pacer_.wait(interrupt_); }
  void interrupt() override { interrupt_.raise(); }
  std::string name() const override { return path_; }

 private:
  GzipSource(std::string path, std::shared_ptr<const files::MappedFile> file, Interrupt interrupt, MirroredRing ring,
             const SourceOptions& options);
  void start_pass();
  /// Unpacks into the ring, at least a byte if there is one left. False at the end of the pass.
  absl::StatusOr<bool> unpack();
  /// At the end of a member: false where nothing but zeros follows.
  absl::StatusOr<bool> start_member();
  std::span<const std::byte> left() const;  ///< of the packed bytes
  absl::Status damaged(const std::string& how) const;

  std::string path_;
  std::shared_ptr<const files::MappedFile> file_;
  Interrupt interrupt_;
  MirroredRing ring_;
  Pacer pacer_;
  uint64_t passes_, started_ = 0;
  bool in_pass_ = false;
  std::span<const std::byte> packed_;  ///< what zlib has not seen
  z_stream zlib_{};
};

}  // namespace strobe::scouting
