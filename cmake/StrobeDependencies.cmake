# Everything strobe links, by find_package; nothing is downloaded. scripts/install-packages installs these on Debian 12.

find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(hwy CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(ZLIB REQUIRED)
# Debian's libzip-config.cmake wants the zipcmp tool of another package; pkg-config does not.
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip)
# The C library alone, as Debian names it: FindHDF5 runs compiler wrappers.
pkg_check_modules(hdf5 REQUIRED IMPORTED_TARGET hdf5-serial)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(Boost 1.74 REQUIRED COMPONENTS system)
if(STROBE_TESTS)
  find_package(GTest CONFIG REQUIRED)
endif()

# Optional: XRT (cards and their emulation). Without it events run in process only.
find_library(STROBE_XRT_LIBRARY xrt_coreutil)
find_path(STROBE_XRT_INCLUDE xrt/xrt_bo.h PATH_SUFFIXES xrt)
if(STROBE_XRT_LIBRARY AND STROBE_XRT_INCLUDE)
  set(STROBE_HAVE_XRT ON)
else()
  set(STROBE_HAVE_XRT OFF)
  message(WARNING "XRT (libxrt-dev) not found: strobe is built without cards and without sw_emu; events run in process")
endif()
