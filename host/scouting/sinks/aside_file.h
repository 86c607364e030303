#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace strobe::scouting {

/// "run000001_ls0001": how CMS's files begin.
std::string file_stem(uint32_t run, uint32_t section);
/// A source's name as a part of a file's: other characters than letters, digits, '-' and '_' become '-'.
std::string file_safe(const std::string& name);

/// A file that bears its name, STEM_indexNNNNNN + ending, only from `finish` on; before, it is hidden beside it, with
/// ".part" at the end. The index is the first one that is free, so nothing is ever overwritten. Its owner holds a lock
/// on it, so that what a killed one left is known.
class AsideFile {
 public:
  /// Errors: as the system says, with the path.
  static absl::StatusOr<AsideFile> create(const std::string& folder, const std::string& stem,
                                          const std::string& ending);
  /// The files, of names that end so, whose owners have been killed; now owned by the caller.
  static absl::StatusOr<std::vector<AsideFile>> adopt(const std::string& folder, const std::string& end_of_name);
  AsideFile(AsideFile&& other) noexcept;
  AsideFile& operator=(AsideFile&& other) noexcept;
  /// Unlocks it; it stays as it is.
  ~AsideFile();

  const std::string& path() const { return path_; }  ///< where it is now
  int descriptor() const { return descriptor_; }
  absl::Status finish();
  void remove();

 private:
  AsideFile(std::string folder, std::string stem, std::string ending, uint32_t index, int descriptor);
  /// From a hidden file's name; none where it is another kind of file's.
  static std::optional<AsideFile> parse(const std::string& folder, const std::string& name);
  std::string hidden(uint32_t index) const;
  std::string final_name(uint32_t index) const;

  std::string folder_, stem_, ending_;
  uint32_t index_ = 0;
  int descriptor_ = -1;
  std::string path_;
};

}  // namespace strobe::scouting
