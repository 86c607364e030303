#pragma once

#include <memory>
#include <string>

#include "host/scouting/sources/interrupt.h"
#include "host/scouting/sources/pacer.h"
#include "host/scouting/sources/source.h"
#include "platform/files/file.h"

namespace strobe::scouting {

/// A mapped file, replayed: a pass's bytes are all there with its first `fill`.
class FileSource : public ByteSource {
 public:
  FileSource(std::string path, std::shared_ptr<const files::MappedFile> file, Interrupt interrupt,
             const SourceOptions& options);
  std::span<const std::byte> unread() const override { return unread_; }
  void consume(size_t bytes) override { unread_ = unread_.subspan(bytes); }
  absl::StatusOr<Fill> fill(int timeout_ms) override;
  void pace() override { pacer_.wait(interrupt_); }
  void interrupt() override { interrupt_.raise(); }
  std::string name() const override { return path_; }

 private:
  std::string path_;
  std::shared_ptr<const files::MappedFile> file_;
  Interrupt interrupt_;
  Pacer pacer_;
  uint64_t passes_, started_ = 0;  ///< passes_: 0 for ever
  bool in_pass_ = false;
  std::span<const std::byte> unread_;
};

}  // namespace strobe::scouting
