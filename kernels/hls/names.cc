#include "kernels/hls/names.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kernels/hls/reserved_names.h"

namespace strobe::hls {
namespace {

constexpr size_t kMaxLength = 48;

/// Words that a name of a model must not become: the language's, and what the headers in use define.
constexpr std::string_view kReserved[] = {
    "alignas",   "alignof",   "and",       "asm",      "auto",      "bool",     "break",    "case",    "catch",
    "char",      "class",     "compl",     "const",    "constexpr", "continue", "decltype", "default", "delete",
    "do",        "double",    "else",      "enum",     "errno",     "explicit", "export",   "extern",  "false",
    "float",     "for",       "friend",    "goto",     "if",        "inline",   "int",      "long",    "main",
    "mutable",   "namespace", "new",       "noexcept", "not",       "nullptr",  "operator", "or",      "private",
    "protected", "public",    "register",  "return",   "short",     "signed",   "sizeof",   "static",  "struct",
    "switch",    "template",  "this",      "throw",    "true",      "try",      "typedef",  "typeid",  "typename",
    "union",     "unsigned",  "using",     "virtual",  "void",      "volatile", "while",    "xor",     "stdin",
    "stdout",    "stderr",    "linux",     "unix",     "assert",    "std",      "hls",      "strobe",  "abs",
    "acos",      "asin",      "atan",      "cbrt",     "ceil",      "cos",      "cosh",     "erf",     "exit",
    "exp",       "fabs",      "floor",     "fma",      "fmax",      "fmin",     "fmod",     "free",    "gamma",
    "hypot",     "index",     "j0",        "j1",       "jn",        "log",      "logb",     "malloc",  "open",
    "pow",       "printf",    "puts",      "read",     "remove",    "rename",   "round",    "signal",  "sin",
    "sinh",      "sqrt",      "system",    "tan",      "tanh",      "time",     "trunc",    "write",   "y0",
    "y1",        "yn",        "strobe_hls"};

}  // namespace

std::string identifier(std::string_view text) {
  std::string name;
  bool has_lower = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool keep = byte < 128 && std::isalnum(byte);
    has_lower |= byte < 128 && std::islower(byte);
    // No two underscores in a row and none in front: such names belong to the compiler.
    if (keep) name += c;
    if (!keep && !name.empty() && name.back() != '_') name += '_';
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  if (name.size() > kMaxLength) name.resize(kMaxLength);
  // Names without a small letter may be macros.
  if (!has_lower)
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  if (name.empty()) name = "unnamed";
  if (std::isdigit(static_cast<unsigned char>(name[0]))) name = "n" + name;
  if (std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved)) name += "_";
  return name;
}

// What generated kernels call things of their own, and types of the standard headers that a tensor's type could hide.
NameTable::NameTable()
    : taken_{"rows",     "row",       "compute",  "network", "exact",   "events",   "size",     "container",
             "unpack",   "pack",      "event_t",  "size_t",  "ssize_t", "time_t",   "clock_t",  "off_t",
             "wchar_t",  "ptrdiff_t", "int8_t",   "int16_t", "int32_t", "int64_t",  "uint8_t",  "uint16_t",
             "uint32_t", "uint64_t",  "intptr_t", "ap_int",  "ap_uint", "ap_fixed", "ap_ufixed"} {}

std::string kernel_identifier(const std::string& text) {
  static const std::set<std::string> outside =
      absl::StrSplit(absl::string_view(kReservedForKernels.data(), kReservedForKernels.size()), ' ', absl::SkipEmpty());
  const std::string name = identifier(text);
  const bool reserved = NameTable().has(name) || outside.count(name) > 0 || absl::StartsWith(name, "ap_") ||
                        absl::StartsWith(name, "strobe_") || absl::EndsWith(name, "_t");
  return reserved && name.back() != '_' ? name + "_" : name;
}

std::string NameTable::unique(const std::string& wish) {
  std::string name = wish;
  for (int n = 2; !taken_.insert(name).second; ++n) name = absl::StrCat(wish, "_", n);
  return name;
}

}  // namespace strobe::hls
