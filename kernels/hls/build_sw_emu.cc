#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "kernels/hls/build.h"
#include "kernels/hls/header_cache.h"
#include "platform/files/file.h"
#include "platform/files/temporary_folder.h"
#include "platform/process/child.h"
#include "platform/process/stopwatch.h"

namespace strobe::hls {
namespace {

using process::Child;

constexpr size_t kShownLines = 12;
constexpr size_t kKeptLibraries = 64;

/// The first lines that say what is wrong.
std::string first_errors(const std::string& log) {
  std::vector<std::string> shown;
  for (const absl::string_view line : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    const bool tells =
        absl::StrContains(line, "error") || absl::StrContains(line, "Killed") || absl::StrContains(line, "No space");
    if (tells && shown.size() < kShownLines) shown.emplace_back(line);
  }
  return shown.empty() ? log.substr(0, 2000) : absl::StrJoin(shown, "\n");
}

bool is_kernel_text(const std::string& path) {
  return absl::StartsWith(path, "src/") || path == "emulation/library.cpp";
}

/// What the library is made of, as one text.
std::string library_key(const Project& project, const HeaderFolder& headers) {
  std::string text = headers.key + "\n";
  for (const auto& [path, content] : project.files) {
    if (is_kernel_text(path)) absl::StrAppend(&text, path, " ", content.size(), "\n", content);
  }
  return text;
}

/// One compiler run, its object and its log.
struct Compilation {
  std::string source, object, log;
  std::vector<std::string> command;
};

Compilation compilation_of(const std::string& source, size_t index, const std::string& compiler,
                           const std::string& folder, const HeaderFolder& headers) {
  Compilation c;
  c.source = source;
  c.object = absl::StrCat(folder, "/", index, ".o");
  c.log = absl::StrCat(folder, "/", index, ".log");
  c.command = {compiler};
  for (const std::string& flag : compile_flags()) c.command.push_back(flag);
  if (!headers.prelude.empty()) c.command.insert(c.command.end(), {"-include", headers.prelude});
  c.command.insert(c.command.end(), {"-I", headers.include, "-I", std::filesystem::path(source).parent_path().string(),
                                     "-c", source, "-o", c.object});
  return c;
}

absl::Status compile_error(const std::string& what, const std::string& ending, const std::string& log_file) {
  const absl::StatusOr<std::string> log = files::read_file(log_file);
  return absl::InternalError(absl::StrCat(what, ": ", ending, "\n", log.ok() ? first_errors(*log) : ""));
}

/// A defect of g++, not of the text; other optimisations often avoid it.
bool compiler_broke_down(const std::string& log_file) {
  const absl::StatusOr<std::string> log = files::read_file(log_file);
  return log.ok() && absl::StrContains(*log, "internal compiler error");
}

/// With the optimisations off that g++ 12 is known to break down in; slower kernels, the same bits.
std::vector<std::string> more_simply(std::vector<std::string> command) {
  command.insert(command.end(), {"-O1", "-fno-tree-sra"});
  return command;
}

/// Runs the compilations, two at a time; `folder` takes their temporary files.
absl::Status compile_all(const std::vector<Compilation>& all, const std::string& folder) {
  constexpr size_t kAtOnce = 2;
  for (size_t first = 0; first < all.size(); first += kAtOnce) {
    std::vector<Child> children;
    const size_t end = std::min(all.size(), first + kAtOnce);
    for (size_t i = first; i < end; ++i) {
      absl::StatusOr<Child> child = Child::start({all[i].command, all[i].log, "", folder});
      if (!child.ok()) return child.status();
      children.push_back(*std::move(child));
    }
    for (size_t i = first; i < end; ++i) {
      std::string ending = children[i - first].wait();
      if (!ending.empty() && compiler_broke_down(all[i].log)) {
        absl::StatusOr<Child> again = Child::start({more_simply(all[i].command), all[i].log, "", folder});
        if (!again.ok()) return again.status();
        ending = again->wait();
      }
      if (!ending.empty()) {
        const std::string file = std::filesystem::path(all[i].source).filename().string();
        return compile_error(absl::StrCat("g++ could not compile '", file, "'"), ending, all[i].log);
      }
    }
  }
  return absl::OkStatus();
}

/// Compiles and links in `folder`; returns the library there.
absl::StatusOr<std::string> compile_library(const Project& project, const std::string& compiler,
                                            const HeaderFolder& headers, const std::string& folder) {
  for (const auto& [path, text] : project.files) {
    if (!is_kernel_text(path)) continue;
    const std::string file = absl::StrCat(folder, "/", path);
    if (absl::Status s = files::make_folder(std::filesystem::path(file).parent_path().string()); !s.ok()) return s;
    if (absl::Status s = files::write_file(file, text); !s.ok()) return s;
  }
  std::vector<Compilation> all;
  for (const KernelDescription& kernel : project.kernels) {
    for (const std::string& source : kernel.sources) {
      all.push_back(compilation_of(absl::StrCat(folder, "/", source), all.size(), compiler, folder, headers));
    }
  }
  all.push_back(compilation_of(folder + "/emulation/library.cpp", all.size(), compiler, folder, headers));
  if (absl::Status s = compile_all(all, folder); !s.ok()) return s;

  const std::string library = folder + "/kernel.so", log = folder + "/link.log";
  std::vector<std::string> command = {compiler, "-shared", "-Wl,--no-undefined", "-o", library};
  for (const Compilation& c : all) command.push_back(c.object);
  absl::StatusOr<Child> child = Child::start({command, log, "", folder});
  if (!child.ok()) return child.status();
  const std::string ending = child->wait();
  if (!ending.empty()) return compile_error("g++ could not link the kernels", ending, log);
  return library;
}

/// Keeps a built library for the next time, and drops the oldest beyond kKeptLibraries. Failing to is no error.
void remember(const std::string& library, const std::string& key, const std::string& kept, const std::string& folder) {
  namespace fs = std::filesystem;
  const absl::StatusOr<std::string> bytes = files::read_file(library);
  if (!bytes.ok() || !files::make_folder(folder).ok() || !files::copy_file(library, kept + ".so").ok() ||
      !files::write_file(kept + ".key", absl::StrCat(key, digest(*bytes))).ok())
    return;
  std::error_code ignored;
  std::vector<std::pair<fs::file_time_type, fs::path>> libraries;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".so") libraries.emplace_back(entry.last_write_time(ignored), entry.path());
  }
  std::sort(libraries.begin(), libraries.end());
  for (size_t i = 0; i + kKeptLibraries < libraries.size(); ++i) {
    fs::remove(libraries[i].second, ignored);
    fs::remove(libraries[i].second.replace_extension(".key"), ignored);
  }
}

absl::StatusOr<std::string> find_compiler(const BuildOptions& options) {
  const std::string name = options.compiler.empty() ? "g++" : options.compiler;
  const std::string compiler = process::find_program(name);
  if (!compiler.empty()) return compiler;
  return absl::NotFoundError(absl::StrCat("the compiler '", name,
                                          "' was not found on PATH; a sw_emu kernel is compiled with it ",
                                          "(Debian: apt-get install g++)"));
}

}  // namespace

absl::StatusOr<BuildReport> build_sw_emu(const Project& project, const std::string& library,
                                         const BuildOptions& options) {
  process::Stopwatch watch;
  const absl::StatusOr<std::string> compiler = find_compiler(options);
  if (!compiler.ok()) return compiler.status();
  absl::StatusOr<HeaderFolder> headers = headers_on_disk(*compiler, options);
  if (!headers.ok()) return headers.status();
  BuildReport report;
  const std::string key = library_key(project, *headers), folder = headers->cache + "/libraries";
  const std::string kept = absl::StrCat(folder, "/", digest(key));
  const absl::StatusOr<std::string> known =
      options.reuse_library ? files::read_file(kept + ".key") : absl::NotFoundError("");
  // The key ends in the library's own digest: a damaged one is built anew.
  const absl::StatusOr<std::string> bytes = known.ok() ? files::read_file(kept + ".so") : absl::NotFoundError("");
  if (bytes.ok() && *known == absl::StrCat(key, digest(*bytes)) && files::write_file(library, *bytes).ok()) {
    report.reused = true;
  } else {
    const absl::StatusOr<files::TemporaryFolder> work = files::TemporaryFolder::create(headers->cache, kWorkFolder);
    if (!work.ok()) return work.status();
    absl::StatusOr<std::string> built = compile_library(project, *compiler, *headers, work->path());
    if (!built.ok() && !headers->is_new) {
      // The headers or their precompiled form may be damaged in a way that only g++ sees.
      headers = headers_on_disk(*compiler, options, Headers::kAnew);
      if (!headers.ok()) return headers.status();
      built = compile_library(project, *compiler, *headers, work->path());
    }
    if (!built.ok()) return built.status();
    if (absl::Status s = files::copy_file(*built, library); !s.ok()) return s;
    if (options.reuse_library) remember(*built, key, kept, folder);
  }
  report.header_seconds = headers->seconds;
  report.seconds = watch.lap();
  return report;
}

}  // namespace strobe::hls
