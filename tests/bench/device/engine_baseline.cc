// Bare XRT calls that run a forest engine with the buffers and transfers that strobe uses, in one process, as an
// example program would make them: the baseline of bench_engine. Arguments: the xclbin, the forest's image, its bytes
// an event and a row of scores, then numbers of rows. Prints one line of JSON: microseconds a launch by rows, and to
// change the forest.

#include <unistd.h>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "platform/files/file.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Launch {
  xrt::bo in, out;
  xrt::run run;

  void once() {
    in.sync(XCL_BO_SYNC_BO_TO_DEVICE);
    run.start();
    run.wait();
    out.sync(XCL_BO_SYNC_BO_FROM_DEVICE);
  }
};

double microseconds(Launch& launch, int launches) {
  launch.once();  // warm
  const auto start = Clock::now();
  for (int i = 0; i < launches; ++i) launch.once();
  return std::chrono::duration<double>(Clock::now() - start).count() / launches * 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  auto xclbin = strobe::files::read_file(argv[1]), image = strobe::files::read_file(argv[2]);
  if (!xclbin.ok() || !image.ok()) return 1;
  const size_t event_bytes = std::strtoul(argv[3], nullptr, 10), score_bytes = std::strtoul(argv[4], nullptr, 10);
  xrt::device device(0);
  const auto uuid = device.load_xclbin(reinterpret_cast<const axlf*>(xclbin->data()));
  xrt::kernel kernel(device, uuid, "forest_engine");
  xrt::bo forest(device, image->size(), kernel.group_id(3));
  forest.write(image->data());
  forest.sync(XCL_BO_SYNC_BO_TO_DEVICE);
  std::string figures;
  for (int a = 5; a < argc; ++a) {
    const size_t rows = std::strtoul(argv[a], nullptr, 10);
    Launch launch{xrt::bo(device, event_bytes * rows, kernel.group_id(0)),
                  xrt::bo(device, score_bytes * rows, kernel.group_id(1)), xrt::run(kernel)};
    launch.run.set_arg(0, launch.in);
    launch.run.set_arg(1, launch.out);
    launch.run.set_arg(2, static_cast<uint32_t>(rows));
    launch.run.set_arg(3, forest);
    char figure[64];
    std::snprintf(figure, sizeof figure, "%s\"%zu\": %.3f", a > 5 ? ", " : "", rows,
                  microseconds(launch, rows > 1000 ? 20 : 1000));
    figures += figure;
  }
  std::printf("{%s}\n", figures.c_str());
  std::fflush(stdout);
  ::_exit(0);  // without XRT's destructors, as in the baseline of launches
}
