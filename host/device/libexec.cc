#include "host/device/libexec.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace strobe::device {

absl::StatusOr<std::string> find_libexec(const std::string& given) {
  namespace fs = std::filesystem;
  std::vector<std::string> places;
  if (!given.empty()) {
    places.push_back(given);
  } else if (const char* set = std::getenv("STROBE_LIBEXEC")) {
    places.emplace_back(set);
  } else {
    std::error_code error;
    const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
    if (!error) places = {folder / "libexec/strobe", folder.parent_path() / "libexec/strobe"};
    places.emplace_back(STROBE_BUILD_LIBEXEC);
  }
  for (const std::string& place : places) {
    if (::access((place + "/strobe-device-worker").c_str(), X_OK) == 0) return place;
  }
  return absl::NotFoundError(absl::StrCat("strobe's device helpers are missing (strobe-device-worker in ",
                                          absl::StrJoin(places, " or "), "): was strobe built with XRT (libxrt-dev)?"));
}

}  // namespace strobe::device
