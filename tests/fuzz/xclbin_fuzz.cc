// The xclbin reader and checker on any bytes.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "platform/xclbin/xclbin.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace strobe::xclbin;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  check(bytes);
  auto x = read(bytes);
  if (!x.ok()) return 0;
  // What was read must be usable by index.
  for (const ComputeUnit& unit : x->compute_units) {
    if (static_cast<size_t>(unit.kernel) >= x->kernels.size()) std::abort();
  }
  for (const Connection& connection : x->connections) {
    if (static_cast<size_t>(connection.compute_unit) >= x->compute_units.size() ||
        static_cast<size_t>(connection.bank) >= x->banks.size())
      std::abort();
  }
  // A description may be beyond what strobe itself would write, but trying must be safe.
  (void)write(*x);
  return 0;
}
