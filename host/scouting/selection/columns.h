#pragma once

#include <cstddef>
#include <cstdint>

#include "host/scouting/core/buffer.h"

namespace strobe::scouting::selection {

/// Where a column of numbers a crossing stands: among the integers or among the doubles.
struct Column {
  bool whole = true;
  int32_t number = -1;
};

/// Columns of one orbit: all of one length, which grows to the longest orbit.
class Columns {
 public:
  /// Room for `rows` rows in each column; what is in them is lost.
  void reset(size_t whole, size_t real, size_t rows) {
    stride_ = (rows + 31) / 16 * 16;  // whole registers, and one more
    whole_.resize(whole * stride_);
    real_.resize(real * stride_);
  }
  int32_t* whole(int32_t number) { return whole_.data() + static_cast<size_t>(number) * stride_; }
  const int32_t* whole(int32_t number) const { return whole_.data() + static_cast<size_t>(number) * stride_; }
  double* real(int32_t number) { return real_.data() + static_cast<size_t>(number) * stride_; }
  const double* real(int32_t number) const { return real_.data() + static_cast<size_t>(number) * stride_; }
  /// The first byte of row `row`, for an operand.
  const std::byte* at(Column column, size_t row) const {
    return column.whole ? reinterpret_cast<const std::byte*>(whole(column.number) + row)
                        : reinterpret_cast<const std::byte*>(real(column.number) + row);
  }
  size_t stride() const { return stride_; }

 private:
  Buffer<int32_t> whole_;
  Buffer<double> real_;
  size_t stride_ = 0;
};

}  // namespace strobe::scouting::selection
