#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "kernels/hls/build.h"
#include "platform/files/file.h"
#include "platform/files/temporary_folder.h"
#include "platform/process/child.h"

namespace strobe::hls {
namespace {

constexpr size_t kShownLines = 20;

std::string last_lines(const std::string& path) {
  const absl::StatusOr<std::string> log = files::read_file(path);
  if (!log.ok()) return "";
  std::vector<std::string> lines = absl::StrSplit(*log, '\n', absl::SkipEmpty());
  if (lines.size() > kShownLines) lines.erase(lines.begin(), lines.end() - kShownLines);
  return absl::StrJoin(lines, "\n");
}

absl::Status run_vpp(const std::vector<std::string>& command, const std::string& folder, const std::string& step) {
  const std::string log = absl::StrCat(std::filesystem::absolute(folder).string(), "/build/", step, ".log");
  absl::StatusOr<process::Child> child = process::Child::start({command, log, folder, ""});
  if (!child.ok()) return child.status();
  const std::string ending = child->wait();
  if (ending.empty()) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("v++ (", step, "): ", ending, "; the whole log is '", log, "'\n", last_lines(log)));
}

}  // namespace

absl::Status build_hw(const Project& project, const std::string& folder, const std::string& xclbin) {
  const std::string vpp = process::find_program("v++");
  if (vpp.empty()) {
    return absl::NotFoundError(
        "v++ was not found on PATH; a hardware xclbin needs Vitis (source its settings64.sh), --target sw_emu does "
        "not");
  }
  if (project.options.platform.empty()) {
    return absl::NotFoundError("no Vitis platform is known for the board; name one of strobe's boards with --board");
  }
  if (absl::Status s = files::make_folder(folder + "/build/hw"); !s.ok()) return s;
  std::vector<std::string> link = {vpp, "-l", "-t", "hw", "--platform", project.options.platform};
  for (const KernelDescription& kernel : project.kernels) {
    const std::string object = absl::StrCat("build/hw/", kernel.name, ".xo");
    std::vector<std::string> compile = {vpp,          "-c",
                                        "-t",         "hw",
                                        "--platform", project.options.platform,
                                        "-k",         kernel.name,
                                        "--config",   kernel.configuration,
                                        "-Iinclude",  "-Isrc/" + kernel.name,
                                        "-o",         object};
    for (const std::string& source : kernel.sources) compile.push_back(source);
    if (absl::Status s = run_vpp(compile, folder, "compile_" + kernel.name); !s.ok()) return s;
    link.insert(link.end(), {"--config", kernel.configuration});
  }
  for (const KernelDescription& kernel : project.kernels) link.push_back(absl::StrCat("build/hw/", kernel.name, ".xo"));
  link.insert(link.end(), {"-o", "build/hw/model.xclbin"});
  if (absl::Status s = run_vpp(link, folder, "link"); !s.ok()) return s;
  return files::copy_file(folder + "/build/hw/model.xclbin", xclbin);
}

}  // namespace strobe::hls
