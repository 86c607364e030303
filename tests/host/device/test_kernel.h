#pragma once

#include <cstdint>

/// What in[3] of the first row may ask of the test kernel.
enum TestKernelOrder : int32_t { kHang = 1001, kMeet, kDie, kCrash, kExit };
