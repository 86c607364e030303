#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "host/scouting/sinks/aside_file.h"
#include "host/scouting/sinks/column_store.h"
#include "host/scouting/sinks/disk_room.h"
#include "platform/files/file.h"
#include "platform/files/temporary_folder.h"

namespace strobe::scouting {
namespace {

constexpr size_t kHeaderBytes = 128, kBlockBytes = size_t{256} << 10;

/// A .npy file's header of kHeaderBytes, whatever the number of rows.
std::string npy_header(const Column& column, uint64_t rows) {
  constexpr const char* kCodes[] = {"|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f4", "<f8"};
  const std::string shape =
      column.elements == 1 ? absl::StrCat("(", rows, ",)") : absl::StrCat("(", rows, ", ", column.elements, ")");
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(kHeaderBytes - 10);
  header += '\0';
  absl::StrAppend(&header, "{'descr': '", kCodes[static_cast<size_t>(column.element)],
                  "', 'fortran_order': False, 'shape': ", shape, "}");
  header.append(kHeaderBytes - 1 - header.size(), ' ');
  return header + '\n';
}

/// A file descriptor that is closed.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

/// A folder with a .npy file a column and metadata.json.
class NpyStore final : public ColumnStore {
 public:
  NpyStore(const StoreSetup& setup, std::string hidden, uint32_t index)
      : columns_(*setup.columns),
        folder_(setup.settings->to),
        stem_(file_stem(setup.sink->run, setup.section)),
        hidden_(std::move(hidden)),
        index_(index),
        rooms_(columns_.size(), DiskRoom(kBlockBytes)) {}

  absl::Status open_files() {
    for (const Column& column : columns_) {
      const std::string path = path_of(column);
      if (absl::Status s = files::make_folder(path.substr(0, path.rfind('/'))); !s.ok()) return s;
      const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
      if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("'", path, "': cannot write"));
      files_.emplace_back(descriptor);
    }
    return flush(std::vector<uint64_t>(columns_.size(), 0));
  }

  absl::Status write_metadata(const StoreSetup& setup) const {
    nlohmann::ordered_json metadata = {{"run", setup.sink->run}, {"section", setup.section}};
    for (const auto& [key, text] : setup.sink->metadata) metadata["metadata"][key] = text;
    for (const Column& column : columns_) {
      if (column.field == nullptr) continue;
      metadata["columns"][column.path] = {
          {"scale", column.field->scale}, {"bias", column.field->bias}, {"unit", std::string(column.field->unit)}};
    }
    constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;
    return files::write_file(metadata_path(), metadata.dump(1, ' ', false, kReplace) + "\n");
  }

  size_t block_rows(const Column& column) const override {
    return std::max<size_t>(1, kBlockBytes / column.row_bytes());
  }

  absl::Status reserve(std::span<const uint64_t> rows) override {
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (absl::Status s = rooms_[c].reserve(files_[c].get(), path_of(columns_[c]), size_of(c, rows[c])); !s.ok())
        return s;
    }
    return absl::OkStatus();
  }

  absl::Status put(size_t column, uint64_t first_row, std::span<const std::byte> rows) override {
    bytes_ += rows.size();
    return write_at(column, size_of(column, first_row), rows);
  }

  absl::Status flush(std::span<const uint64_t> rows) override {
    for (size_t c = 0; c < columns_.size(); ++c) {
      const std::string header = npy_header(columns_[c], rows[c]);
      if (absl::Status s = write_at(c, 0, std::as_bytes(std::span(header))); !s.ok()) return s;
    }
    flushed_.assign(rows.begin(), rows.end());
    return absl::OkStatus();
  }

  absl::Status finish(std::span<const uint64_t> rows) override {
    if (absl::Status s = flush(rows); !s.ok()) return s;
    for (size_t c = 0; c < columns_.size(); ++c) {
      // Rows of an orbit that was taken back may stand behind the last one.
      if (::ftruncate(files_[c].get(), static_cast<off_t>(size_of(c, rows[c]))) != 0) return error_of(c, errno);
    }
    for (;; ++index_) {
      const std::string target = absl::StrCat(folder_, "/", stem_, "_index", absl::StrFormat("%06d", index_));
      if (::renameat2(AT_FDCWD, hidden_.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) == 0) break;
      if (errno != EEXIST) return absl::ErrnoToStatus(errno, absl::StrCat("'", hidden_, "': cannot be renamed"));
    }
    return absl::OkStatus();
  }

  uint64_t salvage() override {
    const std::vector<uint64_t> rows = flushed_;
    const uint64_t orbits = rows.empty() ? 0 : rows[rows.size() - Columns::kOfOrbits];
    if (orbits == 0) remove();
    return orbits > 0 && finish(rows).ok() ? orbits : 0;
  }

  /// Takes all of it away again. Needs no descriptor, for these may be what was lacking.
  void remove() const {
    for (const Column& column : columns_) ::unlink(path_of(column).c_str());
    ::unlink(metadata_path().c_str());
    for (const Column& column : columns_) {
      const std::string path = path_of(column);
      for (size_t end = path.rfind('/'); end >= hidden_.size(); end = path.rfind('/', end - 1))
        ::rmdir(path.substr(0, end).c_str());
    }
  }

  uint64_t bytes() const override { return bytes_; }

 private:
  uint64_t size_of(size_t column, uint64_t rows) const { return kHeaderBytes + rows * columns_[column].row_bytes(); }
  std::string metadata_path() const { return absl::StrCat(hidden_, "/metadata.json"); }
  std::string path_of(const Column& column) const { return absl::StrCat(hidden_, "/", column.path, ".npy"); }

  absl::Status error_of(size_t column, int error) const {
    const std::string text = absl::StrCat("'", path_of(columns_[column]), "': cannot write");
    // A limit of the file's size, or a quota, is to the user what a full disk is.
    if (error == EFBIG || error == EDQUOT)
      return absl::ResourceExhaustedError(absl::StrCat(text, ": ", strerror(error)));
    return absl::ErrnoToStatus(error, text);
  }

  absl::Status write_at(size_t column, uint64_t offset, std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(files_[column].get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return error_of(column, written < 0 ? errno : ENOSPC);
      bytes = bytes.subspan(static_cast<size_t>(written));
      offset += static_cast<uint64_t>(written);
    }
    return absl::OkStatus();
  }

  const std::vector<Column>& columns_;
  std::string folder_, stem_, hidden_;
  uint32_t index_;
  std::vector<File> files_;
  std::vector<DiskRoom> rooms_;    ///< by column
  std::vector<uint64_t> flushed_;  ///< by column: rows, as its header says
  uint64_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ColumnStore>> create_npy_store(const StoreSetup& setup) {
  const std::string stem = absl::StrCat(file_stem(setup.sink->run, setup.section), "_index");
  for (uint32_t index = 0;; ++index) {
    const std::string name = absl::StrCat(stem, absl::StrFormat("%06d", index));
    if (std::filesystem::exists(absl::StrCat(setup.settings->to, "/", name))) continue;
    const std::string hidden = absl::StrCat(setup.settings->to, "/.", name, ".part");
    if (::mkdir(hidden.c_str(), 0777) != 0) {
      if (errno == EEXIST) continue;
      return absl::ErrnoToStatus(errno, absl::StrCat("'", hidden, "': cannot be made"));
    }
    auto store = std::make_unique<NpyStore>(setup, hidden, index);
    absl::Status status = store->open_files();
    if (status.ok()) status = store->write_metadata(setup);
    if (status.ok()) return store;
    store->remove();
    return status;
  }
}

}  // namespace strobe::scouting
