#include "host/scouting/sources/file_source.h"

#include <utility>

namespace strobe::scouting {

FileSource::FileSource(std::string path, std::shared_ptr<const files::MappedFile> file, Interrupt interrupt,
                       const SourceOptions& options)
    : path_(std::move(path)),
      file_(std::move(file)),
      interrupt_(std::move(interrupt)),
      pacer_(options.rate),
      passes_(options.passes) {}

absl::StatusOr<ByteSource::Fill> FileSource::fill(int) {
  if (interrupt_.raised() || file_->bytes().empty()) return Fill::kEnd;
  if (!in_pass_ && unread_.empty() && (passes_ == 0 || started_ < passes_)) {
    in_pass_ = true;
    ++started_;
    unread_ = file_->bytes();
    return Fill::kMore;
  }
  in_pass_ = false;
  return passes_ != 0 && started_ == passes_ ? Fill::kEnd : Fill::kBreak;
}

}  // namespace strobe::scouting
