// Without USER the shim listens on the one name /tmp/xcl_sock for every host on the machine, while the model looks
// elsewhere (seen with 202210.2.13.466). A name of the process's own lets services and containers run, which have no
// USER.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace {

[[gnu::constructor]] void set_default_user() {
  char name[32];
  std::snprintf(name, sizeof name, "strobe.%d", static_cast<int>(::getpid()));
  ::setenv("USER", name, 0);
}

}  // namespace
