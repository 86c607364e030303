#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace strobe {

/// The folder of other tools' models and answers beside the project; STROBE_SHARED_DATA names another.
inline std::string shared_data() {
  const char* given = std::getenv("STROBE_SHARED_DATA");
  return given != nullptr ? given : STROBE_SOURCE_DIR "/../shared/data";
}

/// Skips where the reference data are absent; in CI they must be there.
#define NEED_SHARED_DATA()                                                                               \
  if (!std::filesystem::is_directory(::strobe::shared_data())) {                                         \
    if (std::getenv("CI") != nullptr) FAIL() << ::strobe::shared_data() << " is missing in CI";          \
    GTEST_SKIP() << "needs the reference data in " << ::strobe::shared_data() << ", which are not here"; \
  }

}  // namespace strobe
