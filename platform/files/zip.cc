#include "platform/files/zip.h"

#include <zip.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "platform/files/file.h"

namespace strobe::files {
namespace {

/// DEFLATE cannot expand more than this; a larger ratio is a lie in the directory.
constexpr uint64_t kMaxExpansion = 1032;
constexpr uint64_t kMaxMemberBytes = uint64_t{4} << 30;

std::string error_text(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

struct FileCloser {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

}  // namespace

struct ZipReader::Archive {
  explicit Archive(zip_t* opened) : zip(opened) {}
  ~Archive() { zip_discard(zip); }
  zip_t* zip;
};

ZipReader::ZipReader(std::unique_ptr<Archive> archive, std::string name)
    : archive_(std::move(archive)), name_(std::move(name)) {}
ZipReader::ZipReader(ZipReader&&) noexcept = default;
ZipReader::~ZipReader() = default;

absl::StatusOr<ZipReader> ZipReader::open(std::span<const std::byte> bytes, std::string name) {
  // The library takes no bytes for an archive without members.
  if (bytes.empty())
    return absl::InvalidArgumentError(absl::StrCat("'", name, "': expected a zip archive, found an empty file"));
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  zip_t* zip = source == nullptr ? nullptr : zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
  if (zip == nullptr) {
    std::string text = zip_error_strerror(&error);
    if (source != nullptr) zip_source_free(source);
    zip_error_fini(&error);
    return absl::InvalidArgumentError(absl::StrCat("'", name, "': not a readable zip archive: ", text));
  }
  zip_error_fini(&error);
  ZipReader reader(std::make_unique<Archive>(zip), std::move(name));
  const zip_int64_t count = zip_get_num_entries(zip, 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t info;
    zip_stat_init(&info);
    if (zip_stat_index(zip, static_cast<zip_uint64_t>(i), 0, &info) != 0 || info.name == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("'", reader.name_, "': member ", i, " of the zip is damaged"));
    }
    reader.members_.push_back({info.name, info.size, info.comp_size});
  }
  return reader;
}

absl::StatusOr<std::string> ZipReader::read(const std::string& member) const {
  for (size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].name == member) return read(i);
  }
  return absl::NotFoundError(absl::StrCat("'", name_, "': no member '", member, "' in the zip"));
}

absl::StatusOr<std::string> ZipReader::read(size_t index) const {
  const Member& member = members_[index];
  const std::string where = absl::StrCat("'", name_, "': member '", member.name, "' of the zip");
  if (member.size > kMaxMemberBytes || member.size / kMaxExpansion > member.compressed_size) {
    return absl::ResourceExhaustedError(
        absl::StrCat(where, ": states ", member.size, " bytes from ", member.compressed_size, " compressed ones"));
  }
  std::unique_ptr<zip_file_t, FileCloser> file(zip_fopen_index(archive_->zip, index, 0));
  if (file == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": ", zip_strerror(archive_->zip)));
  }
  std::string bytes(member.size, '\0');
  uint64_t done = 0;
  while (done < member.size) {
    const zip_int64_t got = zip_fread(file.get(), bytes.data() + done, member.size - done);
    if (got < 0) return absl::InvalidArgumentError(absl::StrCat(where, ": ", zip_file_strerror(file.get())));
    if (got == 0) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": ends after ", done, " of ", member.size, " bytes"));
    }
    done += static_cast<uint64_t>(got);
  }
  // Reading to the end is what makes the library compare the checksum.
  char beyond;
  if (zip_fread(file.get(), &beyond, 1) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": ", zip_file_strerror(file.get())));
  }
  return bytes;
}

absl::Status write_zip(const std::string& path, const std::vector<ZipContent>& members, bool deflate) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* target = zip_source_buffer_create(nullptr, 0, 0, &error);
  if (target == nullptr) return absl::InternalError(absl::StrCat("'", path, "': ", zip_error_strerror(&error)));
  zip_source_keep(target);
  zip_t* zip = zip_open_from_source(target, ZIP_TRUNCATE, &error);
  absl::Status status;
  for (const ZipContent& member : members) {
    zip_source_t* source =
        zip == nullptr ? nullptr : zip_source_buffer(zip, member.bytes.data(), member.bytes.size(), 0);
    const zip_int64_t index = source == nullptr ? -1 : zip_file_add(zip, member.name.c_str(), source, ZIP_FL_ENC_UTF_8);
    // A fixed date (the earliest that the format holds) keeps reruns identical.
    if (index < 0 ||
        zip_set_file_compression(zip, static_cast<zip_uint64_t>(index), deflate ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0) ||
        zip_file_set_dostime(zip, static_cast<zip_uint64_t>(index), 0, 0x21, 0)) {
      status =
          absl::InternalError(absl::StrCat("'", path, "': cannot add '", member.name,
                                           "': ", zip == nullptr ? zip_error_strerror(&error) : zip_strerror(zip)));
      break;
    }
  }
  if (zip == nullptr || !status.ok() || zip_close(zip) != 0) {
    if (status.ok()) status = absl::InternalError(absl::StrCat("'", path, "': ", error_text(ZIP_ER_WRITE)));
    if (zip != nullptr) zip_discard(zip);
    zip_source_free(target);
    zip_error_fini(&error);
    return status;
  }
  std::string bytes;
  zip_stat_t info;
  if (zip_source_open(target) == 0 && zip_source_stat(target, &info) == 0) {
    bytes.resize(info.size);
    const bool whole = zip_source_read(target, bytes.data(), bytes.size()) == static_cast<zip_int64_t>(bytes.size());
    zip_source_close(target);
    status = whole ? write_file(path, bytes) : absl::InternalError(absl::StrCat("'", path, "': cannot make the zip"));
  } else {
    status = absl::InternalError(absl::StrCat("'", path, "': cannot make the zip"));
  }
  zip_source_free(target);
  zip_error_fini(&error);
  return status;
}

}  // namespace strobe::files
