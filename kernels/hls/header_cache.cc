#include "kernels/hls/header_cache.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kernels/hls/embedded.h"
#include "platform/files/file.h"
#include "platform/files/temporary_folder.h"
#include "platform/process/child.h"

namespace strobe::hls {
namespace {

constexpr const char* kPrelude = "strobe_prelude.h";
constexpr const char* kPrecompiledDigest = "strobe_prelude.h.gch.digest";
constexpr int kStaleDays = 5;

std::vector<std::string> cache_folders(const BuildOptions& options) {
  if (!options.cache_folder.empty()) return {options.cache_folder};
  std::vector<std::string> folders;
  const char* xdg = getenv("XDG_CACHE_HOME");
  const char* home = getenv("HOME");
  if (xdg != nullptr && xdg[0] == '/') folders.push_back(absl::StrCat(xdg, "/strobe"));
  if (home != nullptr && home[0] == '/') folders.push_back(absl::StrCat(home, "/.cache/strobe"));
  folders.push_back(absl::StrCat("/tmp/strobe-", getuid()));
  return folders;
}

/// Makes the cache folder. Headers from a folder that others may write would be code of theirs in our kernel.
absl::Status open_cache(const std::string& folder) {
  if (absl::Status s = files::make_folder(std::filesystem::path(folder).parent_path().string()); !s.ok()) return s;
  mkdir(folder.c_str(), 0700);
  struct stat info;
  if (lstat(folder.c_str(), &info) != 0 || (!S_ISDIR(info.st_mode) && !S_ISLNK(info.st_mode))) {
    return absl::FailedPreconditionError(absl::StrCat("'", folder, "': the cache folder cannot be made"));
  }
  if (info.st_uid != getuid() || (S_ISDIR(info.st_mode) && (info.st_mode & 022) != 0 && folder.starts_with("/tmp/"))) {
    return absl::FailedPreconditionError(absl::StrCat("'", folder, "': the cache folder is not this user's alone"));
  }
  return absl::OkStatus();
}

std::string prelude_text() {
  std::string text = "// All headers of kernels, to be precompiled.\n";
  for (const auto* headers : {&kernel_headers(), &emulation_headers()}) {
    for (const auto& [path, ignored] : *headers) {
      if (path != "test_vectors.h") absl::StrAppend(&text, "#include \"", path, "\"\n");
    }
  }
  return text;
}

/// Every file that a folder of headers holds, by path, but for what g++ makes of them.
std::vector<std::pair<std::string, std::string>> header_files() {
  std::vector<std::pair<std::string, std::string>> files = {{kPrelude, prelude_text()}};
  for (const auto* headers : {&kernel_headers(), &emulation_headers()}) {
    for (const auto& [path, text] : *headers) files.emplace_back(path, text);
  }
  return files;
}

absl::Status write_headers(const std::string& include) {
  for (const auto& [path, text] : header_files()) {
    const std::string file = absl::StrCat(include, "/", path);
    if (absl::Status s = files::make_folder(std::filesystem::path(file).parent_path().string()); !s.ok()) return s;
    if (absl::Status s = files::write_file(file, text); !s.ok()) return s;
  }
  return absl::OkStatus();
}

/// The digest of the precompiled header; empty without one.
std::string precompiled_digest(const std::string& include) {
  const auto file = files::MappedFile::open(absl::StrCat(include, "/", kPrelude, ".gch"));
  if (!file.ok()) return "";
  const auto bytes = (*file)->bytes();
  return digest({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// Whether a folder holds what was put there. g++ itself passes over a damaged precompiled header without a word.
bool is_intact(const std::string& include) {
  for (const auto& [path, text] : header_files()) {
    const absl::StatusOr<std::string> found = files::read_file(absl::StrCat(include, "/", path));
    if (!found.ok() || *found != text) return false;
  }
  const absl::StatusOr<std::string> known = files::read_file(absl::StrCat(include, "/", kPrecompiledDigest));
  return known.ok() && *known == precompiled_digest(include);
}

/// Compiles the prelude; without success there is none, and kernels read the headers themselves.
void compile_prelude(const std::string& compiler, const std::string& include) {
  const std::string header = absl::StrCat(include, "/", kPrelude), result = header + ".gch";
  std::vector<std::string> command = {compiler};
  for (const std::string& flag : compile_flags()) command.push_back(flag);
  for (const std::string& word :
       {std::string("-I"), include, std::string("-x"), std::string("c++-header"), std::string("-o"), result, header}) {
    command.push_back(word);
  }
  absl::StatusOr<process::Child> child = process::Child::start({command, "/dev/null", "", include});
  if (child.ok() && child->wait().empty()) return;
  unlink(result.c_str());
}

std::string headers_key(const std::string& compiler, bool precompiled) {
  std::string text =
      absl::StrCat(compiler_identity(compiler), "\n", absl::StrJoin(compile_flags(), " "), "\n", precompiled, "\n");
  for (const auto* headers : {&kernel_headers(), &emulation_headers()}) {
    for (const auto& [path, header] : *headers) absl::StrAppend(&text, path, "\n", std::string(header), "\n");
  }
  return digest(text);
}

/// Removes headers that no run used for some days: each version of strobe leaves its own.
void remove_stale(const std::string& cache) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const auto oldest = fs::file_time_type::clock::now() - std::chrono::hours(24 * kStaleDays);
  for (const fs::directory_entry& entry : fs::directory_iterator(cache, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("headers-")) continue;
    std::error_code error;
    if (entry.last_write_time(error) < oldest && !error) fs::remove_all(entry.path(), ignored);
  }
}

/// Puts new headers in place of those in `include`, or of none.
absl::Status make_headers(const std::string& cache, const std::string& include, const std::string& compiler,
                          const BuildOptions& options, Headers want) {
  absl::StatusOr<files::TemporaryFolder> fresh = files::TemporaryFolder::create(cache, kWorkFolder);
  if (!fresh.ok()) return fresh.status();
  if (absl::Status s = write_headers(fresh->path()); !s.ok()) return s;
  if (options.use_precompiled_header) compile_prelude(compiler, fresh->path());
  const std::string whole = precompiled_digest(fresh->path());
  if (absl::Status s = files::write_file(absl::StrCat(fresh->path(), "/", kPrecompiledDigest), whole); !s.ok())
    return s;
  absl::StatusOr<bool> kept = fresh->keep_as(include);
  if (!kept.ok()) return kept.status();
  // Another run may have been faster; its headers stay, because its compilers may be reading them.
  if (*kept || (want == Headers::kAsTheyAre && is_intact(include))) return absl::OkStatus();
  return fresh->exchange_with(include);
}

absl::StatusOr<HeaderFolder> headers_in(const std::string& cache, const std::string& compiler,
                                        const BuildOptions& options, Headers want) {
  if (absl::Status s = open_cache(cache); !s.ok()) return s;
  files::TemporaryFolder::sweep(cache, kWorkFolder);
  HeaderFolder folder;
  folder.cache = cache;
  folder.key = headers_key(compiler, options.use_precompiled_header);
  folder.include = absl::StrCat(cache, "/headers-", folder.key);
  std::error_code ignored;
  if (want == Headers::kAsTheyAre && is_intact(folder.include)) {
    // Shows that it is in use.
    std::filesystem::last_write_time(folder.include, std::filesystem::file_time_type::clock::now(), ignored);
  } else {
    remove_stale(cache);
    const auto start = std::chrono::steady_clock::now();
    if (absl::Status s = make_headers(cache, folder.include, compiler, options, want); !s.ok()) return s;
    folder.is_new = true;
    folder.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  const std::string header = absl::StrCat(folder.include, "/", kPrelude);
  if (std::filesystem::exists(header + ".gch", ignored)) folder.prelude = header;
  return folder;
}

}  // namespace

std::vector<std::string> compile_flags() {
  // -O2 against -O1: a fourth more to compile, a third of the time an event. No unique symbols: two loaded kernels must
  // not share any.
  return {"-std=c++14", "-O2", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique", "-w", "-pipe"};
}

std::string compiler_identity(const std::string& compiler) {
  struct stat info;
  if (stat(compiler.c_str(), &info) != 0) return compiler;
  return absl::StrCat(compiler, " ", info.st_size, " ", info.st_mtime);
}

std::string digest(std::string_view text) {
  // Two multiplicative hashes of 64 bits over words of 8 bytes; a cache's key, where nobody gains by a collision.
  uint64_t a = 0xcbf29ce484222325 ^ text.size(), b = 0x9ae16a3b2f90404f;
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), sizeof(uint64_t)))) {
    uint64_t word = 0;
    std::memcpy(&word, text.data(), std::min(text.size(), sizeof word));
    a = (a ^ word) * 0x100000001b3;
    a ^= a >> 32;
    b = (b + word + 1) * 0x9e3779b97f4a7c15;
    b ^= b >> 29;
  }
  return absl::StrCat(absl::Hex(a, absl::kZeroPad16), absl::Hex(b, absl::kZeroPad16));
}

absl::StatusOr<HeaderFolder> headers_on_disk(const std::string& compiler, const BuildOptions& options, Headers want) {
  absl::Status last;
  for (const std::string& cache : cache_folders(options)) {
    absl::StatusOr<HeaderFolder> folder = headers_in(cache, compiler, options, want);
    if (folder.ok()) return folder;
    last = folder.status();
  }
  return absl::Status(last.code(),
                      absl::StrCat("no cache folder for the kernels' headers: ", std::string(last.message())));
}

}  // namespace strobe::hls
