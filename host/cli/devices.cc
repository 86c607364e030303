#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "host/cli/command.h"
#include "host/cli/report_text.h"
#include "host/device/open.h"

namespace strobe::cli {
namespace {

absl::Status devices_command(bool json) {
  device::OpenOptions options;
  options.engine = [] { return absl::StatusOr<std::unique_ptr<device::InProcessEngine>>(nullptr); };
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const device::DeviceInfo& info : device::list_devices(options)) {
    if (json) {
      list.push_back({{"id", info.id},
                      {"name", info.name},
                      {"backend", info.backend},
                      {"target", info.target},
                      {"detail", info.detail}});
    } else {
      std::printf("%-10s %-9s %s%s%s\n", info.id.c_str(), info.target.empty() ? "-" : info.target.c_str(),
                  info.name.c_str(), info.detail.empty() ? "" : ": ", info.detail.c_str());
    }
  }
  if (json) print_document(list);
  return absl::OkStatus();
}

}  // namespace

void add_devices(CLI::App& app, Action& action) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("devices", "Lists what events can be run on");
  command->footer("Example: strobe devices");
  command->add_flag("--json", *json, "report as JSON");
  command->callback([json, &action] { action = [json] { return devices_command(*json); }; });
}

}  // namespace strobe::cli
