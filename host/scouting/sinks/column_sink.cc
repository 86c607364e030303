#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "host/scouting/sinks/column_store.h"
#include "host/scouting/sinks/sinks.h"
#include "host/scouting/sinks/taken_orbits.h"

namespace strobe::scouting {
namespace {

/// Gathers rows in a buffer a column and puts them into a store block by block.
class ColumnSink final : public Sink {
 public:
  ColumnSink(const SinkSettings& settings, const SinkSetup& setup, Columns columns)
      : settings_(settings),
        setup_(setup),
        columns_(std::move(columns)),
        buffers_(columns_.list().size()),
        marks_(buffers_.size()),
        put_(buffers_.size()),
        rows_(buffers_.size()) {}

  absl::Status write(const FinishedOrbit& orbit) override {
    if (absl::Status s = rotate(section_of(orbit.number)); !s.ok()) return s;
    uint64_t before = 0, after = 0;
    for (size_t c = 0; c < buffers_.size(); ++c) before += marks_[c] = buffers_[c].size();
    const uint64_t objects = columns_.append(orbit, crossings_, buffers_);
    for (const Buffer<std::byte>& buffer : buffers_) after += buffer.size();
    const bool flush = unflushed_ + 1 >= settings_.flush_orbits;
    // Before it is taken, so that it can be written whatever the disk does next.
    absl::Status status = store_->reserve(totals());
    if (status.ok()) status = flush ? flush_all() : put_blocks();
    if (!status.ok()) {
      for (size_t c = 0; c < buffers_.size(); ++c) buffers_[c].resize(marks_[c]);
      return status;
    }
    drop_blocks(flush ? buffers_.size() : buffers_.size() - Columns::kOfOrbits);
    unflushed_ = flush ? 0 : unflushed_ + 1;
    crossings_ += orbit.kept;
    taken_.add({orbit.number, static_cast<uint32_t>(orbit.kept), static_cast<uint32_t>(objects),
                static_cast<uint32_t>(after - before)});
    return absl::OkStatus();
  }

  absl::Status close() override {
    if (store_ == nullptr) return absl::OkStatus();
    if (!all_put_) {
      if (absl::Status s = put_all(); !s.ok()) return s;
    }
    all_put_ = true;
    if (absl::Status s = store_->finish(totals()); !s.ok()) return s;
    taken_.count_file();
    taken_.all_complete();
    forget_store();
    return absl::OkStatus();
  }

  std::vector<TakenOrbit> salvage() override {
    if (store_ == nullptr) return {};
    const uint64_t saved = store_->salvage();
    if (saved > 0) taken_.count_file();
    forget_store();
    return taken_.lose_behind(saved);
  }

  SinkCounts counts() const override { return taken_.counts(); }
  std::string name() const override { return absl::StrCat(settings_.kind, " files in '", settings_.to, "'"); }

 private:
  absl::Status rotate(uint32_t section) {
    const uint64_t most = settings_.file_mebibytes << 20;
    if (store_ != nullptr && (section != section_ || (most > 0 && store_->bytes() >= most))) {
      if (absl::Status s = close(); !s.ok()) return s;
    }
    if (store_ != nullptr) return absl::OkStatus();
    section_ = section;
    const StoreSetup setup = {&settings_, &setup_, &columns_.list(), section};
    auto store = settings_.kind == "npy" ? create_npy_store(setup) : create_hdf5_store(setup);
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    return absl::OkStatus();
  }

  void forget_store() {
    store_.reset();
    for (Buffer<std::byte>& buffer : buffers_) buffer.clear();
    std::fill(put_.begin(), put_.end(), 0);
    crossings_ = unflushed_ = 0;
    all_put_ = false;
  }

  size_t rows_of(size_t column) const { return buffers_[column].size() / columns_.list()[column].row_bytes(); }
  size_t whole_rows(size_t column) const {
    const size_t block = store_->block_rows(columns_.list()[column]);
    return rows_of(column) / block * block;
  }
  std::span<const uint64_t> totals() {
    for (size_t c = 0; c < rows_.size(); ++c) rows_[c] = put_[c] + rows_of(c);
    return rows_;
  }

  absl::Status put(size_t column, size_t rows) {
    if (rows == 0) return absl::OkStatus();
    const size_t bytes = rows * columns_.list()[column].row_bytes();
    return store_->put(column, put_[column], buffers_[column].view().first(bytes));
  }

  /// Puts what fills a block. Orbits' rows are put by `flush_all` alone, when all that belongs to them is there.
  absl::Status put_blocks() {
    for (size_t c = 0; c + Columns::kOfOrbits < buffers_.size(); ++c) {
      if (absl::Status s = put(c, whole_rows(c)); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status put_all() {
    for (size_t c = 0; c < buffers_.size(); ++c) {
      if (absl::Status s = put(c, rows_of(c)); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status flush_all() {
    if (absl::Status s = put_all(); !s.ok()) return s;
    return store_->flush(totals());
  }

  /// Takes out of the buffers what has been put in whole blocks: only now, for an orbit that fails half way is taken
  /// back.
  void drop_blocks(size_t columns) {
    for (size_t c = 0; c < columns; ++c) {
      const size_t rows = whole_rows(c), bytes = rows * columns_.list()[c].row_bytes();
      if (rows == 0) continue;
      const size_t left = buffers_[c].size() - bytes;
      std::memmove(buffers_[c].data(), buffers_[c].data() + bytes, left);
      buffers_[c].resize(left);
      put_[c] += rows;
    }
  }

  SinkSettings settings_;
  SinkSetup setup_;
  Columns columns_;
  std::vector<Buffer<std::byte>> buffers_;  ///< by column: rows that are not put for good
  std::vector<size_t> marks_;               ///< bytes of the buffers before the orbit in work
  std::vector<uint64_t> put_;               ///< by column: rows before those in its buffer
  std::vector<uint64_t> rows_;
  std::unique_ptr<ColumnStore> store_;
  uint32_t section_ = 0;
  uint64_t crossings_ = 0;  ///< rows of crossings in this store
  uint32_t unflushed_ = 0;  ///< orbits
  bool all_put_ = false;    ///< the store is to be finished, and takes nothing more
  TakenOrbits taken_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Sink>> open_column_sink(const SinkSettings& settings, const SinkSetup& setup) {
  const std::string& compression = settings.compression;
  const bool known = compression == "none" || compression == "scaleoffset" || compression == "deflate";
  if (!known || (settings.kind == "npy" && compression != "none")) {
    return absl::InvalidArgumentError(absl::StrCat("sink ", settings.kind, ": compression '", compression,
                                                   "', expected none",
                                                   settings.kind == "npy" ? "" : ", scaleoffset or deflate"));
  }
  if (settings.flush_orbits == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("sink ", settings.kind, ": expected to flush every orbit or more, found 0"));
  }
  absl::StatusOr<Columns> columns = Columns::create(setup);
  if (!columns.ok()) return columns.status();
  if (absl::Status s = prepare_folder(settings, setup, settings.kind == "hdf5" ? recover_hdf5 : nullptr); !s.ok())
    return s;
  return std::make_unique<ColumnSink>(settings, setup, *std::move(columns));
}

}  // namespace strobe::scouting
