#pragma once

#include <set>
#include <string>
#include <string_view>

namespace strobe::hls {

/// Turns any text into a C++ identifier: other characters become '_', words of the language get a '_' behind. At most
/// 48 characters; not unique.
std::string identifier(std::string_view text);

/// Likewise for a kernel's function: what generated code and its headers declare outside any namespace (rows, ap_int,
/// int64_t, select) gets a '_' behind too.
std::string kernel_identifier(const std::string& text);

/// The identifiers of one generated kernel: no two things get the same one.
class NameTable {
 public:
  NameTable();
  /// `wish`, or wish_2, wish_3, ... where it is taken.
  std::string unique(const std::string& wish);
  bool has(const std::string& name) const { return taken_.count(name) > 0; }

 private:
  std::set<std::string> taken_;
};

}  // namespace strobe::hls
