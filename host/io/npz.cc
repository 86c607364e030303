#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "host/io/files.h"
#include "platform/files/file.h"
#include "platform/files/zip.h"

namespace strobe::io {

absl::StatusOr<std::vector<NamedArray>> parse_npz(std::string_view bytes, const std::string& name) {
  absl::StatusOr<files::ZipReader> zip = files::ZipReader::open(std::as_bytes(std::span(bytes)), name);
  if (!zip.ok()) return zip.status();
  std::vector<NamedArray> arrays;
  std::set<std::string> seen;
  for (size_t i = 0; i < zip->members().size(); ++i) {
    const std::string& member = zip->members()[i].name;
    if (!absl::EndsWith(member, ".npy")) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", name, "': expected .npy members only, found '", member, "'; is this a .npz file?"));
    }
    absl::StatusOr<std::string> content = zip->read(i);
    if (!content.ok()) return content.status();
    absl::StatusOr<Array> array = parse_npy(*content, absl::StrCat(name, "/", member));
    if (!array.ok()) return array.status();
    const std::string tensor = member.substr(0, member.size() - 4);
    if (!seen.insert(tensor).second) {
      return absl::InvalidArgumentError(absl::StrCat("'", name, "': two arrays are named '", tensor, "'"));
    }
    arrays.push_back({tensor, *std::move(array)});
  }
  return arrays;
}

absl::StatusOr<std::vector<NamedArray>> read_npz(const std::string& path) {
  absl::StatusOr<std::shared_ptr<const files::MappedFile>> file = files::MappedFile::open(path);
  if (!file.ok()) return file.status();
  const auto bytes = (*file)->bytes();
  return parse_npz(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), path);
}

absl::Status write_npz(const std::string& path, const std::vector<NamedArray>& arrays, bool deflate) {
  std::vector<files::ZipContent> members;
  for (const NamedArray& named : arrays) members.push_back({absl::StrCat(named.name, ".npy"), to_npy(named.array)});
  return files::write_zip(path, members, deflate);
}

}  // namespace strobe::io
